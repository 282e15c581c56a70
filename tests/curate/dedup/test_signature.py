"""Signatures: the family is locality-sensitive, unbiased, and as exact as its size promises."""

from __future__ import annotations

import numpy as np
import pytest

from curate.dedup.normal import normal_texts
from curate.dedup.options import NearDedup
from curate.dedup.shingle import Shingles, shingles
from curate.dedup.signature import EMPTY, permutations, signatures
from curate.textbatch import TextBatch


def pairs_of_sets(similarity: float, size: int, count: int) -> tuple[Shingles, float]:
    """2·count sets; sets 2i and 2i + 1 share what gives about this similarity; the exact one."""
    draw = np.random.default_rng(7)
    common = round(2 * size * similarity / (1 + similarity))
    values = draw.integers(0, 2**64, (count, 2 * size - common), np.uint64)
    left, right = values[:, :size], values[:, size - common :]
    both = np.stack([left, right], axis=1).reshape(-1)
    offsets = np.arange(2 * count + 1, dtype=np.int64) * size
    return Shingles(both, offsets), common / (2 * size - common)


@pytest.mark.parametrize("size", [53, 269])
@pytest.mark.parametrize("target", [0.5, 0.7, 0.8, 0.9])
def test_estimates_are_unbiased_with_the_error_of_128_permutations(
    target: float, size: int
) -> None:
    options = NearDedup()
    count = 4000
    sets, similarity = pairs_of_sets(target, size, count)
    found = signatures(sets, options)
    estimates = (found[0::2] == found[1::2]).mean(axis=1)
    error = np.sqrt(similarity * (1 - similarity) / 128)
    # Four standard deviations of a mean, and of a standard deviation, over 4,000 pairs.
    assert abs(estimates.mean() - similarity) < 4 * error / np.sqrt(count)
    assert abs(estimates.std() / error - 1) < 4 / np.sqrt(2 * count)


def test_signature_is_the_least_value_of_every_permutation() -> None:
    text = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
    pieces = shingles(normal_texts(TextBatch.from_strings([text])), NearDedup())
    a, b = permutations(NearDedup())
    upper = (pieces.values >> np.uint64(32)).astype(object)
    expected = [
        min((int(m) * int(x) + int(n)) % 2**32 for x in upper) for m, n in zip(a, b, strict=True)
    ]
    assert signatures(pieces, NearDedup())[0].tolist() == expected


@pytest.mark.parametrize("count", range(10))
def test_any_number_of_shingles(count: int) -> None:
    values = np.arange(1, count + 1, dtype=np.uint64) << np.uint64(40)
    found = signatures(Shingles(values, np.array([0, count])), NearDedup(permutations=16))[0]
    a, b = permutations(NearDedup(permutations=16))
    rows = [a * np.uint32(x >> np.uint64(32)) + b for x in values]
    expected = np.min(rows, axis=0) if count else np.full(16, EMPTY)
    assert (found == expected).all()


def test_permutations_are_splitmix64() -> None:
    # First outputs of the published generator for seed 1234567.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    a, _ = permutations(NearDedup(seed=1234567))
    assert a[:3].tolist() == [x >> 32 | 1 for x in expected]


def test_permutations_are_bijections() -> None:
    a, _ = permutations(NearDedup(permutations=1024))
    assert (a % 2 == 1).all()
    assert len(set(a.tolist())) == 1024


def test_another_seed_gives_other_permutations() -> None:
    one, other = permutations(NearDedup(seed=1))[0], permutations(NearDedup(seed=2))[0]
    assert (one != other).mean() > 0.99
