"""`curate manifest` as a person or a script meets it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from curate.cli import run
from curate.cli_manifest import app
from tests.manifests.builds import small_build


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `builds` with one build in it, which no test changes."""
    root = tmp_path_factory.mktemp("cli")
    shutil.move(small_build(root).folder.parent, root / "builds")
    return root / "builds"


def curate(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "curate", "manifest", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def answered(*arguments: str | Path) -> str:
    """Standard output of a command that must succeed, run in this process."""
    done = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def json_of(*arguments: str | Path) -> Any:
    return json.loads(answered(*arguments, "--json").splitlines()[-1])


def state(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_show(builds):
    text = answered("show", builds / "small")
    for words in ("near_duplicate", "languages", "unstated", "120", "MB/s a core", "data"):
        assert words in text
    assert "\x1b" not in text
    told = json_of("show", builds / "small")
    assert told["counts"]["read"] == 120 and told["losses"][0]["rows"] > 0


def test_funnel(builds):
    text = answered("funnel", builds / "small")
    assert re.search(r"web\s+rows\s+120\s+102\s+96", text)
    funnel = json_of("funnel", builds / "small")["web"]
    assert funnel["read"]["rows"] == 120 and funnel["left"]["ingest"]["rows"] == 102
    assert funnel["left"]["decide"]["rows"] == 96
    assert funnel["kept"] == funnel["left"]["near"]


def test_query(builds):
    sql = "select stage, count(*) as n from ledger group by all order by n"
    assert "ingest" in answered("query", builds / "small", sql)
    result = json_of("query", builds / "small", sql)
    assert result["columns"] == ["stage", "n"]
    assert {"stage": "ingest", "n": 18} in result["rows"]
    lines = answered("query", builds / "small", sql, "--csv").splitlines()
    assert lines[0] == '"stage","n"' and '"ingest",18' in lines
    text = answered("query", builds / "small", "from data", "-n", "2")
    assert "the first 2 rows" in text


def test_query_that_says_too_little_or_too_much(builds):
    text = answered("query", builds / "small", "from data where false")
    assert "0 rows" in text
    text = answered("query", builds / "small", "select chr(27) || '[31m' as \"[bold]x\"")
    assert "\x1b" not in text and "[bold]x" in text
    sql = "select 'nan'::double as a, sum(bytes)::hugeint as b, date '2026-01-02' as c from ledger"
    [row] = json_of("query", builds / "small", sql)["rows"]
    assert row["a"] is None and row["b"] > 1000 and row["c"] == "2026-01-02"


def test_trace(builds, monkeypatch):
    text = answered("trace", builds / "small", "web/part-0.jsonl#8")
    for words in ("row 8 of part-0.jsonl", "{+这里+}", "⟨U+200B⟩", "characters", "jsonl/00000"):
        assert words in text
    life = json_of("trace", builds / "small", "web/part-0.jsonl#8")
    assert [change["step"] for change in life["changes"]] == ["invisible", "spaces", "script"]
    monkeypatch.chdir(builds.parent)
    assert json_of("trace", "web/part-0.jsonl#8") == {**life, "build": "builds/small"} | {
        "original": life["original"] | {"read_from": "builds/small/.work (what the build read)"}
    }


def test_trace_of_a_duplicate_shows_both_texts(builds):
    text = answered("trace", builds / "small", "web/part-0.jsonl#6")
    assert "this row" in text and "the row kept" in text and "[-完-]" in text
    assert "web/part-0.jsonl#000000005" in text


@pytest.mark.parametrize("row", [3, 6, 10, 12, 14, 16])
def test_trace_of_every_kind_of_row(builds, row):
    assert f"row {row} of part-0.jsonl" in answered(
        "trace", builds / "small", f"web/part-0.jsonl#{row}"
    )


def test_sample(builds):
    text = answered("sample", builds / "small", "--reason", "language", "-n", "2")
    assert text.count("The ferry") == 2 and "lang=en" in text
    found = json_of("sample", builds / "small", "--reason", "bad_json", "-n", "1")
    assert found["rows"][0]["status"] == "quarantined" and found["rows"][0]["detail"]


def test_duplicates(builds):
    text = answered("duplicates", builds / "small", "--largest")
    assert "rows went as duplicates of" in text
    found = json_of("duplicates", builds / "small", "2", "--loosest")
    assert len(found["shown"]) == 2 and found["shown"][0]["similarity"] < 1


def test_verify(builds, tmp_path):
    done = curate("verify", builds / "small", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"ok": True, "problems": []}
    shutil.copytree(builds / "small", tmp_path / "copy")
    path = tmp_path / "copy/data/00000.parquet"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 16
    path.write_bytes(raw)
    done = curate("verify", "copy", "--json", cwd=tmp_path)
    assert done.returncode == 1
    result = json.loads(done.stdout.splitlines()[-1])
    assert not result["ok"] and "copy/data/00000.parquet" in result["problems"][0]
    done = curate("verify", "copy", cwd=tmp_path)
    assert done.returncode == 1 and "copy/data/00000.parquet" in done.stdout
    assert "curate: 1 problem in copy" in done.stderr and "Traceback" not in done.stderr


def test_no_command_changes_the_build(builds):
    before = state(builds)
    for arguments in (
        ["show"],
        ["funnel"],
        ["query", "from ledger"],
        ["trace", "web/part-0.jsonl#8"],
        ["sample", "--reason", "kept"],
        ["duplicates"],
        ["verify"],
    ):
        command, *rest = arguments
        answered(command, builds / "small", *rest)
    assert state(builds) == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["show", "builds/nothing"], 1, "builds/nothing does not exist"),
        (["show", "builds"], 1, "has no manifest.json"),
        (["query", "builds/small", "selec"], 1, "that is not SQL"),
        (["query", "builds/small", "copy ledger to 'x.csv'"], 1, "only one SELECT"),
        (["query", "builds/small", "from 'x.csv'"], 1, "not of this build"),
        (["query", "builds/small", "select [1] as a", "--csv"], 1, "use --json"),
        (["trace", "builds/small", "web/nothing#1"], 1, "has no row"),
        (["trace", "web/nothing#1"], 1, "no build in builds"),
        (["sample", "builds/small", "--reason", "nera_duplicate"], 1, "did you mean"),
        (["sample", "builds/small"], 2, "--reason"),
        (["shwo", "builds/small"], 2, "shwo"),
    ],
)
def test_errors_are_one_sentence_with_an_exit_code(
    builds, arguments, code, words, monkeypatch, capsys
):
    monkeypatch.chdir(builds.parent)
    monkeypatch.setattr(sys, "argv", ["curate", "manifest", *arguments])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == code
    said = capsys.readouterr().err
    assert words in said
    if code == 1:
        assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "command", ["show", "funnel", "query", "trace", "sample", "duplicates", "verify"]
)
def test_help_has_examples(command):
    assert "Example" in answered(command, "--help")


def test_a_question_does_not_load_what_a_build_needs(builds):
    code = (
        "import sys; from typer.testing import CliRunner; from curate.cli import app; "
        f"r = CliRunner().invoke(app, ['manifest', 'show', {str(builds / 'small')!r}]); "
        "assert r.exit_code == 0, r.output; print('numba' in sys.modules, 'duckdb' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr
