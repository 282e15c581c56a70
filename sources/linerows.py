"""JSON Lines as rows: flat objects in compiled code, the other lines through the parser."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from curate.rows import RowType
from sources.flatjson import flat_lines
from sources.jsonlines import Values, buffer_values, line_spans, lines_at
from sources.lines import line_buffers
from sources.rowbatch import Picker, batch, woven
from sources.stream import Bad, Blocks


def line_rows(
    kind: RowType, blocks: Blocks, max_row: int, picker: Picker
) -> Iterator[pa.RecordBatch]:
    """A row a line, numbered by line, as `picker.batch` of `line_values` gives them.

    `picker` must have flat keys.
    """
    row = 1
    for buffer in line_buffers(blocks, max_row):
        if isinstance(buffer, Bad):
            run = Values(row)
            run.refuse(buffer)
            made = picker.batch(kind, run)
        elif len(buffer) > max_row:
            made = picker.batch(kind, buffer_values(buffer, row, max_row, blocks.encoding))
        else:
            made = _buffer_rows(kind, buffer, row, max_row, blocks.encoding, picker)
        row += made.num_rows
        yield made


def _buffer_rows(
    kind: RowType, buffer: bytes, first: int, max_row: int, encoding: str, picker: Picker
) -> pa.RecordBatch:
    starts, ends = line_spans(np.frombuffer(buffer, np.uint8))
    found = flat_lines(buffer, starts, ends, picker.flat_keys)
    if found is None:
        return picker.batch(kind, buffer_values(buffer, first, max_row, encoding))
    flat = batch(kind, first, found.texts, {}, found.meta)
    others = np.flatnonzero(~found.plain)
    if not len(others):
        return flat
    rest = lines_at(buffer, starts, ends, others)
    parsed = picker.batch(kind, buffer_values(rest, first, max_row, encoding))
    return woven(first, found.plain, flat, parsed)
