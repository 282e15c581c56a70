"""Which rows a step sees: a pure function of the shards' fingerprint, the seed and the step.

Nothing is kept between steps: a resumed run, another number of processes or another size of
micro-batches sees the same rows in the same order. Every epoch is a permutation of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDS = 8


@dataclass(frozen=True)
class Order:
    """The order of the rows of one split."""

    fingerprint: str
    """Of the shards."""
    seed: int
    rows: int
    """Rows of the split."""
    batch: int
    """Rows of a global batch."""

    def batch_rows(self, step: int) -> NDArray[np.int64]:
        """(batch,) rows of a step, counted from 0. A batch may go over an epoch's end."""
        at = np.arange(step * self.batch, (step + 1) * self.batch, dtype=np.int64)
        epoch, place = np.divmod(at, self.rows)
        result = np.empty(self.batch, np.int64)
        for number in np.unique(epoch).tolist():
            here = epoch == number
            result[here] = permuted(place[here], self.rows, self._key(number))
        return result

    def share(self, step: int, rank: int, world: int) -> NDArray[np.int64]:
        """The rows of a step that one of `world` processes takes: every world-th from `rank` on."""
        return self.batch_rows(step)[rank::world]

    def _key(self, epoch: int) -> bytes:
        text = f"{self.fingerprint}/{self.seed}/{epoch}"
        return hashlib.blake2b(text.encode(), digest_size=8 * ROUNDS).digest()


def permuted(values: NDArray[np.int64], size: int, key: bytes) -> NDArray[np.int64]:
    """Where a keyed permutation of 0 .. size - 1 puts these values.

    A Feistel network over the next even number of bits, walked until a value falls below `size`
    (Black and Rogaway 2002, "Ciphers with Arbitrary Finite Domains"), so that the order of 10^9
    rows needs no table of them. Values leave after at most 4 walks on average.
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    low = np.uint64((1 << half) - 1)
    shift = np.uint64(half)
    keys = np.frombuffer(key, "<u8")
    result = values.astype(np.uint64)
    walking = np.arange(len(result))
    while len(walking):
        left, right = result[walking] >> shift, result[walking] & low
        for round_key in keys:
            left, right = right, left ^ (_mixed(right ^ round_key) & low)
        result[walking] = (left << shift) | right
        walking = walking[result[walking] >= size]
    return result.astype(np.int64)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        z = values + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
