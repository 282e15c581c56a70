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
from curate.measure.characters import is_blank
from curate.scan import Scan
from curate.textbatch import TextBatch

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
        while slots < 2 * longest:
            slots *= 2
        _repetition(
            batch.points,
            batch.offsets,
            np.empty(longest, np.uint32),
            np.empty(slots, np.uint64),
            np.zeros(slots, np.int64),
            np.empty(slots, np.int32),
            np.empty(slots, np.int32),
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


@njit(cache=True, nogil=True)
def _covered_again(text, size, n, keys, stamps, stamp, mask):  # type: ignore[no-untyped-def]
    """How many of text[:size] lie in an n-gram that starts after an equal one."""
    if size <= n:
        return 0
    drop = np.uint64(1)
    for _ in range(n):
        drop *= BASE
    key = np.uint64(0)
    covered = 0
    upto = 0  # characters before this index are counted already
    for i in range(size):
        key = key * BASE + np.uint64(text[i])
        if i >= n:
            key -= drop * np.uint64(text[i - n])
        if i < n - 1:
            continue
        slot = slot_of(key, mask)
        while stamps[slot] == stamp and keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if stamps[slot] == stamp:
            first = i - n + 1
            covered += i + 1 - (upto if upto > first else first)
            upto = i + 1
        else:
            stamps[slot] = stamp
            keys[slot] = key
    return covered


@njit(cache=True, nogil=True)
def _top_pair(text, size, keys, stamps, stamp, mask, lasts, covers):  # type: ignore[no-untyped-def]
    """The most characters of text[:size] that one repeated pair covers; 0 without such a pair."""
    best = 0
    for i in range(size - 1):
        key = (np.uint64(text[i]) << np.uint64(32)) | np.uint64(text[i + 1])
        slot = slot_of(key, mask)
        while stamps[slot] == stamp and keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if stamps[slot] == stamp:
            covers[slot] += 1 if lasts[slot] == i - 1 else 2
            lasts[slot] = i
            if covers[slot] > best:
                best = covers[slot]
        else:
            stamps[slot] = stamp
            keys[slot] = key
            lasts[slot] = i
            covers[slot] = 2
    return best


@njit(cache=True, nogil=True)
def _repetition(points, offsets, text, keys, stamps, lasts, covers, out):  # type: ignore[no-untyped-def]
    stamp = 0
    for d in range(len(offsets) - 1):
        start = offsets[d]
        end = min(offsets[d + 1], start + CONSIDERED)
        wanted = np.uint64(64)
        while wanted < np.uint64(2 * (end - start)):
            wanted *= np.uint64(2)
        mask = wanted - np.uint64(1)
        size = 0
        run = 0
        longest = 0
        last = np.uint32(0)
        line = np.uint64(1)
        line_size = 0
        again = 0
        stamp += 1
        for i in range(start, end + 1):
            c = points[i] if i < end else np.uint32(10)
            if c == 10:
                if line_size:
                    slot = slot_of(line, mask)
                    while stamps[slot] == stamp and keys[slot] != line:
                        slot = (slot + np.uint64(1)) & mask
                    if stamps[slot] == stamp:
                        again += line_size
                    else:
                        stamps[slot] = stamp
                        keys[slot] = line
                    line = np.uint64(1)
                    line_size = 0
            elif not is_blank(c):
                text[size] = c
                size += 1
                run = run + 1 if c == last else 1
                if run > longest:
                    longest = run
                last = c
                line = (line ^ np.uint64(c)) * BASE
                line ^= line >> np.uint64(31)
                line_size += 1
        if size < 2:
            continue
        if longest >= 3:
            out[0, d] = longest / size
        stamp += 1
        out[1, d] = _top_pair(text, size, keys, stamps, stamp, mask, lasts, covers) / size
        stamp += 1
        again_5 = _covered_again(text, size, 5, keys, stamps, stamp, mask)
        out[2, d] = again_5 / size
        # Whoever repeats ten characters repeats five.
        if again_5 >= 10:
            stamp += 1
            out[3, d] = _covered_again(text, size, 10, keys, stamps, stamp, mask) / size
        out[4, d] = again / size
