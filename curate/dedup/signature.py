"""MinHash signatures: for each of P permutations, the smallest value any shingle takes.

A permutation is a·x + b modulo 2^32 with odd a, on the upper half of the shingle's mixed 64-bit
hash: the construction of datasketch 2's default scheme. Two texts agree in a slot with probability
J, their Jaccard similarity, and slots err independently (Broder 1997), so the share of equal slots
estimates J with a standard error of sqrt(J (1 - J) / P), and bands behave as the formula says.

The inner loop runs over the permutations, where eight 32-bit lanes fit one AVX2 register: P = 128
costs about seven nanoseconds a shingle. Cleverer sketches (one-permutation hashing, SuperMinHash,
fast similarity sketching) do fewer but scattered updates, and lose at the lengths of documents;
docs/dedup.md has the figures.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.dedup.options import NearDedup
from curate.dedup.shingle import Shingles

EMPTY = np.uint32(0xFFFFFFFF)
"""Every slot of a text without shingles."""


@lru_cache(maxsize=8)
def permutations(options: NearDedup) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Multipliers (odd) and increments, uint32 [P] each, from the seed."""
    # SplitMix64 rather than numpy's generators: its stream is fixed by six lines of arithmetic.
    state = options.seed
    drawn: list[int] = []
    for _ in range(2 * options.permutations):
        state = (state + 0x9E3779B97F4A7C15) % (1 << 64)
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % (1 << 64)
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % (1 << 64)
        drawn.append((z ^ (z >> 31)) >> 32)
    half = options.permutations
    return np.array(drawn[:half], np.uint32) | np.uint32(1), np.array(drawn[half:], np.uint32)


@njit(cache=True, nogil=True)
def minima(values, start, end, a, b, out):  # type: ignore[no-untyped-def]
    """Signature of the shingles values[start:end] into out, uint32 [P]."""
    size = len(out)
    for p in range(size):
        out[p] = EMPTY
    i = start
    # Four shingles at a time, so that a, b and out are loaded once for the four.
    while i + 4 <= end:
        x0 = np.uint32(values[i] >> np.uint64(32))
        x1 = np.uint32(values[i + 1] >> np.uint64(32))
        x2 = np.uint32(values[i + 2] >> np.uint64(32))
        x3 = np.uint32(values[i + 3] >> np.uint64(32))
        for p in range(size):
            h0 = np.uint32(a[p] * x0 + b[p])
            h1 = np.uint32(a[p] * x1 + b[p])
            h2 = np.uint32(a[p] * x2 + b[p])
            h3 = np.uint32(a[p] * x3 + b[p])
            out[p] = min(out[p], min(min(h0, h1), min(h2, h3)))
        i += 4
    while i < end:
        x = np.uint32(values[i] >> np.uint64(32))
        for p in range(size):
            out[p] = min(out[p], np.uint32(a[p] * x + b[p]))
        i += 1


@njit(cache=True, nogil=True)
def _signatures(values, offsets, a, b, out):  # type: ignore[no-untyped-def]
    slots = np.empty(len(a), np.uint32)
    for d in range(len(offsets) - 1):
        minima(values, offsets[d], offsets[d + 1], a, b, slots)
        out[d, :] = slots


def signatures(shingles: Shingles, options: NearDedup) -> NDArray[np.uint32]:
    """uint32 [n, P], `EMPTY` throughout for a text without shingles."""
    a, b = permutations(options)
    out = np.empty((len(shingles), options.permutations), np.uint32)
    _signatures(shingles.values, shingles.offsets, a, b, out)
    return out
