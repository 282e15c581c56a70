"""`curate pack` and `curate shards` as a person or a script meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from curate.tokens.format.index import read_index
from curate.tokens.format.reader import Shards
from curate.tokens.trace import places
from tests.curate.tokens.packing_files import byte_level, texts, write_build


def curate(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "curate", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with two builds, a tokenizer and packed shards."""
    root = tmp_path_factory.mktemp("cli")
    write_build(root / "builds/zh", {"wiki": texts(60)})
    write_build(root / "builds/news", {"news": texts(60, 2)})
    byte_level(root / "t")
    rows = [{"instruction": f"第{i}题", "input": "", "output": f"答案{i}"} for i in range(20)]
    (root / "sft.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    done = curate(
        "pack", "builds/zh", "--tokenizer", "t", "--seq-length", "64", "--out", "shards/zh",
        "--workers", "1", "--json", cwd=root,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "tokenise: done" in done.stderr and "\x1b" not in done.stdout + done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert {"shards", "rows", "tokens_in", "tokens_packed", "tokens_dropped", "fill"} <= set(
        summary
    )
    assert summary["tokens_in"] == summary["tokens_packed"] + summary["tokens_dropped"]
    return root


def test_show_and_verify(place):
    shown = curate("shards", "show", "shards/zh", "--json", cwd=place)
    facts = json.loads(shown.stdout.splitlines()[-1])
    assert facts["sources"]["wiki"]["documents"] == 60 and facts["builds"][0]["name"] == "zh"
    sound = curate("shards", "verify", "shards/zh", "--json", cwd=place)
    assert sound.returncode == 0
    found = json.loads(sound.stdout.splitlines()[-1])
    assert found["ok"] and found["tokens"] == facts["counts"]["tokens_packed"]
    assert "curate shards show" in curate("shards", "show", "--help", cwd=place).stdout


def test_a_flipped_bit_is_exit_code_1(place, tmp_path):
    subprocess.run(["cp", "-r", place / "shards/zh", tmp_path / "s"], check=True)
    path = tmp_path / "s/train/00000/tokens.npy"
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    done = curate("shards", "verify", tmp_path / "s", "--json", cwd=place)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert not json.loads(done.stdout.splitlines()[-1])["ok"]
    assert "train/00000/tokens.npy has another checksum" in done.stdout


def test_trace_names_document_source_file_and_row(place):
    done = curate("shards", "trace", "shards/zh", "2", "5", "--json", cwd=place)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["document"].startswith("wiki/part.txt#")
    assert (found["source"], found["file"]) == ("wiki", "part.txt")
    assert found["row"] == int(found["document"][-9:])
    assert found["url"] == "https://example.org/wiki/part.txt"
    beyond = curate("shards", "trace", "shards/zh", "2", "64", cwd=place)
    assert beyond.returncode == 1 and "there is no token 64" in beyond.stderr


def test_places_of_a_document_are_those_of_its_segments(place):
    folder = place / "shards/zh"
    expected: dict[str, list[tuple[str, int, int, int, int]]] = {}
    for split in read_index(folder).splits:
        shards = Shards(folder, split)
        for row in range(len(shards)):
            for s in shards.segments(row):
                document = shards.document(s.document).id
                where = (split, row, s.begin, s.end, s.offset)
                expected.setdefault(document, []).append(where)
    assert any(len(where) > 1 for where in expected.values())
    for document, where in expected.items():
        assert [tuple(found.values()) for found in places(folder, document)] == where
    assert places(folder, "wiki/part.txt#999999999") == []


def test_sample_shows_documents_and_what_is_learnt(place):
    options = [
        "--tokenizer",
        "t",
        "--out",
        "shards/sft",
        "--seq-length",
        "128",
        "--prompt",
        "plain",
    ]
    assert curate("pack", "sft.jsonl", *options, cwd=place).returncode == 0
    arguments = ["shards", "sample", "shards/sft", "--tokenizer", "t", "--row", "0", "--json"]
    done = curate(*arguments, cwd=place)
    (row,) = json.loads(done.stdout.splitlines()[-1])["rows"]
    for segment in row["segments"]:
        number = int(segment["document"][-9:]) - 1
        assert segment["runs"] == [
            {"learnt": False, "text": f"<s>第{number}题"},
            {"learnt": True, "text": f"答案{number}</s>"},
        ]
    plain = [line for line in done.stdout.splitlines() if line.startswith("[0:")]
    assert plain and "sft/sft.jsonl#" in plain[0]


def test_a_mixture_of_builds_by_weight_and_in_yaml(place):
    options = ["--tokenizer", "t", "--seq-length", "64", "--workers", "1", "--json"]
    done = curate("pack", "builds/zh=3", "builds/news=1", *options, "--out", "m1", cwd=place)
    assert done.returncode == 0, done.stderr
    (place / "mixture.yaml").write_text(
        "seq_length: 64\nbuilds:\n  - {build: builds/zh, weight: 3}\n"
        "  - {build: builds/news, weight: 1}\n"
    )
    options = ["--tokenizer", "t", "--workers", "1", "--json"]
    again = curate("pack", "mixture.yaml", *options, "--out", "sub/m1", cwd=place)
    assert again.returncode == 0, again.stderr
    first, second = (json.loads(d.stdout.splitlines()[-1]) for d in (done, again))
    assert first["tokens_dropped"] > 0
    assert {k: v for k, v in first.items() if k not in ("shards", "seconds")} == {
        k: v for k, v in second.items() if k not in ("shards", "seconds")
    }
    (place / "bad.yaml").write_text("seq_lenght: 64\nbuilds: [{build: builds/zh}]\n")
    bad = curate("pack", "bad.yaml", *options, "--out", "m2", cwd=place)
    assert bad.returncode == 2 and "did you mean 'seq_length'" in bad.stderr


def test_export(place):
    done = curate(
        "shards", "export", "shards/zh", "--to", "megatron", "--out", "mg", "--json", cwd=place
    )
    facts = json.loads(done.stdout.splitlines()[-1])
    assert (place / "mg/text_document.idx").exists() and facts["tokens"] > 0
    other = curate("shards", "export", "shards/zh", "--to", "nemo", "--out", "x", cwd=place)
    assert other.returncode == 2 and "megatron, tencentpretrain, huggingface" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["pack", "builds/none", "--tokenizer", "t", "--out", "x"], 2, "there is no build or file"),
        (["pack", "builds/zh", "--tokenizer", "none", "--out", "x"], 1, "no such tokenizer"),
        (["pack", "builds/zh=much", "--tokenizer", "t", "--out", "x"], 2, "is no number"),
        (["shards", "show", "builds/zh"], 1, "holds no packed shards"),
        (["shards", "sample", "shards/zh", "--tokenizer", "u"], 2, "another tokenizer than"),
    ],
)  # fmt: skip
def test_errors_are_one_sentence(place, arguments, code, words):
    if "u" in arguments:
        other = byte_level(place / "u", roles=False)
        assert other.exists()
    done = curate(*arguments, cwd=place)
    assert done.returncode == code and words in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and "Traceback" not in done.stderr
    assert not (place / "x").exists()
