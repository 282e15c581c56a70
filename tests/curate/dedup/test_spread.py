"""Sorting of hashes against numpy's sort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup.spread import distinct_words, sorted_words


@given(st.integers(1, 64).flatmap(
    lambda top: st.tuples(st.just(top), st.lists(st.integers(0, (1 << top) - 1), max_size=300))
))  # fmt: skip
def test_any_words(given: tuple[int, list[int]]) -> None:
    top, values = given
    words = np.array(values, np.uint64)
    assert distinct_words(words).tolist() == sorted({*values})
    assert sorted_words(words.copy(), top).tolist() == sorted(values)


@pytest.mark.parametrize("distinct", [1, 7, 1 << 62])
@pytest.mark.parametrize("size", [0, 1, 3, 1000, 300_000])
def test_spread_and_crowded_words(size: int, distinct: int) -> None:
    words = np.random.default_rng(size).integers(0, distinct, size).astype(np.uint64)
    assert np.array_equal(sorted_words(words.copy(), 62), np.sort(words))
