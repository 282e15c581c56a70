"""`curate build instructions` and `curate validate` as a person or a script meets them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = '{"instruction": "问", "input": "", "output": "答"}\n'


def curate(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "curate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def test_a_recipe_is_built_and_its_files_are_valid(tmp_path):
    (tmp_path / "rows.jsonl").write_text(GOOD + GOOD.replace("问", "另一个问题") + "{\n")
    (tmp_path / "r.yaml").write_text(
        "name: mine\nsources: [{name: instructions, label: own, path: rows.jsonl}]\n"
        "mixture: {valid: 0}\n"
    )
    done = curate("build", "instructions", "r.yaml", "--workers", "1", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["rows_read"], summary["kept"], summary["quarantined"]) == (3, 2, 1)
    own = summary["sources"]["own"]
    assert (own["read"], own["kept"], own["dropped"]) == (3, 2, 0)
    assert summary["training"] == {"train.jsonl": 2, "valid.jsonl": 0}
    folder = tmp_path / "builds/mine"
    info = json.loads((folder / "dataset_info.json").read_text())
    assert info["mine_train"]["file_name"] == "train.jsonl"
    checked = curate("validate", folder / "train.jsonl", "--json", cwd=tmp_path)
    assert checked.returncode == 0
    assert json.loads(checked.stdout.splitlines()[-1]) == {
        "ok": True,
        "rows": 2,
        "errors": 0,
        "faults": [],
    }
    verified = curate("manifest", "verify", folder, cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout


def test_the_plan_of_the_sample_is_printed_without_work(tmp_path):
    done = curate("build", "instructions", "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout.splitlines()[-1])
    assert len(plan["sources"]) == 17
    assert "fields" in plan["measures"]


@pytest.mark.parametrize(
    ("content", "row", "words"),
    [
        (GOOD + '{"instruction": "问", "output": "答"}\n', 2, "'input' is missing"),
        ('{"instruction": "", "input": " ", "output": "答"}\n', 1, "both empty"),
        ('{"instruction": "问", "input": "", "output": ""}\n', 1, "output is empty"),
        (GOOD + "{\n" + GOOD, 2, "bad_json"),
        ('{"instruction": "问", "input": "", "output": ["答"]}\n', 1, "output"),
        ('{"instruction": "问", "input": "", "answer": "答"}\n', 1, "answer"),
    ],
)
def test_faults_are_named_by_row_and_the_exit_code_is_1(tmp_path, content, row, words):
    (tmp_path / "rows.jsonl").write_text(content)
    done = curate("validate", "rows.jsonl", "--json", cwd=tmp_path)
    assert done.returncode == 1
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["ok"], found["errors"]) == (False, 1)
    assert found["rows"] == content.count("\n")
    assert any(f["row"] == row and words in f["problem"] for f in found["faults"]), found["faults"]
    plain = curate("validate", "rows.jsonl", cwd=tmp_path)
    assert plain.returncode == 1
    assert f"row {row}: " in plain.stdout


def test_a_missing_file_is_one_sentence(tmp_path):
    done = curate("validate", "none.jsonl", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("curate: cannot read none.jsonl")
    assert "Traceback" not in done.stderr
