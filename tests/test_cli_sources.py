"""`curate sources` as a user types it: what is printed where, and the exit code."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate import cli_sources
from curate.cli_sources import ProgressBars, ProgressLines, app

NC13 = "training-parallel-nc-v13.tgz"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the command in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return partial(CliRunner().invoke, app)


@pytest.fixture
def shelf(tmp_path) -> Path:
    """A mirror with one small file of a set whose checksum is unknown."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "alpaca_gpt4_data_zh.json").write_text("[]\n")
    return folder


@pytest.fixture
def address(shelf) -> Iterator[str]:
    """The same mirror over HTTP."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(shelf))) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_list_is_one_plain_line_a_source_when_piped(run):
    result = run(["list"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) >= 16
    alpaca = next(line for line in lines if line.startswith("alpaca\t")).split("\t")
    assert alpaca[:4] == [
        "alpaca",
        "instructions",
        "download, Hub",
        "CC-BY-NC-4.0 (non-commercial)",
    ]


def test_list_is_a_table_on_a_terminal(capsys):
    from sources.catalogue import catalogue

    cli_sources._print_table(list(catalogue().values()))
    printed = capsys.readouterr().out
    assert "wmt18" in printed and "had from" in printed


def test_list_and_show_as_json(run):
    listed = json.loads(run(["list", "--json"]).stdout)
    shown = json.loads(run(["show", "csl", "--json"]).stdout)
    assert shown in listed
    assert shown["hub"][0]["repo"] == "neuclir/csl"
    assert shown["ways"] == ["hub", "by-hand"]


def test_show_tells_what_matters(run):
    printed = run(["show", "wmt18"]).stdout
    for words in ("homepage", "17992b7e919c", "U+FFFD", "@inproceedings", "wmt/wmt18", "licence"):
        assert words in printed


@pytest.mark.parametrize("command", ["show", "fetch"])
def test_an_unknown_name_suggests_the_nearest(run, command):
    result = run([command, "wmt81"])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == "curate: There is no source called 'wmt81'; did you mean wmt18?\n"


def test_wrong_usage_is_exit_code_2(run):
    assert run(["fetch"]).exit_code == 2
    assert run(["fetch", "csl", "--nonsense"]).exit_code == 2
    result = run(["fetch", "csl", "--from", "files"])
    assert result.exit_code == 2
    assert "hub, by-hand" in result.stderr


@pytest.mark.parametrize("command", [["list"], ["show"], ["fetch"]])
def test_help_has_examples(run, command):
    result = run([*command, "--help"])
    assert result.exit_code == 0
    assert f"curate sources {command[0]}" in result.stdout


def test_a_set_by_application_says_how_with_exit_code_1(run, tmp_path):
    result = run(["fetch", "cluecorpus2020"])
    assert result.exit_code == 1
    for words in ("CLUEbenchmark@163.com", "data/cluecorpus2020", "wiki_zh", "--mirror"):
        assert words in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "data").exists()


def test_fetch_into_the_default_folder(run, shelf, tmp_path):
    result = run(["fetch", "alpaca_gpt4_zh", "--mirror", str(shelf)])
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "data/alpaca_gpt4_zh/alpaca_gpt4_data_zh.json").read_text() == "[]\n"
    assert result.stdout.startswith("alpaca_gpt4_zh: 1 files, 3 B in data/alpaca_gpt4_zh; 3 B")
    assert "alpaca_gpt4_data_zh.json: copied" in result.stderr
    assert "\x1b" not in result.stderr


def test_fetch_as_json_from_a_url_and_again(run, address, tmp_path):
    command = ["fetch", "alpaca_gpt4_zh", "--mirror", address, "--to", "here", "--json"]
    first = json.loads(run(command).stdout)
    assert first["source"] == "alpaca_gpt4_zh"
    assert first["to"] == "here"
    assert [file["outcome"] for file in first["files"]] == ["downloaded"]
    assert first["bytes"] == first["bytes_transferred"] == 3
    second = json.loads(run(command).stdout)
    assert [file["outcome"] for file in second["files"]] == ["already here"]
    assert second["bytes_transferred"] == 0
    assert first["files"][0]["sha256"] == second["files"][0]["sha256"]


def test_a_wrong_copy_in_a_mirror_fails_in_one_sentence(run, shelf):
    (shelf / NC13).write_bytes(b"not it")
    result = run(["fetch", "wmt18", "--only", "*nc-v13*", "--mirror", str(shelf)])
    assert result.exit_code == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("curate: ")]
    assert len(errors) == 1
    assert "it has 6 bytes and should have 113,157,482" in errors[0]
    assert "Traceback" not in result.stderr


def test_only_without_a_match_is_wrong_usage(run, shelf):
    result = run(["fetch", "wmt18", "--only", "*.docx", "--mirror", str(shelf)])
    assert result.exit_code == 2
    assert NC13 in result.stderr


def test_progress_lines_say_rate_and_time_left(capsys, monkeypatch):
    moments = iter([0.0, 1.0, 20.0, 21.0])
    monkeypatch.setattr(cli_sources.time, "monotonic", lambda: next(moments))
    lines = ProgressLines()
    lines.begin("a.tgz", 0, 100_000_000)
    lines.advance(1)
    lines.advance(39_999_999)
    lines.wait(1.5, "the server answered 503")
    lines.end("a.tgz", "downloaded")
    assert capsys.readouterr().err.splitlines() == [
        "a.tgz: fetching of 100.0 MB",
        "a.tgz: 40.0 MB of 100.0 MB (40%), 30 s left, 2.0 MB/s",
        "the server answered 503; next try in 1.5 s",
        "a.tgz: downloaded",
    ]


def test_progress_bars_draw_on_standard_error(capsys):
    with ProgressBars() as bars:
        bars.begin("[a].tgz", 0, 100)
        bars.advance(100)
        bars.end("[a].tgz", "downloaded")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "[a].tgz: downloaded" in printed.err


def test_importing_the_commands_is_cheap():
    import subprocess

    heavy = {"httpx2", "huggingface_hub", "datasets", "numba"}
    script = f"import sys, curate.cli_sources; print(sorted({heavy} & set(sys.modules)))"
    root = str(Path(__file__).parents[1])
    printed = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "[]"
