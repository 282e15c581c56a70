"""The words in Latin letters of both sides: names, acronyms, addresses, text left untranslated."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.characters import CharClass, characters
from curate.measure.pair.base import PairBatch

_LATIN, _DIGIT = int(CharClass.LATIN), int(CharClass.DIGIT)
_LONGEST_ACRONYM = 6


class WordCounts(NamedTuple):
    """int32 [n] each. A word is a run of Latin letters and digits with a letter in it; full-width
    letters and case make no difference.
    """

    zh_words: NDArray[np.int32]
    """Words on the Chinese side with at least two letters."""
    zh_found: NDArray[np.int32]
    """Those of them that the English side has, as they are, in the plural, or spelt out."""
    en_words: NDArray[np.int32]
    """Words on the English side."""
    en_found: NDArray[np.int32]
    """Those of them with at least two letters that the Chinese side has as they are."""


@njit(cache=True, nogil=True, inline="always")
def _folded(c):  # type: ignore[no-untyped-def]
    """The character in half width and lower case, where it is one of A to Z."""
    c = int(c)
    if 0xFF10 <= c <= 0xFF5A:
        c -= 0xFEE0
    return c | 0x20 if 0x41 <= c <= 0x5A else c


@njit(cache=True, nogil=True)
def words(points, start, end, table, hashes, starts, sizes):  # type: ignore[no-untyped-def]
    """Fills the words of points[start:end] and returns how many there are.

    hashes: int64, equal for equal words. starts: int32, where they begin in the text. sizes: int32,
    characters. table: `Characters.entries`.
    """
    n = 0
    h = 0
    size = 0
    has_letter = False
    for i in range(start, end + 1):
        kind = int(table[points[i]] & np.uint32(31)) if i < end else -1
        if kind in (_LATIN, _DIGIT):
            h = (h * 1000003) ^ _folded(points[i])
            h ^= h >> 29
            size += 1
            has_letter = has_letter or kind == _LATIN
            continue
        if has_letter:
            hashes[n] = h
            starts[n] = i - size - start
            sizes[n] = size
            n += 1
        h = 0
        size = 0
        has_letter = False
    return n


@njit(cache=True, nogil=True)
def _insert(hashes, n, slots, mask):  # type: ignore[no-untyped-def]
    """Puts the hashes, none of which is 0, into the empty open-addressed table `slots`."""
    for i in range(n):
        at = hashes[i] & mask
        while slots[at] != 0 and slots[at] != hashes[i]:
            at = (at + 1) & mask
        slots[at] = hashes[i]


@njit(cache=True, nogil=True)
def _holds(slots, mask, h):  # type: ignore[no-untyped-def]
    at = h & mask
    while slots[at] != 0:
        if slots[at] == h:
            return True
        at = (at + 1) & mask
    return False


@njit(cache=True, nogil=True)
def _spelt_out(zh, begin, size, en, en_start, starts, n):  # type: ignore[no-untyped-def]
    """Whether the letters of an acronym begin words of the English side that follow each other.

    Either every word counts or only those that do not begin in lower case: IMF, USA, FDA (Food and
    Drug Administration), GDP.
    """
    for capitals in range(2):
        matched = 0
        for k in range(n):
            c = int(en[en_start + starts[k]])
            if capitals and 0x61 <= c <= 0x7A:
                continue
            if _folded(c) == _folded(zh[begin + matched]):
                matched += 1
                if matched == size:
                    return True
            else:
                matched = 1 if _folded(c) == _folded(zh[begin]) else 0
    return False


@njit(cache=True, nogil=True)
def _compare(zh, zh_offsets, en, en_offsets, table, size, counts):  # type: ignore[no-untyped-def]
    a, a_starts, a_sizes = (
        np.empty(size, np.int64),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
    )
    b, b_starts, b_sizes = (
        np.empty(size, np.int64),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
    )
    room = 16
    while room < 2 * size:
        room *= 2
    slots = np.zeros(room, np.int64)
    for d in range(len(zh_offsets) - 1):
        start, en_start = zh_offsets[d], en_offsets[d]
        n = words(zh, start, zh_offsets[d + 1], table, a, a_starts, a_sizes)
        k = words(en, en_start, en_offsets[d + 1], table, b, b_starts, b_sizes)
        counts[2, d] = k
        if n == 0:
            continue
        mask = 16
        while mask < 2 * max(n, k):
            mask *= 2
        mask -= 1
        slots[: mask + 1] = 0
        _insert(b, k, slots, mask)
        for i in range(n):
            if a_sizes[i] < 2:
                continue
            counts[0, d] += 1
            plural = (a[i] * 1000003) ^ 0x73
            plural ^= plural >> 29
            found = _holds(slots, mask, a[i]) or _holds(slots, mask, plural)
            if not found and a_sizes[i] <= _LONGEST_ACRONYM and k:
                begin = start + a_starts[i]
                found = _spelt_out(zh, begin, a_sizes[i], en, en_start, b_starts, k)
            counts[1, d] += found
        slots[: mask + 1] = 0
        _insert(a, n, slots, mask)
        for i in range(k):
            counts[3, d] += b_sizes[i] > 1 and _holds(slots, mask, b[i])


def word_counts(pairs: PairBatch) -> WordCounts:
    """Words in Latin letters of every pair, and those that both sides have."""
    counts = np.zeros((4, len(pairs)), np.int32)
    longest = max(pairs.zh.lengths().max(initial=0), pairs.en.lengths().max(initial=0))
    _compare(
        pairs.zh.points,
        pairs.zh.offsets,
        pairs.en.points,
        pairs.en.offsets,
        characters().entries,
        int(longest) // 2 + 1,
        counts,
    )
    return WordCounts(*counts)
