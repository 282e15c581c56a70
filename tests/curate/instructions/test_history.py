"""The texts of a history column, there and back."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from curate.instructions.history import history_column, sides
from curate.rewrite.invisible import Invisible
from curate.rows import HISTORY
from curate.scan import scan
from curate.textbatch import TextBatch

TURNS = st.lists(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=3))


def pairs(column: pa.Array) -> list[list[tuple[str, str]]]:
    return [[(turn["user"], turn["assistant"]) for turn in row] for row in column.to_pylist()]


@given(TURNS, st.integers(0, 5), st.integers(0, 5))
def test_there_and_back_also_of_a_slice(turns, start, length) -> None:
    column = history_column(turns)
    assert column.type == HISTORY
    part = column.slice(start, length)
    texts = sides(part)
    assert texts.user.to_pylist() == [u for row in turns[start : start + length] for u, _ in row]
    again = texts.column()
    again.validate(full=True)
    assert pairs(again) == turns[start : start + length]


def test_a_rewrite_takes_all_turns_of_a_batch_at_once() -> None:
    texts = sides(history_column([[("你\u200b好", "好")], [], [("再", "见\u200b"), ("", "空")]]))
    cleaned = {}
    for name in ("user", "assistant"):
        batch = TextBatch.from_arrow(getattr(texts, name))
        batch, _ = Invisible().rewrite_batch(batch, scan(batch))
        cleaned[name] = batch.to_arrow()
    assert pairs(texts._replace(**cleaned).column()) == [
        [("你好", "好")], [], [("再", "见"), ("", "空")],
    ]  # fmt: skip
