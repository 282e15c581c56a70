"""Flat records of instruction sets: compiled code and the parser give the same rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.adapter import InputFile
from sources.flatjson import FlatLines
from sources.instructionrows import ALPACA, InstructionAdapter
from sources.registry import adapter
from sources.sniff import Content
from sources.stream import Blocks

often = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
values = texts | st.none() | st.integers(0, 99) | st.lists(texts, max_size=1)
known = st.fixed_dictionaries({"instruction": texts, "input": texts, "output": texts})
others = st.dictionaries(
    st.sampled_from(
        "id| System |系统|历史|HISTORY|meta_instruction|prompt|instances|zh_instruction|zh_output"
        "|en_input|Input|score|input".split("|")
    ),
    values,
    max_size=2,
)
records = st.builds(lambda own, more: own | more, known, others) | others
written = st.builds(
    lambda record, indent, ascii_only: json.dumps(record, indent=indent, ensure_ascii=ascii_only),
    records,
    st.sampled_from([None, None, 4]),
    st.booleans(),
)
spoiled = st.sampled_from(
    [
        '{"instruction": "a", "input": "", "output": "b", "output": "c"}',
        '{"instruction": "a", "input": "", "output": "b", "output": "b"}',
        '{"instruction": "a", "input": "", "output": "\\ud800"}',
        '{"instruction": "a", "input": "", "output": "b" "x": 1}',
        '{"instruction": "a", "input": "", "output": 1.5}',
        '{"instruction": "a", "input": "", "output": "b", "n": NaN}',
        '{"instruction": "a\nb", "input": "", "output": "b"}',
        '["a"]',
        "7",
    ]
)
elements = st.lists(written | spoiled, min_size=1, max_size=10)


def rows(reader: InstructionAdapter, path: Path, form: str) -> list[dict[str, object]]:
    batches: Iterator[pa.RecordBatch] = reader.rows(
        InputFile(path=path, name=path.name), Content(form)
    )
    return pa.Table.from_batches(list(batches), reader.row_type.schema).to_pylist()


@pytest.mark.parametrize("name", ["alpaca", "cot", "coig_cqia"])
@pytest.mark.parametrize("form", ["jsonl", "json_array", "json_objects"])
@often
@given(elements=elements, cut=st.integers(0, 3), block=st.sampled_from([40, 4000]))
def test_same_rows_as_the_parser(
    tmp_path: Path, name: str, form: str, elements: list[str], cut: int, block: int
) -> None:
    path = tmp_path / "x.json"
    if form == "jsonl":
        text = "\n".join(element.replace("\n", " ") for element in elements)
    elif form == "json_array":
        text = "[" + " ,\n".join(elements) + "]"
    else:
        text = "\n".join(elements)
    path.write_bytes(text.encode()[: -cut or None])
    reader = adapter(name)
    assert isinstance(reader, InstructionAdapter)
    kind = type(reader)
    with (
        patch.object(kind, "max_row", 600),
        patch.object(kind, "blocks", lambda *_: Blocks(path, block=block)),
    ):
        flat = rows(reader, path, form)
        with patch.object(kind, "flat", None):
            assert flat == rows(reader, path, form)


def test_common_records_are_taken_apart() -> None:
    first = b'{"instruction": "a", "input": "", "output": "b", "id": 3}'
    raw = first + b'\n{"instruction": "a",\n"input": "", "output": "b", "System": "c"}'
    starts, ends = np.array([0, len(first) + 1]), np.array([len(first), len(raw)])
    found = ALPACA.taken_apart(raw, starts, ends)
    assert isinstance(found, FlatLines)
    assert found.plain.tolist() == [True, False]
    assert [column.to_pylist() for column in found.texts] == [["a"], [""], ["b"]]
    assert found.meta.to_pylist() == ['{"id":3}']
