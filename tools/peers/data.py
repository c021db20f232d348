"""The prepared folder that fiducl trains on, in memory as the others want it."""

import pathlib

import numpy as np

from . import models


def load(folder):
    """Training images (n, 96, 96, 1), gray / 255, and targets (n, 30), (coordinate - 48) / 48; float32."""
    folder = pathlib.Path(folder)
    images = np.load(folder / "train_images.npy").astype(np.float32)[..., None] / np.float32(255)
    keypoints = np.load(folder / "train_keypoints.npy")
    return images, ((keypoints - models.HALF_SIDE) / models.HALF_SIDE).astype(np.float32)
