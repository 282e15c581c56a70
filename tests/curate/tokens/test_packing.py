"""The packing kernel against best-fit-decreasing written plainly."""

from __future__ import annotations

import bisect
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import CurateError
from curate.tokens.packing import best_fit, broken, concatenated


def plain_rooms(lengths: list[int], capacity: int) -> list[int]:
    """Room left in every row by best-fit-decreasing, one fragment at a time."""
    rooms = [0 for size in lengths for _ in range(size // capacity)]
    left: list[int] = []
    for size in sorted((n % capacity for n in lengths if n % capacity), reverse=True):
        at = bisect.bisect_left(left, size)
        room = left.pop(at) if at < len(left) else capacity
        if room > size:
            bisect.insort(left, room - size)
        else:
            rooms.append(0)
    return sorted(rooms + left)


def every_token(packed) -> list[tuple[int, int]]:
    return sorted(
        (document, start + i)
        for document, start, length in zip(
            packed.document.tolist(), packed.start.tolist(), packed.length.tolist(), strict=True
        )
        for i in range(length)
    )


def used(packed) -> list[int]:
    return [int(packed.length[a:b].sum()) for a, b in itertools.pairwise(packed.offsets.tolist())]


@given(st.lists(st.integers(0, 200), max_size=60), st.integers(2, 70), st.integers(0, 3))
def test_rows_are_those_of_plain_best_fit_and_no_token_is_lost(lengths, capacity, seed):
    packed = best_fit(np.array(lengths, np.int64), capacity, seed)
    assert sorted(capacity - n for n in used(packed)) == plain_rooms(lengths, capacity)
    assert every_token(packed) == [(d, i) for d, n in enumerate(lengths) for i in range(n)]
    assert broken(packed, lengths, capacity) == 0


@given(st.lists(st.integers(0, 200), max_size=60), st.integers(2, 70))
def test_concatenation_fills_every_row_but_the_last_in_the_given_order(lengths, capacity):
    packed = concatenated(np.array(lengths, np.int64), capacity)
    assert all(n == capacity for n in used(packed)[:-1])
    tokens = [
        (d, s + i)
        for d, s, n in zip(packed.document, packed.start, packed.length, strict=True)
        for i in range(n)
    ]
    assert tokens == [(d, i) for d, n in enumerate(lengths) for i in range(n)]


@pytest.mark.parametrize("capacity", [63, 64, 65, 4095, 4096, 4097, 262_145])
def test_word_boundaries_of_the_tree(capacity):
    random = np.random.default_rng(capacity)
    lengths = random.integers(1, capacity + 1, 3000)
    packed = best_fit(lengths, capacity)
    assert sorted(capacity - n for n in used(packed)) == plain_rooms(lengths.tolist(), capacity)


def test_the_seed_decides_the_order_and_who_among_equals():
    lengths = np.random.default_rng(0).integers(1, 300, 500)
    rows, shapes = [], []
    for seed in (0, 1, 0):
        packed = best_fit(lengths, 128, seed)
        parts = list(itertools.pairwise(packed.offsets.tolist()))
        rows.append([tuple(packed.document[a:b].tolist()) for a, b in parts])
        shapes.append(sorted(tuple(packed.length[a:b].tolist()) for a, b in parts))
    assert rows[0] == rows[2] != rows[1] and shapes[0] == shapes[1]
    assert sorted(rows[0]) != sorted(rows[1])


def test_neighbours_of_equal_length_are_spread_over_the_rows():
    packed = best_fit(np.full(6400, 2), 128)
    first = packed.document[packed.offsets[0] : packed.offsets[1]]
    assert len(first) == 64 and np.ptp(first) > 3200


def test_a_golden_by_hand():
    # 7 and 3 fill a row, so do 6 and 4; 5 is left with a row of its own.
    packed = best_fit(np.array([3, 7, 5, 4, 6]), 10)
    rows = {
        frozenset(packed.document[a:b].tolist())
        for a, b in itertools.pairwise(packed.offsets.tolist())
    }
    assert rows == {frozenset({1, 0}), frozenset({4, 3}), frozenset({2})}


def test_a_document_of_ten_million_tokens():
    packed = best_fit(np.array([10_000_000, 5]), 4096)
    assert packed.tokens() == 10_000_005
    # 2,441 full rows; the last 1,664 tokens share a row with the short document.
    assert packed.rows == 2442


def test_nothing_to_pack():
    packed = best_fit(np.array([], np.int64), 8)
    assert packed.rows == 0 and packed.fill(8) == 1.0


def test_a_row_of_one_token_is_refused():
    with pytest.raises(CurateError, match="nothing to predict"):
        best_fit(np.array([1]), 1)


def test_a_document_too_long_to_number_is_refused():
    with pytest.raises(CurateError, match="4,294,967,295"):
        best_fit(np.array([2**32]), 4096)
