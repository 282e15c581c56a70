"""Counts of token n-grams: sums over blocks, so the order and the size of blocks do not matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.charmodel.alphabet import BEGIN, END, folding, tokenized
from curate.textbatch import TextBatch

Keys = NDArray[np.uint64]
Tally = tuple[Keys, NDArray[np.int64]]
"""Sorted different keys, and how often each occurs. The key of an n-gram is its tokens of 16 bits,
the last one lowest; shorter ones have zeros in front, which are no tokens."""

WIDTH = 16
"""Bits of a token in a key; so four tokens are the most a key holds."""


@dataclass
class Counts:
    """Growing counts of the n-grams of 1 to `order` tokens."""

    order: int
    tokens: int = 0
    """Tokens predicted: characters, and ends of lines."""

    def __post_init__(self) -> None:
        self._piles: list[list[Tally]] = [[] for _ in range(self.order)]

    def add(self, batch: TextBatch) -> None:
        """Counts the lines of a batch of texts."""
        lines = int((batch.points == 10).sum()) + len(batch)
        tokens = np.empty(len(batch.points) + 2 * lines, np.uint16)
        tokens = tokens[: tokenized(batch.points, batch.offsets, folding(), tokens)]
        self.tokens += int((tokens != BEGIN).sum())
        for n in range(1, self.order + 1):
            keys = np.empty(len(tokens), np.uint64)
            keys = keys[: _windows(tokens, n, keys)]
            keys.sort()
            _pile(self._piles[n - 1], _tally(keys, np.ones(len(keys), np.int64)))

    def tallies(self) -> list[Tally]:
        """For n = 1 to `order`, the n-grams within lines and their counts."""
        out = []
        for pile in self._piles:
            while len(pile) > 1:
                _join(pile)
            empty = np.zeros(0, np.uint64), np.zeros(0, np.int64)
            out.append(pile[0] if pile else empty)
        return out


def _pile(pile: list[Tally], tally: Tally) -> None:
    """Adds a tally; joins the last ones while they are of like size, so each is joined rarely."""
    pile.append(tally)
    while len(pile) > 1 and len(pile[-2][0]) < 2 * len(pile[-1][0]):
        _join(pile)


def _join(pile: list[Tally]) -> None:
    (a, m), (b, n) = pile.pop(), pile.pop()
    keys = np.concatenate([a, b])
    order = np.argsort(keys, kind="stable")
    pile.append(_tally(keys[order], np.concatenate([m, n])[order]))


def _tally(keys: Keys, counts: NDArray[np.int64]) -> Tally:
    """Counts of sorted keys, equal ones added up."""
    first = np.flatnonzero(np.diff(keys, prepend=~keys[:1]))
    return keys[first], np.add.reduceat(counts, first) if len(first) else counts[:0]


@njit(cache=True, nogil=True)
def _windows(tokens, n, out):  # type: ignore[no-untyped-def]
    """Keys of all windows of n tokens within a line; BEGIN alone is not one."""
    mask = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - WIDTH * n)
    key = np.uint64(0)
    size = 0
    k = 0
    for i in range(len(tokens)):
        token = tokens[i]
        if token == BEGIN:
            key = np.uint64(0)
            size = 0
        key = ((key << np.uint64(WIDTH)) | np.uint64(token)) & mask
        size += 1
        if size >= n and not (n == 1 and token == BEGIN):
            out[k] = key
            k += 1
        if token == END:
            size = 0
    return k
