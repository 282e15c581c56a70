"""CSV and TSV with the text in columns given by name or number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import numpy as np
import orjson
import pyarrow as pa
from pydantic import Field

from sources.adapter import InputFile, SourceError
from sources.columns import TEXT_FIELDS, FieldAdapter
from sources.delimited import Table, sample_records, tables
from sources.lines import Lines
from sources.rowbatch import batch
from sources.sniff import Content, has_header, width_of
from sources.stream import Bad


class Csv(FieldAdapter):
    """Delimited text, with a header line or without.

    `text`, `zh` and `en` name columns of the header or of `columns`, or count them from 0.
    """

    name = "csv"
    version: ClassVar[int] = 1

    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """The character between columns: found by content among tab, comma, semicolon and bar."""
    header: bool | Literal["auto"] = "auto"
    """Whether the first record names the columns."""
    columns: list[str] | None = None
    """Names for the columns of a file without a header."""
    quoting: bool | None = None
    """Whether quotes protect delimiters and line ends (RFC 4180): on, except between tabs."""

    def rows(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        """A record a row, the header not counted. Raises SourceError if a column is not there."""
        if found.format in ("parquet", "jsonl", "json_array", "json_objects"):
            other = "parquet" if found.format == "parquet" else "jsonl"
            raise self.wrong_format(file, found, f"use the `{other}` adapter")
        delimiter = self.delimiter or found.delimiter
        quoting = delimiter != "\t" if self.quoting is None else self.quoting
        records = sample_records(found.sample, delimiter, quoting)
        header = self._header(records)
        names = self._names(file, records, header)
        chosen = self._chosen(file, names, records[1:] if header else records)
        rest = self._rest(file, names, chosen, header)
        for table in tables(
            self.blocks(file, found), delimiter, quoting, len(names), self.max_row, header
        ):
            yield self._batch(table, chosen, rest)

    def _header(self, records: list[list[str]]) -> bool:
        if self.header != "auto":
            return self.header
        if self.columns is not None:
            return bool(records) and records[0] == self.columns
        named = {n for fields in self.wanted for n in fields if not n.isdecimal()}
        if named and records and named <= {cell.strip() for cell in records[0]}:
            return True
        return has_header(records)

    def _names(self, file: InputFile, records: list[list[str]], header: bool) -> list[str]:
        if self.columns is not None:
            return self.columns
        if header and records:
            return [cell.strip() for cell in records[0]]
        return [str(i) for i in range(width_of(records))]

    def _chosen(
        self, file: InputFile, names: list[str], records: list[list[str]]
    ) -> list[list[int]]:
        wanted: Sequence[Sequence[str]] = self.wanted
        if not wanted:
            wanted = [[_text_column(file, names, records)]]
        return [[self._index(file, names, field) for field in fields] for fields in wanted]

    def _index(self, file: InputFile, names: list[str], field: str) -> int:
        if field in names:
            return names.index(field)
        if field.isdecimal() and int(field) < len(names):
            return int(field)
        raise SourceError(
            f"{file.name} has no column {field!r}; its columns are {', '.join(names)}"
            " (without a header they are counted from 0)"
        )

    def _rest(
        self, file: InputFile, names: list[str], chosen: list[list[int]], header: bool
    ) -> list[tuple[str, int]]:
        if self.meta is not None:
            return [(name, self._index(file, names, name)) for name in self.meta]
        if not header and self.columns is None:
            return []
        used = {i for indices in chosen for i in indices}
        return [(name, i) for i, name in enumerate(names) if i not in used]

    def _batch(
        self, table: Table, chosen: list[list[int]], rest: list[tuple[str, int]]
    ) -> pa.RecordBatch:
        bad = dict(table.bad)
        arrays = []
        for indices in chosen:
            columns = [_taken(table, i, bad) for i in indices]
            arrays.append(columns[0] if len(columns) == 1 else _joined(columns, self.join))
        meta = _meta([(name, _taken(table, i, bad)) for name, i in rest], bad) if rest else None
        return batch(self.row_type, table.first, arrays, bad, meta)


class Tsv(Csv):
    """Tab-separated text without quoting, unless the options say otherwise."""

    name = "tsv"

    delimiter: str | None = Field(default="\t", min_length=1, max_length=1)
    """The character between columns."""


def _text_column(file: InputFile, names: list[str], records: list[list[str]]) -> str:
    """The column taken for the text: by name, or the only one."""
    lower = [name.lower() for name in names]
    for candidate in TEXT_FIELDS:
        if candidate in lower:
            return names[lower.index(candidate)]
    if len(names) == 1:
        return names[0]
    raise SourceError(
        f"{file.name}: which column is the text? Give `text:` one or more of {', '.join(names)}"
    )


def _taken(table: Table, index: int, bad: dict[int, Bad]) -> pa.Array:
    column: Lines = table.column(index)
    for i, why in column.bad.items():
        bad.setdefault(i, Bad(why.reason, f"column {index + 1}: {why.detail}"))
    return column.array()


def _joined(columns: list[pa.Array], join: str) -> pa.Array:
    lists = zip(*(column.to_pylist() for column in columns), strict=True)
    return pa.array([join.join(filter(None, texts)) for texts in lists], pa.large_string())


def _meta(columns: list[tuple[str, pa.Array]], bad: dict[int, Bad]) -> pa.Array:
    names = [name for name, _ in columns]
    rows = zip(*(column.to_pylist() for _, column in columns), strict=True)
    metas = [orjson.dumps(dict(zip(names, row, strict=True))) for row in rows]
    keep = np.ones(len(metas), bool)
    keep[list(bad)] = False
    return pa.array(
        [m if k else None for m, k in zip(metas, keep.tolist(), strict=True)], pa.string()
    )
