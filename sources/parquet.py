"""Parquet files with the text in named columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sources.adapter import InputFile, SourceError
from sources.columns import FieldAdapter
from sources.lines import checked
from sources.rowbatch import batch, path_of, quarantined
from sources.sniff import Content
from sources.stream import BLOCK, Bad, too_long


class Parquet(FieldAdapter):
    """Parquet with the text in named columns (`text` unless said otherwise)."""

    name = "parquet"
    version: ClassVar[int] = 1

    def rows(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        """A row a row. Raises SourceError if a column is not there or holds no text."""
        if found.format != "parquet":
            raise self.wrong_format(file, found, "use the adapter of that format, or `hub`")
        yield from parquet_rows(self, file, self.wanted or [["text"]])


def parquet_rows(
    adapter: FieldAdapter, file: InputFile, wanted: list[list[str]]
) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file under an adapter's options. A damaged file gives what can be read
    and one row for the rest.
    """
    try:
        source = pq.ParquetFile(file.path)
    except (pa.ArrowException, OSError) as error:
        why = f"not readable as Parquet, most often because it was cut short: {error}"
        yield quarantined(adapter.row_type, 1, Bad("truncated", why))
        return
    with source:
        names = source.schema_arrow.names
        for fields in wanted:
            for field in fields:
                _check(file, source.schema_arrow, field)
        meta = adapter.meta
        columns = None
        if meta is not None:
            used = [path_of(f)[0] for fields in wanted for f in fields]
            columns = [n for n in names if n in {*used, *(path_of(f)[0] for f in meta)}]
        row = 1
        batches = source.iter_batches(batch_size=_batch_rows(source), columns=columns)
        while True:
            try:
                part = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                left = source.metadata.num_rows - row + 1
                why = f"{left} rows from here on cannot be read: {error}"
                yield quarantined(adapter.row_type, row, Bad("corrupt", why))
                return
            if part is None:
                return
            for start in range(0, len(part), _batch_rows(source)):
                piece = part.slice(start, _batch_rows(source))
                yield _rows(adapter, piece, wanted, row)
                row += len(piece)


def _batch_rows(source: pq.ParquetFile) -> int:
    """Rows that make about a block of text."""
    meta = source.metadata
    size = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
    return int(min(max(meta.num_rows * BLOCK // max(size, 1), 64), 1 << 16))


def _check(file: InputFile, schema: pa.Schema, field: str) -> None:
    path = path_of(field)
    kind: Any = None
    names = schema.names
    if path[0] in names:
        kind = schema.field(path[0]).type
        for key in path[1:]:
            index = kind.get_field_index(key) if pa.types.is_struct(kind) else -1
            kind = kind.field(index).type if index >= 0 else None
            if kind is None:
                break
    if kind is None:
        raise SourceError(f"{file.name} has no column {field!r}; its columns: {', '.join(names)}")
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_null,
        )
    ):
        raise SourceError(f"{file.name}: column {field!r} is {kind}, not text")


def _rows(
    adapter: FieldAdapter, part: pa.RecordBatch, wanted: list[list[str]], row: int
) -> pa.RecordBatch:
    bad: dict[int, Bad] = {}
    arrays = []
    for fields in wanted:
        columns = [_text(part, field, bad, len(fields) > 1) for field in fields]
        arrays.append(columns[0] if len(columns) == 1 else _joined(columns, adapter.join))
        lengths = pc.binary_length(arrays[-1])
        for i in np.flatnonzero(np.asarray(lengths) > adapter.max_row).tolist():
            bad.setdefault(i, too_long("a text", int(lengths[i]), adapter.max_row))
    return batch(adapter.row_type, row, arrays, bad, _meta(adapter, part, wanted, bad))


def _text(part: pa.RecordBatch, field: str, bad: dict[int, Bad], optional: bool) -> pa.Array:
    path = path_of(field)
    column = part.column(path[0])
    for key in path[1:]:
        column = pc.struct_field(column, key)
    column = column.cast(pa.large_string())
    if column.null_count:
        if not optional:
            for i in np.flatnonzero(np.asarray(column.is_null())).tolist():
                bad.setdefault(i, Bad("not_text", f"{field!r} is null, not text"))
        column = column.fill_null("")
    if not len(column):
        return column
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    view = np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)
    run = checked(1, view[starts[0] : starts[-1]], starts - starts[0])
    for i, why in run.bad.items():
        bad.setdefault(i, Bad(why.reason, f"{field!r}: {why.detail}"))
    return run.array()


def _joined(columns: list[pa.Array], join: str) -> pa.Array:
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    return pa.array([join.join(filter(None, texts)) for texts in rows], pa.large_string())


def _meta(
    adapter: FieldAdapter, part: pa.RecordBatch, wanted: list[list[str]], bad: dict[int, Bad]
) -> pa.Array | None:
    used = {f for fields in wanted for f in fields}
    if adapter.meta is not None:
        keep = [path_of(field) for field in adapter.meta]
        names = list(dict.fromkeys(path[0] for path in keep))
    else:
        keep = []
        names = [n for n in part.schema.names if n not in used and not _only(part, n, used)]
    names = [name for name in names if name in part.schema.names]
    if not names:
        return None
    metas: list[bytes | None] = []
    option = orjson.OPT_NON_STR_KEYS
    for i, record in enumerate(_records(part.select(names), bad)):
        if keep:
            record = {".".join(path): _reached(record, path) for path in keep}
        metas.append(None if i in bad else orjson.dumps(record, default=str, option=option))
    return pa.array(metas, pa.string())


def _records(part: pa.RecordBatch, bad: dict[int, Bad]) -> list[dict[str, Any]]:
    """The rows as objects; those with strings that are not UTF-8 become bad."""
    try:
        return list(part.to_pylist())
    except UnicodeDecodeError:
        records: list[dict[str, Any]] = []
        for i in range(len(part)):
            try:
                records += part.slice(i, 1).to_pylist()
            except UnicodeDecodeError as error:
                bad.setdefault(i, Bad("bad_utf8", f"a field beside the text: {error}"))
                records.append({})
        return records


def _only(part: pa.RecordBatch, name: str, used: set[str]) -> bool:
    """Whether all of a struct column is text of the rows."""
    kind = part.schema.field(name).type
    return pa.types.is_struct(kind) and all(f"{name}.{f.name}" in used for f in kind)


def _reached(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
