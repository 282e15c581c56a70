"""The wording of instructions that many rows of a partition share: a template says nothing of what
is asked.

A piece of wording ends with a line or a sentence, or at a colon.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numba import njit

from curate.dedup.normal import mixed
from curate.instructions.lines import utf8_of

_SHARED = 100
"""Rows of a partition from which their common wording is no likeness."""
_SHARED_SHARE = 200
"""And one in so many of its rows."""
_SHORTEST = 4
"""Pieces of fewer characters stay."""


@njit(inline="always")
def _end_mark(data, i, end):  # type: ignore[no-untyped-def]
    """Bytes of what ends a piece at i, a line end or one of 。！？：；:;?!, or 0."""
    b = data[i]
    if b < 0x40:
        return 1 if b in (0x0A, 0x21, 0x3A, 0x3B, 0x3F) else 0
    if b not in (0xE3, 0xEF) or i + 2 >= end:
        return 0
    c = data[i + 2]
    if b == 0xE3:
        return 3 if data[i + 1] == 0x80 and c == 0x82 else 0
    return 3 if data[i + 1] == 0xBC and c in (0x81, 0x9A, 0x9B, 0x9F) else 0


@njit(inline="always")
def _next_piece(data, i, end):  # type: ignore[no-untyped-def]
    """The piece that begins at i: (its end, where the next begins or -1, characters, hash)."""
    h = np.uint64(0)
    characters = 0
    while i < end:
        mark = _end_mark(data, i, end)
        if mark:
            last = i
            while mark:
                i += mark
                mark = _end_mark(data, i, end) if i < end else 0
            return last, i, characters, mixed(h)
        b = data[i]
        characters += (b & 0xC0) != 0x80
        h = (h + np.uint64(b)) * np.uint64(0x9E3779B97F4A7C15)
        i += 1
    return end, -1, characters, mixed(h)


@njit(cache=True, nogil=True)
def _own(data, offsets, least, shortest, out, out_offsets):  # type: ignore[no-untyped-def]
    """Writes the texts without pieces that `least` rows have; returns whether there are any.

    A text that has such pieces becomes the others, a line each.
    """
    rows = len(offsets) - 1
    pieces = 0
    for row in range(rows):
        i = offsets[row]
        while i >= 0:
            _, i, _, _ = _next_piece(data, i, offsets[row + 1])
            pieces += 1
    size = 16
    while size < 2 * pieces:
        size *= 2
    slot_mask = np.uint64(size - 1)
    hashes = np.zeros(size, np.uint64)
    counts = np.zeros(size, np.int32)
    last_row = np.full(size, -1, np.int32)
    some = False
    for row in range(rows):
        i = offsets[row]
        while i >= 0:
            _, i, characters, h = _next_piece(data, i, offsets[row + 1])
            if characters < shortest:
                continue
            slot = h & slot_mask
            while counts[slot] and hashes[slot] != h:
                slot = (slot + np.uint64(1)) & slot_mask
            if last_row[slot] != row:
                hashes[slot] = h
                counts[slot] += 1
                last_row[slot] = row
                some = some or counts[slot] >= least
    if not some:
        return False
    k = 0
    for row in range(rows):
        begin = offsets[row]
        end = offsets[row + 1]
        start = k
        without = False
        first = True
        i = begin
        while i >= 0:
            piece = i
            last, i, characters, h = _next_piece(data, i, end)
            if characters >= shortest:
                slot = h & slot_mask
                while hashes[slot] != h:
                    slot = (slot + np.uint64(1)) & slot_mask
                if counts[slot] >= least:
                    without = True
                    continue
            if not first:
                out[k] = 0x0A
                k += 1
            first = False
            out[k : k + last - piece] = data[piece:last]
            k += last - piece
        if not without:
            k = start + end - begin
            out[start:k] = data[begin:end]
        out_offsets[row + 1] = k
    return True


def own_wordings(instructions: pa.Array, rows: Sequence[int]) -> pa.Array:
    """The instructions of partitions of so many rows without the wording that each shares;
    `instructions` itself where none shares any. large_string [n] both.
    """
    ends = [0, *itertools.accumulate(rows)]
    parts = [instructions[a:b] for a, b in itertools.pairwise(ends)]
    found = [own_wording(part) for part in parts]
    if all(own is part for own, part in zip(found, parts, strict=True)):
        return instructions
    return pa.concat_arrays(found)


def own_wording(instructions: pa.Array) -> pa.Array:
    """The instructions of a partition without the pieces that many of them have."""
    least = max(_SHARED, len(instructions) // _SHARED_SHARE)
    if len(instructions) < least:
        return instructions
    data, offsets = utf8_of(instructions)
    # A piece more than once has a mark between, which is a line end then: it never gets longer.
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    ends = np.zeros(len(offsets), np.int64)
    if not _own(data, offsets, least, _SHORTEST, out, ends):
        return instructions
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(out)]
    return pa.Array.from_buffers(pa.large_string(), len(instructions), buffers)
