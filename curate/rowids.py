"""The ids of rows."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def row_ids(unit: str, rows: pa.Array, parts: pa.Array | None = None) -> pa.Array:
    """`source/file#row`, the row padded so that ids sort as the source does; rows count from 1.

    parts: the number, from 1, of each of several rows made of one record. From the second on it
    follows the row: `source/file#row.02`.
    """
    numbers = pc.utf8_lpad(rows.cast(pa.string()), width=9, padding="0")
    if parts is not None:
        part = pc.utf8_lpad(parts.cast(pa.string()), width=2, padding="0")
        dotted = pc.binary_join_element_wise(numbers, part, pa.scalar("."))
        numbers = pc.if_else(pc.equal(parts, 1), numbers, dotted)
    return pc.binary_join_element_wise(pa.scalar(f"{unit}#"), numbers, pa.scalar(""))


def part_in(row_id: str) -> int:
    """The number, from 1, that an id has among those made of one record."""
    _, _, part = row_id.rpartition("#")[2].partition(".")
    return int(part) if part.isdecimal() else 1
