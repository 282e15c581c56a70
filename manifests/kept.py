"""Kept rows of builds of either kind: their columns, and the one text that a row is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_FIELDS = ("instruction", "input", "output", "history", "system")
COLUMNS = {
    "corpus": ("id", "source", "text", "lang", "script", "licence", "meta"),
    "instructions": (
        *("id", "source", *_FIELDS),
        *("lang", "script", "licence", "meta", "split", "tags", "repeats"),
    ),
}
"""Columns of data by what was built."""


def texts_in(kind: str) -> tuple[str, ...]:
    """The columns of data that hold text, by what was built."""
    return _FIELDS if kind == "instructions" else ("text",)


def text_sql(kind: str) -> str:
    """`text_of` as an SQL expression over the columns of data."""
    if kind != "instructions":
        return "text"
    said = "concat_ws(chr(10), nullif(turn.user, ''), nullif(turn.assistant, ''))"
    turns = f"array_to_string(list_transform(history, lambda turn: nullif({said}, '')), chr(10))"
    fields = ("system", turns, "instruction", "input", "output")
    filled = ", ".join(f"nullif({field}, '')" for field in fields)
    return f"concat_ws(chr(10), {filled})"


def text_of(row: Mapping[str, Any]) -> str:
    """All that a row says: its text; of an instruction, everything in it, one under the other."""
    if "text" in row:
        return str(row["text"])
    said = [text for turn in row["history"] for text in (turn["user"], turn["assistant"])]
    parts = [row["system"], *said, row["instruction"], row["input"], row["output"]]
    return "\n".join(part for part in parts if part)


def lengths(table: pa.Table) -> pa.Array:
    """Characters of `text_of` every row of a table with the columns that hold text, int64."""
    if "text" in table.column_names:
        return pc.utf8_length(table.column("text")).combine_chunks().cast(pa.int64())
    characters = parts = pa.array([0] * table.num_rows, pa.int64())
    for name in ("system", "instruction", "input", "output"):
        length = pc.utf8_length(table.column(name)).combine_chunks().cast(pa.int64())
        characters = pc.add(characters, length)
        parts = pc.add(parts, pc.greater(length, 0).cast(pa.int64()))
    history = table.column("history").combine_chunks()
    rows = pc.list_parent_indices(history)
    for side in history.flatten().flatten():
        length = pc.utf8_length(side).cast(pa.int64())
        said = pa.table({"row": rows, "n": length, "parts": pc.greater(length, 0).cast(pa.int64())})
        sums = said.group_by("row").aggregate([("n", "sum"), ("parts", "sum")])
        at = pc.index_in(pa.array(range(table.num_rows), rows.type), sums.column("row"))
        turn = [sums.column(name).take(at).combine_chunks() for name in ("n_sum", "parts_sum")]
        characters = pc.add(characters, pc.fill_null(turn[0], 0))
        parts = pc.add(parts, pc.fill_null(turn[1], 0))
    return pc.add(characters, pc.subtract(pc.max_element_wise(parts, 1), 1))
