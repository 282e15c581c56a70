"""Sketches that this project does not use, to compare with its plain MinHash.

Each function takes 64-bit shingle hashes end to end with offsets, and writes `t` slots a document,
whose agreement estimates the Jaccard similarity of two sets.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.dedup.normal import mixed

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)
_PRIME = np.uint64((1 << 61) - 1)


@njit(nogil=True)
def affine_64(values, offsets, out):  # type: ignore[no-untyped-def]
    """Plain MinHash as datasketch 1 had it: (a x + b) modulo 2^61 - 1, products modulo 2^64."""
    t = out.shape[1]
    a = np.empty(t, np.uint64)
    b = np.empty(t, np.uint64)
    for p in range(t):
        a[p] = mixed(np.uint64(2 * p + 1) * _STEP) >> np.uint64(3)
        b[p] = mixed(np.uint64(2 * p + 2) * _STEP) >> np.uint64(4)
    for d in range(len(offsets) - 1):
        out[d, :] = _FULL
        for i in range(offsets[d], offsets[d + 1]):
            x = values[i] >> np.uint64(32)
            for p in range(t):
                out[d, p] = min(out[d, p], (a[p] * x + b[p]) % _PRIME)


@njit(nogil=True)
def one_permutation(values, offsets, out):  # type: ignore[no-untyped-def]
    """One-permutation hashing with optimal densification (Shrivastava 2017)."""
    t = np.uint64(out.shape[1])
    low = np.uint64(32)
    for d in range(len(offsets) - 1):
        out[d, :] = _FULL
        for i in range(offsets[d], offsets[d + 1]):
            x = mixed(values[i])
            slot = ((x >> np.uint64(32)) * t) >> np.uint64(32)
            out[d, slot] = min(out[d, slot], mixed(x + _STEP) >> np.uint64(1))
        if offsets[d + 1] == offsets[d]:
            continue
        found = out[d].copy()
        for slot in range(out.shape[1]):
            attempt = np.uint64(0)
            source = np.uint64(slot)
            while found[source] == _FULL:
                attempt += np.uint64(1)
                draw = mixed(np.uint64(slot) * _STEP + attempt) >> np.uint64(32)
                source = (draw * t) >> low
            out[d, slot] = found[source]


@njit(nogil=True)
def fast_similarity(values, offsets, out):  # type: ignore[no-untyped-def]
    """Fast similarity sketching (Dahlgaard, Knudsen, Thorup 2017): rounds until all slots are full.

    In round r every shingle offers r + u to one slot, drawn at random in the first t rounds, slot
    r - t in the t that may follow.
    """
    t = out.shape[1]
    for d in range(len(offsets) - 1):
        out[d, :] = _FULL
        empty = t
        if offsets[d + 1] == offsets[d]:
            continue
        for r in range(2 * t):
            for i in range(offsets[d], offsets[d + 1]):
                x = mixed(values[i] + np.uint64(r) * _STEP)
                slot = ((x >> np.uint64(32)) * np.uint64(t)) >> np.uint64(32)
                if r >= t:
                    slot = np.uint64(r - t)
                offer = (np.uint64(r) << np.uint64(48)) | (mixed(x) >> np.uint64(16))
                if out[d, slot] == _FULL:
                    empty -= 1
                out[d, slot] = min(out[d, slot], offer)
            if empty == 0:
                break


@njit(nogil=True)
def super_minhash(values, offsets, out):  # type: ignore[no-untyped-def]
    """SuperMinHash (Ertl 2017): a shingle offers r + u to slot p[r] of a permutation of its own."""
    t = out.shape[1]
    permutation = np.empty(t, np.int64)
    stamp = np.empty(t, np.int64)
    level = np.empty(t, np.int64)
    count = np.empty(t, np.int64)
    for d in range(len(offsets) - 1):
        out[d, :] = _FULL
        stamp[:] = -1
        level[:] = t - 1
        count[:] = 0
        count[t - 1] = t
        highest = t - 1
        for i in range(offsets[d], offsets[d + 1]):
            state = values[i]
            j = 0
            while j <= highest:
                state += _STEP
                x = mixed(state)
                k = j + np.int64(((x >> np.uint64(32)) * np.uint64(t - j)) >> np.uint64(32))
                if stamp[j] != i:
                    stamp[j] = i
                    permutation[j] = j
                if stamp[k] != i:
                    stamp[k] = i
                    permutation[k] = k
                permutation[j], permutation[k] = permutation[k], permutation[j]
                offer = (np.uint64(j) << np.uint64(48)) | (mixed(x) >> np.uint64(16))
                slot = permutation[j]
                if offer < out[d, slot]:
                    before = min(level[slot], t - 1)
                    out[d, slot] = offer
                    if j < before:
                        count[before] -= 1
                        count[j] += 1
                        level[slot] = j
                        while highest > 0 and count[highest] == 0:
                            highest -= 1
                j += 1


Sketch = Callable[[NDArray[np.uint64], NDArray[np.int64], NDArray[np.uint64]], None]

ALTERNATIVES: dict[str, tuple[Sketch, int]] = {
    "MinHash, 64-bit modulo a prime, 128": (affine_64, 128),
    "one-permutation hashing, densified, 128": (one_permutation, 128),
    "one-permutation hashing, densified, 512": (one_permutation, 512),
    "fast similarity sketching, 128": (fast_similarity, 128),
    "SuperMinHash, 128": (super_minhash, 128),
}
"""Name: (function, slots)."""
