"""The ledger: what became of every row a build read.

One Parquet row per input row, sorted by id. Columns up to `detail` are the same for every build;
one column per measure follows.
"""

from __future__ import annotations

import pyarrow as pa

VERSION = 1

KEPT = "kept"
DROPPED = "dropped"
QUARANTINED = "quarantined"

_WORD = pa.dictionary(pa.int32(), pa.string())

DUPLICATE_STAGES = ("exact", "near", "sides")
"""Stages at which a row goes for another that is kept and named in `duplicate_of`."""

COLUMNS = pa.schema(
    [
        # `source/file#row`; rows count from 1, padded so that ids sort as the source does.
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", _WORD, nullable=False),
        pa.field("file", _WORD, nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        # kept | dropped | quarantined
        pa.field("status", _WORD, nullable=False),
        # ingest | decide | exact | near | sides; null for kept rows
        pa.field("stage", _WORD),
        pa.field("reason", _WORD),
        # What was measured, as `column=value`, and the bound it missed.
        pa.field("measure", pa.string()),
        pa.field("limit", _WORD),
        # Id of the kept row this one duplicates, and their similarity (1 for exact duplicates
        # and equal sides).
        pa.field("duplicate_of", pa.string()),
        pa.field("similarity", pa.float32()),
        # Names of the rewrite steps that changed the row, in order, joined by a space.
        pa.field("rewrites", _WORD),
        # UTF-8 bytes of text as read.
        pa.field("bytes", pa.int64()),
        # What was seen of a quarantined row.
        pa.field("detail", pa.string()),
    ]
)
