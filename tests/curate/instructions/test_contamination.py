"""Evaluation questions in instructions: as they are, and as instruction sets hold them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.build import Options, Result
from curate.instructions.build import InstructionBuild
from curate.storage import read_json
from manifests.verify import problems
from tests.curate.corpus import fingerprints, sentence
from tests.curate.instructions.builds import data, ledger, recipe, row, write

QUESTION = "某流域上游修建水库之后，下游河道冬季的流量比修建之前有所增加，主要原因是____"
OPTIONS = ("水库在冬季放水", "冬季降水增多", "蒸发减弱", "地下水补给增多")
TRADITIONAL = "某流域上游修建水庫之後，下游河道冬季的流量比修建之前有所增加，主要原因是____"


def listed(options: tuple[str, ...]) -> str:
    return "\n".join(f"{letter}. {o}" for letter, o in zip("ABCD", options, strict=True))


ROWS = [
    row(QUESTION, "水库在冬季放水。"),
    row(f"{QUESTION}\n{listed(OPTIONS)}", "A"),
    row("选出正确答案。", "D", f"{QUESTION}\n{listed(OPTIONS[::-1])}"),
    row("下面这道题怎么做？", f"题目是：{QUESTION}答案是A，{OPTIONS[0]}。"),
    row("地理题", "选 A。", f"{TRADITIONAL}\n{listed(OPTIONS)}"),
    row("那为什么？", sentence(9), history=[[f"{QUESTION}\n{listed(OPTIONS)}", "选 A。"]]),
    # None of these holds the question.
    row("水库一般在什么季节放水？", "水库在冬季放水，春天蓄水。"),
    row("下列哪一项与水有关？", "都有关。", "，".join(OPTIONS)),
    row(sentence(1), sentence(2)),
]


def built(root: Path, policy: str = "drop", workers: int = 1) -> Result:
    write(root / "in/a.jsonl", ROWS)
    (root / "eval").mkdir(exist_ok=True)
    table = "question,A,B,C,D,answer\n" + ",".join([QUESTION, *OPTIONS, "A"]) + "\n"
    (root / "eval/a.csv").write_text(table, encoding="utf-8")
    asked = recipe(root / "in", f"contamination: {{files: [eval], policy: {policy}}}")
    options = Options(out=root / f"out{workers}", workers=workers, recipe_folder=root)
    return InstructionBuild(asked, options).run()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contamination")


@pytest.fixture(scope="module")
def result(root: Path) -> Result:
    return built(root)


def test_a_question_is_found_however_it_is_asked(result):
    rows = ledger(result)
    lost = [r["row"] for r in rows.values() if r["reason"] == "contamination"]
    assert lost == [1, 2, 3, 4, 5, 6]
    assert {r["contamination_question"] for r in rows.values() if r["row"] <= 6} == {"eval/a.csv#1"}
    # Where script is converted the row is simplified by now; the ledger says that it was not.
    assert "script" in rows["own/a.jsonl#000000005"]["rewrites"]
    assert [r["contamination"] < 0.7 for r in rows.values()][6:] == [True] * 3
    assert problems(result.folder) == []


def test_the_manifest_and_the_report_say_so(result):
    manifest = read_json(result.folder / "manifest.json")
    assert manifest["counts"]["dropped"] == 6
    assert manifest["sources"]["own"]["counts"]["reasons"]["decide"]["contamination"] == 6
    [found] = manifest["contamination"]["sets"].values()
    assert found["found"] == 1
    [question] = pq.read_table(result.folder / "contamination.parquet").to_pylist()
    assert (question["rows"], question["example"]) == (6, "own/a.jsonl#000000001")
    command = [sys.executable, "-m", "curate", "manifest", "show", str(result.folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "contamination" in json.dumps(json.loads(done.stdout.splitlines()[-1]))


def test_kept_and_marked_where_the_policy_is_keep(tmp_path):
    kept = built(tmp_path, "keep")
    rows = ledger(kept)
    assert {r["reason"] for r in rows.values()} <= {None, "near_duplicate", "exact_duplicate"}
    assert sum(r["contamination"] >= 0.7 for r in rows.values()) == 6
    assert len(data(kept)) > 3


def test_same_bytes_with_more_workers(result, root):
    assert fingerprints(built(root, workers=2).folder) == fingerprints(result.folder)
