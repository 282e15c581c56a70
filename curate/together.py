"""Small partitions worked on as one table: a step costs as much for ten rows as for thousands."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from curate.storage import write_arrow


def laid_together(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of tables of one schema, as columns of one chunk each."""
    if len(tables) == 1:
        return tables[0].combine_chunks()
    return pa.concat_tables(tables).combine_chunks()


def write_apart(paths: Sequence[str], rows: Sequence[int], table: pa.Table) -> None:
    """Writes the first rows[0] rows to the first path, the next rows[1] to the second, ..."""
    # One batch, so that each file has its rows in one batch as well.
    [batch] = table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], table.schema)]
    ends = [0, *itertools.accumulate(rows)]
    for path, begin, end in zip(paths, ends, ends[1:], strict=False):
        write_arrow(Path(path), batch.slice(begin, end - begin))
