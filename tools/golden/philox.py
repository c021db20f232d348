"""Philox4x32-10 from Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3."""

import numpy as np

M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = 0x9E3779B9, 0xBB67AE85
LOW = np.uint64(0xFFFFFFFF)
ROUNDS = 10

# Counter, key, result: known answers that Random123 publishes for philox4x32 with 10 rounds.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
     (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]


def philox(counters, key):
    """counters: (n, 4), key: two words; returns (n, 4) 32-bit words as uint64."""
    c = [np.array(column, dtype=np.uint64) for column in np.asarray(counters, dtype=np.uint64).T]
    k0, k1 = key
    for _ in range(ROUNDS):
        p0, p1 = M0 * c[0], M1 * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & LOW, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1),
             p0 & LOW]
        k0, k1 = (k0 + W0) & 0xFFFFFFFF, (k1 + W1) & 0xFFFFFFFF
    return np.stack(c, axis=1)


def check():
    for counter, key, result in KNOWN:
        assert tuple(int(word) for word in philox([counter], key)[0]) == result


def dropout_keeps(seed, purpose, step, first_element, count, rate):
    """Which of `count` elements from number first_element of the whole batch on dropout keeps (src/ops/op.h)."""
    elements = np.uint64(first_element) + np.arange(count, dtype=np.uint64)
    position = elements // np.uint64(4)
    counters = np.stack([position & LOW, position >> np.uint64(32), np.full_like(position, step),
                         np.full_like(position, purpose)], axis=1)
    block = philox(counters, (seed & 0xFFFFFFFF, seed >> 32))
    word = block[np.arange(count), (elements % np.uint64(4)).astype(np.int64)]
    unit = (word >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24)
    return unit >= np.float32(rate)
