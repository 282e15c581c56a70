"""What the adapters of files share: the options every format has, and the common reading of a
unit, in which a file that is no data becomes a row that says so.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
from pydantic import Field, field_validator

from curate.rows import RowType
from sources.adapter import Adapter, InputFile, SourceError, Unit
from sources.flatjson import FlatKeys
from sources.inputs import is_data
from sources.jsonarray import array_values, object_values
from sources.jsonlines import Values, line_values
from sources.linerows import line_rows
from sources.lines import Lines
from sources.rowbatch import Picker, batch, quarantined
from sources.sniff import Content, content
from sources.stream import Blocks

JSON_FORMATS = frozenset({"jsonl", "json_array", "json_objects"})


class FileAdapter(Adapter):
    """An adapter whose units are read file by file after a look at their content."""

    encoding: str | None = None
    """Encoding of text files, a Python codec name; decided by content when not given."""
    max_row_mb: int = Field(default=64, ge=1, le=4096)
    """Longest row, in MB of source text; longer ones are quarantined as `too_long`."""

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                codecs.lookup(value)
            except LookupError:
                raise ValueError(f"{value!r} is no encoding that Python knows") from None
        return value

    @property
    def max_row(self) -> int:
        """The longest row in bytes."""
        return self.max_row_mb << 20

    def units(self, files: Sequence[InputFile]) -> list[Unit]:
        """A unit a file."""
        if len(files) > 1:
            files = [file for file in files if is_data(file.name)]
        return super().units(files)

    def read(self, unit: Unit) -> Iterator[pa.RecordBatch]:
        """Every row of the unit; a file that holds no data is one quarantined row."""
        file = unit.files[0]
        found = self.look(file)
        if found.problem is not None:
            yield quarantined(self.row_type, 1, found.problem)
        elif found.format != "empty":
            yield from self.rows(file, found)

    def look(self, file: InputFile) -> Content:
        """What a file holds. Raises SourceError if it cannot be opened."""
        try:
            return content(file.path, self.encoding)
        except OSError as error:
            raise SourceError(f"cannot read {file.name}: {error.strerror or error}") from None

    def rows(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        """The rows of one file that holds data."""
        raise NotImplementedError

    def blocks(self, file: InputFile, found: Content) -> Blocks:
        """The file's text."""
        return Blocks(file.path, found.encoding)

    def values(
        self, file: InputFile, found: Content, flat: FlatKeys | None = None
    ) -> Iterator[Values]:
        """The records of a JSON file; those that look like `flat` taken apart."""
        read = {"jsonl": line_values, "json_array": array_values, "json_objects": object_values}
        return read[found.format](self.blocks(file, found), self.max_row, flat)

    def json_rows(
        self, file: InputFile, found: Content, picker: Picker
    ) -> Iterator[pa.RecordBatch]:
        """The rows that a picker makes of the records of a JSON file."""
        if found.format == "jsonl" and picker.flat_keys:
            yield from line_rows(self.row_type, self.blocks(file, found), self.max_row, picker)
            return
        for run in self.values(file, found):
            yield picker.batch(self.row_type, run)

    def wrong_format(self, file: InputFile, found: Content, instead: str) -> SourceError:
        """The error for a file that another adapter is for."""
        kind = {
            "jsonl": "JSON Lines",
            "json_array": "a JSON array",
            "json_objects": "JSON objects",
            "parquet": "Parquet",
            "sgml": "SGML or XML",
        }.get(found.format, found.format)
        return SourceError(f"{file.name} is {kind}, which {self.name} does not read; {instead}")


def line_batches(kind: RowType, runs: Iterable[Lines]) -> Iterator[pa.RecordBatch]:
    """Lines as documents."""
    for run in runs:
        yield batch(kind, run.first, [run.array()], run.bad)
