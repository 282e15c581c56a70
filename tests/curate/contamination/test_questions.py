"""Evaluation sets in the formats they are published in, and what is wrong with files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate.contamination.options import EvaluationFiles
from curate.contamination.questions import evaluation_files, questions
from curate.errors import RecipeError


def read(tmp_path: Path, name: str, content: str | bytes, **spec) -> list[tuple]:
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(data)
    [file] = evaluation_files(EvaluationFiles(path=name, **spec), tmp_path)
    return [(q.id, q.text, q.options, q.answer) for q in questions(file)]


def test_ceval(tmp_path):
    text = "id,question,A,B,C,D,answer,explanation\n"
    text += '0,山有____。,"一,二",三,四,五,C,"1. 因为\n2. 所以"\n'
    text += "1,水是____。,甲,乙,丙,丁,A,略\n"
    assert read(tmp_path, "x_dev.csv", text) == [
        ("x_dev/x_dev.csv#1", "山有____。", ("一,二", "三", "四", "五"), 2),
        ("x_dev/x_dev.csv#2", "水是____。", ("甲", "乙", "丙", "丁"), 0),
    ]


def test_cmmlu(tmp_path):
    text = "\ufeff,Question,A,B,C,D,Answer\n0,山有几座,一,二,三,四,D\n1,水有几条,1,2,3,4,A\n"
    assert read(tmp_path, "x.csv", text, set="cmmlu") == [
        ("cmmlu/x.csv#1", "山有几座", ("一", "二", "三", "四"), 3),
        ("cmmlu/x.csv#2", "水有几条", ("1", "2", "3", "4"), 0),
    ]


def test_c3(tmp_path):
    value = [
        [["男：你好。", "女：你好。"],
         [{"question": "他们是谁？", "choice": ["邻居", "同事"], "answer": "同事"}], "1-1"],
        [["一段短文。"], [{"question": "讲了什么？", "choice": ["山", "水"], "answer": "山"},
                       {"question": "谁写的？", "choice": ["甲", "乙"], "answer": "乙"}], "1-2"],
    ]  # fmt: skip
    assert read(tmp_path, "m-dev.json", json.dumps(value, ensure_ascii=False)) == [
        ("m-dev/m-dev.json#1", "他们是谁？", ("邻居", "同事"), 1),
        ("m-dev/m-dev.json#2", "讲了什么？", ("山", "水"), 0),
        ("m-dev/m-dev.json#3", "谁写的？", ("甲", "乙"), 1),
    ]


def test_squad_and_both_forms_of_cmrc(tmp_path):
    answers = [{"text": "李时珍", "answer_start": 0}, {"text": "李时珍编", "answer_start": 0}]
    qas = [{"question": "谁编的？", "id": "1", "answers": answers}]
    squad = {"version": "1", "data": [{"title": "t", "paragraphs": [{"context": "…", "qas": qas}]}]}
    expected = [("c/c.json#1", "谁编的？", ("李时珍",), 0)]
    assert read(tmp_path, "c.json", json.dumps(squad)) == expected
    assert read(tmp_path, "c.json", json.dumps(squad, indent=1)) == expected
    qas = [{"query_text": "谁编的？", "query_id": "q", "answers": ["李时珍"]}]
    cmrc = [{"context_id": "1", "context_text": "…", "title": "t", "qas": qas}]
    assert read(tmp_path, "c.json", json.dumps(cmrc)) == expected


def test_json_lines_with_named_fields(tmp_path):
    lines = (
        '{"q": "山高几何？", "opts": {"A": "一", "B": "二"}, "key": "B"}\n\n{"q": "水深几许？"}\n'
    )
    assert read(tmp_path, "q.jsonl", lines, question="q", options=["opts"], answer="key") == [
        ("q/q.jsonl#1", "山高几何？", ("一", "二"), 1),
        ("q/q.jsonl#2", "水深几许？", (), -1),
    ]
    plain = (
        '{"question": "山高几何？", "answer": "很高"}\n{"question": "水深几许？", "answer": 3}\n'
    )
    assert [row[2:] for row in read(tmp_path, "p.jsonl", plain)] == [(("很高",), 0), (("3",), 0)]


def test_gbk_and_compressed_files(tmp_path):
    import gzip

    text = ",Question,A,B,C,D,Answer\n" + "".join(
        f"{i},这一条河流的长度是多少公里,一,二,三,四,A\n" for i in range(30)
    )
    assert len(read(tmp_path, "g.csv", text.encode("gb18030"))) == 30
    assert len(read(tmp_path, "z.csv.gz", gzip.compress(text.encode()))) == 30


def test_folders_and_patterns(tmp_path):
    (tmp_path / "ceval" / "dev").mkdir(parents=True)
    for name in ("b.csv", "a.csv"):
        (tmp_path / "ceval/dev" / name).write_text("question,A,B\n问,甲,乙\n", encoding="utf-8")
    (tmp_path / "ceval" / "README.md").write_text("no data")
    folder = evaluation_files(EvaluationFiles(path="ceval"), tmp_path)
    assert [(f.set, f.file.name) for f in folder] == [
        ("ceval", "dev/a.csv"),
        ("ceval", "dev/b.csv"),
    ]
    pattern = evaluation_files(EvaluationFiles(path="ceval/dev/*.csv"), tmp_path)
    assert [(f.set, f.file.name) for f in pattern] == [("dev", "a.csv"), ("dev", "b.csv")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "name,A,B\n问,甲,乙\n好,丙,丁\n", "no question among name, A, B; name the key"),
        ("a.csv", 'question,A\n"没有完,甲\n又,乙\n', "not sound CSV at line|neither CSV nor JSON"),
        ("a.jsonl", '{"question": "问"}\n{"question": "问\n', "line 2 is not valid JSON"),
        ("a.jsonl", '{"question": "问"}\n{"text": "问"}\n', "question 2: no question among text"),
        ("a.json", '{"data": [{"paragraphs": [', "not valid JSON"),
        ("a.json", "[]", "holds no questions"),
        ("a.json", '{"data": []}', "holds no questions"),
        ("a.txt", "一段文字\n又一段文字\n", "neither CSV nor JSON"),
        ("a.json", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git-LFS"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0", "PNG image"),
    ],
)  # fmt: skip
def test_bad_files_are_named_with_what_is_wrong(tmp_path, name, content, said):
    with pytest.raises(RecipeError, match=said) as error:
        read(tmp_path, name, content)
    assert name in str(error.value)


def test_missing_files_and_keys(tmp_path):
    with pytest.raises(RecipeError, match="does not exist"):
        evaluation_files(EvaluationFiles(path="nowhere.csv"), tmp_path)
    with pytest.raises(RecipeError, match="no files at"):
        evaluation_files(EvaluationFiles(path="no/*.csv"), tmp_path)
    with pytest.raises(RecipeError, match="no 'frage' among question"):
        read(tmp_path, "a.jsonl", '{"question": "问"}\n', question="frage")
