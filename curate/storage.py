"""The one seam through which stages touch files: whole files appear at once or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa

_BUFFER = 1 << 18


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` that becomes `path` when the block ends without an error.

    Two processes may write the same file at once: names differ, contents do not, the last wins.
    """
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


@contextmanager
def opened_for_writing(path: Path) -> Iterator[IO[bytes]]:
    """`written`, opened in binary and on disk before it gets its name."""
    with written(path) as temporary, temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file: UTF-8, indented, keys in the order given."""
    with opened_for_writing(path) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n")


def read_json(path: Path) -> Any:
    """The value of a JSON file."""
    return json.loads(path.read_bytes())


def write_arrow(path: Path, table: pa.Table | pa.RecordBatch) -> None:
    """Writes an intermediate as an uncompressed Arrow IPC file, mapped back without a copy."""
    # Buffered: a small partition has many columns of a few bytes, each a call to the system.
    with (
        written(path) as temporary,
        pa.output_stream(str(temporary), compression=None, buffer_size=_BUFFER) as sink,
    ):
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write(table)


def write_listing(path: Path, entries: list[dict[str, Any]]) -> None:
    """Writes a list for other tasks to read with `read_json`: without blanks, which long ones
    would spend their time on.
    """
    with opened_for_writing(path) as file:
        file.write(orjson.dumps(entries))


def column_array(table: pa.Table, name: str) -> pa.Array:
    """A column as one array, without a copy where it is one already."""
    column = table.column(name)
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def read_arrow(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Maps an Arrow IPC file into memory; columns not asked for are never touched."""
    # A file is a stream behind eight bytes. Read as one it needs no footer and no other thread,
    # which for a small partition is most of the cost.
    with pa.memory_map(str(path), "rb") as source:
        source.seek(8)
        table = pa.ipc.open_stream(source).read_all()
    return table.select(columns) if columns is not None else table
