"""The files documents are read from: a build's data shards, or stretches of a JSON Lines file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curate.instructions.data import VALID
from curate.tokens.example import BadExample, example
from curate.tokens.prompts import Format, Piece

TEXTS_PER_BATCH = 2048
"""Text documents that go to the tokenizer in one call."""
BATCH_CHARACTERS = 1 << 20
"""Characters of examples that go to the tokenizer in one call."""
LINES_BYTES = 32 << 20
"""Bytes of a JSON Lines file that make an entry; a longer line makes a longer one."""


@dataclass(frozen=True)
class DataFile:
    """What becomes one entry: a file of documents, or a stretch of it."""

    path: str
    name: str
    """As index and ledger name it: relative to the build, or the JSON Lines file's name."""
    sha256: str
    label: str
    """First part of the ids of JSON Lines rows."""
    begin: int = 0
    end: int = 0
    """Bytes of the stretch; 0 and 0 for all of a Parquet file."""
    first_row: int = 0


def stretches(path: Path, sha256: str, label: str) -> list[DataFile]:
    """A JSON Lines file cut at line ends into stretches of about LINES_BYTES."""
    found = []
    size = path.stat().st_size
    begin = row = 0
    with path.open("rb") as file:
        while begin < size:
            file.seek(begin)
            block = file.read(LINES_BYTES)
            lines = block.count(b"\n")
            end = begin + len(block)
            if not block.endswith(b"\n"):
                rest = file.readline()
                end += len(rest)
                lines += 1
            found.append(DataFile(str(path), path.name, sha256, label, begin, end, row))
            begin, row = end, row + lines
    return found


def text_batches(path: Path) -> Iterator[tuple[pa.Array, pa.Array, pa.Array, pa.Array]]:
    """(ids, sources, rows from 0, texts) of a build's data shard."""
    begin = 0
    with pq.ParquetFile(path, read_dictionary=["source"]) as file:
        columns = ["id", "source", "text"]
        for batch in file.iter_batches(batch_size=TEXTS_PER_BATCH, columns=columns):
            rows = pa.array(np.arange(begin, begin + len(batch)))
            begin += len(batch)
            ids, sources, texts = (batch.column(name) for name in columns)
            yield ids, sources, rows, texts


@dataclass(frozen=True)
class ExampleRow:
    """An instruction, rendered, or why it is none."""

    id: str
    source: str
    row: int
    pieces: list[Piece]
    reason: str | None
    repeats: int
    """How often the build has it in its training files."""
    valid: bool
    """Whether the build has it for validation."""


def example_batches(file: DataFile, render: Format) -> Iterator[list[ExampleRow]]:
    """Instructions of a data shard or stretch, in batches of about BATCH_CHARACTERS."""
    batch: list[ExampleRow] = []
    size = 0
    # In a file of lines each line is a row for training: what is repeated is there repeatedly.
    records = (
        ((*line, 1, False) for line in _lines(file)) if file.end else _records(Path(file.path))
    )
    for name, source, row, content, repeats, valid in records:
        pieces: list[Piece] = []
        reason = None
        try:
            if isinstance(content, BadExample):
                raise content
            pieces = render(example(content))
        except BadExample as error:
            reason = error.reason
        batch.append(ExampleRow(name, source, row, pieces, reason, repeats, valid))
        size += sum(len(piece.text) for piece in pieces)
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _records(path: Path) -> Iterator[tuple[str, str, int, Any, int, bool]]:
    row = 0
    with pq.ParquetFile(path) as file:
        drawn = [c for c in ("repeats", "split") if c in file.schema_arrow.names]
        optional = [c for c in ("input", "history", "system") if c in file.schema_arrow.names]
        fields = ["instruction", "output", *optional]
        for batch in file.iter_batches(batch_size=8192, columns=["id", "source", *fields, *drawn]):
            ids, sources = batch.column("id").to_pylist(), batch.column("source").to_pylist()
            contents = batch.select(fields).to_pylist()
            own = batch.select(drawn).to_pylist() if drawn else [{}] * len(ids)
            for name, source, content, fate in zip(ids, sources, contents, own, strict=True):
                valid = fate.get("split") == VALID
                yield name, source, row, content, fate.get("repeats", 1), valid
                row += 1


def _lines(file: DataFile) -> Iterator[tuple[str, str, int, Any]]:
    row = file.first_row
    with Path(file.path).open("rb") as stream:
        stream.seek(file.begin)
        at = file.begin
        while at < file.end:
            line = stream.readline()
            at += len(line)
            content: Any
            try:
                content = orjson.loads(line.strip().removeprefix(b"\xef\xbb\xbf"))
                if not isinstance(content, dict):
                    content = BadExample("not_an_object")
            except orjson.JSONDecodeError:
                content = BadExample("bad_json" if line.strip() else "empty_line")
            source = content.get("source") if isinstance(content, dict) else None
            yield (
                f"{file.label}/{file.name}#{row + 1:09d}",
                source if isinstance(source, str) and source else file.label,
                row,
                content,
            )
            row += 1
