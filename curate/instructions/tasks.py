"""Papers and pairs as instructions: tasks by the templates beside this module.

A task asks for some fields of a record and gives others. Which task a record becomes, and in which
wording, is decided by the hash of its id.
"""

from __future__ import annotations

import json
import re
import string
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from curate.errors import CurateError
from curate.instructions.chance import below, id_hashes, mixed
from curate.rows import INSTRUCTION, ROW_TYPES

FOLDER = Path(__file__).parent / "templates"

_ASKED = re.compile(r"\[([^\[\]]+)\]")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldWords(_Model):
    """How texts speak of a field."""

    nouns: tuple[str, ...] = Field(min_length=1)
    """What it is called; the first is its label."""
    separator: str = ""
    """What stands between the parts of a field that is a list, `_` in the row, when given."""


class Wording(_Model):
    """One way to put a task."""

    instruction: str
    """With `{field}` where a text of the record goes; what is asked for is in square brackets."""
    input: str | None = None
    """The same for the input; the given fields, unless they are in the instruction."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return {"instruction": value} if isinstance(value, str) else value

    @property
    def asked(self) -> list[str]:
        """What stands in square brackets."""
        return _ASKED.findall(self.instruction)

    @property
    def unasked(self) -> str:
        """The instruction without what it asks for."""
        return _ASKED.sub("", self.instruction)

    @property
    def plain(self) -> str:
        """The instruction without the brackets."""
        return _ASKED.sub(r"\1", self.instruction)


class Task(_Model):
    """What is given, what is asked for, and the ways to say so."""

    given: tuple[str, ...] = Field(min_length=1)
    """Fields the prompt shows."""
    answer: tuple[str, ...] = Field(min_length=1)
    """Fields the answer is made of."""
    wordings: tuple[Wording, ...] = Field(min_length=2)
    """Ways to put it."""


class TaskSet(_Model):
    """The tasks of one row type."""

    rows: Literal["paper", "pair"]
    """The row type."""
    fields: dict[str, FieldWords]
    """Its fields."""
    tasks: dict[str, Task]
    """By name."""

    @model_validator(mode="after")
    def _sound(self) -> TaskSet:
        if set(self.fields) != set(ROW_TYPES[self.rows].fields):
            raise ValueError(f"fields must be {', '.join(ROW_TYPES[self.rows].fields)}")
        for name, task in self.tasks.items():
            for number, wording in enumerate(task.wordings, 1):
                problem = self.problem(task, wording)
                if problem:
                    raise ValueError(f"{name}, wording {number}: {problem}")
        return self

    def problem(self, task: Task, wording: Wording) -> str | None:
        """Why a wording does not put its task: it must show all that is given and nothing of the
        answer, ask for every field of the answer, and speak of no other field.
        """
        shown = _fields_in(f"{wording.plain}{self.input(task, wording)}")
        if set(shown) & set(task.answer):
            return "the prompt shows the answer"
        if sorted(shown) != sorted(task.given):
            return f"the prompt shows {shown}, given is {list(task.given)}"
        asked = [self._named(noun) for noun in wording.asked]
        if asked != [[field] for field in task.answer]:
            return f"it asks for {asked}, the answer is {list(task.answer)}"
        spoken = set(self._named(wording.unasked)) - set(task.given)
        return f"it speaks of {sorted(spoken)}" if spoken else None

    def _named(self, text: str) -> list[str]:
        """The fields whose nouns a text has; of two nouns the longer, where both fit."""
        nouns = {noun: field for field, words in self.fields.items() for noun in words.nouns}
        pattern = "|".join(sorted(map(re.escape, nouns), key=len, reverse=True))
        return [nouns[noun] for noun in re.findall(pattern, _without_fields(text))]

    def input(self, task: Task, wording: Wording) -> str:
        """The template of the input."""
        if wording.input is not None:
            return wording.input
        return "" if _fields_in(wording.plain) else self._listed(task.given)

    def output(self, task: Task) -> str:
        """The template of the answer."""
        return self._listed(task.answer)

    def _listed(self, fields: Sequence[str]) -> str:
        """A field alone as it is, several with their labels, a line each."""
        if len(fields) == 1:
            return f"{{{fields[0]}}}"
        return "\n".join(f"{self.fields[field].nouns[0]}：{{{field}}}" for field in fields)


def _fields_in(template: str) -> list[str]:
    return [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]


def _without_fields(template: str) -> str:
    return "".join(literal for literal, _, _, _ in string.Formatter().parse(template))


def read_tasks(path: Path) -> TaskSet:
    """The tasks in a file. Raises CurateError when it is missing or unsound."""
    try:
        return TaskSet.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise CurateError(f"there is no template file {path}") from None
    except yaml.YAMLError as error:
        raise CurateError(f"{path} is not valid YAML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise CurateError(f"{path}: {where}: {first['msg']}".replace(": : ", ": ")) from None


@cache
def ready_tasks(name: Literal["papers", "translation"]) -> TaskSet:
    """The tasks of this project for papers, or for pairs."""
    return read_tasks(FOLDER / f"{name}.yaml")


class Made(NamedTuple):
    """Instructions made of records."""

    rows: pa.Table
    """In the schema of instructions, sorted by record; `row` is that of the record, `meta` has
    `task` and `wording` before what the record has."""
    origin: NDArray[np.int64]
    """The record of each, by position, int64 [n]. A record that lacks the fields of every task is
    the origin of none."""


def task_rows(
    records: pa.Table | pa.RecordBatch,
    ids: Sequence[str],
    tasks: TaskSet,
    per_record: int = 1,
    only: Sequence[str] | None = None,
) -> Made:
    """Instructions of papers or pairs: of each record as many different tasks as `per_record`, or
    as it has fields for.

    ids: of the records, in order. only: names of tasks, all of them unless given. Raises ValueError
    for a name that is none.
    """
    names = list(tasks.tasks) if only is None else list(only)
    unknown = [name for name in names if name not in tasks.tasks]
    if unknown:
        raise ValueError(f"no task {unknown[0]!r}; there are {', '.join(tasks.tasks)}")
    columns = {field: _joined(records, field, tasks.fields[field]) for field in tasks.fields}
    hashes = id_hashes(ids, "task")
    chosen = _chosen(columns, {name: tasks.tasks[name] for name in names}, hashes, per_record)
    pieces = [
        _piece(records, columns, tasks, name, wording, rows)
        for name in names
        for wording, rows in _by_wording(
            name, len(tasks.tasks[name].wordings), chosen[name], hashes
        )
    ]
    if not pieces:
        return Made(INSTRUCTION.schema.empty_table(), np.zeros(0, np.int64))
    table = pa.concat_tables([piece for piece, _ in pieces])
    origin = np.concatenate([rows for _, rows in pieces])
    order = np.argsort(origin, kind="stable")
    return Made(table.take(pa.array(order)), origin[order])


def _joined(records: pa.Table | pa.RecordBatch, field: str, words: FieldWords) -> pa.Array:
    column = records.column(field)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if words.separator:
        column = pc.replace_substring(column, "_", words.separator)
    return column


def _chosen(
    columns: dict[str, pa.Array],
    tasks: dict[str, Task],
    hashes: NDArray[np.uint64],
    per_record: int,
) -> dict[str, NDArray[np.bool_]]:
    """Which records become each task, bool [records]: of the tasks that a record has the fields
    for, the ones with the lowest hashes.
    """
    filled = {
        field: pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(column)), 0).to_numpy(
            zero_copy_only=False
        )
        for field, column in columns.items()
    }
    able = np.empty((len(hashes), len(tasks)), np.bool_)
    rank = np.empty((len(hashes), len(tasks)), np.uint64)
    for number, (name, task) in enumerate(tasks.items()):
        able[:, number] = np.logical_and.reduce([filled[f] for f in (*task.given, *task.answer)])
        rank[:, number] = mixed(hashes, _salt(name))
    rank[~able] = np.iinfo(np.uint64).max
    first = np.argsort(rank, axis=1, kind="stable")[:, :per_record]
    chosen = np.zeros_like(able)
    np.put_along_axis(chosen, first, True, axis=1)
    return dict(zip(tasks, (chosen & able).T, strict=True))


def _salt(name: str) -> int:
    """By the task's name: a task more or less leaves the hashes of the others alone."""
    return zlib.crc32(name.encode())


def _by_wording(
    name: str, wordings: int, chosen: NDArray[np.bool_], hashes: NDArray[np.uint64]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    rows = np.flatnonzero(chosen)
    drawn = below(mixed(hashes[rows], ~_salt(name)), wordings)
    for wording in range(wordings):
        these = rows[drawn == wording]
        if len(these):
            yield wording, these


def _piece(
    records: pa.Table | pa.RecordBatch,
    columns: dict[str, pa.Array],
    tasks: TaskSet,
    name: str,
    number: int,
    rows: NDArray[np.int64],
) -> tuple[pa.Table, NDArray[np.int64]]:
    task = tasks.tasks[name]
    wording = task.wordings[number]
    at = pa.array(rows)
    taken = {field: columns[field].take(at) for field in (*task.given, *task.answer)}
    instruction = _filled(wording.plain, taken, len(rows))
    input = _filled(tasks.input(task, wording), taken, len(rows))
    output = _filled(tasks.output(task), taken, len(rows))
    empty = _filled("", taken, len(rows))
    values = {
        "row": records.column("row").take(at),
        "instruction": instruction,
        "input": input,
        "output": output,
        "system": empty,
        "history": pa.array([[]] * len(rows), INSTRUCTION.schema.field("history").type),
        "meta": _meta(records.column("meta").take(at), name, number),
        "quarantine": pa.nulls(len(rows), pa.string()),
        "detail": pa.nulls(len(rows), pa.string()),
    }
    return pa.table(values, schema=INSTRUCTION.schema), rows


def _filled(template: str, columns: dict[str, pa.Array], count: int) -> pa.Array:
    """The template with the fields of every record in it, large_string [count]."""
    parts: list[pa.Array | pa.Scalar] = []
    for literal, field, _, _ in string.Formatter().parse(template):
        if literal:
            parts.append(pa.scalar(literal, pa.large_string()))
        if field is not None:
            parts.append(columns[field])
    if len(parts) == 1 and isinstance(parts[0], pa.Array):
        return parts[0]
    if not any(isinstance(part, pa.Array) for part in parts):
        return pa.repeat(pa.scalar(template, pa.large_string()), count)
    return pc.binary_join_element_wise(*parts, pa.scalar("", pa.large_string()))


def _meta(metas: pa.ChunkedArray | pa.Array, task: str, wording: int) -> pa.Array:
    if isinstance(metas, pa.ChunkedArray):
        metas = metas.combine_chunks()
    own = json.dumps({"task": task, "wording": wording}, separators=(",", ":"))
    bare = pc.fill_null(pc.equal(metas, "{}"), True)
    joined = pc.binary_join_element_wise(
        pa.scalar(own[:-1]), pc.utf8_slice_codeunits(metas, 1), pa.scalar(",")
    )
    return pc.if_else(bare, pa.scalar(own), joined)
