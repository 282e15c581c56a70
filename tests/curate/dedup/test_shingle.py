"""Shingle sets and their true Jaccard similarity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup.normal import normal_texts
from curate.dedup.options import NearDedup
from curate.dedup.shingle import shingle_sets, shingles, words
from curate.dedup.verify import jaccard
from curate.textbatch import TextBatch
from tests.curate.dedup import reference

# Few characters, so that texts share shingles and repeat them.
TEXTS = st.text("天地玄黄，。 aB1", max_size=60)


def similarity(left: str, right: str, options: NearDedup | None = None) -> float:
    batch = TextBatch.from_strings([left, right])
    sets = shingle_sets(normal_texts(batch), options or NearDedup())
    return float(jaccard(sets, np.array([0]), np.array([1]))[0])


@given(TEXTS, TEXTS, st.integers(1, 20))
def test_similarity_is_that_of_plain_sets(left: str, right: str, size: int) -> None:
    a, b = reference.shingle_set(left, size), reference.shingle_set(right, size)
    assert similarity(left, right, NearDedup(shingle=size)) == reference.jaccard(a, b)


@given(st.text("天地玄黄一10，.", max_size=15), st.text("天地玄黄一10，.", max_size=15))
def test_different_short_texts_stay_below_the_threshold(left: str, right: str) -> None:
    if reference.normal(left) != reference.normal(right):
        assert similarity(left, right) < 0.8


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("哈哈哈", "哈哈哈哈"),
        ("10000", "100000"),
        ("1000100", "1001000"),
        ("今天天气很好", "今天天气不好"),
        ("喜欢看这种类型的电影", "不喜欢看这种类型的电影"),
        ("请把这句话译成英文：苹果", "请把这句话译成英文：香蕉"),
        ("哈" * 14, "哈" * 15),
        ("。" * 40, "。" * 41),
    ],
)
def test_short_texts_that_differ_little(left: str, right: str) -> None:
    assert 0 < similarity(left, right) < 0.8


def test_punctuation_and_blanks_are_ignored_in_longer_texts() -> None:
    left = "春天来了，小草从地里钻出来，花也开了。"
    assert similarity(left, "春天来了小草从地里 钻出来——花也开了！") == 1.0


def test_long_text_has_one_shingle_for_every_position() -> None:
    text = "一二三四五六七八九十甲乙丙丁戊己"
    assert len(shingles(normal_texts(TextBatch.from_strings([text])), NearDedup())) == 1
    assert len(shingles(normal_texts(TextBatch.from_strings([text])), NearDedup()).values) == 12


def test_empty_texts_have_no_shingles_and_resemble_nothing() -> None:
    assert similarity("", " \u200b") == 0.0
    assert (
        len(shingle_sets(normal_texts(TextBatch.from_strings(["", " "])), NearDedup()).values) == 0
    )


def test_size_filter_never_hides_a_pair_at_the_threshold() -> None:
    texts = ["一二三四五六七八九十" * 1 + "甲乙丙丁戊己庚辛壬癸"[:k] for k in range(6, 11)]
    sets = shingle_sets(normal_texts(TextBatch.from_strings(texts)), NearDedup())
    left, right = np.triu_indices(len(texts), 1)
    plain = jaccard(sets, left, right)
    for threshold in (0.5, 0.75, 0.8, 0.9):
        filtered = jaccard(sets, left, right, threshold)
        assert ((plain >= threshold) == (filtered >= threshold)).all()


def test_word_shingles_are_jiebas() -> None:
    jieba = pytest.importorskip("jieba")
    left = "我们昨天下午在图书馆里讨论了自然语言处理的若干问题。"
    right = "我们昨天下午在图书馆里讨论了自然语言处理的若干难题。"
    cut = [[w for w in jieba.lcut(t) if w not in "。"] for t in (left, right)]
    assert words(left) == cut[0]
    pairs = [{tuple(c[i : i + 2]) for i in range(len(c) - 1)} for c in cut]
    expected = len(pairs[0] & pairs[1]) / len(pairs[0] | pairs[1])
    assert similarity(left, right, NearDedup(unit="word", shingle=2)) == expected


def test_texts_of_few_words_are_compared_whole() -> None:
    pytest.importorskip("jieba")
    options = NearDedup(unit="word", shingle=5)
    assert similarity("internationalization", "internationalisation", options) < 0.8
    assert similarity("internationalization", "Internationalization", options) == 1.0
