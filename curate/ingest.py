"""From published files to typed rows in partitions of a fixed size, once per file.

A partition is closed by the row that brings it to `PARTITION_BYTES` of text or `PARTITION_ROWS`
rows, whatever the batches of the adapter were: partitions depend on the file alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.rows import INSTRUCTION, RowType
from curate.storage import read_json, write_arrow, written
from sources.adapter import Adapter, SourceError, Unit

VERSION = 1
PARTITION_BYTES = 4 << 20
PARTITION_ROWS = 1 << 15
INDEX = "index.json"


def partition_path(folder: Path, number: int) -> Path:
    """Where partition `number` (from 0) of a unit lies."""
    return folder / f"part-{number:06d}.arrow"


def _row_bytes(batch: pa.RecordBatch, kind: RowType) -> NDArray[np.int64]:
    """Bytes of text in every row, int64 [n]."""
    total = np.zeros(batch.num_rows, np.int64)
    for field in kind.fields:
        column = batch.column(field)
        offsets = np.frombuffer(column.buffers()[1], np.int64)
        total += np.diff(offsets[column.offset : column.offset + len(column) + 1])
    for field in kind.nested:
        total += _nested_bytes(batch.column(field))
    return total


def _nested_bytes(column: pa.LargeListArray) -> NDArray[np.int64]:
    """Bytes of text in every row of a column of lists of records of text, int64 [n]."""
    ends = np.frombuffer(column.buffers()[1], np.int64)
    ends = ends[column.offset : column.offset + len(column) + 1]
    records = column.values
    sums = np.zeros(len(records) + 1, np.int64)
    for texts in records.flatten():
        sums[1:] += np.cumsum(pc.binary_length(texts).to_numpy(zero_copy_only=False))
    return np.diff(sums[ends])


def partitions(
    batches: Iterator[pa.RecordBatch], kind: RowType, row_limit: int | None = None
) -> Iterator[pa.Table]:
    """Tables of whole rows in order, cut at the fixed sizes, at most `row_limit` rows in all."""
    pending: list[pa.RecordBatch] = []
    pending_bytes = pending_rows = seen = 0
    for batch in batches:
        if row_limit is not None:
            batch = batch.slice(0, row_limit - seen)
        seen += batch.num_rows
        while batch.num_rows:
            sums = np.cumsum(_row_bytes(batch, kind))
            # The first row that fills the partition belongs to it.
            by_bytes = int(np.searchsorted(sums, PARTITION_BYTES - pending_bytes)) + 1
            take = min(by_bytes, PARTITION_ROWS - pending_rows, batch.num_rows)
            pending.append(batch.slice(0, take))
            pending_bytes += int(sums[take - 1])
            pending_rows += take
            batch = batch.slice(take)
            if pending_bytes >= PARTITION_BYTES or pending_rows >= PARTITION_ROWS:
                yield pa.Table.from_batches(pending).combine_chunks()
                pending, pending_bytes, pending_rows = [], 0, 0
        if row_limit is not None and seen >= row_limit:
            break
    if pending:
        yield pa.Table.from_batches(pending).combine_chunks()


def _readable(adapter: Adapter, unit: Unit) -> Iterator[pa.RecordBatch]:
    """The adapter's batches; a file that cannot be read on ends with a quarantined row."""
    last = 0
    try:
        for batch in adapter.read(unit):
            if batch.num_rows:
                last = batch.column("row")[batch.num_rows - 1].as_py()
            yield batch
    except SourceError as error:
        kind = adapter.row_type
        yield from quarantined_row(kind, last + 1, "unreadable", str(error)[:200]).to_batches()


class Made(Protocol):
    """Makes other rows of those read; see `curate.instructions.making`."""

    def made(self, table: pa.Table, unit: str) -> pa.Table:
        """What the rows of a partition become."""

    def fingerprint(self) -> list[Any]:
        """Everything that decides what is made."""


def ingest(
    adapter: Adapter, unit: Unit, folder: str, row_limit: int | None, making: Made | None = None
) -> Iterator[dict[str, int]]:
    """Task: writes the unit's partitions and then its index; yields each partition's number.

    Yields {"partition", "rows", "bytes"} as partitions appear and ends with {"partitions": n}.
    """
    root = Path(folder)
    sizes: list[dict[str, int]] = []
    kind = adapter.row_type
    made_kind = kind if making is None else INSTRUCTION
    expected_row = 1
    for number, table in enumerate(partitions(_readable(adapter, unit), kind, row_limit)):
        table = table.cast(kind.schema)
        expected_row = _checked_order(table, expected_row, unit)
        if making is not None:
            table = making.made(table, unit.name).combine_chunks()
        size = sum(int(_row_bytes(b, made_kind).sum()) for b in table.to_batches())
        write_arrow(partition_path(root, number), table)
        sizes.append({"rows": table.num_rows, "bytes": size})
        yield {"partition": number, **sizes[-1]}
    _write_index(root, sizes)
    yield {"partitions": len(sizes)}


def quarantined_row(kind: RowType, row: int, reason: str, detail: str) -> pa.Table:
    """A table of one row that could not be read."""
    values = {"row": row, "quarantine": reason, "detail": detail, **kind.empty()}
    return pa.Table.from_pylist([values], schema=kind.schema)


def reject(
    adapter: Adapter, reason: str, detail: str, folder: str, making: Made | None = None
) -> Iterator[dict[str, int]]:
    """Task: stands for a file that was refused whole, as one quarantined row."""
    root = Path(folder)
    row = quarantined_row(adapter.row_type, 1, reason, detail)
    write_arrow(partition_path(root, 0), row if making is None else making.made(row, ""))
    sizes = {"rows": 1, "bytes": 0}
    _write_index(root, [sizes])
    yield {"partition": 0, **sizes}
    yield {"partitions": 1}


def _checked_order(table: pa.Table, expected: int, unit: Unit) -> int:
    """Refuses rows that are missing, repeated or out of order; returns the next expected number."""
    rows = table.column("row").to_numpy()
    if len(rows) and (rows[0] < expected or np.any(np.diff(rows) <= 0)):
        raise AssertionError(f"adapter returned rows of {unit.name} out of order near {expected}")
    return int(rows[-1]) + 1 if len(rows) else expected


def _write_index(root: Path, sizes: list[dict[str, int]]) -> None:
    # Not forced to the disk, which would be waited for once a file: partitions are not either, and
    # an index that does not read well is as good as none.
    with written(root / INDEX) as temporary:
        temporary.write_bytes(orjson.dumps({"partitions": sizes}))


def ingested(folder: Path) -> list[dict[str, int]] | None:
    """Sizes of the partitions of a unit that is complete, or None."""
    try:
        sizes: list[dict[str, int]] = read_json(folder / INDEX)["partitions"]
    except (FileNotFoundError, ValueError):
        return None
    whole = all(partition_path(folder, number).exists() for number in range(len(sizes)))
    return sizes if whole else None
