"""What a kept row says, in Python, in Arrow and in SQL."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from manifests.kept import lengths, text_of, text_sql

words = st.text(st.sampled_from("问答好。 \n'a"), max_size=5)
turns = st.lists(st.fixed_dictionaries({"user": words, "assistant": words}), max_size=3)
rows = st.fixed_dictionaries(
    {
        "instruction": words,
        "input": words,
        "output": words,
        "system": words,
        "history": turns,
    }
)
TURN = pa.struct([("user", pa.large_string()), ("assistant", pa.large_string())])


@given(st.lists(rows, max_size=6))
def test_sql_and_python_say_the_same(rows: list[dict[str, Any]]) -> None:
    columns = {
        name: pa.array([row[name] for row in rows], pa.large_string())
        for name in ("instruction", "input", "output", "system")
    }
    history = pa.array([row["history"] for row in rows], pa.large_list(TURN))
    data = pa.table({**columns, "history": history})
    expected = [text_of(row) for row in rows]
    with duckdb.connect(":memory:") as database:
        database.register("data", data)
        found = database.execute(f"SELECT {text_sql('instructions')} FROM data").fetchall()
    assert [text for (text,) in found] == expected
    assert lengths(data).to_pylist() == [len(text) for text in expected]


def test_a_document_is_its_text() -> None:
    assert text_sql("corpus") == "text"
    assert text_of({"text": "正文"}) == "正文"
