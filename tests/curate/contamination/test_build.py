"""Evaluation sets through a whole build: rows in the ledger, questions in their report."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.build import Build, Options, Result
from curate.errors import RecipeError
from curate.fingerprint import file_sha256
from curate.recipe import parsed
from curate.storage import read_json
from tests.curate.corpus import fingerprints, sentence

QUESTION = "某流域上游修建水库之后，下游河道冬季的流量比修建之前有所增加，主要原因是____"
OPTIONS = ("水库在冬季放水", "冬季降水增多", "蒸发减弱", "地下水补给增多")

RECIPE = """
name: exam
sources: [{{name: jsonl, label: web, path: {root}/web}}]
quality: {{characters: {{min: 10}}}}
"""
ASKED = """
contamination:
  files: [eval, {path: own.jsonl, question: q, set: own}]
"""


def write(root: Path) -> None:
    (root / "web").mkdir(parents=True)
    (root / "eval").mkdir()
    texts = [
        [sentence(1), sentence(2) + "\n" + QUESTION + "\n" + "\n".join(OPTIONS), sentence(3)],
        ["，".join(OPTIONS) + "，都是可能的原因。", QUESTION.replace("，", "\n"), sentence(5)],
    ]
    for i, rows in enumerate(texts):
        lines = [json.dumps({"text": text}, ensure_ascii=False) for text in rows]
        (root / "web" / f"{i}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    table = "question,A,B,C,D,answer\n" + ",".join([QUESTION, *OPTIONS, "A"]) + "\n"
    table += "1+1=,1,2,3,4,B\n"
    (root / "eval" / "a.csv").write_text(table, encoding="utf-8")
    own = {"q": "这一个问题在语料之中从来没有人问起过，所以哪里都找不到它"}
    (root / "own.jsonl").write_text(json.dumps(own, ensure_ascii=False), encoding="utf-8")


def built(root: Path, out: Path, asked: str = ASKED, workers: int = 1) -> Result:
    recipe = parsed(RECIPE.format(root=root) + asked)
    return Build(recipe, Options(out=out, workers=workers, recipe_folder=root)).run()


def ledger(result: Result) -> dict[str, dict]:
    return {row["id"]: row for row in pq.read_table(result.folder / "ledger").to_pylist()}


def test_both_directions(tmp_path):
    write(tmp_path / "in")
    result = built(tmp_path / "in", tmp_path / "out")
    rows = ledger(result)
    row = rows["web/0.jsonl#000000002"]
    assert (row["stage"], row["reason"]) == ("decide", "contamination")
    assert (row["measure"], row["limit"]) == ("contamination=1", "below 0.7")
    assert (row["contamination"], row["contamination_question"]) == (1.0, "eval/a.csv#1")
    assert rows["web/1.jsonl#000000002"]["reason"] == "contamination"
    clean = [r for r in rows.values() if r["reason"] is None]
    assert len(clean) == 4
    assert {r["contamination"] for r in clean} == {0.0}
    assert {r["contamination_question"] for r in clean} == {None}
    report = pq.read_table(result.folder / "contamination.parquet").to_pylist()
    assert report == [
        {"id": "eval/a.csv#1", "set": "eval", "rule": "ngrams", "rows": 2, "best_score": 1.0,
         "example": "web/0.jsonl#000000002"},
        {"id": "eval/a.csv#2", "set": "eval", "rule": "too_short", "rows": 0, "best_score": 0.0,
         "example": None},
        {"id": "own/own.jsonl#1", "set": "own", "rule": "ngrams", "rows": 0, "best_score": 0.0,
         "example": None},
    ]  # fmt: skip
    manifest = read_json(result.folder / "manifest.json")
    sets = manifest["contamination"]["sets"]
    assert {k: (v["questions"], v["too_short"], v["found"]) for k, v in sets.items()} == {
        "eval": (2, 1, 1),
        "own": (1, 0, 0),
    }
    assert sets["own"]["files"][0]["sha256"] == file_sha256(tmp_path / "in" / "own.jsonl")
    [output] = [o for o in manifest["outputs"] if o["path"] == "contamination.parquet"]
    assert output["sha256"] == file_sha256(result.folder / "contamination.parquet")
    assert output["rows"] == 3


def test_same_bytes_for_any_number_of_workers(tmp_path):
    write(tmp_path / "in")
    first = fingerprints(built(tmp_path / "in", tmp_path / "one").folder)
    assert "contamination.parquet" in first
    assert fingerprints(built(tmp_path / "in", tmp_path / "two", workers=2).folder) == first


def test_rows_can_stay_with_their_score(tmp_path):
    write(tmp_path / "in")
    rows = ledger(built(tmp_path / "in", tmp_path / "out", ASKED + "  policy: keep\n"))
    assert rows["web/0.jsonl#000000002"]["status"] == "kept"
    assert rows["web/0.jsonl#000000002"]["contamination_question"] == "eval/a.csv#1"
    limited = ASKED + "  policy: keep\nquality: {contamination: {max: 0.5}}\n"
    recipe = RECIPE.replace("quality: {{characters: {{min: 10}}}}\n", "")
    again = parsed(recipe.format(root=tmp_path / "in") + limited)
    options = Options(out=tmp_path / "limited", recipe_folder=tmp_path / "in")
    rows = ledger(Build(again, options).run())
    assert rows["web/0.jsonl#000000002"]["reason"] == "quality.contamination.max"


def test_only_what_changed_is_done_again(tmp_path):
    write(tmp_path / "in")
    built(tmp_path / "in", tmp_path / "out")
    limit = built(tmp_path / "in", tmp_path / "out", ASKED + "  limit: 0.9\n")
    assert "contamination" not in limit.clock and "scan" not in limit.clock
    (tmp_path / "in" / "own.jsonl").write_text('{"q": "' + sentence(5) + '"}', encoding="utf-8")
    other = built(tmp_path / "in", tmp_path / "out")
    assert "contamination" in other.clock and "scan" not in other.clock
    assert ledger(other)["web/1.jsonl#000000003"]["contamination_question"] == "own/own.jsonl#1"
    fresh = built(tmp_path / "in", tmp_path / "fresh")
    assert fingerprints(fresh.folder) == fingerprints(other.folder)
    without = built(tmp_path / "in", tmp_path / "out", "")
    assert not (without.folder / "contamination.parquet").exists()
    assert read_json(without.folder / "manifest.json")["contamination"] is None
    assert "contamination" not in pq.read_schema(without.folder / "ledger/00000.parquet").names


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("contamination: {files: []}\n", "files"),
        ("contamination: {file: [a]}\n", "'files'"),
        ("contamination: {files: [a], limits: 0.5}\n", "'limit'"),
        ("contamination: {files: [a], limit: 0.1}\n", "limit"),
        ("contamination: {files: [{path: a, questions: q}]}\n", "'question'"),
        ("quality: {contamination: {max: 0.5}}\n", "contamination"),
    ],
)
def test_a_wrong_recipe_is_explained(tmp_path, asked, said):
    recipe = RECIPE.replace("quality: {{characters: {{min: 10}}}}\n", "")
    with pytest.raises(RecipeError, match=said):
        parsed(recipe.format(root=tmp_path) + asked)


def test_bad_files_stop_the_build_before_any_work(tmp_path):
    write(tmp_path / "in")
    for asked, said in (
        ("contamination: {files: [nowhere]}\n", "nowhere does not exist"),
        ("contamination: {files: [eval, eval/a.csv, {path: eval, set: eval}]}\n", "eval/a.csv#1"),
    ):
        with pytest.raises(RecipeError, match=said):
            built(tmp_path / "in", tmp_path / "out", asked)
    (tmp_path / "in" / "eval" / "b.json").write_text('{"data": [')
    with pytest.raises(RecipeError, match=r"b\.json"):
        built(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out" / "exam" / ".work" / "ingest").exists()
    with pytest.raises(RecipeError, match=r"b\.json"):
        recipe = parsed(RECIPE.format(root=tmp_path / "in") + ASKED)
        Build(recipe, Options(out=tmp_path / "out", recipe_folder=tmp_path / "in")).dry_run()
