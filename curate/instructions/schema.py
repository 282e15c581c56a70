"""The published schema of instructions, and whether a file keeps to it.

JSON Lines, UTF-8, one object a line. It is what TencentPretrain's `alpaca` processor, LLaMA-Factory
and TRL read; a Parquet file with these columns is judged by the same rules.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from curate.errors import CurateError
from sources.instructionrows import FIELD_NAMES
from sources.jsonarray import array_values, object_values
from sources.jsonlines import Values, line_values
from sources.sniff import content
from sources.stream import Blocks

MAX_ROW = 64 << 20
"""Bytes of the longest row that is read."""

_SAYS_SOMETHING: dict[str, Any] = {"pattern": r"\S"}

Pair = Annotated[list[str], Field(min_length=2, max_length=2)]
"""A question and its answer."""


class Instruction(BaseModel):
    """One instruction with its answer."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        use_attribute_docstrings=True,
        json_schema_extra={
            "anyOf": [
                {"properties": {"instruction": _SAYS_SOMETHING}},
                {"properties": {"input": _SAYS_SOMETHING}},
            ]
        },
    )

    instruction: str
    """What is asked; may be empty if `input` is not."""
    input: str
    """What it is asked of; may be empty if `instruction` is not."""
    output: Annotated[str, Field(json_schema_extra=_SAYS_SOMETHING)]
    """The answer; not empty."""
    history: list[Pair] = []
    """Earlier turns, oldest first, each a list of what the user said and what was answered."""
    system: str = ""
    """What the model is told beforehand."""

    @model_validator(mode="after")
    def _says_something(self) -> Instruction:
        if not self.output.strip():
            raise ValueError("output is empty")
        if not self.instruction.strip() and not self.input.strip():
            raise ValueError("instruction and input are both empty")
        return self


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one line."""
    schema = Instruction.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


@dataclass(frozen=True)
class Fault:
    """Something in a file that is against the schema."""

    row: int
    """Line or element, from 1."""
    problem: str
    """What is wrong, with the key."""


@dataclass
class Report:
    """What was found in a file."""

    rows: int = 0
    """Rows read, sound or not."""
    errors: int = 0
    """Rows with a fault."""
    faults: list[Fault] = field(default_factory=list)
    """The first of them; a row may have several."""

    @property
    def ok(self) -> bool:
        """Whether every row keeps to the schema."""
        return not self.errors


def checked_file(path: Path, most: int = 100) -> Report:
    """Every row of a file against the schema; at most `most` faults are kept, all are counted.

    JSON Lines, a JSON array or Parquet, packed or not, known by content. Raises CurateError for a
    file that cannot be opened.
    """
    report = Report()
    for first, faults_of_rows in _rows(path):
        for i, problems in enumerate(faults_of_rows):
            report.rows += 1
            report.errors += bool(problems)
            room = most - len(report.faults)
            report.faults += [Fault(first + i, problem) for problem in problems[:room]]
    return report


def problems_of(record: Any) -> list[str]:
    """What is wrong with one record, in words with the key."""
    if type(record) is not dict:
        return [f"{type(record).__name__} where an object was expected"]
    try:
        Instruction.model_validate(record)
    except ValidationError as error:
        return [_words(problem) for problem in error.errors(include_url=False)]
    return []


def _words(problem: Any) -> str:
    where = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        return f"no key {where!r} in the schema{_hint(where)}"
    if problem["type"] == "missing":
        return f"{where!r} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _hint(key: str) -> str:
    bare = key.strip().casefold()
    for name, known in FIELD_NAMES.items():
        if bare in known:
            return f"; did you mean {name!r}?"
    near = difflib.get_close_matches(bare, FIELD_NAMES, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _rows(path: Path) -> Iterator[tuple[int, list[list[str]]]]:
    """Row number of the first, and the problems of every row of a run."""
    try:
        found = content(path)
    except OSError as error:
        raise CurateError(f"cannot read {path}: {error.strerror or error}") from None
    if found.problem is not None:
        yield 1, [[f"{found.problem.reason}: {found.problem.detail}"]]
    elif found.format == "parquet":
        yield from _parquet_rows(path)
    elif found.format != "empty":
        read = {"json_array": array_values, "json_objects": object_values}
        blocks = Blocks(path, found.encoding)
        for run in read.get(found.format, line_values)(blocks, MAX_ROW):
            yield run.first, [_judged(run, i) for i in range(len(run.values))]


def _judged(run: Values, i: int) -> list[str]:
    if i in run.bad:
        return [f"{run.bad[i].reason}: {run.bad[i].detail}"]
    repeated = [f"{key!r} occurs {len(v)} times" for key, v in run.repeated.get(i, {}).items()]
    return repeated + problems_of(run.values[i])


def _parquet_rows(path: Path) -> Iterator[tuple[int, list[list[str]]]]:
    """Further columns (id, source, …) are no fault of a table, whose rows share them."""
    row = 1
    try:
        with pq.ParquetFile(path) as source:
            names = [n for n in source.schema_arrow.names if n in Instruction.model_fields]
            for part in source.iter_batches(batch_size=4096, columns=names):
                records = part.to_pylist()
                yield row, [problems_of(_with_pairs(record)) for record in records]
                row += len(records)
    except (pa.ArrowException, OSError) as error:
        yield row, [[f"the rest is not readable: {error}"]]


def _with_pairs(record: dict[str, Any]) -> dict[str, Any]:
    """A row of Parquet, its turns as lists; a null in an optional column is nothing."""
    record = {k: v for k, v in record.items() if v is not None or k not in ("history", "system")}
    if history := record.get("history"):
        record["history"] = [
            [turn.get("user"), turn.get("assistant")] if type(turn) is dict else turn
            for turn in history
        ]
    return record
