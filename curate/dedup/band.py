"""Bands: texts that agree in all rows of at least one band of their signatures are candidates.

With b bands of r rows a pair of similarity s becomes a candidate with probability
1 - (1 - s^r)^b (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, section 3.4).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.dedup.normal import mixed
from curate.dedup.options import NearDedup
from curate.dedup.shingle import Shingles
from curate.dedup.signature import minima, permutations

KEY_BITS = 40
"""Bits of a band key. Two different bands agree by chance once in 2^40."""


def _areas(
    threshold: float, bands: int, most: int, points: int = 1000
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(area of false positives below the threshold, of false negatives above it), for so many bands
    of 1, 2, ..., `most` rows; float64 [most] each.
    """
    rows = np.arange(1, most + 1)[:, None]
    below = (np.arange(points) + 0.5) / points * threshold
    above = threshold + (np.arange(points) + 0.5) / points * (1 - threshold)
    positive = 1 - (1 - below**rows) ** bands
    negative = (1 - above**rows) ** bands
    return positive.mean(axis=1) * threshold, negative.mean(axis=1) * (1 - threshold)


@lru_cache(maxsize=64)
def optimal_bands(
    threshold: float,
    permutations: int,
    false_positive_weight: float,
    false_negative_weight: float,
) -> tuple[int, int]:
    """(bands, rows) with the least weighted sum of both error areas, as datasketch computes it."""
    best = (1, 1)
    least = float("inf")
    for bands in range(1, permutations + 1):
        positive, negative = _areas(threshold, bands, permutations // bands)
        errors = positive * false_positive_weight + negative * false_negative_weight
        rows = int(np.argmin(errors)) + 1
        if errors[rows - 1] < least:
            least = float(errors[rows - 1])
            best = (bands, rows)
    return best


def banding(options: NearDedup) -> tuple[int, int]:
    """(bands, rows) under the options; (21, 6) by default."""
    return optimal_bands(
        options.threshold,
        options.permutations,
        options.false_positive_weight,
        options.false_negative_weight,
    )


def candidate_probability(similarity: float, bands: int, rows: int) -> float:
    """Chance that a pair of this similarity becomes a candidate."""
    return 1.0 - (1.0 - similarity**rows) ** bands


@njit(cache=True, nogil=True)
def _band_keys(values, offsets, a, b, bands, rows, weights, out):  # type: ignore[no-untyped-def]
    slots = np.empty(len(a), np.uint32)
    products = np.empty(len(a), np.uint64)
    for d in range(len(offsets) - 1):
        minima(values, offsets[d], offsets[d + 1], a, b, slots)
        # A loop of its own over 32-bit factors, which compiles to vector instructions.
        for p in range(len(a)):
            products[p] = np.uint64(weights[p]) * np.uint64(slots[p])
        p = 0
        for band in range(bands):
            h = np.uint64(band)
            for _ in range(rows):
                h += products[p]
                p += 1
            out[d, band] = mixed(h) >> np.uint64(64 - KEY_BITS)


def band_keys(shingles: Shingles, options: NearDedup) -> NDArray[np.uint64]:
    """uint64 [n, bands], each below 2^KEY_BITS.

    The rows of a band are hashed, with its number, by a multilinear function modulo 2^64. Texts
    without shingles get keys too, equal among them; leave those texts out.
    """
    bands, rows = banding(options)
    a, b = permutations(options)
    # Any fixed odd weights do; those of the permutations' increments are at hand.
    weights = b | np.uint32(1)
    out = np.empty((len(shingles), bands), np.uint64)
    _band_keys(shingles.values, shingles.offsets, a, b, bands, rows, weights, out)
    return out
