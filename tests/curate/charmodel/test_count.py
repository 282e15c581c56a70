"""Tokens and counts of n-grams, against plain Python; sums that do not depend on the blocks."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.charmodel.alphabet import BEGIN, END, NUMBER, RARE, SYMBOL, WORD, folding, tokenized
from curate.charmodel.count import WIDTH, Counts
from curate.textbatch import TextBatch


def tokens(text: str) -> list[int]:
    batch = TextBatch.from_strings([text])
    out = np.zeros(3 * len(text) + 2, np.uint16)
    return out[: tokenized(batch.points, batch.offsets, folding(), out)].tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\u3000\n", []),
        ("开会", [BEGIN, "开", "会", END]),
        ("開會", [BEGIN, "开", "会", END]),
        ("开\n会", [BEGIN, "开", END, BEGIN, "会", END]),
        ("第12号，OK go!", [BEGIN, "第", NUMBER, "号", "，", WORD, "！", END]),
        ("「好」,", [BEGIN, "“", "好", "”", "，", END]),
        ("\U00020000\U00020000★★", [BEGIN, RARE, RARE, SYMBOL, END]),
        ("一二三", [BEGIN, "一", "二", "三", END]),
    ],
)
def test_tokens(text: str, expected: list[int | str]) -> None:
    assert tokens(text) == [ord(t) if isinstance(t, str) else t for t in expected]


def naive(texts: list[str], order: int) -> list[Counter[tuple[int, ...]]]:
    counts: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(order)]
    for text in texts:
        for line in text.split("\n"):
            seen = tokens(line)
            for n in range(1, order + 1):
                for i in range(len(seen) - n + 1):
                    counts[n - 1][tuple(seen[i : i + n])] += 1
    del counts[0][(BEGIN,)]
    return counts


def unpacked(key: int, n: int) -> tuple[int, ...]:
    return tuple(key >> (WIDTH * (n - 1 - i)) & 0xFFFF for i in range(n))


@given(st.lists(st.text("天地人，1a\n", max_size=30), max_size=6), st.integers(2, 4))
def test_counts_against_plain_python(texts: list[str], order: int) -> None:
    counts = Counts(order)
    for text in texts:
        counts.add(TextBatch.from_strings([text]))
    expected = naive(texts, order)
    for n, (keys, numbers) in enumerate(counts.tallies(), 1):
        got = {unpacked(k, n): c for k, c in zip(keys.tolist(), numbers.tolist(), strict=True)}
        assert got == expected[n - 1]
        assert (np.diff(keys.astype(object)) > 0).all()
    assert counts.tokens == sum(expected[0].values())


def test_blocks_and_their_order_do_not_matter() -> None:
    chance = random.Random(3)
    texts = ["".join(chance.choices("天地玄黄宇宙洪荒，", k=40)) for _ in range(200)]
    whole = Counts(4)
    whole.add(TextBatch.from_strings(texts))
    chance.shuffle(texts)
    parts = Counts(4)
    while texts:
        size = chance.randint(1, 30)
        parts.add(TextBatch.from_strings(texts[:size]))
        texts = texts[size:]
    for (a, m), (b, n) in zip(whole.tallies(), parts.tallies(), strict=True):
        assert a.tolist() == b.tolist()
        assert m.tolist() == n.tolist()
