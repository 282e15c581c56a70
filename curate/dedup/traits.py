"""What two questions must have in common to ask the same: numbers, names, quotations, ideographs.

All is read from the question in NFKC:

- a number is a run of digits, perhaps with a decimal fraction, 第一, two or more Chinese numerals
  on end, or one of 二 to 九 and 两, which counts as its digit;
- a name is a Latin word (apostrophes and hyphens inside it are of it). In a question without
  ideographs it is a word that begins with a capital inside a sentence, and that the answer has as
  well or that has at most three letters; but for I;
- a quotation is what stands between 《》, “”, 「」, 『』, "" or <>, on one line;
- particles (`curate.dedup.substance.PARTICLES`) count as no ideographs.

Letters are compared in lower case, where Σ is σ also at the end of a word.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.dedup.normal import mixed
from curate.dedup.substance import PARTICLES
from curate.tables import Tables, stored
from curate.textbatch import TextBatch

CODE = np.uint32((1 << 21) - 1)
CONTENT = np.uint32(1 << 21)
"""Letters, digits and ideographs; the bits below are the lower case."""
WORD = np.uint32(1 << 22)
"""These and the underscore: what `\\w` matches."""
_DIGIT = np.uint32(1 << 23)
_NUMERAL = np.uint32(1 << 24)
_IDEOGRAPH = np.uint32(1 << 25)
_VALUE = np.uint32(26)
"""From this bit on the value of a Chinese numeral that is a number by itself."""
_WITH_OTHERS = np.uint32(1 << 31)
"""NFKC of the character is not one character, or depends on those around it."""

_TABLE = 0x40000
"""Code points above are themselves in NFKC, and no content."""
_NUMERALS = "〇零一二三四五六七八九十百千万亿两"
_VALUES = {numeral: value for value, numeral in enumerate("二三四五六七八九", 2)} | {"两": 2}
_IDEOGRAPHS = ((0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x40000))
_QUOTES = np.array([list(map(ord, pair)) for pair in ("《》", "“”", "「」", "『』", '""', "<>")])

NUMBERS, NAMES, QUOTED = 0, 1, 2


@cache
def tables() -> Tables:
    """`nfkc` and `letters`, uint32 [0x40000]: NFKC and lower case with the bits above."""
    versions = {"unicode": unicodedata.unidata_version}
    return stored("traits", _built_tables, [__file__], versions)


def _built_tables() -> Tables:
    nfkc = np.arange(_TABLE, dtype=np.uint32)
    letters = np.arange(_TABLE, dtype=np.uint32)
    # What joins the character before it: the second part of a composition.
    joining = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}
    for code in range(0x34000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            joining.add(int(parts[1], 16))
    for code in range(0x34000):
        char = chr(code)
        form = unicodedata.normalize("NFKC", char)
        if len(form) > 1 or ord(form) in joining or unicodedata.combining(form):
            nfkc[code] |= _WITH_OTHERS
        else:
            nfkc[code] = ord(form)
        # Of İ, the one letter with two in lower case, the second is a mark.
        lower = char.lower()[0]
        letters[code] = ord("σ" if lower == "ς" else lower)
        if char.isalnum():
            letters[code] |= CONTENT | WORD
        if char.isdecimal():
            letters[code] |= _DIGIT
    letters[ord("_")] |= WORD
    letters[[ord(c) for c in _NUMERALS]] |= _NUMERAL
    for numeral, value in _VALUES.items():
        letters[ord(numeral)] |= np.uint32(value) << _VALUE
    for first, end in _IDEOGRAPHS:
        letters[first:end] |= _IDEOGRAPH
    letters[[ord(c) for c in PARTICLES]] &= ~_IDEOGRAPH
    return {"nfkc": nfkc, "letters": letters}


@dataclass(frozen=True)
class Traits:
    """What n questions have.

    content: letters, digits and ideographs in lower case. Trait t (NUMBERS, NAMES, QUOTED) of
    question i is `found[bounds[3 * i + t]:bounds[3 * i + t + 1]]`, uint64: hashes of numbers, and
    of names, ascending, with those that recur; of quotations where they lie in the points of
    `content`, the begin in the upper half and the end in the lower.
    """

    content: TextBatch
    bounds: NDArray[np.int64]
    found: NDArray[np.uint64]
    ideographs: TextBatch


@njit(cache=True, nogil=True)
def _normalised(points, offsets, table, out, others):  # type: ignore[no-untyped-def]
    for d in range(len(offsets) - 1):
        flags = np.uint32(0)
        for i in range(offsets[d], offsets[d + 1]):
            p = points[i]
            entry = table[p] if p < _TABLE else p
            flags |= entry
            out[i] = entry & CODE
        others[d] = flags >= _WITH_OTHERS


def normalised(batch: TextBatch) -> TextBatch:
    """The texts in NFKC."""
    points = np.empty(len(batch.points), np.uint32)
    others = np.zeros(len(batch), np.bool_)
    _normalised(batch.points, batch.offsets, tables()["nfkc"], points, others)
    odd = np.flatnonzero(others)
    own = [unicodedata.normalize("NFKC", batch[i]) for i in odd.tolist()]
    found = TextBatch(points, batch.offsets)
    return found.spliced(odd, TextBatch.from_strings(own)) if len(odd) else found


@njit(inline="always")
def entry_of(c, table):  # type: ignore[no-untyped-def]
    return table[c] if c < _TABLE else np.uint32(0)


@njit(inline="always")
def _is_latin(c):  # type: ignore[no-untyped-def]
    return 0x61 <= (c | 0x20) <= 0x7A


@njit(inline="always")
def _is_of_name(c):  # type: ignore[no-untyped-def]
    return _is_latin(c) or 0x30 <= c <= 0x39 or c in (0x5F, 0x27, 0x2019, 0x2D)  # _'’-


@njit(inline="always")
def _hashed_on(h, c):  # type: ignore[no-untyped-def]
    return mixed(h ^ np.uint64(c)) + np.uint64(0x9E3779B97F4A7C15)


@njit(inline="always")
def _hash(points, begin, end):  # type: ignore[no-untyped-def]
    """Of points[begin:end] with Latin capitals in lower case."""
    h = np.uint64(0)
    for i in range(begin, end):
        c = points[i]
        h = _hashed_on(h, c | 0x20 if 0x41 <= c <= 0x5A else c)
    return h


@njit(inline="always")
def _end_of(points, i, end, table, flag):  # type: ignore[no-untyped-def]
    """Where a run of characters with a flag ends."""
    while i < end and entry_of(points[i], table) & flag:
        i += 1
    return i


@njit(inline="always")
def _numbers(points, start, end, table, found, n):  # type: ignore[no-untyped-def]
    """Writes the hashes of numbers from found[n] on; returns where they end."""
    i = start
    while i < end:
        c = points[i]
        entry = entry_of(c, table)
        j = i
        if entry & _DIGIT:
            j = _end_of(points, i, end, table, _DIGIT)
            if j < end and points[j] == 0x2E:
                fraction = _end_of(points, j + 1, end, table, _DIGIT)
                j = fraction if fraction > j + 1 else j
        elif c == 0x7B2C and i + 1 < end and points[i + 1] == 0x4E00:  # 第一
            j = i + 2
        elif entry & _NUMERAL:
            j = _end_of(points, i, end, table, _NUMERAL)
            if j == i + 1:
                value = (entry >> _VALUE) & 15
                if value:
                    found[n] = _hashed_on(np.uint64(0), 0x30 + value)
                    n += 1
                i = j
                continue
        if j > i:
            found[n] = _hash(points, i, j)
            n += 1
            i = j
        else:
            i += 1
    return n


@njit(inline="always")
def _begins_name(points, i, start):  # type: ignore[no-untyped-def]
    """Whether a capital at i is inside a sentence: behind a comma, or a blank that does not follow
    the end of one.
    """
    if i == start or not 0x41 <= points[i] <= 0x5A:
        return False
    j = i - 1
    if points[j] == 0x2C:
        return True
    if points[j] != 0x20:
        return False
    while j >= start and points[j] == 0x20:
        j -= 1
    while j >= start and points[j] in (0x27, 0x22, 0x201D, 0x29):  # '"”)
        j -= 1
    return j < start or points[j] not in (0x2E, 0x3F, 0x21, 0x3A)  # .?!:


@njit(inline="always")
def is_in(points, begin, end, others, other_begin, other_end):  # type: ignore[no-untyped-def]
    """Whether others[other_begin:other_end] has points[begin:end] in it."""
    size = end - begin
    for i in range(other_begin, other_end - size + 1):
        j = 0
        while j < size and others[i + j] == points[begin + j]:
            j += 1
        if j == size:
            return True
    return False


@njit(inline="always")
def _names(points, start, end, chinese, answers, answer, answer_end, found, n):  # type: ignore[no-untyped-def]
    """Writes the hashes of names from found[n] on; returns where they end."""
    i = start
    while i < end:
        begins = _is_latin(points[i]) if chinese else _begins_name(points, i, start)
        j = i + 1
        if not begins:
            i = j
            continue
        while j < end and _is_of_name(points[j]):
            j += 1
        if chinese:
            while not (_is_latin(points[j - 1]) or 0x30 <= points[j - 1] <= 0x39):
                j -= 1
            taken = True
        else:
            taken = (j > i + 1 or points[i] != 0x49) and (
                j - i <= 3 or is_in(points, i, j, answers, answer, answer_end)
            )
        if taken:
            found[n] = _hash(points, i, j)
            n += 1
        i = j
    return n


@njit(inline="always")
def _quotations(points, start, end, quotes, places, found, n):  # type: ignore[no-untyped-def]
    """Writes where quotations lie from found[n] on; returns where they end.

    places: where in the content every character is, or what follows it.
    """
    i = start
    while i < end:
        c = points[i]
        i += 1
        for k in range(len(quotes)):
            if c != quotes[k, 0]:
                continue
            j = i
            while j < end and points[j] not in (0x0A, quotes[k, 0], quotes[k, 1]):
                j += 1
            if i < j < end and points[j] == quotes[k, 1]:
                begin, last = np.uint64(places[i - start]), np.uint64(places[j - start])
                found[n] = (begin << np.uint64(32)) | last
                n += 1
                i = j + 1
            break
    return n


@njit(cache=True, nogil=True)
def _traits(  # type: ignore[no-untyped-def]
    points,
    offsets,
    answers,
    answer_offsets,
    table,
    quotes,
    content,
    content_offsets,
    ideographs,
    ideograph_offsets,
    bounds,
):
    longest = 0
    for d in range(len(offsets) - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    places = np.empty(longest, np.int64)
    found = np.empty(1024, np.uint64)
    n = 0
    k = 0
    m = 0
    for d in range(len(offsets) - 1):
        start = offsets[d]
        end = offsets[d + 1]
        for i in range(start, end):
            entry = entry_of(points[i], table)
            places[i - start] = k
            if entry & CONTENT:
                content[k] = entry & CODE
                k += 1
            if entry & _IDEOGRAPH:
                ideographs[m] = points[i]
                m += 1
        content_offsets[d + 1] = k
        ideograph_offsets[d + 1] = m
        # A character is of one number, of one name, and begins one quotation at most.
        needed = n + 3 * (end - start)
        if needed > len(found):
            grown = np.empty(2 * needed, np.uint64)
            grown[:n] = found[:n]
            found = grown
        bounds[3 * d] = n
        n = _numbers(points, start, end, table, found, n)
        found[bounds[3 * d] : n].sort()
        bounds[3 * d + 1] = n
        chinese = m > ideograph_offsets[d]
        begin, last = answer_offsets[d], answer_offsets[d + 1]
        n = _names(points, start, end, chinese, answers, begin, last, found, n)
        found[bounds[3 * d + 1] : n].sort()
        bounds[3 * d + 2] = n
        n = _quotations(points, start, end, quotes, places, found, n)
        bounds[3 * d + 3] = n
    return found[:n]


def traits(questions: TextBatch, answers: TextBatch) -> Traits:
    """What questions have that their duplicates must have too; [n] both."""
    batch = normalised(questions)
    content = TextBatch(np.empty(len(batch.points), np.uint32), np.zeros(len(batch) + 1, np.int64))
    ideographs = TextBatch(np.empty_like(content.points), np.zeros_like(content.offsets))
    bounds = np.zeros(3 * len(batch) + 1, np.int64)
    found = _traits(
        *(batch.points, batch.offsets, answers.points, answers.offsets),
        *(tables()["letters"], _QUOTES, content.points, content.offsets),
        *(ideographs.points, ideographs.offsets, bounds),
    )
    return Traits(
        TextBatch(content.points[: content.offsets[-1]], content.offsets),
        bounds,
        found,
        TextBatch(ideographs.points[: ideographs.offsets[-1]], ideographs.offsets),
    )
