#!/usr/bin/env python3
"""Writes tests/golden/images again with numpy, for developers: small arrays of images in every layout that is read.

    tools/make-golden-images

Image `row` has the value (40 row + 2 y + x) mod 256 at (y, x), which tests/dataset/layouts.c computes too; in
`fraction.npz` it is half of that and a quarter more.
"""

import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "images"
SIDE = 96


def faces(n):
    row, y, x = np.meshgrid(np.arange(n), np.arange(SIDE), np.arange(SIDE), indexing="ij")
    return (40 * row + 2 * y + x) % 256


def main():
    FOLDER.mkdir(exist_ok=True)
    rows_first = faces(3)
    rows_last = rows_first.transpose(1, 2, 0)
    arrays = {
        "uint8_c": np.ascontiguousarray(rows_last, "u1"),
        "uint8_f": np.asfortranarray(rows_last, "u1"),
        "float64_c": np.ascontiguousarray(rows_last, "f8"),
        "float64_f": np.asfortranarray(rows_last, "f8"),
        "big_endian_f": np.asfortranarray(rows_last, ">f8"),
        "fraction": np.ascontiguousarray(rows_last * 0.5 + 0.25, "f4"),
        "rows_first_uint8_c": np.ascontiguousarray(rows_first, "u1"),
        "rows_first_float32_f": np.asfortranarray(rows_first, "f4"),
        "rows_first_int64_c": np.ascontiguousarray(rows_first, "i8"),
        "channel_uint8_c": np.ascontiguousarray(rows_first[..., None], "u1"),
        "flat_uint16_f": np.asfortranarray(rows_first.reshape(3, -1), ">u2"),
        "flat_uint8_c": np.ascontiguousarray(rows_first.reshape(3, -1), "u1"),
    }
    for name, array in arrays.items():
        np.savez_compressed(FOLDER / f"{name}.npz", face_images=array)
    np.savez(FOLDER / "stored.npz", face_images=np.asfortranarray(faces(2).transpose(1, 2, 0), "u1"))
    np.save(FOLDER / "small.npy", np.arange(6, dtype="<f4").reshape(2, 3) / 4)
    np.save(FOLDER / "small_fortran.npy", np.asfortranarray(np.arange(24, dtype=">f8").reshape(2, 3, 4)))
    for path in sorted(FOLDER.iterdir()):
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
