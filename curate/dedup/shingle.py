"""Shingles: the sets of short pieces whose overlap is the similarity of two texts.

A text of 16 or more content characters (letters, digits, ideographs; case and width folded) is the
set of its k-character pieces, k = 5, with blanks and punctuation left out.

A shorter text is compared whole, since one mark or one added character may be all it says: its
shingles are the trigrams of the full normal form, punctuation included and the ends marked, and
besides them one shingle of its own for every 8 trigrams begun. Those of its own, which no other
text has, keep two different short texts below 0.8 whatever they share: with s trigrams in common
at most s / (s + 2 (s // 8 + 1)) < 0.8. So at the usual thresholds short texts are duplicates only
when they are equal, and at lower ones they are compared like all others. The two kinds of text
share no shingles. A text with an empty normal form has none.

A shingle is stood for by a 64-bit hash: a polynomial in the code points modulo 2^64, mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.dedup.normal import CODE, CONTENT, NormalTexts, mixed, normal_texts
from curate.dedup.options import NearDedup
from curate.dedup.spread import slot_bits, sort_spread
from curate.textbatch import TextBatch, blocks

SHORT = 16
"""Texts with fewer content characters than this are short (or fewer than a shingle has)."""

_BASE = np.uint64(0x9E3779B97F4A7C15)
_LONG = np.uint64(0xA0761D6478BD642F)
_TRIGRAM = np.uint64(0xE7037ED1A0B428DB)
_OWN = np.uint64(0x8EBC6AF09C88C6E3)
_END = np.uint64(0x1FFFFF)
"""Stands for the end of a short text; no code point."""


@dataclass(frozen=True)
class Shingles:
    """Hashes uint64, end to end; those of text i are `values[offsets[i]:offsets[i + 1]]`."""

    values: NDArray[np.uint64]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1


@njit(inline="always")
def _own_count(length):  # type: ignore[no-untyped-def]
    return (length + 2) // 8 + 1


@njit(inline="always")
def _short_shingles(points, start, end, values, k):  # type: ignore[no-untyped-def]
    """Write the shingles of a short text from values[k] on; returns where they end."""
    if start == end:
        return k
    a = _END
    b = _END
    whole = np.uint64(end - start)
    for i in range(start, end + 2):
        c = np.uint64(points[i] & CODE) if i < end else _END
        values[k] = mixed(((a * _BASE + b) * _BASE + c) ^ _TRIGRAM)
        k += 1
        whole = mixed(whole ^ c) + _BASE
        a = b
        b = c
    for j in range(_own_count(end - start)):
        values[k] = mixed((whole + np.uint64(j) * _BASE) ^ _OWN)
        k += 1
    return k


@njit(inline="always")
def _rolled(units, first, last, shingle, power, values, k):  # type: ignore[no-untyped-def]
    """Write the shingles of units[first:last] from values[k] on; returns where they end.

    power: _BASE to the length of a shingle. What leaves and what comes is summed apart from the
    hash, so that a step waits for one multiplication only.
    """
    h = np.uint64(0)
    size = np.uint64(shingle)
    begin = np.uint64(first)  # unsigned: no check for indices from the end
    at = np.uint64(k)
    for i in range(begin, begin + size):
        h = h * _BASE + units[i]
    values[at] = mixed(h ^ _LONG)
    for i in range(begin + size, np.uint64(last)):
        h = h * _BASE + (units[i] - units[i - size] * power)
        at += np.uint64(1)
        values[at] = mixed(h ^ _LONG)
    return k + last - first - shingle + 1


@njit(cache=True, nogil=True)
def _character_shingles(points, offsets, shingle, short, power, values, out_offsets):  # type: ignore[no-untyped-def]
    longest = 0
    for d in range(len(offsets) - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    content = np.empty(longest, np.uint64)
    k = 0
    for d in range(len(offsets) - 1):
        m = np.uint64(0)
        for i in range(np.uint64(offsets[d]), np.uint64(offsets[d + 1])):
            p = points[i]
            content[m] = np.uint64(p & CODE)
            m += np.uint64((p & CONTENT) >> np.uint32(21))
        if m < short:
            k = _short_shingles(points, offsets[d], offsets[d + 1], values, k)
        else:
            k = _rolled(content, 0, np.int64(m), shingle, power, values, k)
        out_offsets[d + 1] = k


@njit(cache=True, nogil=True)
def _word_shingles(  # type: ignore[no-untyped-def]
    points, offsets, words, word_offsets, shingle, power, values, out_offsets
):
    k = 0
    for d in range(len(offsets) - 1):
        first = word_offsets[d]
        last = word_offsets[d + 1]
        if last - first < shingle:
            k = _short_shingles(points, offsets[d], offsets[d + 1], values, k)
        else:
            k = _rolled(words, first, last, shingle, power, values, k)
        out_offsets[d + 1] = k


@cache
def _jieba() -> Any:
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    return jieba


def words(text: str) -> list[str]:
    """Words, as jieba cuts them, of a normal form, that hold a letter, a digit or an ideograph."""
    return [word for word in _jieba().lcut(text) if any(char.isalnum() for char in word)]


@njit(cache=True, nogil=True)
def _sequence_hashes(points, offsets, out):  # type: ignore[no-untyped-def]
    for d in range(len(offsets) - 1):
        h = np.uint64(offsets[d + 1] - offsets[d])
        for i in range(offsets[d], offsets[d + 1]):
            h = mixed(h ^ np.uint64(points[i])) + _BASE
        out[d] = h


def _word_hashes(texts: NormalTexts) -> Shingles:
    """A hash for every word; texts that are short by their characters have no words."""
    found: list[str] = []
    offsets = np.zeros(len(texts) + 1, np.int64)
    content = np.concatenate([[0], np.cumsum((texts.points & CONTENT) > 0)])
    short = np.diff(content[texts.offsets]) < SHORT
    for i in range(len(texts)):
        if not short[i]:
            found.extend(words(texts[i]))
        offsets[i + 1] = len(found)
    batch = TextBatch.from_strings(found)
    values = np.empty(len(found), np.uint64)
    _sequence_hashes(batch.points, batch.offsets, values)
    return Shingles(values, offsets)


def shingles(texts: NormalTexts, options: NearDedup) -> Shingles:
    """The shingles of every text, in order of occurrence; one that recurs is there each time."""
    size = options.shingle
    power = np.uint64(pow(int(_BASE), size, 1 << 64))
    lengths = np.diff(texts.offsets)
    # No text has more than a short text of its length.
    values = np.empty(int((lengths + 2 + (lengths + 2) // 8 + 1).sum()), np.uint64)
    offsets = np.zeros(len(texts) + 1, np.int64)
    if options.unit == "character":
        short = max(SHORT, size)
        _character_shingles(texts.points, texts.offsets, size, short, power, values, offsets)
    else:
        cut = _word_hashes(texts)
        _word_shingles(
            texts.points, texts.offsets, cut.values, cut.offsets, size, power, values, offsets
        )
    return Shingles(values[: offsets[-1]], offsets)


@njit(cache=True, nogil=True)
def _sorted_sets(values, offsets, out_offsets):  # type: ignore[no-untyped-def]
    longest = 0
    for d in range(len(offsets) - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    scratch = np.empty(longest, np.uint64)
    slots = np.empty((1 << slot_bits(longest)) + 1, np.int64)
    k = 0
    for d in range(len(offsets) - 1):
        part = values[offsets[d] : offsets[d + 1]]
        sort_spread(part, 64, scratch, slots)
        start = k
        for i in range(len(part)):
            if k == start or part[i] != values[k - 1]:
                values[k] = part[i]
                k += 1
        out_offsets[d + 1] = k
    return k


def shingle_sets(texts: NormalTexts, options: NearDedup) -> Shingles:
    """The set of shingles of every text, ascending."""
    every = shingles(texts, options)
    offsets = np.zeros(len(every) + 1, np.int64)
    total = _sorted_sets(every.values, every.offsets, offsets)
    return Shingles(every.values[:total], offsets)


@njit(inline="always")
def _slots(n):  # type: ignore[no-untyped-def]
    """Slots of a table for n values: a power of two, half of them free at least."""
    size = 16
    while size < 2 * n:
        size *= 2
    return size


@njit(cache=True, nogil=True)
def _longest(offsets):  # type: ignore[no-untyped-def]
    longest = 0
    for d in range(len(offsets) - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    return longest


@njit(inline="always")
def _put(value, table, owners, owner, mask):  # type: ignore[no-untyped-def]
    """Puts a value into a table of which only slots of this owner count; whether it was new."""
    # Values are hashes, so their lower bits are as good a place as any.
    slot = value & mask
    while owners[slot] == owner:
        if table[slot] == value:
            return False
        slot = (slot + np.uint64(1)) & mask
    table[slot] = value
    owners[slot] = owner
    return True


@njit(cache=True, nogil=True)
def _distinct(values, offsets, out_offsets):  # type: ignore[no-untyped-def]
    size = _slots(_longest(offsets))
    table = np.empty(size, np.uint64)
    owners = np.full(size, -1, np.int64)
    k = 0
    for d in range(len(offsets) - 1):
        mask = np.uint64(_slots(offsets[d + 1] - offsets[d]) - 1)
        for i in range(offsets[d], offsets[d + 1]):
            value = values[i]
            if _put(value, table, owners, d, mask):
                values[k] = value
                k += 1
        out_offsets[d + 1] = k
    return k


def distinct(every: Shingles) -> Shingles:
    """The set of shingles of every text, in order of occurrence; takes over the values."""
    offsets = np.zeros(len(every) + 1, np.int64)
    total = _distinct(every.values, every.offsets, offsets)
    return Shingles(every.values[:total], offsets)


def distinct_shingles(batch: TextBatch, options: NearDedup) -> Shingles:
    """The set of shingles of every text, in order of occurrence."""
    parts = [distinct(shingles(normal_texts(block), options)) for block in blocks(batch)]
    return end_to_end(parts)


def end_to_end(parts: Sequence[Shingles]) -> Shingles:
    """The sets of all parts as one."""
    sizes = [np.diff(part.offsets) for part in parts]
    offsets = np.zeros(1 + sum(map(len, sizes)), np.int64)
    np.cumsum(np.concatenate([np.zeros(0, np.int64), *sizes]), out=offsets[1:])
    return Shingles(np.concatenate([np.zeros(0, np.uint64), *(p.values for p in parts)]), offsets)


@njit(cache=True, nogil=True)
def _jaccard(values, offsets, left, right, order, threshold, out):  # type: ignore[no-untyped-def]
    size = _slots(_longest(offsets))
    table = np.empty(size, np.uint64)
    owners = np.full(size, -1, np.int64)
    mask = np.uint64(0)
    held = -1
    for k in order:
        a = left[k]
        b = right[k]
        n = offsets[a + 1] - offsets[a]
        m = offsets[b + 1] - offsets[b]
        out[k] = 0.0
        if n == 0 or m == 0 or min(n, m) < threshold * max(n, m):
            continue
        if a != held:
            held = a
            mask = np.uint64(_slots(n) - 1)
            for i in range(offsets[a], offsets[a + 1]):
                _put(values[i], table, owners, a, mask)
        # So many of b may be missing, or the similarity is below the threshold.
        missing = np.int64(m - threshold / (1.0 + threshold) * (n + m) + 1e-6)
        common = 0
        for j in range(offsets[b], offsets[b + 1]):
            value = values[j]
            slot = value & mask
            while owners[slot] == a and table[slot] != value:
                slot = (slot + np.uint64(1)) & mask
            if owners[slot] == a:
                common += 1
            else:
                missing -= 1
                if missing < 0:
                    break
        if missing >= 0:
            out[k] = common / (n + m - common)


def jaccard(
    sets: Shingles,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    threshold: float = 0.0,
) -> NDArray[np.float64]:
    """Jaccard similarity of pairs of sets; 0 where it is soon seen to be below the threshold.

    sets: distinct values, in any order. Two empty sets have similarity 0.
    """
    out = np.empty(len(left), np.float64)
    # A left set is put into a table once for all of its pairs.
    order = np.argsort(left, kind="stable")
    _jaccard(sets.values, sets.offsets, left, right, order, threshold, out)
    return out
