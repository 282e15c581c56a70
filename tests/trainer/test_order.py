"""The order of rows: a permutation an epoch, the same for everyone, a function of its arguments."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.order import Order, permuted


@given(st.integers(1, 3000), st.binary(min_size=64, max_size=64))
def test_every_row_has_one_place(size: int, key: bytes):
    assert sorted(permuted(np.arange(size), size, key).tolist()) == list(range(size))


@given(rows=st.integers(1, 200), batch=st.integers(1, 70), seed=st.integers(0, 9))
def test_epochs_are_whole_and_differ(rows: int, batch: int, seed: int):
    order = Order("f" * 32, seed, rows, batch)
    steps = -(-2 * rows // batch)
    seen = np.concatenate([order.batch_rows(step) for step in range(steps)])
    first, second = seen[:rows], seen[rows : 2 * rows]
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(rows))
    if rows > 20:
        assert first.tolist() != second.tolist() != list(range(rows))


@given(world=st.integers(1, 8), batch=st.integers(8, 40), step=st.integers(0, 50))
def test_any_number_of_processes_takes_the_same_batch(world: int, batch: int, step: int):
    order = Order("a", 1, 97, batch)
    shares = [order.share(step, rank, world) for rank in range(world)]
    joined = np.concatenate(shares)
    assert sorted(joined.tolist()) == sorted(order.batch_rows(step).tolist())
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_other_shards_and_seeds_give_other_orders():
    def first(fingerprint: str, seed: int) -> list[int]:
        return Order(fingerprint, seed, 1000, 1000).batch_rows(0).tolist()

    assert first("a", 0) == first("a", 0)
    assert first("a", 0) != first("a", 1) and first("a", 0) != first("b", 0)


def test_the_order_is_pinned():
    """A resumed run of an older version must see the same rows."""
    assert Order("pinned", 7, 10, 10).batch_rows(0).tolist() == PINNED


PINNED = [7, 3, 6, 2, 5, 9, 0, 1, 8, 4]


def test_neighbours_are_scattered():
    """Correlation of a row's place with its number is that of a random order (about 1/sqrt n)."""
    rows = Order("a", 0, 10_000, 10_000).batch_rows(0)
    assert abs(np.corrcoef(rows, np.arange(10_000))[0, 1]) < 0.05
    assert abs(np.corrcoef(rows[:-1], rows[1:])[0, 1]) < 0.05
