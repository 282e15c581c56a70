"""Counts and shares against hand-written values and against Unicode's own tables."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.measure.characters import Characters
from curate.scan import scan
from curate.textbatch import TextBatch


def measured(*texts: str) -> list[dict[str, float]]:
    batch = TextBatch.from_strings(list(texts))
    columns = Characters().measure_batch(batch, scan(batch))
    assert list(columns) == list(Characters.columns)
    for name, kind in Characters.columns.items():
        assert columns[name].dtype == kind.to_pandas_dtype()
    return [{name: column[i].item() for name, column in columns.items()} for i in range(len(texts))]


def test_values_by_hand() -> None:
    one, empty, blank, lines = measured("开会 at 9点。", "", " \n\u3000\t", "甲乙\n\n  \n丙+丁，\n")
    assert one["characters"] == 9
    assert (one["lines"], one["mean_line"]) == (1, 7)
    assert one["han_ratio"] == pytest.approx(3 / 7)
    assert one["latin_ratio"] == pytest.approx(2 / 7)
    assert one["digit_ratio"] == pytest.approx(1 / 7)
    assert one["punctuation_ratio"] == pytest.approx(1 / 7)
    assert one["symbol_ratio"] == 0
    assert set(empty.values()) == {0}
    assert blank == {**empty, "characters": 4}
    assert (lines["characters"], lines["lines"], lines["mean_line"]) == (12, 2, 3)
    assert lines["symbol_ratio"] == pytest.approx(1 / 6)


def naive(text: str) -> dict[str, float]:
    filled = [
        c for c in text if unicodedata.category(c) != "Zs" and c not in "\t\n\v\f\r\x85\u2028\u2029"
    ]
    lines = [line for line in text.split("\n") if any(c in filled for c in line)]
    han = sum("\u4e00" <= c <= "\u9fff" for c in filled)
    digits = sum(unicodedata.category(c) == "Nd" for c in filled)
    return {
        "characters": len(text),
        "lines": len(lines),
        "mean_line": len(filled) / max(1, len(lines)),
        "han_ratio": han / max(1, len(filled)),
        "digit_ratio": digits / max(1, len(filled)),
    }


ALPHABET = "甲乙。，aZ9٣+😀 \u3000\t\n\r\u2028\u200b\u00a0\x85\u2003\x1c\x0b"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(ALPHABET, max_size=40), max_size=5))
def test_agrees_with_plain_python(texts: list[str]) -> None:
    for text, values in zip(texts, measured(*texts), strict=True):
        expected = naive(text)
        assert {name: values[name] for name in expected} == pytest.approx(expected)
        shares = [value for name, value in values.items() if name.endswith("_ratio")]
        assert all(0 <= share <= 1 for share in shares)
        assert sum(shares) <= 1 + 1e-6


def test_no_texts() -> None:
    batch = TextBatch.from_strings([])
    columns = Characters().measure_batch(batch, scan(batch))
    assert all(len(np.asarray(column)) == 0 for column in columns.values())
