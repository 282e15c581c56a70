"""Verification: the true Jaccard similarity of candidate pairs, from their shingle sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.dedup.agreement import agreeing
from curate.dedup.candidate import SHARD_BITS
from curate.dedup.corpus import Corpus, Excerpt
from curate.dedup.kind import NEAR_KIND
from curate.dedup.options import NearDedup
from curate.dedup.records import RecordFile, write_records
from curate.dedup.shingle import distinct_shingles, jaccard
from curate.dedup.spread import distinct_words

VERIFIED = np.dtype(
    [
        ("worse_rank", "<u8"),
        ("worse", "<u8"),
        ("better_rank", "<u8"),
        ("better", "<u8"),
        ("similarity", "<f4"),
        ("kind", "u1"),
    ]
)
"""A pair at or above the threshold: ordinals of both rows and their ranks, and the kind of
duplicate (`curate.dedup.kind`) that the worse one is."""

REMOVING, ALIKE = 0, 1
"""Sections of a file of verified pairs: those of which one row goes, and others alike."""


@dataclass(frozen=True)
class Judgement:
    """What verified pairs of one comparison mean."""

    removes: float | None
    """Similarity from which the worse row goes; None where no row goes."""
    alike: float | None = None
    """Similarity from which other pairs are on record as alike; None where they are not."""
    substance: bool = False
    """Whether a row goes only where the column `substance` of both is the same
    (`curate.dedup.substance`)."""
    answers: bool = False
    """Whether a row goes only where both agree as questions and answers
    (`curate.dedup.agreement`); the column `answer` says how long the answer is that ends a text."""
    kind: int = NEAR_KIND
    """What the rows that go are called."""

    @property
    def columns(self) -> list[str]:
        """Columns of numbers that are compared."""
        compared = {"substance": self.substance, "answer": self.answers}
        removes = self.removes is not None
        return [name for name, asked in compared.items() if asked and removes]


_PAIRS_AT_ONCE = 1 << 18
_FETCHED_SHARE = 64
"""Of the memory, one in so many bytes is for texts fetched at once. They lie all over a corpus:
to open a partition for few of them costs the most."""
_COMPARED_SHARE = 4
"""Of these, one in so many is compared at once: code points, normal forms and shingles are about 20
bytes for a byte of text."""


def verified_pairs(
    corpus: Corpus | Excerpt, pairs: NDArray[np.uint64], near: NearDedup, judgement: Judgement
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Of the pairs (uint64 [m, 2]) those that remove a row, and others alike, as VERIFIED."""
    ordinals, index = np.unique(pairs, return_inverse=True)
    index = index.reshape(pairs.shape)
    batch = corpus.texts(ordinals)
    sets = distinct_shingles(batch, near)
    similarity = jaccard(sets, index[:, 0], index[:, 1], near.threshold)
    # The empty pair never gets here: sets without shingles have no band keys.
    found = similarity >= near.threshold
    index, similarity = index[found], similarity[found]
    ranks = corpus.ranks(ordinals, batch.lengths())
    a, b = index[:, 0], index[:, 1]
    # Ordinals ascend with the index, so equal ranks leave the lower ordinal the better.
    swap = ranks[b] < ranks[a]
    better, worse = np.where(swap, b, a), np.where(swap, a, b)
    out = np.empty(len(index), VERIFIED)
    out["worse_rank"], out["worse"] = ranks[worse], ordinals[worse]
    out["better_rank"], out["better"] = ranks[better], ordinals[better]
    out["similarity"], out["kind"] = similarity, judgement.kind
    goes = np.zeros(len(out), np.bool_)
    if judgement.removes is not None:
        goes = similarity >= judgement.removes
        if judgement.substance:
            own = corpus.values(ordinals, "substance")
            goes &= own[index[:, 0]] == own[index[:, 1]]
        if judgement.answers and goes.any():
            lengths = corpus.values(ordinals, "answer").astype(np.int64)
            goes[goes] = agreeing(batch, lengths, index[goes, 0], index[goes, 1])
    alike = np.zeros(0, np.int64)
    if judgement.alike is not None:
        alike = np.flatnonzero(~goes & (similarity >= judgement.alike))
    return out[goes], out[alike]


def _portions(
    corpus: Corpus | Excerpt, pairs: NDArray[np.uint64], budget: int
) -> Iterator[NDArray[np.uint64]]:
    """The pairs in portions whose texts are at most `budget` bytes (or a single pair)."""
    for begin in range(0, len(pairs), _PAIRS_AT_ONCE):
        waiting = [pairs[begin : begin + _PAIRS_AT_ONCE]]
        ordinals = distinct_words(waiting[0])
        sizes = corpus.sizes(ordinals)
        while waiting:
            portion = waiting.pop()
            asked = np.searchsorted(ordinals, distinct_words(portion))
            if len(portion) > 1 and int(sizes[asked].sum()) > budget:
                half = len(portion) // 2
                waiting += [portion[half:], portion[:half]]
            else:
                yield portion


def write_verified(
    corpus: str,
    shard: int,
    candidates: list[str],
    near: NearDedup,
    judgement: Judgement,
    output: str,
) -> None:
    """Task: verify the candidates of a shard; write those at or above the threshold in rank order.

    The order is that of (worse_rank, worse, better_rank, better); sections REMOVING and ALIKE.
    """
    opened = Corpus(corpus)
    bits = np.uint64(opened.ordinal_bits)
    words = [RecordFile(path).read(0, "<u8", shard, shard + 1) for path in candidates]
    every = distinct_words(np.concatenate([np.zeros(0, np.uint64), *words]))
    found = [(np.zeros(0, VERIFIED), np.zeros(0, VERIFIED))]
    fetched_bytes = (near.memory_mb << 20) // _FETCHED_SHARE
    lower = every & ((np.uint64(1) << bits) - np.uint64(1))
    greater = (every >> bits) + np.uint64(shard << SHARD_BITS)
    for fetched in _portions(opened, np.stack([lower, greater], axis=1), fetched_bytes):
        excerpt = opened.excerpt(distinct_words(fetched), judgement.columns)
        for portion in _portions(excerpt, fetched, fetched_bytes // _COMPARED_SHARE):
            found.append(verified_pairs(excerpt, portion, near, judgement))
    sections = []
    for parts in zip(*found, strict=True):
        pairs = np.concatenate(parts)
        pairs = pairs[in_rank_order(pairs)]
        sections.append((pairs, np.array([0, len(pairs)], np.int64)))
    write_records(Path(output), sections)


def in_rank_order(pairs: NDArray[np.void]) -> NDArray[np.int64]:
    """Indices that put VERIFIED records in the order of worse row, then better row, by rank."""
    keys = (pairs["better"], pairs["better_rank"], pairs["worse"], pairs["worse_rank"])
    return np.lexsort(keys)
