"""Inputs that both sides compute, so that golden files hold outputs only. tests/support/golden.c has the same."""

import numpy as np

N_SAMPLES = 256


def mix(x):
    """A bijection of 32-bit numbers (the finaliser of MurmurHash3) that leaves no structure of the index."""
    x = np.asarray(x, dtype=np.uint64) & 0xFFFFFFFF
    x ^= x >> np.uint64(16)
    x = x * np.uint64(0x85EBCA6B) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(13)
    x = x * np.uint64(0xC2B2AE35) & np.uint64(0xFFFFFFFF)
    return x ^ (x >> np.uint64(16))


def words(count, key):
    """Pseudo-random 32-bit numbers: mix(i * 2654435761 + mix(key))."""
    i = np.arange(count, dtype=np.uint64)
    return mix(i * np.uint64(2654435761) + mix(key))


def values(shape, key, scale=1.0, offset=0.0):
    """float32 (j / 65536 - 0.5) * scale + offset with j in 0..65535, rounded after each operation."""
    unit = (words(int(np.prod(shape)), key) >> np.uint64(16)).astype(np.float32) / np.float32(65536) - np.float32(0.5)
    return (unit * np.float32(scale) + np.float32(offset)).reshape(shape)


def mask(shape, key, share):
    """float32 1 where a pseudo-random 16-bit number is below share * 65536, else 0."""
    return ((words(int(np.prod(shape)), key) >> np.uint64(16)) < int(share * 65536)).astype(np.float32).reshape(shape)


def sample_indices(count, n=N_SAMPLES):
    """The first, the last, and n - 2 pseudo-random indices below count."""
    indices = mix(np.arange(n, dtype=np.uint64)) % np.uint64(count)
    indices[0], indices[1] = 0, count - 1
    return indices.astype(np.int64)
