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
            "mr mrs ms dr prof st no nos vs inc ltd co corp jr sr gen sen rep gov art para paras "
            "fig vol pp ed eds al cf ca approx dept univ jan feb mar apr jun jul aug sep sept oct "
            "nov dec"
        ).split()
    ),
    np.int64,
)
"""Words after which a point seldom ends a sentence, packed; single letters (U.S., J. Smith) too."""

NONE, STATEMENT, QUESTION, EXCLAMATION, ELLIPSIS, OPEN = range(6)
"""How a text ends: in a letter or figure, with 。, ？, ！, … or a mark that leaves it open."""
_CLOSING, _BLANK = 6, 7
_KINDS = np.zeros(0x10000, np.uint8)
for _code, _marks in (
    (STATEMENT, ".。．｡"),
    (QUESTION, "?？"),
    (EXCLAMATION, "!！"),
    (ELLIPSIS, "…⋯"),
    (OPEN, ",，、:：;；-–—"),
    (_CLOSING, "”’」』）》】〕〗］｝\"')]}»*_"),
    (_BLANK, " \n\t\u3000\u00a0"),
):
    for _mark in _marks:
        _KINDS[ord(_mark)] = _code

_AGREEMENT = np.full((6, 6), 0.5, np.float32)
np.fill_diagonal(_AGREEMENT, 1.0)
_AGREEMENT[QUESTION, :] = _AGREEMENT[:, QUESTION] = 0.0
_AGREEMENT[QUESTION, QUESTION] = 1.0
for _a, _b in ((STATEMENT, EXCLAMATION), (STATEMENT, ELLIPSIS), (EXCLAMATION, ELLIPSIS)):
    _AGREEMENT[_a, _b] = _AGREEMENT[_b, _a] = 0.75


class Sentences(NamedTuple):
    """Of every text: how many sentences, int32 [n], and how it ends, uint8 [n]."""

    number: NDArray[np.int32]
    end: NDArray[np.uint8]


@njit(cache=True, nogil=True, inline="always")
def _kind(points, i, end, kinds):  # type: ignore[no-untyped-def]
    """Kind of the character at i; NONE for letters, for figures and behind the end."""
    return int(kinds[points[i]]) if i < end and points[i] < 0x10000 else 0


@njit(cache=True, nogil=True)
def _abbreviated(points, start, i, abbreviations):  # type: ignore[no-untyped-def]
    """Whether the word before the point at i is an abbreviation or a single letter."""
    first = i
    while first > start and i - first <= 12 and letter(points[first - 1]):
        first -= 1
    if first == i or i - first > 12:
        return False
    if i - first == 1:
        return True
    key = 0
    for k in range(first, i):
        key = (key << 5) | letter(points[k])
    at = np.searchsorted(abbreviations, key)
    return at < len(abbreviations) and abbreviations[at] == key


@njit(cache=True, nogil=True)
def _goes_on(points, i, end, kinds):  # type: ignore[no-untyped-def]
    """Whether what follows the point before i cannot begin a sentence."""
    if i >= end:
        return False
    if _kind(points, i, end, kinds) != _BLANK:
        # 3.5, example.com, e.g.; but 他走了.她没走 where Chinese is written with such points.
        return points[i] < 0x2E80
    while i < end and _kind(points, i, end, kinds) == _BLANK:
        i += 1
    return i < end and 0x61 <= points[i] <= 0x7A


@njit(cache=True, nogil=True)
def _sentences(points, offsets, kinds, abbreviations, counts, ends):  # type: ignore[no-untyped-def]
    for d in range(len(offsets) - 1):
        start, end = offsets[d], offsets[d + 1]
        count = 0
        content = False
        last = NONE
        i = start
        while i < end:
            kind = _kind(points, i, end, kinds)
            if kind == NONE or kind > ELLIPSIS:
                if kind <= OPEN:
                    content = content or kind == NONE
                    last = kind
                i += 1
                continue
            # The whole run of marks and what closes around it: ！”
            first = i
            points_only = True
            while i < end and 0 < _kind(points, i, end, kinds) <= ELLIPSIS:
                kind = _kind(points, i, end, kinds)
                points_only = points_only and points[i] == 0x2E
                i += 1
            run = i - first
            if points_only and run > 1:
                kind = ELLIPSIS
            while i < end and _kind(points, i, end, kinds) == _CLOSING:
                i += 1
            last = kind
            narrow = points[first] < 0x80 or kind == ELLIPSIS
            if narrow and _goes_on(points, i, end, kinds):
                continue
            one = points_only and run == 1 and i < end
            if one and _abbreviated(points, start, first, abbreviations):
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
    _sentences(batch.points, batch.offsets, _KINDS, _ABBREVIATIONS, counts, ends)
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

    name: ClassVar[str] = "pair_sentences"
    order: ClassVar[int] = 40
    columns: ClassVar[dict[str, pa.DataType]] = {
        "sentence_gap": pa.int32(),
        "sentence_agreement": pa.float32(),
        "end_agreement": pa.float32(),
    }

    def measure_batch(self, pairs: PairBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """Gap and shares of every pair."""
        zh, en = pairs.once(both_sides)
        fewer, more = np.minimum(zh.number, en.number), np.maximum(zh.number, en.number)
        return {
            "sentence_gap": zh.number - en.number,
            "sentence_agreement": ((fewer + 1) / (more + 1)).astype(np.float32),
            "end_agreement": pairs.once(end_agreement),
        }
