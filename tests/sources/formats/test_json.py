"""JSON arrays, lines and objects, sound and broken."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import ijson
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sources.jsonarray import array_values, object_values
from sources.jsonlines import line_values
from sources.stream import Blocks

anything = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
scalars = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.sampled_from('a,]}{["\\')), inner)
    ),
)
records = st.dictionaries(st.sampled_from(["text", "id", "天"]), values)
READERS = {"array": array_values, "lines": line_values, "objects": object_values}


def read(path: Path, data: bytes, kind: str = "array", block: int = 1 << 20) -> list[Any]:
    """Values in order, reasons in place of the bad ones; numbering checked."""
    path.write_bytes(data)
    out: list[Any] = []
    for run in READERS[kind](Blocks(path, block=block), 64 << 20):
        assert run.first == len(out) + 1
        out += [run.bad[i].reason if i in run.bad else v for i, v in enumerate(run.values)]
    return out


@anything
@given(
    rows=st.lists(values),
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    block=st.integers(3, 60),
)
def test_any_array_reads_back(
    tmp_path: Path, rows: list[Any], indent: int | None, ascii_only: bool, block: int
) -> None:
    data = json.dumps(rows, indent=indent, ensure_ascii=ascii_only).encode()
    got = read(tmp_path / "x", data, block=block)
    assert got == rows
    if b"Infinity" not in data:
        reference = ijson.items(io.BytesIO(data), "item", use_float=True)
        assert [*map(str, got)] == [*map(str, reference)]


@anything
@given(rows=st.lists(records), indent=st.sampled_from([None, 1]), block=st.integers(3, 60))
def test_any_objects_read_back(
    tmp_path: Path, rows: list[Any], indent: int | None, block: int
) -> None:
    text = "\n".join(json.dumps(row, indent=indent, ensure_ascii=False) for row in rows)
    assert read(tmp_path / "x", text.encode(), "objects", block) == rows
    assert read(tmp_path / "x", text.replace("\n", "").encode(), "objects", block) == rows


@anything
@given(rows=st.lists(values), block=st.integers(3, 60), closed=st.booleans())
def test_any_lines_read_back(tmp_path: Path, rows: list[Any], block: int, closed: bool) -> None:
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n" * closed
    if rows:
        assert read(tmp_path / "x", text.encode(), "lines", block) == rows


A, B, C, D = ({"a": 1, "text": "天，[{"}, {"a": 2, "text": "地"}, {"a": 3, "text": "人"},
              {"a": 4, "text": "和"})  # fmt: skip
J = [json.dumps(v, ensure_ascii=False) for v in (A, B, C, D)]

BROKEN = {
    "empty": ("[]", []),
    "spaces": ("\ufeff [ \n ] \n".replace("\ufeff", ""), []),
    "comma before the end": (f"[{J[0]},{J[1]},]", [A, B, "bad_json"]),
    "comma before the end, lines": (f"[\n  {J[0]},\n  {J[1]},\n]\n", [A, B, "bad_json"]),
    "two commas": (f"[{J[0]},,{J[1]}]", [A, "bad_json", B]),
    "comma missing": (f"[{J[0]} {J[1]},{J[2]}]", [A, B, C]),
    "comma missing, last": (f"[{J[0]},\n{J[1]}\n{J[2]}]", [A, B, C]),
    "comma in an object": (f'[{J[0]},{{"a":5,"text":"x",}},{J[1]}]', [A, "bad_json", B]),
    "bad literal": (f'[{J[0]},{{"a":nul,"text":"x"}},{J[1]}]', [A, "bad_json", B]),
    "bad literal first": (f'[{{"a":nul,"text":"x"}},{J[1]}]', ["bad_json", B]),
    "single quotes": (f"[{J[0]},{{'a':5,'text':'x'}},{J[1]}]", [A, "bad_json", B]),
    "quote missing at the end": (
        f'[{J[0]},{{"a":5,"text":"x}},{J[1]},{J[2]},{J[3]}]',
        [A, "bad_json", B, C, D],
    ),
    "quote missing at the start": (
        f'[{J[0]},{{"a":5,"text":x"}},{J[1]},{J[2]},{J[3]}]',
        [A, "bad_json", B, C, D],
    ),
    "quote inside": (
        f'[{J[0]},{{"a":5,"text":"he said "no" once"}},{J[1]},{J[2]}]',
        [A, "bad_json", B, C],
    ),
    "brace missing at the end": (
        f'[{J[0]},{{"a":5,"text":"x",{J[1]},{J[2]},{J[3]}]',
        [A, "bad_json", B, C, D],
    ),
    "brace missing at the start": (
        f'[{J[0]},"a":5,"text":"x"}},{J[1]},{J[2]}]',
        [A, "bad_json", B, C],
    ),
    "brace too many": (f"[{J[0]}}},{J[1]},{J[2]}]", [A, "bad_json", B, C]),
    "closed early": (f"[{J[0]}],{J[1]},{J[2]}]", [A, "bad_json", B, C]),
    "two arrays": (f"[{J[0]}]\n[{J[1]}]\n", [A, B]),
    "text after the end": (f"[{J[0]}] and so on", [A, "bad_json"]),
    "scalars": ('["a",1,null]', ["a", 1, None]),
    "cut after a comma": (f"[{J[0]},{J[1]},", [A, B, "truncated"]),
    "cut after an element": (f"[{J[0]},{J[1]}", [A, B, "truncated"]),
    "cut in an element": (f"[{J[0]},{J[1][:12]}", [A, "truncated"]),
    "cut in the first": (f"[{J[0][:-4]}", ["truncated"]),
    "cut at once": ("[", ["truncated"]),
    "nested records": (
        f'[{{"a":1,"text":"x","more":[{J[1]},{J[2]}]}},{J[3]}]',
        [{"a": 1, "text": "x", "more": [B, C]}, D],
    ),
}


@pytest.mark.parametrize("block", [5, 64, 1 << 20])
@pytest.mark.parametrize("name", BROKEN)
def test_broken_array(tmp_path: Path, name: str, block: int) -> None:
    text, expected = BROKEN[name]
    assert read(tmp_path / "x", text.encode(), block=block) == expected


def test_where_it_broke_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(f'[\n {J[0]},\n {{"a": ,}},\n {J[1]}\n]', encoding="utf-8")
    (run,) = array_values(Blocks(path), 1 << 20)
    assert run.bad[1].reason == "bad_json"
    assert "line 2" in run.bad[1].detail or "line 3" in run.bad[1].detail


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), block=st.integers(3, 200))
def test_any_damage_costs_few_rows_and_never_raises(
    tmp_path: Path, data: st.DataObject, block: int
) -> None:
    rows = [{"id": i, "text": f"第{i}条记录的文字", "note": ""} for i in range(30)]
    text = bytearray(json.dumps(rows, ensure_ascii=False, indent=1).encode())
    at = data.draw(st.integers(2, len(text) - 3))
    text[at] = data.draw(st.sampled_from(list(b'"{}[],:\\x1 \xff')))
    # A second bracket right after the first makes all of it one element: nothing can be saved.
    assume(not (at == 2 and text[at] == ord("[")))
    got = read(tmp_path / "x", bytes(text), block=block)
    sound = [row for row in rows if row in got]
    assert len(sound) >= 28
    # In order, and nothing invented: what is read is a row or one whose text was hit.
    assert [row for row in got if row in rows] == sound
    assert len([row for row in got if isinstance(row, dict) and row not in rows]) <= 1


def test_lines_of_all_kinds(tmp_path: Path) -> None:
    data = b"\n".join([
        J[0].encode(), b"", b"  ", b"{'a':1}", b"\xff\xfe", J[1].encode() + b"\r",
        b'{"a": NaN}', b'{"a": "\\ud800"}', b'{"a": "tab\there"}', b"[1]", b"3", J[2].encode()[:-3],
    ])  # fmt: skip
    got = read(tmp_path / "x", data, "lines")
    assert got[:6] == [A, "empty", "empty", "bad_json", "bad_utf8", B]
    assert str(got[6]) == "{'a': nan}"
    assert got[7:] == ["bad_json", {"a": "tab\there"}, [1], 3, "truncated"]


def test_deep_nesting_is_refused_quietly(tmp_path: Path) -> None:
    deep = b"[" * 200_000 + b"]" * 200_000
    assert read(tmp_path / "x", b"[1," + deep + b",2]") == [1, "bad_json", 2]
    assert read(tmp_path / "x", deep + b"\n" + b"7\n", "lines") == ["bad_json", 7]


@pytest.mark.parametrize("kind", READERS)
def test_repeated_keys_are_noticed(tmp_path: Path, kind: str) -> None:
    rows = ['{"a":":","b":{"a":1,"a":2}}', '{"a":1,"b":2,"a":3}', '{"a":"\\":","b":[]}']
    text = "[" + ",".join(rows) + "]" if kind == "array" else "\n".join(rows)
    (tmp_path / "x").write_text(text)
    found = {
        run.first + i: repeats
        for run in READERS[kind](Blocks(tmp_path / "x"), 1 << 20)
        for i, repeats in run.repeated.items()
    }
    assert found == {2: {"a": [1, 3]}}


def test_giant_element(tmp_path: Path) -> None:
    path = tmp_path / "x"
    giant = json.dumps({"a": 9, "text": "长" * 5000}, ensure_ascii=False)
    path.write_text(f"[{J[0]},{giant},{J[1]},{giant}]", encoding="utf-8")
    for block in (100, 1 << 20):
        out: list[Any] = []
        for run in array_values(Blocks(path, block=block), 4000):
            out += [run.bad[i].reason if i in run.bad else v for i, v in enumerate(run.values)]
        assert out == [A, "too_long", B, "too_long"]
