"""Crowds: what thinning leaves is enough for every row to meet a kept one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from curate.dedup import crowd
from curate.dedup.corpus import Corpus, TextPartition, write_corpus
from curate.dedup.crowd import crowd_pairs, similar_pairs
from curate.dedup.normal import normal_texts
from curate.dedup.options import NearDedup
from curate.dedup.shingle import Shingles, shingle_sets
from curate.storage import write_arrow
from curate.textbatch import TextBatch
from tests.curate.dedup import reference
from tests.curate.dedup.test_deduplicate import HAN, corpus, prose


def sets_of(texts: list[str]) -> Shingles:
    return shingle_sets(normal_texts(TextBatch.from_strings(texts)), NearDedup())


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.95])
def test_finds_exactly_the_similar_pairs_while_nothing_saturates(
    monkeypatch: pytest.MonkeyPatch, threshold: float
) -> None:
    monkeypatch.setattr(crowd, "SATURATED", 1000)
    texts = corpus(1, 40, 160, (5, 120))
    order = np.random.default_rng(1).permutation(len(texts))
    pairs, leaders = similar_pairs(sets_of(texts), [order], threshold)
    plain = [reference.shingle_set(text) for text in texts]
    place = np.argsort(order)
    expected = {
        (i, j)
        for i in range(len(texts))
        for j in range(len(texts))
        if place[i] < place[j] and reference.jaccard(plain[i], plain[j]) >= threshold
    }
    assert {tuple(pair) for pair in pairs.tolist()} == expected
    assert len(pairs) == len(expected)
    later = {j for _, j in expected}
    assert leaders.tolist() == [i not in later for i in range(len(texts))]


def test_a_text_in_many_variants_costs_a_few_pairs_each() -> None:
    draw = random.Random(2)
    base = prose(1, 200)
    texts = [base]
    for _ in range(1000):
        at = draw.randrange(200)
        texts.append(base[:at] + draw.choice(HAN) + base[at + 1 :])
    pairs, leaders = similar_pairs(sets_of(texts), [np.arange(len(texts))], 0.8)
    assert leaders.tolist() == [True] + [False] * 1000
    assert len(pairs) < 20 * len(texts)
    # Whoever is not the first meets the first, the only row that will be kept.
    assert set(pairs[pairs[:, 0] == 0][:, 1].tolist()) == set(range(1, len(texts)))


def stored(texts: list[str], folder: object) -> Corpus:
    import pyarrow as pa

    path = folder / "texts.arrow"  # type: ignore[operator]
    write_arrow(path, pa.table({"text": pa.array(texts, pa.large_string())}))
    listing = folder / "corpus.json"  # type: ignore[operator]
    write_corpus(listing, [TextPartition(str(path), "", len(texts))])
    return Corpus(listing)


def test_a_crowd_beyond_the_budget_is_worked_in_portions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    draw = random.Random(3)
    base = prose(2, 150)
    # Lengths differ, so that portions by length do.
    texts = [base + "".join(draw.choices(HAN, k=i % 9)) for i in range(400)]
    opened = stored(texts, tmp_path)
    members = np.arange(400, dtype=np.uint64)
    whole = crowd_pairs(opened, [members], NearDedup())
    budget = 64 << 20
    monkeypatch.setattr(crowd, "_BYTES_PER_SHINGLE", budget // 4 // 12_000)
    cut = crowd_pairs(opened, [members], NearDedup(memory_mb=64))
    best = int(np.lexsort((np.arange(400), [-len(t) for t in texts]))[0])
    for pairs in (whole, cut):
        assert (pairs[:, 0] < pairs[:, 1]).all()
        partners = pairs[(pairs == best).any(axis=1)]
        # The best-ranked row meets nearly all rows, in whatever portion they are.
        assert len(np.unique(partners)) > 350
    assert len(cut) < 20 * len(texts)


def test_crowds_are_worked_through_apart(tmp_path: object) -> None:
    texts = corpus(4, 30, 120, (60, 90))
    opened = stored(texts, tmp_path)
    draw = np.random.default_rng(4)
    crowds = [np.sort(draw.choice(150, 60, replace=False)).astype(np.uint64) for _ in range(5)]
    together = crowd_pairs(opened, crowds, NearDedup())
    apart = np.concatenate([crowd_pairs(opened, [c], NearDedup()) for c in crowds])
    assert len(apart) > 50
    assert set(map(tuple, together.tolist())) == set(map(tuple, apart.tolist()))
    assert all(any(set(pair) <= set(c.tolist()) for c in crowds) for pair in together.tolist())
