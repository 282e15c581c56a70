"""The published schema, by our validator and by an independent one."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import CurateError
from curate.instructions.schema import Fault, checked_file, json_schema, problems_of
from curate.rows import INSTRUCTION

GOOD = [
    {"instruction": "一", "input": "", "output": "甲"},
    {"instruction": "", "input": "一", "output": "甲"},
    {"instruction": "二", "input": "", "output": "乙", "history": [["一", "甲"]], "system": "s"},
    {"instruction": "二", "input": "", "output": "乙", "history": []},
]
BAD = [
    ({"instruction": "一", "input": "", "output": " \u3000"}, "output is empty"),
    ({"instruction": "", "input": "\n", "output": "甲"}, "instruction and input are both empty"),
    ({"instruction": "一", "output": "甲"}, "'input' is missing"),
    ({"instruction": ["一"], "input": "", "output": "甲"},
     "instruction: Input should be a valid string"),
    ({"instruction": "一", "input": None, "output": "甲"}, "input: Input should be a valid string"),
    ({"instruction": "一", "input": "", "output": 4}, "output: Input should be a valid string"),
    ({"instruction": "一", "input": "", "output": "甲", "history": [["一"]]},
     "history.0: List should have at least 2 items after validation, not 1"),
    ({"instruction": "一", "input": "", "output": "甲", "history": [["一", 2]]},
     "history.0.1: Input should be a valid string"),
    ({"instruction": "一", "input": "", "output": "甲", "history": [["一", "甲", "乙"]]},
     "history.0: List should have at most 2 items after validation, not 3"),
    ({"instruction": "一", "input": "", "output": "甲", "historry": []},
     "no key 'historry' in the schema; did you mean 'history'?"),
    ({"instruction": "一", "input": "", "output": "甲", "回答": "乙"},
     "no key '回答' in the schema; did you mean 'output'?"),
    ({"instruction": "一", "input": "", "output": "甲", "score": 1},
     "no key 'score' in the schema"),
    (["一"], "list where an object was expected"),
]  # fmt: skip


def test_sound_rows() -> None:
    assert [problems_of(row) for row in GOOD] == [[]] * 4


@pytest.mark.parametrize(("row", "problem"), BAD)
def test_faults_are_named(row: object, problem: str) -> None:
    assert problems_of(row) == [problem]


def test_the_json_schema_draws_the_same_line() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json_schema())
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert [validator.is_valid(row) for row in GOOD] == [True] * 4
    assert [row for row, _ in BAD if validator.is_valid(row)] == []
    assert all("description" in value for value in json_schema()["properties"].values())


def lines(*rows: object) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def test_a_file_of_lines(tmp_path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(
        lines(GOOD[0], BAD[0][0])
        + '{"instruction": "一", "input": "", "output": "甲", "output": "乙"}\n\n'.encode()
        + b'{"instruction": "x", "input": "", "out'
    )
    report = checked_file(path)
    assert (report.rows, report.errors, report.ok) == (5, 4, False)
    assert report.faults[:3] == [
        Fault(2, "output is empty"),
        Fault(3, "'output' occurs 2 times"),
        Fault(4, "empty: a blank line"),
    ]
    assert report.faults[3].problem.startswith("truncated: the file ends inside")


def test_other_containers(tmp_path) -> None:
    for name, content in [
        ("array.json", json.dumps(GOOD).encode()),
        ("lines.json.gz", gzip.compress(lines(*GOOD))),
        ("one.json", json.dumps(GOOD[2], indent=2).encode()),
        ("nothing.jsonl", b""),
    ]:
        (tmp_path / name).write_bytes(content)
        report = checked_file(tmp_path / name)
        assert report.ok, name
        assert report.rows == {"one.json": 1, "nothing.jsonl": 0}.get(name, 4)


def test_parquet(tmp_path) -> None:
    table = pa.table(
        {
            "id": ["a#1", "a#2"],
            "instruction": ["二", "一"],
            "input": ["", ""],
            "output": ["乙", ""],
            "history": pa.array(
                [[{"user": "一", "assistant": "甲"}], None],
                INSTRUCTION.schema.field("history").type,
            ),
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    report = checked_file(tmp_path / "rows.parquet")
    assert (report.rows, report.faults) == (2, [Fault(2, "output is empty")])


def test_faults_are_bounded_and_all_counted(tmp_path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(*[BAD[0][0]] * 250))
    report = checked_file(path, most=7)
    assert (report.rows, report.errors, len(report.faults)) == (250, 250, 7)


def test_what_is_no_file_of_rows(tmp_path) -> None:
    with pytest.raises(CurateError, match=r"cannot read .*none\.jsonl: No such file"):
        checked_file(tmp_path / "none.jsonl")
    (tmp_path / "text.txt").write_text("一段话\n又一段\n", "utf-8")
    report = checked_file(tmp_path / "text.txt")
    assert (report.rows, report.errors) == (2, 2)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (tmp_path / "pointer.jsonl").write_bytes(pointer)
    assert checked_file(tmp_path / "pointer.jsonl").faults[0].problem.startswith("lfs_pointer")
