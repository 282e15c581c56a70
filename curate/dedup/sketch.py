"""The first stage: what later stages need to know of a partition, in one pass over its texts.

A sketch file has two sections, each in 1024 buckets by the upper bits of a hash: the content hash
of every row (for exact duplicates), and the band keys of every row (for near duplicates); where
rows are compared by more than one text, further sections of band keys. It depends on the partition
and the options only, so it is made once, whatever other files become.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.dedup.band import KEY_BITS, band_keys, banding
from curate.dedup.corpus import ROW_BITS, taking_part
from curate.dedup.normal import content_hashes, normal_texts
from curate.dedup.options import ExactDedup, NearDedup
from curate.dedup.records import Records, write_records
from curate.dedup.shingle import shingles
from curate.storage import column_array, read_arrow
from curate.textbatch import TextBatch, blocks
from curate.together import laid_together

VERSION = 2
"""Raised whenever the same texts and options may give other records."""

EXACT, BANDS = 0, 1
"""Sections of a sketch file."""
BUCKET_BITS = 10
BUCKETS = 1 << BUCKET_BITS

EXACT_RECORD = np.dtype([("h1", "<u8"), ("h2", "<u8"), ("row", "<u4"), ("length", "<u4")])
"""128-bit content hash, row in the partition, length in characters (at most 2^32 - 1), or what
else rows are ranked by."""
BAND_RECORD = np.dtype("<u8")
"""Band key in the upper KEY_BITS bits, row in the partition in the lower ROW_BITS."""

Section = tuple[Records, NDArray[np.int64]]
"""Records by bucket, and where the buckets begin, int64 [BUCKETS + 1]."""


def bucket_ranges(needed: int, memory_mb: int) -> list[tuple[int, int]]:
    """Equal ranges of buckets, each for a task: records that need so many bytes in all, worked on
    within a share of the memory.
    """
    target = min(16, memory_mb // 16) << 20
    count = 1
    while count < BUCKETS and needed > count * target:
        count *= 2
    step = BUCKETS // count
    return [(first, first + step) for first in range(0, BUCKETS, step)]


@njit(cache=True, nogil=True)
def _count_keys(keys, counted, offsets):  # type: ignore[no-untyped-def]
    for i in range(keys.shape[0]):
        if counted[i]:
            for band in range(keys.shape[1]):
                offsets[(keys[i, band] >> np.uint64(KEY_BITS - BUCKET_BITS)) + np.uint64(1)] += 1
    for bucket in range(BUCKETS):
        offsets[bucket + 1] += offsets[bucket]


@njit(cache=True, nogil=True)
def _place_keys(keys, counted, rows, offsets, out):  # type: ignore[no-untyped-def]
    next_free = offsets.copy()
    for i in range(keys.shape[0]):
        if counted[i]:
            for band in range(keys.shape[1]):
                key = keys[i, band]
                bucket = key >> np.uint64(KEY_BITS - BUCKET_BITS)
                out[next_free[bucket]] = (key << np.uint64(ROW_BITS)) | np.uint64(rows[i])
                next_free[bucket] += 1


@dataclass(frozen=True)
class Hashed:
    """What is looked for of n texts; arrays of what is not looked for have no rows."""

    hashes: NDArray[np.uint64]
    """Content hashes, uint64 [n, 2]."""
    keys: NDArray[np.uint64]
    """Band keys, uint64 [n, bands]."""
    counted: NDArray[np.bool_]
    """Which texts have shingles, bool [n]."""

    def between(self, begin: int, end: int) -> Hashed:
        """That of some of the texts."""
        return Hashed(self.hashes[begin:end], self.keys[begin:end], self.counted[begin:end])


def hashed(
    batch: TextBatch, part: NDArray[np.bool_], exact: bool, near: NearDedup | None
) -> Hashed:
    """Content hashes of texts, if `exact`, and band keys for a search, if there is one.

    part: of which texts, bool [len(batch)]; n are.
    """
    n = int(part.sum())
    hashes = np.empty((n if exact else 0, 2), np.uint64)
    keys = np.empty((n if near else 0, banding(near)[0] if near else 0), np.uint64)
    counted = np.empty(len(keys), np.bool_)
    at = begin = 0
    for block in blocks(batch):
        own = np.flatnonzero(part[at : at + len(block)])
        at += len(block)
        end = begin + len(own)
        texts = normal_texts(block if len(own) == len(block) else block.taken(own))
        if exact:
            hashes[begin:end] = content_hashes(texts)
        if near is not None:
            pieces = shingles(texts, near)
            keys[begin:end] = band_keys(pieces, near)
            counted[begin:end] = np.diff(pieces.offsets) > 0
        begin = end
    return Hashed(hashes, keys, counted)


def exact_section(
    hashes: NDArray[np.uint64], rows: NDArray[np.int64], weights: NDArray[Any]
) -> Section:
    """The content hashes of these rows of a partition, uint64 [n, 2].

    weights: of exact duplicates the one of the highest stays, [n].
    """
    buckets = (hashes[:, 0] >> np.uint64(64 - BUCKET_BITS)).astype(np.uint16)
    order = np.argsort(buckets, kind="stable")
    records = np.empty(len(hashes), EXACT_RECORD)
    records["h1"], records["h2"] = hashes[order, 0], hashes[order, 1]
    records["row"], records["length"] = rows[order], weights[order]
    offsets = np.zeros(BUCKETS + 1, np.int64)
    np.cumsum(np.bincount(buckets, minlength=BUCKETS), out=offsets[1:])
    return records, offsets


def band_section(found: Hashed, rows: NDArray[np.int64]) -> Section:
    """The band keys of texts that are these rows of a partition, int64 [n]."""
    offsets = np.zeros(BUCKETS + 1, np.int64)
    _count_keys(found.keys, found.counted, offsets)
    records = np.empty(int(offsets[-1]), np.uint64)
    _place_keys(found.keys, found.counted, rows, offsets, records)
    return records, offsets


def write_sketches(
    texts: Sequence[str],
    decisions: Sequence[str | None],
    outputs: Sequence[str],
    exact: ExactDedup | None,
    near: NearDedup | None,
) -> None:
    """Task: write the sketches of partitions (see TextPartition for the files).

    Of exact duplicates the longest stays.
    """
    tables = [read_arrow(Path(path)) for path in texts]
    parts = [taking_part(t, d) for t, d in zip(tables, decisions, strict=True)]
    whole = laid_together([table.select(["text"]) for table in tables])
    batch = TextBatch.from_arrow(column_array(whole, "text"))
    part = np.concatenate(parts)
    every = hashed(batch, part, exact is not None, near)
    lengths = batch.lengths()[part]
    end = 0
    for own, output in zip(parts, outputs, strict=True):
        rows = np.flatnonzero(own)
        begin, end = end, end + len(rows)
        found = every.between(begin, end)
        # Without a search for exact duplicates there are no hashes, and no records of them.
        n = len(found.hashes)
        sections = [exact_section(found.hashes, rows[:n], lengths[begin:end][:n])]
        write_records(Path(output), [*sections, band_section(found, rows)])
