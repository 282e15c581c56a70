"""One compiled look over a batch's characters: what is in each text, and what might need doing to it.

`scan` returns, for every text, a count per character class (the cheap half of all measures) and a
set of flags. A rewrite names the flags that could concern it, so regular expressions, OpenCC and
Unicode normalisation touch only the few documents where they can change something.
Flags are hints that may be set needlessly but are never missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.characters import CLOSING, OPENING, CharClass, Flag, characters, han_conversions
from curate.textbatch import TextBatch

__all__ = ["CharClass", "Flag", "Scan", "han_conversions", "prepared", "scan"]


@njit(cache=True, nogil=True)
def _scan(points, offsets, table, opens, closes, counts, out_flags):  # type: ignore[no-untyped-def]
    space_run = np.uint32(1 << 11)
    han_space = np.uint32(1 << 12)
    repeat = np.uint32(1 << 13)
    empty_brackets = np.uint32(1 << 14)
    newline_run = np.uint32(1 << 15)
    five = np.uint32(5)
    for d in range(len(offsets) - 1):
        start = offsets[d]
        end = offsets[d + 1]
        seen = np.uint32(0)  # entries of the table, or-ed
        flags = np.uint32(0)
        previous = np.uint32(10)  # the text's start counts as a line end
        newlines = 1
        opened = np.uint32(0)  # the bracket that could still close with nothing inside it
        han = 0
        latin = 0
        for i in range(start, end):
            c = points[i]
            entry = table[c]
            seen |= entry
            kind = entry & np.uint32(31)
            if kind == 0:
                han += 1
                if previous == 9:
                    flags |= han_space
                newlines = 0
                opened = np.uint32(0)
            elif kind == 1:
                latin += 1
                newlines = 0
                opened = np.uint32(0)
            elif kind == 9:
                counts[d, kind] += 1
                if previous == 9 or previous == 10:
                    flags |= space_run
                elif previous == 0 or previous == 6:
                    flags |= han_space
            elif kind == 10:
                counts[d, kind] += 1
                if previous == 9:
                    flags |= space_run
                newlines += 1
                if newlines >= 3 or i == start:
                    flags |= newline_run
            else:
                counts[d, kind] += 1
                newlines = 0
                if kind == 6 or kind == 7 or kind == 8:
                    if kind == 6 and previous == 9:
                        flags |= han_space
                    if i >= start + 2 and points[i - 1] == c and points[i - 2] == c:
                        flags |= repeat
                    if (entry >> five) & empty_brackets:
                        for b in range(len(opens)):
                            if c == opens[b]:
                                opened = closes[b]
                            elif c == opened and c == closes[b]:
                                flags |= empty_brackets
                    elif kind == 8:
                        opened = np.uint32(0)
                else:
                    opened = np.uint32(0)
            previous = kind
        if end > start:
            if previous == 9:
                flags |= space_run
            elif previous == 10:
                flags |= newline_run
        counts[d, 0] = han
        counts[d, 1] = latin
        out_flags[d] = flags | ((seen >> five) & ~empty_brackets)


@dataclass(frozen=True)
class Scan:
    """Result of `scan`: counts int32 [n, len(CharClass)], flags uint32 [n]."""

    counts: NDArray[np.int32]
    flags: NDArray[np.uint32]

    def having(self, wanted: int) -> NDArray[np.int64]:
        """Indices of the texts that carry any of the wanted flags."""
        return np.flatnonzero(self.flags & np.uint32(wanted))


_OPENS = np.array([ord(c) for c in OPENING], np.uint32)
_CLOSES = np.array([ord(c) for c in CLOSING], np.uint32)


def scan(batch: TextBatch) -> Scan:
    """Character-class counts and flags of every text in the batch."""
    counts = np.zeros((len(batch), len(CharClass)), np.int32)
    flags = np.zeros(len(batch), np.uint32)
    _scan(batch.points, batch.offsets, characters().entries, _OPENS, _CLOSES, counts, flags)
    return Scan(counts, flags)


def prepared() -> None:
    """Builds and stores what every process needs: the character tables and the compiled kernels.

    Call it once before workers start, so that each of them only loads the result.
    """
    batch = TextBatch.from_arrow(TextBatch.from_strings(["", "(预备)"]).to_arrow())
    scan(batch.taken(np.zeros(1, np.int64)))
