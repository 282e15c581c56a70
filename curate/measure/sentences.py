"""Sentences and lines: do they end as sentences end, how long are they, are they said twice.

The ideas are those of C4 (Raffel et al. 2020: lines without terminal punctuation) and Gopher (Rae
et al. 2021, table A1: lines ending in an ellipsis), with Chinese marks and the closing quotes and
brackets that follow them.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.base import Measure
from curate.measure.characters import BLANKS
from curate.measure.repetition import BASE, CONSIDERED, slot_of
from curate.scan import Scan
from curate.textbatch import TextBatch

FINAL = "。｡！!﹗？?﹖…‥⋯⁇⁈⁉‼"
"""Marks that end a sentence wherever they stand."""
STOPS = ".．"
"""Marks that end a sentence too, but not inside 3.14, a.com, 1.甲 or .NET."""
CLOSERS = "”’\"'」』）)】》〉〕]｣›»"
"""Marks that may follow the end of a sentence and belong to it."""
SHORT = 5
"""Sentences with fewer characters are never counted as repeated: 好的。 may come twice."""
FEW_LINES = 3
"""Lines below which none counts as cut short: many a comment ends in …… on purpose."""

_FINAL, _STOP, _CLOSER, _BLANK, _DOTS = 1, 2, 4, 8, 16
_COLUMNS = (
    "ended_lines",
    "ellipsis_lines",
    "sentence_text",
    "mean_sentence",
    "repeated_sentences",
)


def _table() -> NDArray[np.uint8]:
    """uint8 [0x10000]: what a character is to a sentence, as bits."""
    table = np.zeros(0x10000, np.uint8)
    for marks, bit in ((FINAL, _FINAL), (STOPS, _STOP), (CLOSERS, _CLOSER), ("…‥⋯", _DOTS)):
        for mark in marks:
            table[ord(mark)] |= bit
    table[list(BLANKS)] = _BLANK
    return table


class Sentences(Measure):
    """How a text's lines and sentences end, and whether sentences return.

    A sentence ends at its final marks with the closing marks behind them, or with its line.

    ended_lines: share of the lines that end as a sentence does.
    ellipsis_lines: share of the lines that end in an ellipsis; 0 below FEW_LINES lines.
    sentence_text: share of the characters that are in sentences with a final mark.
    mean_sentence: characters of a sentence, on average.
    repeated_sentences: share of the characters that are in sentences said before.
    """

    name: ClassVar[str] = "sentences"
    order: ClassVar[int] = 25
    columns: ClassVar[dict[str, pa.DataType]] = dict.fromkeys(_COLUMNS, pa.float32())

    def measure_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> dict[str, NDArray[np.generic] | pa.Array]:
        out = np.zeros((len(_COLUMNS), len(batch)), np.float32)
        # A sentence that can repeat has at least SHORT characters.
        most = min(int(batch.lengths().max(initial=0)), CONSIDERED) // SHORT + 1
        slots = 64
        while slots < 2 * most:
            slots *= 2
        keys = np.empty(slots, np.uint64)
        _sentences(batch.points, batch.offsets, _TABLE, keys, np.zeros(slots, np.int64), out)
        return dict(zip(_COLUMNS, out, strict=True))


_TABLE = _table()


@njit(cache=True, nogil=True)
def _seen(key, words, keys, stamps, stamp, mask):  # type: ignore[no-untyped-def]
    """1 if the sentence was met before in this text, else 0; remembers it."""
    if words < SHORT:
        return 0
    slot = slot_of(key, mask)
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    if stamps[slot] == stamp:
        return 1
    stamps[slot] = stamp
    keys[slot] = key
    return 0


@njit(cache=True, nogil=True, inline="always")
def _letter(c):  # type: ignore[no-untyped-def]
    return c < 0x80 and 0x41 <= (c & 0xDF) <= 0x5A


@njit(cache=True, nogil=True, inline="always")
def _digit(c):  # type: ignore[no-untyped-def]
    return 0x30 <= c <= 0x39 or 0xFF10 <= c <= 0xFF19


@njit(cache=True, nogil=True)
def _goes_on(points, start, i, end, table):  # type: ignore[no-untyped-def]
    """Whether the full stop at `i` is inside a number, an address, a list's number or a name."""
    if i + 1 >= end:
        return False
    after = points[i + 1]
    if after < 0x10000 and table[after]:
        return False
    before = points[i - 1] if i > start else np.uint32(10)
    if _digit(before) or (before < 0x10000 and table[before] & _BLANK):
        return True
    return _letter(before) and (_letter(after) or _digit(after))


@njit(cache=True, nogil=True)
def _sentences(points, offsets, table, keys, stamps, out):  # type: ignore[no-untyped-def]
    for d in range(len(offsets) - 1):
        start = offsets[d]
        end = min(offsets[d + 1], start + CONSIDERED)
        wanted = 64
        while wanted < 2 * ((end - start) // SHORT + 1):
            wanted *= 2
        mask = np.uint64(wanted - 1)
        filled = 0  # characters other than blanks
        lines = 0
        ended_lines = 0
        ellipsis_lines = 0
        sentences = 0
        in_sentences = 0
        again = 0
        line_size = 0
        size = 0  # characters of the sentence so far, its closing marks too
        words = 0  # those of them that are no marks of its end
        key = np.uint64(1)
        ended = False  # the last character, closing marks aside, ends a sentence
        dots = 0  # characters of an ellipsis just before here, closing marks aside
        for i in range(start, end + 1):
            c = points[i] if i < end else np.uint32(10)
            kind = table[c] if c < 0x10000 else np.uint8(0)
            if c != 10:
                if kind == 0:
                    if ended:
                        # The sentence before is complete.
                        sentences += 1
                        in_sentences += size
                        again += size * _seen(key, words, keys, stamps, d + 1, mask)
                        size = 0
                        words = 0
                        key = np.uint64(1)
                        ended = False
                    dots = 0
                    key = (key ^ np.uint64(c)) * BASE
                    key ^= key >> np.uint64(31)
                    words += 1
                    size += 1
                    line_size += 1
                    continue
                if kind & _BLANK:
                    continue
                size += 1
                line_size += 1
                if kind & _CLOSER:
                    if not ended:
                        words += 1
                        dots = 0
                    continue
                if kind & _STOP and not ended and _goes_on(points, start, i, end, table):
                    words += 1
                    dots = 0
                    key = (key ^ np.uint64(c)) * BASE
                    continue
                if kind & _DOTS:
                    dots = 2
                elif c == points[i - 1] and i > start and (kind & _STOP or c == 0x3002):
                    dots += 1
                else:
                    dots = 1 if kind & _STOP or c == 0x3002 else 0
                ended = True
                continue
            if line_size:
                lines += 1
                ended_lines += ended
                ellipsis_lines += ended and dots >= 2
                filled += line_size
                if words or ended:
                    sentences += 1
                    if ended:
                        in_sentences += size
                    again += size * _seen(key, words, keys, stamps, d + 1, mask)
            line_size = 0
            size = 0
            words = 0
            key = np.uint64(1)
            ended = False
            dots = 0
        if lines:
            out[0, d] = ended_lines / lines
            if lines >= FEW_LINES:
                out[1, d] = ellipsis_lines / lines
            out[2, d] = in_sentences / filled
            out[3, d] = filled / sentences
            out[4, d] = again / filled
