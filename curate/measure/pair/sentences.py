"""Whether the sides have about as many sentences and end alike."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.pair.base import PairBatch, PairMeasure
from curate.measure.pair.ennumbers import letter, word_key
from curate.textbatch import TextBatch

_ABBREVIATIONS = np.array(
    sorted(
        word_key(word)
        for word in (
            "mr mrs ms dr prof st no nos vs inc ltd co corp jr sr gen sen rep gov art para paras fig "
            "vol pp ed eds al cf ca approx dept univ jan feb mar apr jun jul aug sep sept oct nov dec"
        ).split()
    ),
    np.int64,
)
"""Words after which a point seldom ends a sentence, packed; single letters (U.S., J. Smith) too."""

NONE, STATEMENT, QUESTION, EXCLAMATION, ELLIPSIS, OPEN = range(6)
"""How a text ends: in a letter or figure, with 。, ？, ！, …, or with a mark that leaves it open."""

_AGREEMENT = np.full((6, 6), 0.5, np.float32)
np.fill_diagonal(_AGREEMENT, 1.0)
_AGREEMENT[QUESTION, :] = _AGREEMENT[:, QUESTION] = 0.0
_AGREEMENT[QUESTION, QUESTION] = 1.0
for _a, _b in ((STATEMENT, EXCLAMATION), (STATEMENT, ELLIPSIS), (EXCLAMATION, ELLIPSIS)):
    _AGREEMENT[_a, _b] = _AGREEMENT[_b, _a] = 0.75

_CLOSING = np.array(sorted(ord(c) for c in "”’」』）》】〕〗］｝\"')]}»*_"), np.uint32)


class Sentences(NamedTuple):
    """Of every text: how many sentences, int32 [n], and how it ends, uint8 [n]."""

    count: NDArray[np.int32]
    end: NDArray[np.uint8]


@njit(cache=True, nogil=True, inline="always")
def _mark(c):  # type: ignore[no-untyped-def]
    """The kind of end that a character makes, or NONE."""
    if c == 0x2E or c == 0x3002 or c == 0xFF0E or c == 0xFF61:
        return STATEMENT
    if c == 0x3F or c == 0xFF1F:
        return QUESTION
    if c == 0x21 or c == 0xFF01:
        return EXCLAMATION
    if c == 0x2026 or c == 0x22EF:
        return ELLIPSIS
    return NONE


@njit(cache=True, nogil=True, inline="always")
def _blank(c):  # type: ignore[no-untyped-def]
    return c == 0x20 or c == 0x0A or c == 0x3000 or c == 0xA0 or c == 0x09


@njit(cache=True, nogil=True)
def _one_of(c, sorted_points):  # type: ignore[no-untyped-def]
    for k in range(len(sorted_points)):
        if sorted_points[k] == c:
            return True
    return False


@njit(cache=True, nogil=True)
def _abbreviated(points, start, i, abbreviations):  # type: ignore[no-untyped-def]
    """Whether the word before the point at i is an abbreviation or a single letter."""
    first = i
    while first > start and i - first <= 12 and letter(points[first - 1]):
        first -= 1
    if first == i or i - first > 12:
        return False
    if i - first == 1:
        # "I." ends a sentence more often than not only where nothing follows.
        return True
    key = 0
    for k in range(first, i):
        key = (key << 5) | letter(points[k])
    at = np.searchsorted(abbreviations, key)
    return at < len(abbreviations) and abbreviations[at] == key


@njit(cache=True, nogil=True)
def _goes_on(points, i, end):  # type: ignore[no-untyped-def]
    """Whether what follows the point before i cannot begin a sentence."""
    if i >= end:
        return False
    c = points[i]
    if not _blank(c):
        # 3.5, example.com, e.g.; but 他走了.她没走 where Chinese is written with such points.
        return c < 0x2E80
    while i < end and _blank(points[i]):
        i += 1
    return i < end and 0x61 <= points[i] <= 0x7A


@njit(cache=True, nogil=True)
def _sentences(points, offsets, closing, abbreviations, counts, ends):  # type: ignore[no-untyped-def]
    for d in range(len(offsets) - 1):
        start, end = offsets[d], offsets[d + 1]
        count = 0
        content = False
        last = NONE
        i = start
        while i < end:
            c = points[i]
            mark = _mark(c)
            if mark == NONE:
                if not _blank(c) and not _one_of(c, closing):
                    content = True
                    last = NONE
                    if c == 0x2C or c == 0xFF0C or c == 0x3001 or c == 0x3A or c == 0xFF1A:
                        last = OPEN
                    elif c == 0x3B or c == 0xFF1B or c == 0x2D or c == 0x2013 or c == 0x2014:
                        last = OPEN
                i += 1
                continue
            # The whole run of marks and what closes around it: ！”
            first = i
            points_only = True
            run = 0
            while i < end and _mark(points[i]) != NONE:
                kind = _mark(points[i])
                points_only = points_only and points[i] == 0x2E
                mark = kind
                run += 1
                i += 1
            if points_only and run > 1:
                mark = ELLIPSIS
            while i < end and _one_of(points[i], closing):
                i += 1
            last = mark
            narrow = points[first] < 0x80 or mark == ELLIPSIS
            if narrow and _goes_on(points, i, end):
                continue
            if points_only and run == 1 and i < end:
                if _abbreviated(points, start, first, abbreviations):
                    continue
            count += content
            content = False
        counts[d] = count + content
        ends[d] = last


def sentences(batch: TextBatch) -> Sentences:
    """Sentence counts and ends of every text, Chinese or English.

    A text that does not end in a mark has its rest counted as a sentence.
    """
    counts = np.zeros(len(batch), np.int32)
    ends = np.zeros(len(batch), np.uint8)
    _sentences(batch.points, batch.offsets, _CLOSING, _ABBREVIATIONS, counts, ends)
    return Sentences(counts, ends)


def both_sides(pairs: PairBatch) -> tuple[Sentences, Sentences]:
    """`sentences` of the Chinese and of the English sides."""
    return sentences(pairs.zh), sentences(pairs.en)


def end_agreement(pairs: PairBatch) -> NDArray[np.float32]:
    """float32 [n]: 1 for the same end, 0 where one side asks and the other does not."""
    zh, en = pairs.once(both_sides)
    return _AGREEMENT[zh.end, en.end]


class SentenceMeasure(PairMeasure):
    """Sentences of the sides, and how they end.

    sentence_gap: sentences on the Chinese side less those on the English side.
    sentence_agreement: (the fewer + 1) / (the more + 1).
    end_agreement: 1 where both sides end with the same kind of mark (。 and ., ？ and ?), 0.75 for
    。 and ！ or …, 0 where only one is a question, 0.5 for the rest, as where one has no mark.
    """

    name: ClassVar[str] = "sentences"
    order: ClassVar[int] = 40
    columns: ClassVar[dict[str, pa.DataType]] = {
        "sentence_gap": pa.int32(),
        "sentence_agreement": pa.float32(),
        "end_agreement": pa.float32(),
    }

    def measure_batch(self, pairs: PairBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """Gap and shares of every pair."""
        zh, en = pairs.once(both_sides)
        fewer, more = np.minimum(zh.count, en.count), np.maximum(zh.count, en.count)
        return {
            "sentence_gap": zh.count - en.count,
            "sentence_agreement": ((fewer + 1) / (more + 1)).astype(np.float32),
            "end_agreement": pairs.once(end_agreement),
        }
