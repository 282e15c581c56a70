"""What measures of instructions are given."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from curate.measure.instruction.base import InstructionMeasure, lined, lines_of
from curate.measure.instruction.fields import Fields
from curate.textbatch import TextBatch
from tests.curate.measure.instruction.rows import instruction_batch, measured

ROWS: list[dict[str, Any]] = [
    {"instruction": "译", "input": "山\n水", "output": "hills"},
    {"input": "几点了？", "output": "九点。", "history": [("早", "早安"), ("饿", "吃饭")]},
    {"instruction": "再见", "output": "", "history": [("嗨", "你好")]},
]


def test_prompt_is_instruction_over_input() -> None:
    """Each on its own line; an empty one leaves no line."""
    assert instruction_batch(*ROWS).prompt.strings() == ["译\n山\n水", "几点了？", "再见"]


def test_turns_belong_to_their_rows() -> None:
    batch = instruction_batch(*ROWS)
    assert batch.rows_of_turns().tolist() == [1, 1, 2]
    assert batch.history_user.strings() == ["早", "饿", "嗨"]


def test_once_is_once() -> None:
    batch = instruction_batch(*ROWS)
    assert batch.prompt is batch.prompt


def test_fields() -> None:
    assert measured(Fields(), *ROWS)[1] == {
        "prompt_characters": 4,
        "output_characters": 3,
        "turns": 2,
    }


class Echo(InstructionMeasure):
    """Whether the answer is a question or a turn said before."""

    name = "echo"
    columns: ClassVar[dict[str, pa.DataType]] = {"echo": pa.bool_()}

    def measure(self, row: Any) -> dict[str, Any]:
        return {"echo": row["output"] in [answer for _, answer in row["history"]]}


def test_a_measure_of_rows_one_by_one() -> None:
    """The slow form is given the fields as text and the history as pairs."""
    again = {"instruction": "饿", "output": "吃饭", "history": [("饿", "吃饭")]}
    assert [row["echo"] for row in measured(Echo(), *ROWS, again)] == [False, False, False, True]


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), min_size=1))
def test_lines_of_is_join(rows: list[tuple[str, str, str]]) -> None:
    rows = [tuple(t.encode(errors="ignore").decode() for t in row) for row in rows]  # type: ignore[misc]
    parts = [TextBatch.from_strings([row[i] for row in rows]) for i in range(3)]
    assert lines_of(parts).strings() == ["\n".join(t for t in row if t) for row in rows]


def test_lined_takes_rows_of_any_size() -> None:
    texts = TextBatch.from_strings(["a", "", "b", "c"])
    assert lined(texts, np.array([0, 0, 3, 3, 4])).strings() == ["", "a\nb", "", "c"]
