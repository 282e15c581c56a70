"""The first stage: what later stages need to know of a partition, in one pass over its texts.

A sketch file has two sections, each in 1024 buckets by the upper bits of a hash: the content hash
of every row (for exact duplicates), and the band keys of every row (for near duplicates). It
depends on the partition and the options only, so it is made once, whatever other files become.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from curate.dedup.records import write_records
from curate.dedup.shingle import shingles
from curate.storage import column_array, read_arrow
from curate.textbatch import TextBatch
from curate.together import laid_together

VERSION = 1
"""Raised whenever the same texts and options may give other records."""

EXACT, BANDS = 0, 1
"""Sections of a sketch file."""
BUCKET_BITS = 10
BUCKETS = 1 << BUCKET_BITS

EXACT_RECORD = np.dtype([("h1", "<u8"), ("h2", "<u8"), ("row", "<u4"), ("length", "<u4")])
"""128-bit content hash, row in the partition, length in characters (at most 2^32 - 1)."""
BAND_RECORD = np.dtype("<u8")
"""Band key in the upper KEY_BITS bits, row in the partition in the lower ROW_BITS."""


@dataclass(frozen=True)
class Sketch:
    """Records of both sections, each sorted by bucket, and where their buckets begin."""

    exact: NDArray[np.void]
    exact_offsets: NDArray[np.int64]
    bands: NDArray[np.uint64]
    band_offsets: NDArray[np.int64]

    def write(self, path: Path) -> None:
        """Write the sketch file."""
        write_records(path, [(self.exact, self.exact_offsets), (self.bands, self.band_offsets)])


def bucket_ranges(needed: int, memory_mb: int) -> list[tuple[int, int]]:
    """Equal ranges of buckets, each for a task: records that need so many bytes in all, worked on
    within a share of the memory.
    """
    target = min(64, memory_mb // 4) << 20
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


def blocks(batch: TextBatch, characters: int = 1 << 16) -> Iterator[TextBatch]:
    """The batch in consecutive parts of about so many characters (or one longer text).

    What is computed of a part then stays in the processor's cache from one kernel to the next.
    """
    begin = 0
    while begin < len(batch):
        first = batch.offsets[begin]
        end = int(np.searchsorted(batch.offsets, first + characters, side="right")) - 1
        end = max(end, begin + 1)
        offsets = batch.offsets[begin : end + 1]
        yield TextBatch(batch.points[first : offsets[-1]], offsets - first)
        begin = end


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
    batch: TextBatch, exact: ExactDedup | None, near: NearDedup | None, keys_of: TextBatch | None
) -> Hashed:
    """Hashes and keys of texts.

    keys_of: what exact duplicates have in common, the texts themselves unless given.
    """
    hashes = np.empty((len(batch) if exact else 0, 2), np.uint64)
    keys = np.empty((len(batch) if near else 0, banding(near)[0] if near else 0), np.uint64)
    counted = np.empty(len(keys), np.bool_)
    begin = 0
    for block in blocks(batch):
        end = begin + len(block)
        texts = normal_texts(block)
        if exact is not None and keys_of is None:
            hashes[begin:end] = content_hashes(texts)
        if near is not None:
            pieces = shingles(texts, near)
            keys[begin:end] = band_keys(pieces, near)
            counted[begin:end] = np.diff(pieces.offsets) > 0
        begin = end
    if exact is not None and keys_of is not None:
        begin = 0
        for block in blocks(keys_of):
            hashes[begin : begin + len(block)] = content_hashes(normal_texts(block))
            begin += len(block)
    return Hashed(hashes, keys, counted)


def placed(found: Hashed, rows: NDArray[np.int64], weights: NDArray[Any] | None) -> Sketch:
    """The sketch of texts that are these rows of a partition.

    weights: which of exact duplicates stays, the one of the highest, [n]; None where exact
    duplicates are not looked for.
    """
    hashes, keys, counted = found.hashes, found.keys, found.counted
    buckets = (hashes[:, 0] >> np.uint64(64 - BUCKET_BITS)).astype(np.uint16)
    order = np.argsort(buckets, kind="stable")
    exact_records = np.empty(len(hashes), EXACT_RECORD)
    exact_records["h1"] = hashes[order, 0]
    exact_records["h2"] = hashes[order, 1]
    if weights is not None:
        exact_records["row"] = rows[order]
        exact_records["length"] = weights[order]
    exact_offsets = np.zeros(BUCKETS + 1, np.int64)
    np.cumsum(np.bincount(buckets, minlength=BUCKETS), out=exact_offsets[1:])
    band_offsets = np.zeros(BUCKETS + 1, np.int64)
    _count_keys(keys, counted, band_offsets)
    bands = np.empty(int(band_offsets[-1]), np.uint64)
    _place_keys(keys, counted, rows, band_offsets, bands)
    return Sketch(exact_records, exact_offsets, bands, band_offsets)


def write_sketches(
    texts: Sequence[str],
    decisions: Sequence[str | None],
    outputs: Sequence[str],
    exact: ExactDedup | None,
    near: NearDedup | None,
) -> None:
    """Task: write the sketches of partitions of one kind (see TextPartition for the files).

    Of exact duplicates the longest stays, unless the files rank rows by `weight`.
    """
    tables = [read_arrow(Path(path)) for path in texts]
    parts = [taking_part(t, d) for t, d in zip(tables, decisions, strict=True)]
    rows = [np.flatnonzero(part) for part in parts]
    names = [name for name in ("text", "key", "weight") if name in tables[0].column_names]
    whole = laid_together([table.select(names) for table in tables])
    columns = {name: column_array(whole, name) for name in names}
    batch = TextBatch.from_arrow(columns["text"])
    every = np.flatnonzero(np.concatenate(parts))
    if len(every) < len(batch):
        batch = batch.taken(every)
    keys_of = None
    weights = batch.lengths()
    if "key" in columns:
        keys_of = TextBatch.from_arrow(columns["key"]).taken(every)
        weights = columns["weight"].to_numpy()[every]
    found = hashed(batch, exact, near, keys_of)
    end = 0
    for own, output in zip(rows, outputs, strict=True):
        begin, end = end, end + len(own)
        ranked = weights[begin:end] if exact is not None else None
        placed(found.between(begin, end), own, ranked).write(Path(output))
