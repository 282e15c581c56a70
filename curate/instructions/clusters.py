"""Which rows must be on one side of training and validation.

Rows that begin with the same words of the user (`opening`) are together, and so are rows joined by
a pair that the comparisons found alike, or by a row that is itself gone: two that resemble a
duplicate are in one cluster though they do not resemble each other. A cluster is named by the
least opening in it; a row that nothing is like needs no entry, its opening being its cluster.

A cluster with more rows than the whole share of validation is for training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.dedup.corpus import Corpus, taking_part
from curate.dedup.exact import EXACT_PAIR
from curate.dedup.records import RecordFile
from curate.dedup.verify import ALIKE, REMOVING, VERIFIED
from curate.instructions.chance import mixed
from curate.storage import column_array, read_arrow, write_arrow

VERSION = 1
"""Raised whenever the same rows may be put together otherwise."""

CLUSTERS = pa.schema(
    [
        pa.field("opening", pa.uint64(), nullable=False),
        pa.field("cluster", pa.uint64(), nullable=False),
        # Whether the cluster is too large for validation.
        pa.field("large", pa.bool_(), nullable=False),
    ]
)
"""Openings that are not a cluster by themselves, or are too large a one, ascending."""

_PAIRS_AT_ONCE = 1 << 20


def write_clusters(
    corpus: str, exact: Sequence[str], verified: Sequence[str], valid: float, seed: int, output: str
) -> None:
    """Task: writes CLUSTERS of a build.

    corpus: the listing of the questions' partitions. exact, verified: the files of pairs of all
    comparisons. Memory grows with the rows that are alike, and with those drawn for validation.
    """
    opened = Corpus(corpus)
    openings, names = joined(_pairs(opened, exact, verified))
    sizes: Counter[int] = Counter()
    rows = 0
    for partition in opened.partitions:
        table = read_arrow(Path(partition.texts))
        own = column_array(table, "opening").to_numpy()
        own = own[taking_part(table, partition.decision)]
        rows += len(own)
        drawn = clusters_of(own, openings, names)
        drawn = drawn[drawn_for(drawn, valid, seed)]
        found, counts = np.unique(drawn, return_counts=True)
        sizes.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
    most = max(1.0, valid * rows)
    large = np.array(sorted(c for c, size in sizes.items() if size > most), np.uint64)
    alone = np.setdiff1d(large, openings)
    every = np.concatenate([openings, alone])
    order = np.argsort(every)
    cluster = np.concatenate([names, alone])[order]
    columns = [pa.array(every[order]), pa.array(cluster), pa.array(np.isin(cluster, large))]
    write_arrow(Path(output), pa.table(columns, schema=CLUSTERS))


def clusters_of(
    own: NDArray[np.uint64], openings: NDArray[np.uint64], names: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """The cluster of every opening, uint64 [n]; `openings` ascending, with their clusters."""
    if not len(openings):
        return own
    at = np.minimum(np.searchsorted(openings, own), len(openings) - 1)
    return np.where(openings[at] == own, names[at], own)


def drawn_for(clusters: NDArray[np.uint64], valid: float, seed: int) -> NDArray[np.bool_]:
    """Whether clusters are drawn for validation, bool [n]."""
    bound = np.uint64(min(int(valid * 2**64), (1 << 64) - 1))
    return mixed(clusters, seed) < bound


def for_validation(
    own: NDArray[np.uint64], clusters: pa.Table, valid: float, seed: int
) -> NDArray[np.bool_]:
    """Whether rows with these openings are for validation, bool [n]; `clusters` as CLUSTERS."""
    openings, names = (column_array(clusters, c).to_numpy() for c in ("opening", "cluster"))
    large = column_array(clusters, "large").to_numpy(zero_copy_only=False)
    cluster = clusters_of(own, openings, names)
    return drawn_for(cluster, valid, seed) & ~np.isin(cluster, np.unique(names[large]))


def _pairs(
    corpus: Corpus, exact: Sequence[str], verified: Sequence[str]
) -> Iterator[NDArray[np.uint64]]:
    """Openings of the rows of all pairs, uint64 [m, 2] each, equal ones left out."""
    files = [(path, EXACT_PAIR, 0, ("dropped", "kept")) for path in exact]
    files += [(path, VERIFIED, s, ("worse", "better")) for path in verified for s in (0, 1)]
    assert (REMOVING, ALIKE) == (0, 1)
    for path, kind, section, (left, right) in files:
        records = RecordFile(path)
        for begin in range(0, int(records.offsets[section][-1]), _PAIRS_AT_ONCE):
            part = records.mapped(section, kind)[begin : begin + _PAIRS_AT_ONCE]
            ordinals = np.stack([part[left], part[right]], axis=1)
            distinct, index = np.unique(ordinals, return_inverse=True)
            pairs = corpus.values(distinct, "opening")[index.reshape(ordinals.shape)]
            yield pairs[pairs[:, 0] != pairs[:, 1]]


@njit(cache=True, nogil=True)
def _unite(parent, pairs):  # type: ignore[no-untyped-def]
    """Union by the lesser index, paths halved: a root is the least of its component."""
    for k in range(len(pairs)):
        a = pairs[k, 0]
        b = pairs[k, 1]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a < b:
            parent[b] = a
        else:
            parent[a] = b
    for k in range(len(parent)):
        # Parents are lesser, so theirs are settled.
        parent[k] = parent[parent[k]]


def joined(
    portions: Iterator[NDArray[np.uint64]],
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """(everything in a pair, ascending; the least of what it is joined with), uint64 [n] both."""
    openings, names = np.zeros(0, np.uint64), np.zeros(0, np.uint64)
    for pairs in portions:
        before = np.stack([openings, names], axis=1)
        every = np.concatenate([before, pairs])
        openings, index = np.unique(every, return_inverse=True)
        parent = np.arange(len(openings))
        _unite(parent, index.reshape(every.shape).astype(np.int64))
        names = openings[parent]
    return openings, names
