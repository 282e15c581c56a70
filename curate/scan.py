"""One compiled look over a batch's characters: what each text holds, and what it might need.

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


def _pairs() -> NDArray[np.uint32]:
    """uint32 [16 * 16]: the flags that a class raises behind another one, 16 * first + second."""
    pairs = np.zeros((16, 16), np.uint32)
    blank, line_end = CharClass.SPACE, CharClass.NEWLINE
    for kind in (CharClass.HAN, CharClass.PUNCT_CJK):
        pairs[kind, blank] = pairs[blank, kind] = Flag.HAN_SPACE
    pairs[blank, blank] = pairs[blank, line_end] = pairs[line_end, blank] = Flag.SPACE_RUN
    return pairs.ravel()


@njit(cache=True, nogil=True)
def _scan(points, offsets, table, pairs, opens, closes, counts, out_flags):  # type: ignore[no-untyped-def]
    """Few branches: only punctuation, symbols and line ends leave the straight path."""
    repeat = np.uint32(1 << 13)
    brackets = np.uint32(1 << 14)
    newline_run = np.uint32(1 << 15)
    special = np.uint32(1 << 6 | 1 << 7 | 1 << 8 | 1 << 10)
    not_solid = np.uint32(1 << 9 | 1 << 10)
    no_content = np.uint32(1 << 6 | 1 << 7 | 1 << 9 | 1 << 10)
    one, four, five = np.uint32(1), np.uint32(4), np.uint32(5)
    for d in range(len(offsets) - 1):
        start = offsets[d]
        end = offsets[d + 1]
        row = counts[d]
        seen = np.uint32(0)  # entries of the table, or-ed
        flags = np.uint32(0)
        previous = np.uint32(10)  # the text's start counts as a line end
        solid = start - 1  # the last character that is neither blank nor line end
        content = start - 1  # the last one that is not punctuation either
        newlines = 1  # line ends since `newlines_from`, which was `solid` then
        newlines_from = solid
        opened_at = start - 1  # the bracket that could still close with nothing inside it
        opened = np.uint32(0)
        for i in range(start, end):
            entry = table[points[i]]
            seen |= entry
            kind = entry & np.uint32(31)
            bit = one << kind
            row[kind] += 1
            flags |= pairs[(previous << four) | kind]
            previous = kind
            solid = solid if bit & not_solid else i
            content = content if bit & no_content else i
            if bit & special:
                c = points[i]
                if kind == 10:
                    newlines = newlines + 1 if newlines_from == solid else 1
                    newlines_from = solid
                    if newlines >= 3 or i == start:
                        flags |= newline_run
                    continue
                if i >= start + 2 and points[i - 1] == c and points[i - 2] == c:
                    flags |= repeat
                if (entry >> five) & brackets:
                    for b in range(len(opens)):
                        if c == opens[b]:
                            opened = closes[b]
                            opened_at = i
                        elif c == closes[b] and c == opened and content < opened_at:
                            flags |= brackets
        if end > start:
            if previous == 9:
                flags |= np.uint32(1 << 11)
            elif previous == 10:
                flags |= newline_run
        out_flags[d] = flags | ((seen >> five) & ~brackets)


@dataclass(frozen=True)
class Scan:
    """Result of `scan`: counts int32 [n, len(CharClass)], flags uint32 [n]."""

    counts: NDArray[np.int32]
    flags: NDArray[np.uint32]

    def having(self, wanted: int) -> NDArray[np.int64]:
        """Indices of the texts that carry any of the wanted flags."""
        return np.flatnonzero(self.flags & np.uint32(wanted))


_PAIRS = _pairs()
_OPENS = np.array([ord(c) for c in OPENING], np.uint32)
_CLOSES = np.array([ord(c) for c in CLOSING], np.uint32)


def scan(batch: TextBatch) -> Scan:
    """Character-class counts and flags of every text in the batch."""
    counts = np.zeros((len(batch), len(CharClass)), np.int32)
    flags = np.zeros(len(batch), np.uint32)
    table = characters().entries
    _scan(batch.points, batch.offsets, table, _PAIRS, _OPENS, _CLOSES, counts, flags)
    return Scan(counts, flags)


def prepared() -> None:
    """Builds and stores what every process needs: the character tables and the compiled kernels.

    Call it once before workers start, so that each of them only loads the result.
    """
    batch = TextBatch.from_arrow(TextBatch.from_strings(["", "(预备)"]).to_arrow())
    scan(batch.taken(np.zeros(1, np.int64)))
