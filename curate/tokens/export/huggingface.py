"""A Hugging Face dataset in Parquet: `input_ids`, `labels`, `position_ids`, `seq_lengths` by row.

`datasets.load_dataset("parquet", data_dir=...)` reads it. Rows hold no padding; positions restart
with every document, and `seq_lengths` are the documents' tokens: TRL's padding-free collator takes
boundaries from these and makes positions of its own. Labels are -100 where nothing is learnt;
models shift labels themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curate.tokens.export.folder import new_folder
from curate.tokens.format.reader import Shards
from curate.tokens.loader import Loader

IGNORED = -100

SCHEMA = pa.schema(
    [
        (name, pa.list_(pa.int32()))
        for name in ("input_ids", "labels", "position_ids", "seq_lengths")
    ]
)

ROWS_PER_GROUP = 256


def write_huggingface(shards: Shards, out: Path, advance: Callable[[int], None]) -> dict[str, Any]:
    """Writes the split, a Parquet file a part."""
    loader = Loader(shards)
    tokens = 0
    per_part = shards.split.rows_per_part
    split = shards.name.replace("/", "-")
    with new_folder(out) as folder:
        for number, part in enumerate(shards.split.parts):
            path = folder / f"{split}-{number:05d}-of-{len(shards.parts):05d}.parquet"
            with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
                for begin in range(0, part.rows, ROWS_PER_GROUP):
                    end = min(begin + ROWS_PER_GROUP, part.rows)
                    table = _table(shards, loader, number * per_part + np.arange(begin, end))
                    writer.write_table(table)
                    tokens += len(table["input_ids"].combine_chunks().values)
                    advance(end - begin)
    return {"rows": len(shards), "tokens": tokens}


def _table(shards: Shards, loader: Loader, rows: Any) -> pa.Table:
    batch = loader.batch(rows)
    segments = [shards.segments(int(row)) for row in rows]
    filled = np.array([found[-1].end for found in segments])
    real = np.arange(shards.index.seq_length)[None, :] < filled[:, None]
    labels = np.where(batch.mask, batch.tokens, IGNORED)
    sizes = [s.end - s.begin for found in segments for s in found]
    columns = [
        *(_lists(values[real], filled) for values in (batch.tokens, labels, batch.positions)),
        _lists(np.array(sizes), np.array([len(found) for found in segments])),
    ]
    return pa.table(columns, schema=SCHEMA)


def _lists(values: NDArray[Any], counts: NDArray[Any]) -> pa.Array:
    offsets = pa.array(np.append(0, np.cumsum(counts)).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(values.astype(np.int32)))
