"""fiducl's inference through its public library (include/fiducl/model.h), in a process like those of the others."""

import ctypes
import pathlib

import numpy as np

from . import data, models


class Side:
    def __init__(self, spec):
        self.library = ctypes.CDLL(spec["library"])
        self.library.fcl_error_message.restype = ctypes.c_char_p
        self.library.fcl_version.restype = ctypes.c_char_p
        self.device, self.predictor = ctypes.c_void_p(), ctypes.c_void_p()
        selector = spec["device"].encode() if spec["device"] else None
        self.check(self.library.fcl_device_open(ctypes.byref(self.device), selector, 0))
        run = str(pathlib.Path(spec["weights"]).parent).encode()
        self.check(self.library.fcl_predictor_load(ctypes.byref(self.predictor), self.device, run))
        images, _ = data.load(spec["data"])
        # Gray levels, which fiducl divides by 255 itself. Contiguous, so that a part of it is one block of memory.
        self.images = np.ascontiguousarray(images[..., 0] * np.float32(255))

    def check(self, status):
        if status != 0:
            raise RuntimeError(self.library.fcl_error_message().decode())

    def infer(self, first, n):
        """The network's outputs for images first..first+n, on the host; fiducl gives them in pixels."""
        keypoints = np.empty((n, models.COORDINATES), np.float32)
        self.check(self.library.fcl_predictor_run(self.predictor, keypoints.ctypes.data_as(ctypes.c_void_p),
                                                  self.images[first:first + n].ctypes.data_as(ctypes.c_void_p),
                                                  ctypes.c_size_t(n)))
        return keypoints

    @staticmethod
    def to_pixels(outputs):
        return outputs
