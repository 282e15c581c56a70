"""Instructions as the measures get them, for the tests beside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from curate.measure.instruction.base import FIELDS, InstructionBatch, InstructionMeasure
from curate.scan import scan
from curate.textbatch import TextBatch


def instruction_batch(*rows: dict[str, Any]) -> InstructionBatch:
    """Rows with any of instruction, input, output, system (str) and history, a list of (user,
    assistant), as a batch."""
    texts = {field: [row.get(field, "") for row in rows] for field in FIELDS}
    turns = [turn for row in rows for turn in row.get("history", [])]
    texts["history_user"] = [user for user, _ in turns]
    texts["history_assistant"] = [assistant for _, assistant in turns]
    fields = {field: TextBatch.from_strings(values) for field, values in texts.items()}
    counts = [len(row.get("history", [])) for row in rows]
    scans = {field: scan(batch) for field, batch in fields.items()}
    return InstructionBatch(fields, scans, np.cumsum([0, *counts]))


def measured(measure: InstructionMeasure, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    """The columns of every row; checks that they are the ones promised."""
    columns = measure.measure_batch(instruction_batch(*rows))
    assert list(columns) == list(measure.columns)
    lists = [
        column.to_pylist() if isinstance(column, pa.Array) else column.tolist()
        for column in columns.values()
    ]
    assert {len(values) for values in lists} == {len(rows)}
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]
