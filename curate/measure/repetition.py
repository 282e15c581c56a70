"""How much of a text repeats what it said before: runs of a character, n-grams, lines.

The n-gram shares follow the repetition filters of Rae et al. 2021 (Gopher, table A1), with
characters in place of words: Chinese has no spaces to count words by.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.base import Measure
from curate.measure.characters import BLANKS, is_blank
from curate.scan import Scan
from curate.textbatch import TextBatch

_BLANK_TABLE = np.zeros(0x3002, np.uint8)
_BLANK_TABLE[list(BLANKS)] = 1

CONSIDERED = 1 << 20
"""Characters of a text that are looked at, from its start; bounds the memory of the hash tables."""

_COLUMNS = ("longest_run", "top_2gram", "repeated_5grams", "repeated_10grams", "repeated_lines")


class Repetition(Measure):
    """Shares, 0 to 1, of the text's characters other than blanks.

    longest_run: in the longest run of one character; runs below three count as none.
    top_2gram: covered by the pair of characters that covers most, among pairs that occur twice.
    repeated_5grams, repeated_10grams: covered by sequences of 5 (10) that occurred earlier.
    repeated_lines: in lines that occurred earlier.
    """

    name: ClassVar[str] = "repetition"
    order: ClassVar[int] = 20
    columns: ClassVar[dict[str, pa.DataType]] = dict.fromkeys(_COLUMNS, pa.float32())

    def measure_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> dict[str, NDArray[np.generic] | pa.Array]:
        out = np.zeros((len(_COLUMNS), len(batch)), np.float32)
        longest = min(int(batch.lengths().max(initial=0)), CONSIDERED)
        slots = 64
        while slots < _SPARSE * min(longest, _SMALL) or slots < 2 * longest:
            slots *= 2
        _repetition(
            batch.points,
            batch.offsets,
            _BLANK_TABLE,
            np.empty(longest + 1, np.uint32),
            np.empty(slots, np.uint64),
            np.empty(slots, np.uint64),
            np.empty(longest, np.bool_),
            np.empty(slots, np.bool_),
            out,
        )
        return dict(zip(_COLUMNS, out, strict=True))


# An odd multiplier with bits all over: two sequences of up to ten characters share a 64-bit key by
# chance only (about 1 in 10^8 for the million sequences of the longest text).
BASE = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True, inline="always")
def slot_of(key, mask):  # type: ignore[no-untyped-def]
    key = (key ^ (key >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return (key ^ (key >> np.uint64(29))) & mask


_SPARSE, _SMALL = 4, 2048
"""Slots of a hash table for each key, up to so many keys: the fewer meet, the fewer branches go an
unforeseen way. Tables of more keys have two, or they would leave the processor's cache."""


@njit(cache=True, nogil=True, inline="always")
def _slot(key, shift):  # type: ignore[no-untyped-def]
    """The highest bits of a product: one multiplication, where `slot_of` has two in a row."""
    return (key * np.uint64(0xD6E8FEB86659FD93)) >> shift


@njit(cache=True, nogil=True)
def _cleared(keys, n):  # type: ignore[no-untyped-def]
    """(shift, mask) of a table for n keys, made of the first slots of `keys`; 0 is a free slot."""
    bits = np.uint64(6)
    sparse = _SPARSE if n <= _SMALL else 2
    while (np.int64(1) << np.int64(bits)) < sparse * n:
        bits += np.uint64(1)
    keys[: np.int64(1) << np.int64(bits)] = 0
    return np.uint64(64) - bits, (np.uint64(1) << bits) - np.uint64(1)


@njit(cache=True, nogil=True)
def _covered_by_fives(text, size, keys, fives, rows):  # type: ignore[no-untyped-def]
    """Characters of text[:size] in sequences of five that start after an equal one.

    Fills, for the five that end at i, fives[i] with their key and rows[i] with 1 if they and the
    five that end at each of the five characters before occurred earlier.
    """
    if size <= 5:
        return 0
    drop = BASE * BASE * BASE * BASE * BASE
    shift, mask = _cleared(keys, size)
    key = np.uint64(0)
    for i in range(4):
        key = key * BASE + np.uint64(text[i])
    dropped = np.uint64(0)
    covered = 0
    upto = 0  # characters before this index are counted already
    row = 0
    for i in range(4, size):
        key = key * BASE + (np.uint64(text[i]) - drop * dropped)
        dropped = np.uint64(text[i - 4])
        fives[i] = key
        kept = max(key, np.uint64(1))
        slot = _slot(kept, shift)
        there = keys[slot]
        while there != 0 and there != kept:
            slot = (slot + np.uint64(1)) & mask
            there = keys[slot]
        known = 1 if there else 0
        covered += known * (i + 1 - max(upto, i - 4))
        upto = i + 1 if known else upto
        row = (row + 1) * known
        keys[slot] = kept
        rows[i] = row >= 6
    return covered


@njit(cache=True, nogil=True)
def _covered_by_tens(size, keys, fives, rows, met):  # type: ignore[no-untyped-def]
    """Characters of text[:size] in sequences of ten that start after an equal one.

    fives, rows: as `_covered_by_fives` filled them. Ten characters said before are six times five
    in a row that were, so only what equals such ten is looked up.
    """
    likely = 0
    for i in range(9, size):
        likely += rows[i]
    if likely == 0:
        return 0
    shift, mask = _cleared(keys, likely)
    five = BASE * BASE * BASE * BASE * BASE
    for i in range(9, size):
        if rows[i]:
            key = fives[i - 5] * five + fives[i]
            kept = key if key else np.uint64(1)
            slot = _slot(kept, shift)
            while keys[slot] != 0 and keys[slot] != kept:
                slot = (slot + np.uint64(1)) & mask
            keys[slot] = kept
            met[slot] = False
    covered = 0
    upto = 0
    for i in range(9, size):
        key = fives[i - 5] * five + fives[i]
        kept = key if key else np.uint64(1)
        slot = _slot(kept, shift)
        there = keys[slot]
        while there != 0 and there != kept:
            slot = (slot + np.uint64(1)) & mask
            there = keys[slot]
        if there:
            if met[slot]:
                covered += i + 1 - max(upto, i - 9)
                upto = i + 1
            met[slot] = True
    return covered


@njit(cache=True, nogil=True)
def _pairs(text, size, keys, seen):  # type: ignore[no-untyped-def]
    """Of text[:size]: the most characters that one repeated pair covers, 0 without such a pair; the
    most pairs in a row that occurred earlier; the longest run of one character.

    Whether a pair is new cannot be foreseen, so what is done does not branch on it. seen: by slot,
    where the pair began last, and in the low 32 bits what it covers.
    """
    shift, mask = _cleared(keys, size)
    low = np.uint64(0xFFFFFFFF)
    one, two, high = np.uint64(1), np.uint64(2), np.uint64(32)
    best = row = longest_row = np.uint64(0)
    run = longest_run = one
    first = np.uint64(text[0])
    for i in range(np.uint64(size - 1)):
        second = np.uint64(text[i + one])
        run = run * np.uint64(first == second) + one
        longest_run = max(longest_run, run)
        key = ((first << high) | second) + one
        first = second
        slot = _slot(key, shift)
        there = keys[slot]
        while there != 0 and there != key:
            slot = (slot + one) & mask
            there = keys[slot]
        known = np.uint64(there != 0)
        was = seen[slot]
        joined = np.uint64((was >> high) + one == i)
        cover = ((was & low) - joined) * known + two
        keys[slot] = key
        seen[slot] = (i << high) | cover
        best = max(best, cover * known)
        row = (row + one) * known
        longest_row = max(longest_row, row)
    return np.int64(best), np.int64(longest_row), np.int64(longest_run)


@njit(cache=True, nogil=True)
def _repeated_lines(points, start, end, keys, lines):  # type: ignore[no-untyped-def]
    """Characters other than blanks in lines that occurred earlier. lines: how many there are."""
    shift, mask = _cleared(keys, lines)
    line = np.uint64(1)
    size = 0
    again = 0
    for i in range(start, end + 1):
        c = points[i] if i < end else np.uint32(10)
        if c == 10:
            if size:
                kept = line if line else np.uint64(1)
                slot = _slot(kept, shift)
                while keys[slot] != 0 and keys[slot] != kept:
                    slot = (slot + np.uint64(1)) & mask
                if keys[slot]:
                    again += size
                keys[slot] = kept
            line = np.uint64(1)
            size = 0
        elif not is_blank(c):
            line = (line ^ np.uint64(c)) * BASE
            line ^= line >> np.uint64(31)
            size += 1
    return again


@njit(cache=True, nogil=True)
def _filled(points, start, end, blanks, text, lines):  # type: ignore[no-untyped-def]
    """Copies what is no blank to `text`; (characters, lines that have any).

    Fills `lines` with their last two characters and, mixed in, their first two and their sizes.
    """
    one, two = np.uint64(1), np.uint64(2)
    size = np.uint64(0)
    begun = np.uint64(0)  # `size` where the line began
    count = 0
    for i in range(np.uint64(start), np.uint64(end + 1)):
        c = points[i] if i < end else np.uint32(10)
        text[size] = c
        size += one - np.uint64(blanks[min(c, np.uint32(0x3001))])
        if c == 10 and size > begun:
            second = min(begun + one, size - one)
            last_but_one = max(begun + two, size) - two
            ends = (np.uint64(text[size - one]) << np.uint64(32)) | text[last_but_one]
            starts = (np.uint64(text[begun]) << np.uint64(32)) | text[second]
            lines[count] = (ends + (size - begun) * BASE) ^ (starts * BASE)
            count += 1
            begun = size
    return np.int64(size), count


@njit(cache=True, nogil=True)
def _has_double(values, n, keys):  # type: ignore[no-untyped-def]
    """Whether two of values[:n] are equal."""
    shift, mask = _cleared(keys, n)
    for i in range(n):
        kept = values[i] if values[i] else np.uint64(1)
        slot = _slot(kept, shift)
        while keys[slot] != 0 and keys[slot] != kept:
            slot = (slot + np.uint64(1)) & mask
        if keys[slot]:
            return True
        keys[slot] = kept
    return False


@njit(cache=True, nogil=True)
def _repetition(points, offsets, blanks, text, keys, seen, rows, met, out):  # type: ignore[no-untyped-def]
    for d in range(len(offsets) - 1):
        start = offsets[d]
        end = min(offsets[d + 1], start + CONSIDERED)
        size, lines = _filled(points, start, end, blanks, text, seen)
        if size < 2:
            continue
        if lines > 1 and _has_double(seen, lines, keys):
            out[4, d] = _repeated_lines(points, start, end, keys, lines) / size
        top, in_a_row, run = _pairs(text, size, keys, seen)
        if run >= 3:
            out[0, d] = run / size
        out[1, d] = top / size
        # Five characters said before are four pairs in a row that were.
        if in_a_row >= 4:
            again_5 = _covered_by_fives(text, size, keys, seen, rows)
            out[2, d] = again_5 / size
            if again_5 >= 10:
                out[3, d] = _covered_by_tens(size, keys, seen, rows, met) / size
