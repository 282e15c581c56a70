"""Figures of fit, worked out by hand on a vocabulary of a few pieces."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from curate.tokens.corpus import ROWS
from curate.tokens.report import Tally, fits, largest, write_chart
from curate.tokens.sentencepiece import SentencePieceTokenizer
from tests.curate.tokens.test_fastform import SMALL, model


def rows(*entries: tuple[str, str, str | None]) -> pa.RecordBatch:
    table = [
        {"id": str(i), "source": source, "text": text, "lang": lang}
        for i, (source, text, lang) in enumerate(entries)
    ]
    return pa.RecordBatch.from_pylist(table, schema=ROWS)


@pytest.fixture
def results():
    tokenizer = SentencePieceTokenizer(Path("small"), model(SMALL), 1)
    batches = [
        # ▁ 今天 气: 3 tokens of 3 characters; ▁ and four bytes: 5 of one.
        rows(("a", "今天气", "zh"), ("a", "𠮷", "zh")),
        rows(("b", "今天今天", "zh"), ("b", "", "und")),
    ]
    return fits({"small": tokenizer}, batches)


def test_figures_by_hand(results):
    [fit] = results
    assert fit.total == Tally(texts=4, characters=8, bytes=25, tokens=11, byte_tokens=4, unknown=0)
    assert fit.by_source["a"] == Tally(2, 4, 13, 8, 4, 0)
    assert fit.by_source["b"] == Tally(2, 4, 12, 3, 0, 0)
    assert fit.by_language["und"] == Tally(1, 0, 0, 0, 0, 0)
    figures = fit.as_json()
    assert figures["total"]["characters_per_token"] == 8 / 11
    assert figures["total"]["byte_share"] == 4 / 11
    assert figures["by_language"]["und"]["bytes_per_token"] is None
    # ▁, 今天, 气 and four bytes.
    assert figures["vocabulary_used"] == 7
    assert figures["vocabulary_use"] == 7 / figures["vocab_size"]


def test_sums_agree(results):
    [fit] = results
    for groups in (fit.by_source, fit.by_language):
        together = Tally()
        for tally in groups.values():
            together.add(tally)
        assert together == fit.total


def test_unknown_tokens_are_counted():
    without_bytes = model(SMALL)
    without_bytes.trainer_spec.byte_fallback = False
    for piece in without_bytes.pieces[3:259]:
        piece.type = type(piece).UNUSED
    tokenizer = SentencePieceTokenizer(Path("small"), without_bytes, 1)
    [fit] = fits({"small": tokenizer}, [rows(("a", "今𠮷", "zh"))])
    assert (fit.total.unknown, fit.total.byte_tokens) == (1, 0)


def test_languages_are_found_where_rows_do_not_say(english):
    tokenizer = SentencePieceTokenizer(Path("english"), english, 1)
    zh, en = "今天天气很好，我们一起去公园散步吧。", "The children read a story about the rain."
    [fit] = fits({"english": tokenizer}, [rows(("a", zh, None), ("a", en, None), ("a", en, "fr"))])
    assert {k: t.texts for k, t in fit.by_language.items()} == {"zh": 1, "en": 1, "fr": 1}


def test_the_largest_groups_come_first():
    groups = {"a": Tally(characters=10), "b": Tally(characters=99_000), "c": Tally(characters=5000)}
    assert largest(groups) == ["b", "c"]


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_chart(results, tmp_path: Path, suffix: str):
    path = tmp_path / f"chart{suffix}"
    write_chart(path, results * 2)
    assert path.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
