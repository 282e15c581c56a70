"""Rows as read, made into the instructions that are curated: tasks of records, drawn choices."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, model_validator

from curate.instructions.choices import drawn_choices
from curate.instructions.tasks import TaskSet, ready_tasks, task_rows
from curate.rows import FILE, INSTRUCTION, PAPER, RowType
from curate.storage import read_arrow

VERSION = 2
"""Raised whenever the same rows may become others."""

PART, RECORD = "part", "record"
MADE = pa.schema(
    [
        *INSTRUCTION.schema,
        FILE,
        # Number of the task among those of its record, from 1.
        pa.field(PART, pa.int16()),
        # The fields of the record, a line each: what made rows are compared by, whatever their
        # wording.
        pa.field(RECORD, pa.large_string()),
    ]
)
"""Instructions made of records; `row` is the record's."""


CHOICES = b"choices"
"""Metadata of an ingested partition: questions by what became of their choices."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskOptions(_Model):
    """Which tasks papers or pairs become."""

    per_record: int = Field(default=1, ge=1, le=99)
    """How many different tasks a record becomes, as far as it has the fields for them."""
    only: tuple[str, ...] | None = None
    """Names of the tasks (docs/instructions.md); all of them unless given."""


class ChoiceOptions(_Model):
    """How many choices a question keeps."""

    least: int = Field(default=4, ge=2)
    """At least so many, if there are."""
    most: int = Field(default=8, ge=2)
    """At most so many."""

    @model_validator(mode="after")
    def _in_order(self) -> ChoiceOptions:
        if self.least > self.most:
            raise ValueError(f"least {self.least} is above most {self.most}")
        return self


def tasks_for(kind: RowType) -> TaskSet:
    """The tasks that records of a kind become."""
    return ready_tasks("papers" if kind.name == PAPER.name else "translation")


def choices_drawn(partition: Path) -> Counter[str]:
    """Questions with choices of an ingested partition, by what became of these
    (`curate.instructions.choices.Drawn`).
    """
    metadata = read_arrow(partition, []).schema.metadata or {}
    return Counter(json.loads(metadata.get(CHOICES, b"{}")))


@dataclass(frozen=True)
class Making:
    """What becomes of the rows of a source before anything else."""

    kind: RowType
    """What is read."""
    tasks: TaskOptions
    choices: ChoiceOptions | None

    def fingerprint(self) -> list[Any]:
        """Everything that decides what is made."""
        if self.kind.name == INSTRUCTION.name:
            return [VERSION, self.choices.model_dump() if self.choices else None]
        return [VERSION, self.tasks.model_dump(), tasks_for(self.kind).model_dump()]

    def made(self, table: pa.Table, names: Sequence[str]) -> pa.Table:
        """The instructions that rows become; `names` are those of the files they are from.

        A record that has the fields of no task is quarantined as `no_task`.
        """

        def ids_at(positions: pa.Array) -> list[str]:
            own = table.select([FILE.name, "row"]).take(positions)
            files, numbers = (column.to_pylist() for column in own.columns)
            return [f"{names[file]}#{row}" for file, row in zip(files, numbers, strict=True)]

        if self.kind.name != INSTRUCTION.name:
            return self._tasks(table, ids_at(pa.array(np.arange(table.num_rows))))
        if self.choices is None:
            return table
        drawn = drawn_choices(table, ids_at, self.choices.least, self.choices.most)
        fates = Counter(drawn.fate.drop_null().to_pylist())
        return drawn.rows.replace_schema_metadata({CHOICES: json.dumps(fates, sort_keys=True)})

    def _tasks(self, records: pa.Table, ids: Sequence[str]) -> pa.Table:
        tasks = tasks_for(self.kind)
        made = task_rows(records, ids, tasks, self.tasks.per_record, self.tasks.only)
        origin = made.origin
        first = np.r_[True, origin[1:] != origin[:-1]] if len(origin) else np.zeros(0, bool)
        begin = np.maximum.accumulate(np.where(first, np.arange(len(origin)), 0))
        part = (np.arange(len(origin)) - begin + 1).astype(np.int16)
        fields = [records.column(field) for field in self.kind.fields]
        record = pc.binary_join_element_wise(*fields, pa.scalar("\n", pa.large_string()))
        file = records.column(FILE.name).take(pa.array(origin))
        rows = made.rows.append_column(FILE, file)
        rows = rows.append_column(MADE.field(PART), pa.array(part))
        rows = rows.append_column(MADE.field(RECORD), record.take(pa.array(origin)))
        without = np.setdiff1d(np.arange(records.num_rows), origin)
        if not len(without):
            return rows.cast(MADE)
        left = _left(records.take(pa.array(without)))
        both = pa.concat_tables([rows.cast(MADE), left])
        order = np.argsort(np.concatenate([origin, without]), kind="stable")
        return both.take(pa.array(order))


def _left(records: pa.Table) -> pa.Table:
    """Records that became nothing: those that could not be read, and those without a task."""
    n = records.num_rows
    empty = pa.repeat(pa.scalar("", pa.large_string()), n)
    columns: dict[str, Any] = {
        "row": records.column("row"),
        **dict.fromkeys(INSTRUCTION.fields, empty),
        "history": pa.array([[]] * n, INSTRUCTION.schema.field("history").type),
        "meta": records.column("meta"),
        "quarantine": pc.fill_null(records.column("quarantine"), "no_task"),
        "detail": records.column("detail"),
        FILE.name: records.column(FILE.name),
        PART: pa.repeat(pa.scalar(1, pa.int16()), n),
        RECORD: empty,
    }
    return pa.table([columns[name] for name in MADE.names], schema=MADE)
