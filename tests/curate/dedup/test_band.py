"""Banding: datasketch's choice of bands, and keys that say whether bands agree."""

from __future__ import annotations

import numpy as np
import pytest

from curate.dedup.band import band_keys, banding, candidate_probability, optimal_bands
from curate.dedup.options import NearDedup
from curate.dedup.signature import signatures
from tests.curate.dedup.test_signature import pairs_of_sets


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.1, 0.9), (0.9, 0.1), (0.002, 0.998)])
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9])
def test_bands_are_those_of_datasketch(threshold: float, weights: tuple[float, float]) -> None:
    lsh = pytest.importorskip("datasketch.lsh")
    expected = lsh._optimal_param(threshold, 128, *weights)
    assert optimal_bands(threshold, 128, *weights) == expected


def test_bands_for_equal_weights() -> None:
    # What datasketch gives, for when it is not installed.
    assert optimal_bands(0.8, 128, 0.5, 0.5) == (9, 13)
    assert optimal_bands(0.7, 256, 0.5, 0.5) == (25, 10)


def test_default_bands_find_nearly_every_pair_at_the_threshold() -> None:
    assert banding(NearDedup()) == (21, 6)
    assert candidate_probability(0.8, *banding(NearDedup())) > 0.998
    assert candidate_probability(0.8, 9, 13) < 0.41


@pytest.mark.parametrize("similarity", [0.3, 0.6, 0.8])
def test_share_of_candidates_is_that_of_the_formula(similarity: float) -> None:
    count = 6000
    sets, exact = pairs_of_sets(similarity, 60, count)
    keys = band_keys(sets, NearDedup())
    found = (keys[0::2] == keys[1::2]).any(axis=1).mean()
    expected = candidate_probability(exact, 21, 6)
    assert abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / count) + 1e-3


def test_keys_agree_exactly_where_all_rows_of_a_band_do() -> None:
    options = NearDedup()
    sets, _ = pairs_of_sets(0.7, 60, 500)
    keys = band_keys(sets, options)
    rows = signatures(sets, options)[:, : 21 * 6].reshape(-1, 21, 6)
    assert ((keys[0::2] == keys[1::2]) == (rows[0::2] == rows[1::2]).all(axis=2)).all()
    assert keys.max() < 1 << 40


def test_equal_rows_in_different_bands_get_different_keys() -> None:
    sets, _ = pairs_of_sets(0.5, 40, 3000)
    keys = band_keys(sets, NearDedup())
    # 126,000 keys of 40 bits: one or two chance meetings at most.
    assert len(np.unique(keys[0::2])) > keys[0::2].size - 10
    # Keys fill their range evenly, or ranges would differ in size.
    share = np.bincount((keys[0::2] >> np.uint64(36)).astype(int).ravel(), minlength=16)
    assert share.max() / share.min() < 1.1
