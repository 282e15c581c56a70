"""The ids of rows."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc


def row_ids(
    units: Sequence[str], files: pa.Array, rows: pa.Array, parts: pa.Array | None = None
) -> pa.Array:
    """`source/file#row`, the row padded so that ids sort as the source does; rows count from 1.

    units: the different `source/file`; files: the number, from 0, of each row's among them. parts:
    the number, from 1, of each of several rows made of one record. From the second on it follows
    the row: `source/file#row.02`.
    """
    numbers = pc.utf8_lpad(rows.cast(pa.string()), width=9, padding="0")
    if parts is not None:
        part = pc.utf8_lpad(parts.cast(pa.string()), width=2, padding="0")
        dotted = pc.binary_join_element_wise(numbers, part, pa.scalar("."))
        numbers = pc.if_else(pc.equal(parts, 1), numbers, dotted)
    begins = [f"{unit}#" for unit in units]
    begin = pa.scalar(begins[0]) if len(begins) == 1 else pa.array(begins, pa.string()).take(files)
    return pc.binary_join_element_wise(begin, numbers, pa.scalar(""))


def part_in(row_id: str) -> int:
    """The number, from 1, that an id has among those made of one record."""
    _, _, part = row_id.rpartition("#")[2].partition(".")
    return int(part) if part.isdecimal() else 1
