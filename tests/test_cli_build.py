"""`curate build corpus` as a person or a script meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from curate.__main__ import starts_workers
from tests.curate.corpus import RECIPE, write_corpus


def curate(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "curate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write_corpus(tmp_path / "in", files=2)
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.format(root="in"))
    return path


def test_the_sample_is_built_without_a_recipe(tmp_path):
    done = curate("build", "corpus", "--json", "--workers", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert set(summary) == {
        *("build", "rows_read", "kept", "dropped", "quarantined", "duplicates"),
        *("seconds", "mb_per_s_per_core"),
    }
    assert summary["rows_read"] == (summary["kept"] + summary["dropped"] + summary["quarantined"])
    manifest = json.loads((tmp_path / "builds/sample/manifest.json").read_text())
    assert set(manifest["sources"]) == {
        *("cluecorpus2020", "csl", "wmt18"),
        *("notes-csv", "notes-jsonl", "notes-parquet", "notes-text"),
    }
    # Every defect planted in the sample is on record.
    reasons = {
        r
        for s in manifest["sources"].values()
        for rs in s["counts"]["reasons"].values()
        for r in rs
    }
    assert {
        *("bad_json", "not_text", "wrong_columns", "misaligned", "truncated", "unsafe_path"),
        *("language", "language.zh", "exact_duplicate", "near_duplicate"),
    } <= reasons


def test_plain_lines_and_no_escapes_when_piped(recipe, tmp_path):
    done = curate("build", "corpus", recipe, "--workers", "1", cwd=tmp_path)
    assert done.returncode == 0
    assert "rows: done" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_dry_run_builds_nothing(recipe, tmp_path):
    done = curate("build", "corpus", recipe, "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout.splitlines()[-1])
    assert plan["sources"][0]["files"] == 2 and plan["sources"][0]["ready"] == "0 of 2 read"
    assert not (tmp_path / "builds/small/manifest.json").exists()


def test_profile_names_the_parts(recipe, tmp_path):
    done = curate("build", "corpus", recipe, "--workers", "1", "--profile", cwd=tmp_path)
    assert "write ledger" in done.stdout and "measure language" in done.stdout


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda text: text.replace("sources", "sorces"), 2, "did you mean 'sources'"),
        (lambda text: text.replace("path: in", "path: out"), 2, "there is no"),
        (lambda text: text + "language: {keep: 3}\n", 2, "language.keep"),
        (lambda text: text + "render: x\n", 2, "unknown key 'render'"),
    ],
)
def test_errors_are_one_sentence_with_an_exit_code(recipe, tmp_path, change, code, words):
    recipe.write_text(change(recipe.read_text()))
    done = curate("build", "corpus", recipe, cwd=tmp_path)
    assert done.returncode == code
    assert words in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_recipe_that_is_not_there(tmp_path):
    done = curate("build", "corpus", "nothing.yaml", cwd=tmp_path)
    assert done.returncode == 2 and "there is no recipe" in done.stderr


def test_wrong_usage_is_exit_code_2(tmp_path):
    assert curate("build", "corpus", "--wrokers", "2", cwd=tmp_path).returncode == 2
    assert curate("build", "corpus", "--workers", "0", cwd=tmp_path).returncode == 2


def test_help_has_examples(tmp_path):
    assert "Examples" in curate("build", "corpus", "--help", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("line", "starts"),
    [
        ("build corpus r.yaml --workers 2", True),
        ("build instructions --workers=8", True),
        ("build corpus --workers 4 --workers 1", False),
        ("build corpus r.yaml --workers 1", False),
        ("build corpus r.yaml --workers=1 --json", False),
        ("build corpus --workers 2 --dry-run", False),
        ("build corpus --workers", True),
        ("manifest show --workers 2", False),
        ("", False),
    ],
)
def test_workers_are_loaded_for_builds_that_have_some(line: str, starts: bool) -> None:
    assert starts_workers(line.split()) is starts


def test_workers_are_loaded_by_default_where_there_are_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for cores in (1, 3):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=cores: set(range(n)), False)
        assert starts_workers(["build", "corpus"]) is (cores > 1)
