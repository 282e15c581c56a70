"""The first stage: what later stages need to know of a partition, in one pass over its texts.

A sketch file has two sections, each in 1024 buckets by the upper bits of a hash: the content hash
of every row (for exact duplicates), and the band keys of every row (for near duplicates). It
depends on the partition and the options only, so it is made once, whatever other files become.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.dedup.band import KEY_BITS, band_keys, banding
from curate.dedup.corpus import ROW_BITS, taking_part, text_column
from curate.dedup.normal import content_hashes, normal_texts
from curate.dedup.options import ExactDedup, NearDedup
from curate.dedup.records import write_records
from curate.dedup.shingle import shingles
from curate.storage import column_array, read_arrow
from curate.textbatch import TextBatch

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


def sketched(
    batch: TextBatch,
    rows: NDArray[np.int64],
    exact: ExactDedup | None,
    near: NearDedup | None,
    keys_of: TextBatch | None = None,
    weights: NDArray[np.uint32] | None = None,
) -> Sketch:
    """The sketch of the texts in the batch, which are these rows of a partition.

    keys_of: what exact duplicates have in common, the texts themselves unless given. weights: which
    of them stays, the one of the highest; the longest text unless given.
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
    buckets = (hashes[:, 0] >> np.uint64(64 - BUCKET_BITS)).astype(np.uint16)
    order = np.argsort(buckets, kind="stable")
    exact_records = np.empty(len(hashes), EXACT_RECORD)
    exact_records["h1"] = hashes[order, 0]
    exact_records["h2"] = hashes[order, 1]
    if exact is not None:
        exact_records["row"] = rows[order]
        exact_records["length"] = (batch.lengths() if weights is None else weights)[order]
    exact_offsets = np.zeros(BUCKETS + 1, np.int64)
    np.cumsum(np.bincount(buckets, minlength=BUCKETS), out=exact_offsets[1:])
    band_offsets = np.zeros(BUCKETS + 1, np.int64)
    _count_keys(keys, counted, band_offsets)
    bands = np.empty(int(band_offsets[-1]), np.uint64)
    _place_keys(keys, counted, rows, band_offsets, bands)
    return Sketch(exact_records, exact_offsets, bands, band_offsets)


def write_sketch(
    texts: str,
    decision: str | None,
    output: str,
    exact: ExactDedup | None,
    near: NearDedup | None,
) -> None:
    """Task: write the sketch of a partition (see TextPartition for the files)."""
    part = taking_part(texts, decision)
    batch = TextBatch.from_arrow(text_column(texts))
    rows = np.flatnonzero(part)
    if len(rows) < len(batch):
        batch = batch.taken(rows)
    table = read_arrow(Path(texts))
    keys_of = weights = None
    if "key" in table.column_names:
        keys_of = TextBatch.from_arrow(column_array(table, "key")).taken(rows)
        weights = column_array(table, "weight").to_numpy()[rows]
    sketched(batch, rows, exact, near, keys_of, weights).write(Path(output))
