"""Lines of training files: built by column here, by row and orjson to compare with."""

from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.instructions.data import SHUFFLED
from curate.instructions.forms import FORMS, quoted

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.text('"\\\n\r\t\b\f\x00\x1b\x7f中文😀', max_size=8),
)
TURNS = st.lists(st.fixed_dictionaries({"user": TEXTS, "assistant": TEXTS}), max_size=3)
ROWS = st.fixed_dictionaries(
    {
        **dict.fromkeys(["instruction", "input", "output", "system"], TEXTS),
        "history": TURNS,
        "order": st.just(0),
        "valid": st.booleans(),
    }
)
Row = dict[str, Any]


def _prompt(row: Row) -> str:
    return "\n".join(text for text in (row["instruction"], row["input"]) if text)


def _all_turns(row: Row) -> list[Row]:
    return [*row["history"], {"user": _prompt(row), "assistant": row["output"]}]


def _published(row: Row) -> Row:
    history = [[turn["user"], turn["assistant"]] for turn in row["history"]]
    return {
        **{name: row[name] for name in ("instruction", "input", "output")},
        "history": history,
        "system": row["system"],
    }


def _messages(row: Row) -> Row:
    said = [{"role": "system", "content": row["system"]}] if row["system"] else []
    for turn in _all_turns(row):
        said.append({"role": "user", "content": turn["user"]})
        said.append({"role": "assistant", "content": turn["assistant"]})
    return {"messages": said}


def _sharegpt(row: Row) -> Row:
    said = []
    for turn in _all_turns(row):
        said.append({"from": "human", "value": turn["user"]})
        said.append({"from": "gpt", "value": turn["assistant"]})
    return {"conversations": said, "system": row["system"]}


BY_ROW = {"jsonl": _published, "messages": _messages, "sharegpt": _sharegpt}


def test_every_character_of_one_byte_is_quoted_as_orjson_quotes_it() -> None:
    texts = ["", *(chr(code) for code in range(0x80)), "".join(map(chr, range(0x80))), "天\n气😀"]
    lines = quoted(pa.array(texts)).to_pylist()
    assert [line.encode() for line in lines] == [orjson.dumps(text) for text in texts]


@pytest.mark.parametrize("form", FORMS)
@given(rows=st.lists(ROWS, max_size=6), begin=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_lines_are_those_of_every_row_by_itself(form: str, rows: list[Row], begin: int) -> None:
    table = pa.Table.from_pylist(rows, schema=SHUFFLED).slice(begin)
    lines = FORMS[form](table).to_pylist()
    expected = [orjson.dumps(BY_ROW[form](row)).decode() + "\n" for row in rows[begin:]]
    assert lines == expected
