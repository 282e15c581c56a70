"""From published files to typed rows in partitions of a fixed size, once per file.

A partition is closed by the row that brings it to `PARTITION_BYTES` of text or `PARTITION_ROWS`
rows, whatever the batches of the adapter were: partitions depend on the files alone. Small files of
a source are read together (`curate.plan.bundles`), and their rows share partitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.rows import FILE, INSTRUCTION, RowType
from curate.storage import read_json, write_arrow, written
from sources.adapter import Adapter, SourceError, Unit
from sources.archive import Rejected

VERSION = 2
PARTITION_BYTES = 4 << 20
PARTITION_ROWS = 1 << 15
INDEX = "index.json"


def partition_path(folder: Path, number: int) -> Path:
    """Where partition `number` (from 0) of a bundle lies."""
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


def first_rows(
    batches: Iterator[pa.RecordBatch], row_limit: int | None
) -> Iterator[pa.RecordBatch]:
    """The batches up to so many rows in all."""
    left = row_limit
    for batch in batches:
        if left is not None:
            batch = batch.slice(0, left)
            left -= batch.num_rows
        yield batch
        if left == 0:
            return


def partitions(batches: Iterator[pa.RecordBatch], kind: RowType) -> Iterator[pa.Table]:
    """Tables of whole rows in order, cut at the fixed sizes."""
    pending: list[pa.RecordBatch] = []
    pending_bytes = pending_rows = 0
    for batch in batches:
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
        yield quarantined_row(kind, last + 1, "unreadable", str(error)[:200])


def numbered(
    adapter: Adapter, members: Sequence[Unit | Rejected], row_limit: int | None
) -> Iterator[pa.RecordBatch]:
    """The rows of the members one after the other, at most `row_limit` of each, with the numbers of
    their members.
    """
    kind = adapter.row_type
    schema = kind.schema.append(FILE)
    for number, member in enumerate(members):
        if isinstance(member, Rejected):
            batches = iter([quarantined_row(kind, 1, member.reason, member.detail)])
        else:
            batches = first_rows(_readable(adapter, member), row_limit)
        for batch in batches:
            if batch.schema != kind.schema:
                batch = batch.cast(kind.schema)
            file = pa.array(np.full(batch.num_rows, number, np.int32))
            yield pa.RecordBatch.from_arrays([*batch.columns, file], schema=schema)


class Made(Protocol):
    """Makes other rows of those read; see `curate.instructions.making`."""

    def made(self, table: pa.Table, names: Sequence[str]) -> pa.Table:
        """What the rows of a partition become; `names` are those of its files."""

    def fingerprint(self) -> list[Any]:
        """Everything that decides what is made."""


def ingest(
    adapter: Adapter,
    members: Sequence[Unit | Rejected],
    folder: str,
    row_limit: int | None,
    making: Made | None = None,
) -> Iterator[dict[str, int]]:
    """Task: reads units of one source one after the other, writes their partitions and then an
    index; yields each partition's number.

    Of a member that was refused there is one quarantined row. row_limit: rows of a unit, at most.
    Yields {"partition", "rows", "bytes"} as partitions appear and ends with {"partitions": n}.
    """
    root = Path(folder)
    sizes: list[dict[str, int]] = []
    kind = adapter.row_type
    made_kind = kind if making is None else INSTRUCTION
    names = [member.name for member in members]
    last = (0, 0)
    for number, table in enumerate(partitions(numbered(adapter, members, row_limit), kind)):
        last = _checked_order(table, last, names)
        if making is not None:
            table = making.made(table, names).combine_chunks()
        size = sum(int(_row_bytes(b, made_kind).sum()) for b in table.to_batches())
        write_arrow(partition_path(root, number), table)
        sizes.append({"rows": table.num_rows, "bytes": size})
        yield {"partition": number, **sizes[-1]}
    _write_index(root, sizes)
    yield {"partitions": len(sizes)}


def quarantined_row(kind: RowType, row: int, reason: str, detail: str) -> pa.RecordBatch:
    """One row that could not be read."""
    values = {"row": row, "quarantine": reason, "detail": detail, **kind.empty()}
    return pa.RecordBatch.from_pylist([values], schema=kind.schema)


def _checked_order(table: pa.Table, last: tuple[int, int], names: Sequence[str]) -> tuple[int, int]:
    """Refuses rows that are missing, repeated or out of order; file and row of the last one.

    last: those of the last row before.
    """
    file = np.concatenate([[last[0]], table.column(FILE.name).to_numpy()])
    row = np.concatenate([[last[1]], table.column("row").to_numpy()])
    # Rows of a file ascend, and the first is 1 or more.
    before = np.where(file[1:] == file[:-1], row[:-1], 0)
    wrong = np.flatnonzero((row[1:] <= before) | (file[1:] < file[:-1]))
    if len(wrong):
        at = int(wrong[0]) + 1
        raise AssertionError(
            f"adapter returned rows of {names[int(file[at])]} out of order near {int(row[at])}"
        )
    return int(file[-1]), int(row[-1])


def _write_index(root: Path, sizes: list[dict[str, int]]) -> None:
    # Not forced to the disk, which would be waited for once a file: partitions are not either, and
    # an index that does not read well is as good as none.
    with written(root / INDEX) as temporary:
        temporary.write_bytes(orjson.dumps({"partitions": sizes}))


def ingested(folder: Path) -> list[dict[str, int]] | None:
    """Sizes of the partitions of a bundle that is complete, or None."""
    try:
        sizes: list[dict[str, int]] = read_json(folder / INDEX)["partitions"]
    except (FileNotFoundError, ValueError):
        return None
    whole = all(partition_path(folder, number).exists() for number in range(len(sizes)))
    return sizes if whole else None
