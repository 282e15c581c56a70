"""Which tokens of which document go into which row: best-fit-decreasing over all documents at once.

A row has room for `capacity` tokens. A document longer than that gives as many full rows as it
can; what is left of it, and every other document, is a fragment. Fragments are placed longest
first, each into the row with the least room that still holds it (best-fit-decreasing; Johnson,
"Near-optimal bin packing algorithms", MIT 1973). No fragment is cut and no token dropped.

Rows with equal room are one list, the lists that are not empty one bit each in a tree of 64-bit
words, so a fragment costs a few word operations. After a fragment of length l went into the
tightest row, that row is the tightest for the next of the same length as long as it has room, so
equal fragments are placed together: the result is that of placing them one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.dedup.normal import mixed
from curate.errors import CurateError

VERSION = 1

MAX_FRAGMENTS = 2**31 - 2
"""Fragments are numbered in 32 bits."""

_DEBRUIJN = np.uint64(0x03F79D71B4CB0A89)
_BIT = np.zeros(64, np.int64)
for _i in range(64):
    _BIT[((0x03F79D71B4CB0A89 << _i) & 0xFFFFFFFFFFFFFFFF) >> 58] = _i


@dataclass(frozen=True)
class Packed:
    """Rows as lists of segments: row r holds segments `offsets[r]` to `offsets[r + 1]`."""

    offsets: NDArray[np.int64]
    document: NDArray[np.uint32]
    """Document a segment is from, by its position in the lengths that were packed."""
    start: NDArray[np.uint32]
    """The segment's first token, counted in its document."""
    length: NDArray[np.uint32]
    """Tokens of the segment, at least one."""

    @property
    def rows(self) -> int:
        return len(self.offsets) - 1

    def tokens(self) -> int:
        """Tokens in all rows."""
        return int(self.length.sum(dtype=np.int64))

    def fill(self, capacity: int) -> float:
        """Share of the rows' room that holds tokens; 1 where there are no rows."""
        return self.tokens() / (self.rows * capacity) if self.rows else 1.0


@njit(cache=True, nogil=True)
def _lowest(word):  # type: ignore[no-untyped-def]
    """Position of the lowest set bit of a word that is not 0 (de Bruijn multiplication)."""
    return _BIT[((word & (~word + np.uint64(1))) * _DEBRUIJN) >> np.uint64(58)]


@njit(cache=True, nogil=True)
def _set(tree, base, value):  # type: ignore[no-untyped-def]
    for level in range(len(base)):
        where = base[level] + (value >> 6)
        before = tree[where]
        tree[where] = before | (np.uint64(1) << np.uint64(value & 63))
        if before:
            return
        value >>= 6


@njit(cache=True, nogil=True)
def _clear(tree, base, value):  # type: ignore[no-untyped-def]
    for level in range(len(base)):
        where = base[level] + (value >> 6)
        tree[where] &= ~(np.uint64(1) << np.uint64(value & 63))
        if tree[where]:
            return
        value >>= 6


@njit(cache=True, nogil=True)
def _at_least(tree, base, value, capacity):  # type: ignore[no-untyped-def]
    """The smallest member of the set that is at least `value`, or -1."""
    level = 0
    while level < len(base):
        if value > capacity >> (6 * level):
            return -1
        word = tree[base[level] + (value >> 6)] >> np.uint64(value & 63)
        if word:
            value += _lowest(word)
            while level > 0:
                level -= 1
                value = (value << 6) + _lowest(tree[base[level] + value])
            return value
        value = (value >> 6) + 1
        level += 1
    return -1


@njit(cache=True, nogil=True)
def _sorted_by_length(lengths, capacity):  # type: ignore[no-untyped-def]
    """(fragments longest first and in their order among equals, how many of every length)."""
    counts = np.zeros(capacity + 1, np.int64)
    for i in range(len(lengths)):
        counts[lengths[i] % capacity] += 1
    begin = np.empty(capacity + 1, np.int64)
    total = 0
    for size in range(capacity - 1, 0, -1):
        begin[size] = total
        total += counts[size]
    order = np.empty(total, np.int32)
    for i in range(len(lengths)):
        size = lengths[i] % capacity
        if size:
            order[begin[size]] = i
            begin[size] += 1
    return order, counts


@njit(cache=True, nogil=True)
def _shuffled(order, counts, capacity, seed):  # type: ignore[no-untyped-def]
    """Puts fragments of equal length in a seeded order (Fisher-Yates, hashes as the dice)."""
    begin = 0
    for size in range(capacity - 1, 0, -1):
        many = counts[size]
        for i in range(many - 1, 0, -1):
            draw = mixed(mixed(np.uint64(begin + i)) ^ seed) >> np.uint64(32)
            j = np.int64((draw * np.uint64(i + 1)) >> np.uint64(32))
            a = order[begin + i]
            order[begin + i] = order[begin + j]
            order[begin + j] = a
        begin += many


@njit(cache=True, nogil=True)
def _placed(counts, capacity, base, words, fragments):  # type: ignore[no-untyped-def]
    """(row of every fragment, longest first; number of rows)."""
    row_of = np.empty(fragments, np.int32)
    following = np.empty(fragments, np.int32)
    first = np.full(capacity + 1, -1, np.int32)
    tree = np.zeros(words, np.uint64)
    rows = 0
    at = 0
    for size in range(capacity - 1, 0, -1):
        left = counts[size]
        while left:
            room = _at_least(tree, base, size, capacity)
            if room < 0:
                room = capacity
                row = rows
                rows += 1
            else:
                row = first[room]
                first[room] = following[row]
                if first[room] < 0:
                    _clear(tree, base, room)
            many = min(left, room // size)
            for _ in range(many):
                row_of[at] = row
                at += 1
            left -= many
            room -= many * size
            if room:
                if first[room] < 0:
                    _set(tree, base, room)
                following[row] = first[room]
                first[room] = row
    return row_of, rows


@njit(cache=True, nogil=True)
def _row_keys(rows, seed):  # type: ignore[no-untyped-def]
    keys = np.empty(rows, np.uint64)
    for r in range(rows):
        keys[r] = mixed(np.uint64(r) ^ seed)
    return keys


@njit(cache=True, nogil=True)
def _gathered(lengths, capacity, order, row_of, packed_rows, full_rows, number):  # type: ignore[no-untyped-def]
    """The rows' segments; row r of the packing becomes row number[r], full rows come after."""
    rows = packed_rows + full_rows
    offsets = np.zeros(rows + 1, np.int64)
    for k in range(len(row_of)):
        offsets[number[row_of[k]] + 1] += 1
    for r in range(packed_rows, rows):
        offsets[number[r] + 1] = 1
    for r in range(rows):
        offsets[r + 1] += offsets[r]
    total = offsets[rows]
    document = np.empty(total, np.uint32)
    start = np.empty(total, np.uint32)
    length = np.empty(total, np.uint32)
    # `offsets` serves as the place of the next segment, and is set right again afterwards.
    for k in range(len(row_of)):
        r = number[row_of[k]]
        at = offsets[r]
        offsets[r] = at + 1
        i = order[k]
        document[at] = i
        length[at] = lengths[i] % capacity
        start[at] = lengths[i] - length[at]
    row = packed_rows
    for i in range(len(lengths)):
        for piece in range(lengths[i] // capacity):
            r = number[row]
            row += 1
            at = offsets[r]
            offsets[r] = at + 1
            document[at] = i
            start[at] = piece * capacity
            length[at] = capacity
    for r in range(rows, 0, -1):
        offsets[r] = offsets[r - 1]
    offsets[0] = 0
    return offsets, document, start, length


@njit(cache=True, nogil=True)
def _full_rows(lengths, capacity):  # type: ignore[no-untyped-def]
    total = 0
    for i in range(len(lengths)):
        total += lengths[i] // capacity
    return total


def _checked(lengths: NDArray[Any], capacity: int) -> NDArray[np.uint32]:
    if capacity < 2:
        raise CurateError(f"a row of {capacity} tokens has nothing to predict; give at least 2")
    if len(lengths) > MAX_FRAGMENTS:
        raise CurateError(
            f"{len(lengths):,} documents are more than one packing can number "
            f"({MAX_FRAGMENTS:,}); pack the build's sources apart"
        )
    if len(lengths) and (int(lengths.max()) >= 2**32 or int(lengths.min()) < 0):
        raise CurateError("a document has more than 4,294,967,295 tokens; split it before packing")
    return np.ascontiguousarray(lengths, np.uint32)


def best_fit(lengths: NDArray[Any], capacity: int, seed: int = 0) -> Packed:
    """Packs documents of `lengths` tokens (0: nothing to pack) into rows of `capacity` tokens.

    The seed decides in which order the rows come, so that the first rows are not the ones of the
    longest documents, and which of equally long fragments goes where, so that neighbours in a
    source do not all share a row.
    Memory: about 30 bytes a document. Raises CurateError for a capacity below 2.
    """
    sizes = _checked(lengths, capacity)
    order, counts = _sorted_by_length(sizes, capacity)
    _shuffled(order, counts, capacity, np.uint64(seed))
    widths: list[int] = []
    width = capacity + 1
    while not widths or widths[-1] > 1:
        width = (width + 63) // 64
        widths.append(width)
    base = np.cumsum([0, *widths[:-1]]).astype(np.int64)
    # A word more on every level: looking beyond the last member must find a zero.
    base += np.arange(len(base))
    row_of, packed = _placed(counts, capacity, base, sum(widths) + len(widths), len(order))
    full = int(_full_rows(sizes, capacity))
    if packed + full > MAX_FRAGMENTS:
        raise CurateError(f"{packed + full:,} rows are more than one packing can number")
    by_key = np.argsort(_row_keys(packed + full, np.uint64(seed)), kind="stable")
    number = np.empty(packed + full, np.int32)
    number[by_key] = np.arange(packed + full, dtype=np.int32)
    del by_key
    return Packed(*_gathered(sizes, capacity, order, row_of, packed, full, number))


@njit(cache=True, nogil=True)
def _cut(lengths, capacity, document, start, length):  # type: ignore[no-untyped-def]
    """Fills the segments of end-to-end documents; with empty arrays only counts them."""
    count = 0
    room = capacity
    for i in range(len(lengths)):
        done = 0
        while done < lengths[i]:
            taken = min(room, lengths[i] - done)
            if len(document):
                document[count] = i
                start[count] = done
                length[count] = taken
            count += 1
            done += taken
            room -= taken
            if room == 0:
                room = capacity
    return count


def concatenated(lengths: NDArray[Any], capacity: int) -> Packed:
    """Documents end to end, cut wherever a row is full: the usual way, for comparison."""
    sizes = _checked(lengths, capacity)
    nothing = np.empty(0, np.uint32)
    count = _cut(sizes, capacity, nothing, nothing, nothing)
    document, start, length = (np.empty(count, np.uint32) for _ in range(3))
    _cut(sizes, capacity, document, start, length)
    before = np.cumsum(length, dtype=np.int64) - length
    firsts = np.flatnonzero(before % capacity == 0) if count else np.empty(0, np.int64)
    offsets = np.append(firsts, count).astype(np.int64)
    return Packed(offsets, document, start, length)


def broken(packed: Packed, lengths: NDArray[Any], capacity: int) -> int:
    """How many documents that would fit into one row lie in more than one."""
    pieces = np.bincount(packed.document, minlength=len(lengths))
    return int(np.count_nonzero((pieces > 1) & (np.asarray(lengths) <= capacity)))
