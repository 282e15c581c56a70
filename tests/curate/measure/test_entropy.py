"""Entropy and compressibility: by hand, against plain Python, and fair to short texts."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.measure.entropy import ENOUGH, MATCH, REFERENCE, Entropy
from curate.scan import scan
from curate.textbatch import TextBatch


def measured(text: str) -> dict[str, float]:
    batch = TextBatch.from_strings(["乙" * 9, text, "甲"])
    columns = Entropy().measure_batch(batch, scan(batch))
    assert list(columns) == list(Entropy.columns)
    return {name: column[1].item() for name, column in columns.items()}


@pytest.mark.parametrize(
    ("text", "entropy", "entropy_ratio", "compression_ratio"),
    [
        ("", 0, 0, 0),
        ("好", 0, 1, 1),
        ("开会。", math.log2(3), 1, 1),
        ("今天天气很好", 2.252, 2.252 / math.log2(6), 1),
        ("哈哈哈哈哈哈哈哈", 0, 0, 3 / 8),
        # Four copied characters become a reference of two.
        ("甲乙丙丁甲乙丙丁", 2, 2 / 3, 6 / 8),
        # Three are not worth it.
        ("甲乙丙甲乙丙", math.log2(3), math.log2(3) / math.log2(6), 1),
        (" 甲\n乙 ", 1, 1, 1),
        ("\U00020000\U00020001", 1, 1, 1),
    ],
)
def test_by_hand(text: str, entropy: float, entropy_ratio: float, compression_ratio: float) -> None:
    row = measured(text)
    assert row["entropy"] == pytest.approx(entropy, abs=1e-3)
    assert row["entropy_ratio"] == pytest.approx(entropy_ratio, abs=1e-3)
    assert row["compression_ratio"] == pytest.approx(compression_ratio)


def naive(text: str) -> dict[str, float]:
    text = "".join(text.split())
    n = len(text)
    if n == 0:
        return dict.fromkeys(Entropy.columns, 0.0)
    bits = -sum(k / n * math.log2(k / n) for k in Counter(text).values())
    left = i = 0
    while i < n:
        # Where the next MATCH characters stood last.
        at = text.rfind(text[i : i + MATCH], 0, i + MATCH - 1) if i + MATCH <= n else -1
        if at < 0:
            left, i = left + 1, i + 1
            continue
        length = 0
        while i + length < n and text[at + length] == text[i + length]:
            length += 1
        left, i = left + REFERENCE, i + length
    ratio = bits / math.log2(min(n, ENOUGH)) if n > 1 else 1.0
    return {"entropy": bits, "entropy_ratio": min(ratio, 1), "compression_ratio": left / n}


@given(st.one_of(st.text("甲乙丙 \n", max_size=60), st.text("天地玄黄宇宙洪荒日月", max_size=400)))
def test_agrees_with_plain_python(text: str) -> None:
    assert measured(text) == pytest.approx(naive(text), abs=1e-5)


@given(st.text("天地玄黄宇宙洪荒日月盈昃", min_size=1, max_size=5))
def test_a_short_text_is_not_poor_for_being_short(text: str) -> None:
    row = measured(text)
    if len(set(text)) == len(text):
        assert row["entropy_ratio"] == pytest.approx(1)
    assert row["compression_ratio"] >= 0.6


def test_repeating_a_text_lowers_both() -> None:
    text = "".join(random.Random(1).sample([chr(c) for c in range(0x4E00, 0x5200)], 100))
    once, thrice = measured(text), measured(text * 3)
    assert once["compression_ratio"] == 1
    assert thrice["compression_ratio"] == pytest.approx(102 / 300)
    assert thrice["entropy_ratio"] < once["entropy_ratio"]
