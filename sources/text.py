"""Plain text: a document a line, documents that blank lines separate, or a file each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import pyarrow as pa

from curate.rows import DOCUMENT, RowType
from sources.adapter import InputFile
from sources.lines import documents, lines
from sources.reading import FileAdapter, line_batches
from sources.rowbatch import batch, quarantined
from sources.sniff import Content
from sources.stream import Blocks, too_long, undecodable


class Text(FileAdapter):
    """Text files of any encoding."""

    name = "text"
    version: ClassVar[int] = 1

    documents: Literal["line", "blank_line", "file"] = "line"
    """What a document is: a line, the lines between blank lines, or a whole file."""

    @property
    def row_type(self) -> RowType:
        """Document."""
        return DOCUMENT

    def rows(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        """A document a row. Raises SourceError for JSON and Parquet."""
        if found.format in ("jsonl", "json_array", "json_objects"):
            if self.documents != "file":
                raise self.wrong_format(file, found, "use the `jsonl` adapter")
        elif found.format == "parquet":
            raise self.wrong_format(file, found, "use the `parquet` adapter")
        blocks = self.blocks(file, found)
        if self.documents == "file":
            yield _whole(blocks, self.max_row)
            return
        runs = lines(blocks, self.max_row)
        if self.documents == "blank_line":
            runs = documents(runs, self.max_row)
        yield from line_batches(DOCUMENT, runs)


def _whole(blocks: Blocks, max_row: int) -> pa.RecordBatch:
    pieces: list[bytes] = []
    size = 0
    for block in blocks:
        size += len(block)
        if size <= max_row:
            pieces.append(block)
    data = b"".join(pieces).replace(b"\r\n", b"\n")
    why = blocks.fault
    if why is None and size > max_row:
        why = too_long("a file", size, max_row)
    why = why or undecodable(data, blocks.encoding)
    if why is not None:
        return quarantined(DOCUMENT, 1, why)
    text = pa.array([data.decode().removesuffix("\n")], pa.large_string())
    return batch(DOCUMENT, 1, [text], {})
