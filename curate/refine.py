"""Rewrites, renders and measures partitions. Nothing is dropped here.

The result is an Arrow file a partition with, for every row: `row`, `text`, `meta`,
`quarantine`, `detail`, `bytes` (UTF-8 bytes of text read), `rewrites` (a bit per rewrite step that
changed the row; the schema's metadata names the bits), one column per measure, what rewrites
counted and, for pairs, `zh_characters`, `en_characters` and one column per measure of pairs.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.dedup.sides import hashed_sides
from curate.measure.base import Measure
from curate.measure.pair.base import AnyMeasure, PairBatch, PairMeasure
from curate.render import rendered
from curate.rewrite.base import Rewrite
from curate.rewrite.beside import rewritten_beside
from curate.rows import FILE, PAIR, ROW_TYPES
from curate.scan import Scan, scan
from curate.storage import column_array, read_arrow
from curate.textbatch import TextBatch
from curate.together import laid_together, write_apart

VERSION = 2
REWRITE_NAMES = b"rewrites"


class Clock:
    """CPU seconds by name, for --profile."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._last = time.process_time()

    def lap(self, name: str) -> None:
        """Books the time since the previous lap under `name`."""
        now = time.process_time()
        self.seconds[name] += now - self._last
        self._last = now


Counts = dict[str, NDArray[np.int32]]
"""What rewrites counted: int32 [rows] by ledger column."""


def rewritten(
    batch: TextBatch, steps: list[Rewrite], clock: Clock, counts: Counts | None = None
) -> tuple[TextBatch, Scan, NDArray[np.uint32]]:
    """The batch after every step, its scan, and a bit per step that changed a text.

    What steps count is added to `counts`.
    """
    scanned = scan(batch)
    clock.lap("scan")
    changed_by = np.zeros(len(batch), np.uint32)
    for bit, step in enumerate(steps):
        batch, changed, found = step.counted_batch(batch, scanned)
        if counts is not None:
            for column, values in found.items():
                counts[column] += values
        if len(changed):
            changed_by[changed] |= np.uint32(1 << bit)
            again = scan(batch.taken(changed))
            scanned.counts[changed] = again.counts
            scanned.flags[changed] = again.flags
        clock.lap(f"rewrite {step.name}")
    return batch, scanned, changed_by


def measured(
    batch: TextBatch, scanned: Scan, measures: Sequence[AnyMeasure], clock: Clock, side: str = ""
) -> dict[str, pa.Array]:
    """One Arrow array per column of the measures of texts; for a pair's side those with `sides`."""
    columns: dict[str, pa.Array] = {}
    for measure in measures:
        if isinstance(measure, Measure) and (measure.sides or not side):
            values = measure.measure_batch(batch, scanned)
            columns |= typed(measure, values, len(batch), side)
            clock.lap(f"measure {measure.name}")
    return columns


def pair_measured(
    pairs: PairBatch, measures: Sequence[AnyMeasure], clock: Clock
) -> dict[str, pa.Array]:
    """One Arrow array per column of the measures of pairs."""
    columns: dict[str, pa.Array] = {}
    for measure in measures:
        if isinstance(measure, PairMeasure):
            columns |= typed(measure, measure.measure_batch(pairs), len(pairs))
            clock.lap(f"measure {measure.name}")
    return columns


def prepare_pairs(measures: Sequence[AnyMeasure]) -> None:
    """Compiles the measures of pairs, where that was never done, lest every worker does it."""
    zh, en = (TextBatch.from_arrow(pa.array([text])) for text in ("三月3日开会。", "On March 3."))
    pair_measured(PairBatch(zh, scan(zh), en, scan(en)), measures, Clock())


def typed(
    measure: AnyMeasure, values: Mapping[str, Any], n: int, side: str = ""
) -> dict[str, pa.Array]:
    """What a measure gave, as Arrow arrays of the types it promised."""
    columns: dict[str, pa.Array] = {}
    for column, kind in measure.columns.items():
        array = values[column]
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        if not isinstance(array, pa.Array):
            array = pa.array(array)
        if len(array) != n:
            raise ValueError(f"measure {measure.name} gave {len(array)} values for {n} texts")
        columns[side + column] = array.cast(kind)
    return columns


def no_counts(rewrites: Sequence[Rewrite], texts: int) -> Counts:
    """Zeros for whatever the steps count, int32 [texts] each."""
    return {column: np.zeros(texts, np.int32) for step in rewrites for column in step.columns}


def beside(
    table: pa.Table, rewrites: Sequence[Rewrite], counts: Counts
) -> tuple[pa.Array, pa.Array]:
    """A partition's `meta` and `detail` after the steps that work everywhere; counts grow."""
    meta, detail = (column_array(table, name) for name in ("meta", "detail"))
    for step in rewrites:
        if step.everywhere:
            meta, detail = (rewritten_beside(step, values, counts) for values in (meta, detail))
    return meta, detail


def write_refined(
    paths: Sequence[str], rows: Sequence[int], refined: pa.Table, rewrites: Sequence[Rewrite]
) -> None:
    """Writes refined partitions of so many rows, with what the bits of `rewrites` stand for."""
    names = json.dumps([step.name for step in rewrites]).encode()
    write_apart(paths, rows, refined.replace_schema_metadata({REWRITE_NAMES: names}))


def refine(
    partitions: Sequence[str],
    outputs: Sequence[str],
    row_type: str,
    template: str,
    rewrites: list[Rewrite],
    measures: list[AnyMeasure],
    sides: bool = False,
) -> dict[str, Any]:
    """Task: reads ingested partitions of one source and writes the refined ones, an output each;
    returns times and sizes.

    sides: of pairs, also hash the sides, for `curate.dedup.sides`.
    """
    clock = Clock()
    kind = ROW_TYPES[row_type]
    parts = [read_arrow(Path(partition)) for partition in partitions]
    table = laid_together(parts)
    clock.lap("read partitions")
    fields: dict[str, TextBatch] = {}
    scans: dict[str, Scan] = {}
    changed_by = np.zeros(table.num_rows, np.uint32)
    size = np.zeros(table.num_rows, np.int64)
    counts = no_counts(rewrites, table.num_rows)
    for field in kind.fields:
        column = column_array(table, field)
        offsets = np.frombuffer(column.buffers()[1], np.int64)
        size += np.diff(offsets[column.offset : column.offset + len(column) + 1])
        batch = TextBatch.from_arrow(column)
        clock.lap("decode")
        fields[field], scans[field], bits = rewritten(batch, rewrites, clock, counts)
        changed_by |= bits
    columns: dict[str, pa.Array] = {}
    if kind is PAIR:
        for field in kind.fields:
            columns[f"{field}_characters"] = pa.array(fields[field].lengths().astype(np.int32))
            columns |= measured(fields[field], scans[field], measures, clock, f"{field}_")
        pairs = PairBatch(fields["zh"], scans["zh"], fields["en"], scans["en"])
        columns |= pair_measured(pairs, measures, clock)
        if sides:
            columns |= hashed_sides(fields)
            clock.lap("hash sides")
    arrays = {field: batch.to_arrow() for field, batch in fields.items()}
    clock.lap("encode")
    text = rendered(arrays, template, kind)
    if template == "{text}":
        batch, scanned = fields["text"], scans["text"]
    else:
        batch = TextBatch.from_arrow(text)
        scanned = scan(batch)
    clock.lap("render")
    columns = measured(batch, scanned, measures, clock) | columns
    meta, detail = beside(table, rewrites, counts)
    clock.lap("rewrite metadata")
    refined = pa.table(
        {
            "row": table.column("row"),
            FILE.name: table.column(FILE.name),
            "text": text,
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
    return {"rows": table.num_rows, "bytes": int(size.sum()), "clock": dict(clock.seconds)}
