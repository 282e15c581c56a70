"""JSON records: one a line, in an array, or objects one after another; known by content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pyarrow as pa

from sources.adapter import InputFile
from sources.columns import FieldAdapter
from sources.reading import JSON_FORMATS
from sources.sniff import Content


class Jsonl(FieldAdapter):
    """JSON Lines and JSON arrays with the text in named fields (`text` unless said otherwise)."""

    name = "jsonl"
    version: ClassVar[int] = 1

    def rows(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        """A record a row, lines without JSON quarantined. Raises SourceError for Parquet."""
        if found.format == "parquet":
            raise self.wrong_format(file, found, "use the `parquet` adapter")
        if found.format not in JSON_FORMATS:
            # Lines of something else are judged one by one: bad_json each.
            found = Content("jsonl", found.encoding, found.compression)
        yield from self.json_rows(file, found, self.picker(self.wanted or [["text"]]))
