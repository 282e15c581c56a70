"""Flat JSON Lines: compiled code and the parser give the same rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.rows import DOCUMENT, PAIR, RowType
from sources.flatjson import flat_lines
from sources.jsonlines import line_spans, line_values
from sources.linerows import line_rows
from sources.rowbatch import Picker
from sources.stream import Blocks

often = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.one_of(
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-1000, 1000, places=3).map(float),
)
scalars = st.none() | st.booleans() | numbers | texts
fields = st.dictionaries(
    st.sampled_from(["text", "zh", "id", "天", 'a"b', ""]), scalars | st.lists(scalars, max_size=2)
)
written = st.builds(
    lambda value, ascii_only, spaced: json.dumps(
        value, ensure_ascii=ascii_only, separators=(" , ", "\t:  ") if spaced else (",", ":")
    ),
    fields.map(lambda f: {"text": "正文", **f}) | fields,
    st.booleans(),
    st.booleans(),
)
spoiled = st.sampled_from(
    [
        '{"text": "a\\u12"}', '{"text": "\\ud800"}', '{"text": "\\ud83d\\ude00"}', '{"text": "a"',
        '{"text": "a"} x', '{"text": "a",}', '{"text": "a", "text": "b"}', '{"text": 1}', "[1]", "",
        "  ", '{"text": "a", "n": 01}', '{"text": "a", "n": 1.50}', '{"text": "a", "n": -0}',
        '{"text": "a", "n": 1e5}', '{"text": "a", "n": 0.0005}', '{"text": "a", "n": 100.0}',
        '{"text": "a\tb"}', '{"text": "a", "n": "x\\/y"}', '{"text": "\\/\\b\\f\\"\\\\"}', "null",
        '{"text": "a", "n": NaN}', '{"text": "a", "n": tru}', '{"n": "\\n", "text": "a"}\r', "{}",
        '{"te\\u0078t": "a"}', '{"text": "a", "n": 1.}', '{"text": "a", "n": .5}', '{"text" "a"}',
        '{"text": "a", "n": -}', '{"text": "a", "n": 1.7976931348623157}', '{"text": "a" "b": 1}',
        '{"text": "a", "n": nulls}', '{"text": "a", "n": 0.10}', '{"text": "a", "n": 0.0}',
    ]
)  # fmt: skip
lines = st.lists(written | spoiled, min_size=1, max_size=12)


def through_parser(path: Path, picker: Picker, kind: RowType, max_row: int) -> pa.Table:
    runs = line_values(Blocks(path, block=64), max_row)
    return pa.Table.from_batches([picker.batch(kind, run) for run in runs])


def through_flat(path: Path, picker: Picker, kind: RowType, max_row: int) -> pa.Table:
    return pa.Table.from_batches([*line_rows(kind, Blocks(path, block=64), max_row, picker)])


@often
@given(lines=lines, closed=st.booleans(), bad_byte=st.booleans())
def test_same_rows_as_the_parser(
    tmp_path: Path, lines: list[str], closed: bool, bad_byte: bool
) -> None:
    data = "\n".join(lines).encode() + b"\n" * closed
    if bad_byte:
        data = data[: len(data) // 2] + b"\xff" + data[len(data) // 2 :]
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    if not data:
        return
    for kind, columns in ((DOCUMENT, [["text"]]), (PAIR, [["zh"], ["text"]])):
        expected = through_parser(path, Picker(columns), kind, 200)
        got = through_flat(path, Picker(columns), kind, 200)
        assert got.to_pylist() == expected.to_pylist()


@often
@given(value=numbers)
def test_numbers_are_written_as_the_parser_writes_them(value: float) -> None:
    raw = b'{"text":"","n":' + json.dumps(value).encode() + b"}"
    data = np.frombuffer(raw, np.uint8)
    found = flat_lines(raw, *line_spans(data), ["text"])
    assert found is not None
    if found.plain[0]:
        assert found.meta[0].as_py().encode() == orjson.dumps({"n": value})


def test_common_lines_take_the_fast_way() -> None:
    raw = (
        '{"id": 17, "text": "他说：\\"好。\\"\\n\\u4e2d", "url": "http://x/y", "score": 0.95}\n'
        '{"text": "没有别的"}\n{"id": [1], "text": "嵌套"}\n{"text": "", "ok": true, "no": null}'
    ).encode()
    found = flat_lines(raw, *line_spans(np.frombuffer(raw, np.uint8)), ["text"])
    assert found is not None
    assert found.plain.tolist() == [True, True, False, True]
    assert found.texts[0].to_pylist() == ['他说："好。"\n中', "没有别的", ""]
    assert found.meta.to_pylist() == [
        '{"id":17,"url":"http://x/y","score":0.95}', None, '{"ok":true,"no":null}',
    ]  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 2, 25, 30])
def test_objects_of_many_keys(tmp_path: Path, size: int) -> None:
    value: dict[str, Any] = {f"k{i}": i for i in range(size)} | {"text": "正文"}
    path = tmp_path / "x.jsonl"
    path.write_bytes(orjson.dumps(value) + b"\n")
    picker = Picker([["text"]])
    got = through_flat(path, picker, DOCUMENT, 1 << 20)
    assert got.to_pylist() == through_parser(path, picker, DOCUMENT, 1 << 20).to_pylist()
