"""Writes one shard of a build's results: kept rows and the ledger of every row, from partitions.

A shard covers consecutive partitions in id order, so shards and the rows in them are sorted by id
without any sorting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from curate.assembly import (
    Partition,
    assembled,
    data_schema,
    ids_of_kept,
    ledger_schema,
    runs,
)
from curate.fingerprint import file_sha256
from curate.instructions.data import in_order
from curate.measure.pair.base import AnyMeasure
from curate.refine import Clock
from curate.rows import DOCUMENT, INSTRUCTION
from curate.storage import read_json, write_arrow, written

VERSION = 3

GROUP_ROWS = 4096
"""Rows of a row group at least, but for the last of a file: one costs as much to write and read for
ten rows as for thousands."""
_GROUPED_ROWS = 1 << 16
"""Rows that are counted by their words in one go."""
_WRITER = {
    "compression": "zstd",
    "compression_level": 1,
    "write_page_index": True,
    "data_page_size": 1 << 20,
    "store_schema": True,
}


class RowGroups:
    """Writes tables of one schema as row groups, those of few rows together."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        """The rows follow those before."""
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        """Writes what waits."""
        if self._rows:
            table = pa.concat_tables(self._waiting).unify_dictionaries().combine_chunks()
            self._writer.write_table(table, row_group_size=self._rows)
        self._waiting, self._rows = [], 0


@contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[RowGroups]:
    """A Parquet file that gets its name when the block ends."""
    words = [f.name for f in schema if pa.types.is_dictionary(f.type)]
    floats = [f.name for f in schema if pa.types.is_floating(f.type)]
    encoding = {"id": "DELTA_BYTE_ARRAY"}
    encoding |= dict.fromkeys(floats, "BYTE_STREAM_SPLIT")
    encoding |= {f.name: "DELTA_BINARY_PACKED" for f in schema if pa.types.is_integer(f.type)}
    with (
        written(path) as temporary,
        pq.ParquetWriter(
            temporary, schema, use_dictionary=words, column_encoding=encoding, **_WRITER
        ) as writer,
    ):
        groups = RowGroups(writer)
        yield groups
        groups.flush()


@contextmanager
def _compressed(path: Path) -> Iterator[IO[bytes]]:
    """A zstd file that gets its name when the block ends."""
    with written(path) as temporary, temporary.open("wb") as raw:
        with zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False) as sink:
            yield sink


def write_shard(
    members: list[int],
    listing: str,
    measures: list[AnyMeasure],
    folder: str,
    data: str,
    fates: str,
    jsonl: str | None = None,
    text: str | None = None,
    line_end: str = " ",
    others: pa.Schema | None = None,
    training: str | None = None,
) -> dict[str, Any]:
    """Task: writes one data shard and its ledger shard; returns counts and what was written.

    `listing` is the JSON file of all partitions, `members` the numbers of those in this shard.
    Paths of outputs are relative to `folder`. training: where the kept rows of instructions lie in
    their shuffled order, for the files made of all shards.
    """
    clock = Clock()
    root = Path(folder)
    partitions = [Partition(**entry) for entry in read_json(Path(listing))]
    fate_sums, label_sums = Sums(["bytes", "characters"]), Sums(["characters"])
    kept_span, read_span = Span(), Span()
    # A build of files without rows has one shard without partitions.
    nothing = DOCUMENT.name if training is None else INSTRUCTION.name
    schema = data_schema(partitions[members[0]].row_type if members else nothing)
    fates_schema = ledger_schema(measures, others)
    training_rows: list[pa.Table] = []
    with ExitStack() as files:
        data_file = files.enter_context(_parquet(root / data, schema))
        fates_file = files.enter_context(_parquet(root / fates, fates_schema))
        jsonl_file = files.enter_context(_compressed(root / jsonl)) if jsonl is not None else None
        text_file = files.enter_context(_compressed(root / text)) if text is not None else None
        chosen = [partitions[number] for number in members]
        kept_ids = ids_of_kept(chosen, partitions)
        for run in runs(chosen):
            tables = assembled(run, kept_ids, fates_schema)
            fate_sums.add(run[0].source, tables.counted)
            label_sums.add(run[0].source, tables.labels)
            if tables.training is not None:
                training_rows.append(tables.training)
            clock.lap("assemble shards")
            for kept in tables.kept:
                kept_span.add(kept)
                data_file.write(kept)
            clock.lap("write data")
            for fate in tables.fates:
                read_span.add(fate)
                fates_file.write(fate)
            clock.lap("write ledger")
            for kept in tables.kept:
                for sink, end in ((jsonl_file, None), (text_file, line_end)):
                    if sink is not None:
                        _write_lines(sink, kept, end)
            # What it maps and holds goes before the next run comes.
            del tables, kept, fate
            clock.lap("write text and checksums")
    if training is not None:
        write_arrow(root / training, in_order(training_rows))
    clock.lap("write data")
    outputs: list[dict[str, Any]] = [
        {"path": data, **asdict(kept_span)},
        {"path": fates, **asdict(read_span)},
        *({"path": path, "rows": kept_span.rows} for path in (jsonl, text) if path is not None),
    ]
    for output in outputs:
        path = root / output["path"]
        output |= {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
    clock.lap("write text and checksums")
    return {
        "outputs": outputs,
        "training": training,
        "fates": fate_sums.rows(),
        "labels": label_sums.rows(),
        "clock": dict(clock.seconds),
    }


class Sums:
    """Rows and sums of numbers by source and words, over many tables."""

    def __init__(self, numbers: list[str]) -> None:
        self.numbers = numbers
        self._sums: dict[tuple[str, ...], list[int]] = {}
        self._waiting: dict[str, list[pa.Table]] = {}
        self._rows = 0

    def add(self, source: str, table: pa.Table) -> None:
        """Counts in a table of `numbers` and columns of words (null counts as "")."""
        # Small tables are grouped together: one alone costs as much as thousands of rows.
        self._waiting.setdefault(source, []).append(table)
        self._rows += table.num_rows
        if self._rows >= _GROUPED_ROWS:
            self._group()

    def rows(self) -> list[list[Any]]:
        """Source, words, rows and sums, sorted."""
        self._group()
        return [[*key, *sums] for key, sums in sorted(self._sums.items())]

    def _group(self) -> None:
        for source, tables in self._waiting.items():
            table = pa.concat_tables(tables).unify_dictionaries()
            words = [name for name in table.column_names if name not in self.numbers]
            asked: list[Any] = [([], "count_all"), *[(n, "sum") for n in self.numbers]]
            for row in table.group_by(words).aggregate(asked).to_pylist():
                key = (source, *[row[word] or "" for word in words])
                new = [row["count_all"], *[row[f"{number}_sum"] or 0 for number in self.numbers]]
                old = self._sums.get(key, [0] * len(new))
                self._sums[key] = [a + b for a, b in zip(old, new, strict=True)]
        self._waiting, self._rows = {}, 0


@dataclass
class Span:
    """Rows, and the first and last id: which file holds an id is known without opening any."""

    rows: int = 0
    first: str | None = None
    last: str | None = None

    def add(self, table: pa.Table) -> None:
        """Counts in a table that follows those before."""
        if table.num_rows:
            ids_of = table.column("id")
            self.first = ids_of[0].as_py() if self.first is None else self.first
            self.last = ids_of[-1].as_py()
            self.rows += table.num_rows


def _write_lines(sink: IO[bytes], table: pa.Table, line_end: str | None) -> None:
    """Rows as JSON Lines (line_end None), or texts one a line."""
    for batch in table.to_batches(max_chunksize=4096):
        if line_end is None:
            sink.write(b"".join(orjson.dumps(r) + b"\n" for r in batch.to_pylist()))
            continue
        folded = pc.replace_substring(batch.column("text"), "\n", line_end)
        sink.write("".join(t + "\n" for t in folded.to_pylist()).encode())
