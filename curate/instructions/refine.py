"""Rewrites and measures partitions of instructions. Nothing is dropped here.

The result has the columns that `curate.refine` documents, the fields of the rows as rewritten, and
in `text` the whole of a row, which measures of texts, evaluation questions and duplicates look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.instructions.history import Sides, sides
from curate.instructions.making import PART, RECORD
from curate.instructions.traditional import script_kept
from curate.measure.instruction.base import (
    FIELDS,
    SIDES,
    InstructionBatch,
    InstructionMeasure,
    laid_end_to_end,
    lined,
    lines_of,
)
from curate.measure.pair.base import AnyMeasure
from curate.refine import (
    Clock,
    beside,
    measured,
    no_counts,
    rewritten,
    typed,
    write_refined,
)
from curate.rewrite.base import Rewrite
from curate.rows import FILE
from curate.scan import Scan, scan
from curate.storage import column_array, read_arrow
from curate.textbatch import TextBatch
from curate.together import laid_together

VERSION = 2

_ASKING = ("instruction", "input", "system", "history_user")
"""Fields in which somebody asks the model for something."""


def refine_instructions(
    partitions: Sequence[str],
    outputs: Sequence[str],
    rewrites: list[Rewrite],
    measures: list[AnyMeasure],
) -> dict[str, Any]:
    """Task: reads ingested partitions of one source and writes the refined ones, an output each;
    returns times and sizes.
    """
    clock = Clock()
    parts = [read_arrow(Path(partition)) for partition in partitions]
    table = laid_together(parts)
    clock.lap("read partitions")
    rows = table.num_rows
    said = sides(column_array(table, "history"))
    arrays = {**{f: column_array(table, f) for f in FIELDS}, SIDES[0]: said.user}
    arrays[SIDES[1]] = said.assistant
    row_of = {name: _rows_of(name, rows, said.offsets) for name in arrays}
    every_row = np.concatenate(list(row_of.values()))
    size = np.zeros(rows, np.int64)
    for name, array in arrays.items():
        ends = np.frombuffer(array.buffers()[1], np.int64)
        lengths = np.diff(ends[array.offset : array.offset + len(array) + 1])
        size += np.bincount(row_of[name], lengths, rows).astype(np.int64)
    whole = TextBatch.from_arrow(
        pa.concat_arrays([array.cast(pa.large_string()) for array in arrays.values()])
    )
    clock.lap("decode")

    # All texts of all fields go through the rewrites at once; each text is rewritten by itself.
    text_counts = no_counts(rewrites, len(whole))
    before = whole
    whole, scanned, bits = rewritten(whole, rewrites, clock, text_counts)
    asks = np.repeat([name in _ASKING for name in row_of], [len(rows) for rows in row_of.values()])
    whole, scanned, bits = script_kept(
        before,
        (whole, scanned, bits),
        rewrites,
        text_counts,
        every_row,
        lambda row: before.strings(np.flatnonzero((every_row == row) & asks)),
    )
    clock.lap("rewrite script")
    changed_by = np.zeros(rows, np.uint32)
    np.bitwise_or.at(changed_by, every_row, bits)
    counts = no_counts(rewrites, rows)
    for column, values in text_counts.items():
        np.add.at(counts[column], every_row, values)
    fields, scans = {}, {}
    for name, first, last in _parts(arrays):
        fields[name] = _slice(whole, first, last)
        scans[name] = Scan(scanned.counts[first:last], scanned.flags[first:last])
    batch = InstructionBatch(fields, scans, said.offsets)
    columns = instruction_measured(batch, measures, clock)
    text = rendered_rows(batch)
    text_scan = scan(text)
    clock.lap("render")
    columns = measured(text, text_scan, measures, clock) | columns

    after = {name: part.to_arrow() for name, part in fields.items()}
    history = Sides(after[SIDES[0]], after[SIDES[1]], said.offsets).column()
    clock.lap("encode")
    meta, detail = beside(table, rewrites, counts)
    clock.lap("rewrite metadata")
    refined = pa.table(
        {
            "row": table.column("row"),
            FILE.name: table.column(FILE.name),
            **{name: table.column(name) for name in (PART, RECORD) if name in table.column_names},
            "text": text.to_arrow(),
            **{name: after[name] for name in FIELDS},
            "history": history,
            "meta": meta,
            "quarantine": table.column("quarantine"),
            "detail": detail,
            "bytes": pa.array(size),
            "rewrites": pa.array(changed_by),
            **columns,
            **{column: pa.array(values) for column, values in counts.items()},
        }
    )
    write_refined(outputs, [part.num_rows for part in parts], refined, rewrites)
    clock.lap("write partitions")
    return {"rows": rows, "bytes": int(size.sum()), "clock": dict(clock.seconds)}


def instruction_measured(
    batch: InstructionBatch, measures: Sequence[AnyMeasure], clock: Clock
) -> dict[str, pa.Array]:
    """One Arrow array per column of the measures of instructions."""
    columns: dict[str, pa.Array] = {}
    for measure in measures:
        if isinstance(measure, InstructionMeasure):
            columns |= typed(measure, measure.measure_batch(batch), len(batch))
            clock.lap(f"measure {measure.name}")
    return columns


def rendered_rows(batch: InstructionBatch) -> TextBatch:
    """All that a row says, one under the other: system, history, instruction, input, output."""
    last = [batch.instruction, batch.input, batch.output]
    before = turns_in_order(batch.history_user, batch.history_assistant, batch.turns)
    return lines_of([batch.system, before, *last])


def turns_in_order(user: TextBatch, assistant: TextBatch, turns: NDArray[np.int64]) -> TextBatch:
    """What was said in turns, one under the other, a text a row."""
    count = len(user)
    if count == 0:
        return TextBatch(np.zeros(0, np.uint32), np.zeros(len(turns), np.int64))
    user_then_answer = np.arange(2 * count).reshape(2, count).T.ravel()
    return lined(laid_end_to_end([user, assistant]), 2 * turns, user_then_answer)


def _rows_of(name: str, rows: int, turns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row of every text of a field or side."""
    return np.repeat(np.arange(rows), np.diff(turns)) if name in SIDES else np.arange(rows)


def _parts(arrays: Mapping[str, pa.Array]) -> Iterator[tuple[str, int, int]]:
    """Where the texts of each field lie in all."""
    first = 0
    for name, array in arrays.items():
        yield name, first, first + len(array)
        first += len(array)


def _slice(batch: TextBatch, first: int, last: int) -> TextBatch:
    offsets = batch.offsets[first : last + 1]
    return TextBatch(batch.points[offsets[0] : offsets[-1]], offsets - offsets[0])
