"""`curate tokenizer` from the command line: results, refusals, exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from curate.cli import run
from curate.tokens.save import save
from curate.tokens.tokenizer import load_tokenizer
from tests.curate.tokens.conftest import CHINESE, ENGLISH, chinese, english, mixed
from tests.curate.tokens.test_corpus import build

__all__ = ["chinese", "english"]


@pytest.fixture
def curate(monkeypatch, capsys):
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["curate", "tokenizer", *map(str, arguments)])
        code = 0
        try:
            run()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    texts = mixed((*ENGLISH, *CHINESE), 150)
    rows = [
        {"id": f"s/f#{i:09d}", "source": "st"[i % 2], "text": t, "lang": ("zh", "en")[i % 3 == 0]}
        for i, t in enumerate(texts)
    ]
    return build(tmp_path / "builds" / "sample", rows)


def test_train_then_extend_then_report(curate, corpus, english, tmp_path):
    code, out, _ = curate(
        "train", corpus, "--size", 480, "--coverage", 1, "--special", "<|im_start|>",
        "-o", tmp_path / "new", "--json",
    )  # fmt: skip
    assert code == 0
    made = json.loads(out.splitlines()[-1])
    assert made["vocab_size"] == 480
    assert made["text"]["rows"] == 150
    assert made["compared"]["different"] == made["compared"]["lossy"] == 0
    assert load_tokenizer(tmp_path / "new").fingerprint == made["fingerprints"]["sentencepiece"]

    save(tmp_path / "base", english, {})
    for donor, size in ((tmp_path / "new", []), (corpus, ["--size", len(english.pieces) + 90])):
        code, out, _ = curate(
            "extend", tmp_path / "base", "--with", donor, *size, "--coverage", 1,
            "-o", tmp_path / "wide", "--json",
        )  # fmt: skip
        assert code == 0
        wide = json.loads(out.splitlines()[-1])
        assert wide["base"]["vocab_size"] == len(english.pieces)
        assert wide["vocab_size"] == len(english.pieces) + wide["added"]
    assert wide["added"] == 90

    code, out, _ = curate(
        "report", tmp_path / "base", tmp_path / "wide", "--build", corpus, "--json",
        "--chart", tmp_path / "chart.svg",
    )  # fmt: skip
    assert code == 0
    base, wide = json.loads(out.splitlines()[-1])["tokenizers"]
    assert (base["name"], wide["name"]) == ("base", "wide")
    assert set(base["by_source"]) == {"s", "t"}
    assert set(base["by_language"]) == {"zh", "en"}
    assert base["total"]["texts"] == 150
    zh = [side["total"]["characters_per_token"] for side in (base, wide)]
    assert zh[1] > 1.2 * zh[0]
    assert wide["total"]["byte_share"] < base["total"]["byte_share"]
    assert (tmp_path / "chart.svg").exists()

    code, out, _ = curate("report", tmp_path / "wide", "--build", corpus)
    assert code == 0
    assert "Characters a token, by language" in out


def test_the_same_build_gives_the_same_bytes(curate, corpus, tmp_path):
    for name in "ab":
        assert curate("train", corpus, "--size", 420, "-o", tmp_path / name)[0] == 0
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_a_chat_template_and_progress(curate, corpus, tmp_path):
    (tmp_path / "t.jinja").write_text("{{ messages }}")
    code, out, err = curate(
        "train", corpus, "--size", 420, "--chat-template", tmp_path / "t.jinja",
        "--special", "<pad>", "-o", tmp_path / "new",
    )  # fmt: skip
    assert code == 0
    assert "both forms compared on" in out
    assert "0 differ, 0 do not decode to themselves" in out
    assert "I0000" not in err
    tokenizer = load_tokenizer(tmp_path / "new")
    assert tokenizer.chat_template == "{{ messages }}"
    assert tokenizer.piece(tokenizer.pad_id or 0) == "<pad>"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("train {corpus} --size 262 -o {out}", 1, "too small"),
        ("train {corpus} --size 90000 -o {out}", 1, "more than the sample can fill"),
        ("train {corpus} --size 400 --kind word -o {out}", 2, "must be bpe or unigram"),
        ("train {corpus} --size 100 -o {out}", 2, "or equal to 260"),
        ("train {empty} --size 400 -o {out}", 1, "kept no rows"),
        ("train {absent} --size 400 -o {out}", 1, "no such file"),
        (
            "train {corpus} --size 400 --sample-mb 0.00100001 --seed 3 -o {corpus}",
            1,
            "something else",
        ),
        ("train {corpus} --size 400 --chat-template {absent} -o {out}", 2, "no such file"),
        ("extend {junk} --with {corpus} --size 900 -o {out}", 1, "neither a SentencePiece model"),
        ("extend {absent} --with {corpus} --size 900 -o {out}", 1, "no such model"),
        ("extend {base} --with {corpus} -o {out}", 2, "--size is needed"),
        ("extend {base} --with {corpus} --size 100 -o {out}", 2, "leaves no room"),
        ("extend {base} --with {corpus} --size 381 -o {out}", 1, "too small"),
        ("extend {base} --with {corpus} --size 9000 -o {out}", 1, "new pieces, so"),
        ("extend {base} --with {base} -o {out}", 1, "nothing to add"),
        ("extend {base} --with {junk} -o {out}", 1, "neither a SentencePiece model"),
        ("extend {base} --with {corpus} --size 500 --pieces han -o {out}", 2, "chinese or all"),
        ("train {corpus} --size 500 --characters han -o {out}", 2, "simplified or both"),
        ("report {base}", 2, "either --build BUILD or --text FILE"),
        ("report {base} --build {corpus} --chart {out}.gif", 2, "must end in .png or .svg"),
        ("report {junk} --build {corpus}", 1, "neither a SentencePiece model"),
        ("report {base} --build {empty}", 1, "kept no rows"),
        ("report {base} --text {blank}", 1, "the sample holds no text"),
    ],
)
def test_refusals(curate, corpus, english, tmp_path, arguments, code, words):
    save(tmp_path / "base", english, {})
    (tmp_path / "junk.model").write_bytes(b"junk")
    (tmp_path / "blank.txt").write_text("\n\n")
    places = {
        "corpus": corpus,
        "empty": build(tmp_path / "builds" / "empty", []),
        "base": tmp_path / "base",
        "junk": tmp_path / "junk.model",
        "blank": tmp_path / "blank.txt",
        "absent": tmp_path / "absent",
        "out": tmp_path / "out",
    }
    found, out, err = curate(*arguments.format(**places).split())
    assert found == code
    assert words in " ".join((out + err).split())
    assert "Traceback" not in err
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"base", "junk.model", "blank.txt", "builds"}
