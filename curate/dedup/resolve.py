"""The decision: which rows go, and which kept row each of them duplicates.

Rows are taken in rank order. A row goes if, and only if, a row that is kept ranks better and has
verified similarity at or above the threshold with it; it names the most similar of these, the
better-ranked on a tie. So nothing goes for a resemblance to a row that is itself gone, and the best
row of every cluster stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.dedup.corpus import Corpus
from curate.dedup.exact import EXACT_PAIR
from curate.dedup.kind import EXACT_KIND, SAME_EN_KIND, SAME_ZH_KIND
from curate.dedup.records import RecordFile, write_runs
from curate.dedup.verify import REMOVING, VERIFIED, in_rank_order
from curate.storage import write_arrow

FATE = np.dtype([("dropped", "<u8"), ("kept", "<u8"), ("similarity", "<f4"), ("kind", "u1")])

DUPLICATES = pa.schema(
    [
        # Position of the row in its partition.
        pa.field("position", pa.int64()),
        # One of curate.dedup.kind.
        pa.field("kind", pa.uint8()),
        # Partition (its number in the corpus) and position there of the row kept instead.
        pa.field("kept_partition", pa.int64()),
        pa.field("kept_position", pa.int64()),
        pa.field("similarity", pa.float32()),
    ]
)
"""The duplicates of one partition, in order of position."""

_PAIRS_IN_MEMORY = 1 << 20


@njit(cache=True, nogil=True)
def _decide(worse, better, similarity, gone, chosen):  # type: ignore[no-untyped-def]
    """Greedy pass over pairs in rank order; `gone` has a bit for every row of the corpus.

    chosen: filled with the pairs of which the worse row goes for the better one.
    """
    count = 0
    k = 0
    n = len(worse)
    while k < n:
        row = worse[k]
        was_gone = (gone[row >> np.uint64(3)] >> (row & np.uint64(7))) & 1
        best = -1
        while k < n and worse[k] == row:
            other = better[k]
            is_gone = (gone[other >> np.uint64(3)] >> (other & np.uint64(7))) & 1
            # Better-ranked partners come first, so only a greater similarity displaces one.
            if not is_gone and (best < 0 or similarity[k] > similarity[best]):
                best = k
            k += 1
        if best >= 0 and not was_gone:
            gone[row >> np.uint64(3)] |= np.uint8(1 << (row & np.uint64(7)))
            chosen[count] = best
            count += 1
    return count


def _in_rank_order(paths: list[str], limit: int) -> Iterator[NDArray[np.void]]:
    """All verified pairs in portions by rank, each portion in order, of about `limit` pairs."""
    files = [RecordFile(path) for path in paths]
    total = sum(int(file.offsets[REMOVING][-1]) for file in files)
    if not total:
        return
    portions = -(-total // limit)
    stride = max(1, total // (64 * portions))
    # A map lasts for one expression: its pages count as memory in use.
    ranks = [file.mapped(REMOVING, VERIFIED)["worse_rank"][::stride].copy() for file in files]
    sample = np.sort(np.concatenate(ranks))
    cuts = np.unique(sample[(np.arange(1, portions) * len(sample)) // portions])
    begins = [0] * len(files)
    for cut in [*cuts.tolist(), None]:
        parts = []
        for number, file in enumerate(files):
            pairs = file.mapped(REMOVING, VERIFIED)
            end = len(pairs)
            if cut is not None:
                end = int(np.searchsorted(pairs["worse_rank"], np.uint64(cut)))
            parts.append(np.array(pairs[begins[number] : end]))
            begins[number] = end
        every = np.concatenate(parts)
        if len(every):
            yield every[in_rank_order(every)]


def _decided(rows: int, verified: list[str], mask: str | None) -> Iterator[NDArray[np.void]]:
    """Near duplicates in runs, each ascending by dropped ordinal."""
    gone = np.zeros(rows // 8 + 1, np.uint8)
    if mask is not None and rows:
        bits = np.packbits(np.fromfile(mask, np.uint8), bitorder="little")
        gone[: len(bits)] = bits
    for pairs in _in_rank_order(verified, _PAIRS_IN_MEMORY):
        chosen = np.empty(len(pairs), np.int64)
        worse, better = pairs["worse"].copy(), pairs["better"].copy()
        count = _decide(worse, better, pairs["similarity"].copy(), gone, chosen)
        own = pairs[chosen[:count]]
        own = own[np.argsort(own["worse"])]
        run = np.empty(count, FATE)
        run["dropped"], run["kept"] = own["worse"], own["better"]
        run["similarity"], run["kind"] = own["similarity"], own["kind"]
        yield run


def write_fates(corpus: str, verified: list[str], output: str, mask: str | None = None) -> None:
    """Task: decide all near duplicates, a million pairs at a time.

    mask: file of `write_exact_mask`; the rows in it are gone already, whatever they are like.
    """
    write_runs(Path(output), FATE, _decided(len(Corpus(corpus)), verified, mask))


class _NearFates:
    """Near duplicates by ordinal, from the runs `write_fates` wrote."""

    def __init__(self, path: str) -> None:
        file = RecordFile(path)
        every = file.mapped(0, FATE)
        bounds = file.offsets[0].tolist()
        self.runs = [every[a:b] for a, b in pairwise(bounds)]

    def between(self, first: int, last: int) -> NDArray[np.void]:
        """Near duplicates with first <= ordinal < last, ascending."""
        parts = [np.zeros(0, FATE)]
        for run in self.runs:
            a, b = np.searchsorted(run["dropped"], np.array([first, last], np.uint64))
            parts.append(np.array(run[a:b]))
        every = np.concatenate(parts)
        return every[np.argsort(every["dropped"])]

    def redirect(self, pairs: NDArray[np.void]) -> NDArray[np.void]:
        """Fates of exact duplicates: where the row they equal is gone too, the one it names."""
        fates = np.empty(len(pairs), FATE)
        fates["dropped"], fates["kept"] = pairs["dropped"], pairs["kept"]
        fates["similarity"], fates["kind"] = 1, EXACT_KIND
        for run in self.runs:
            if not len(run):
                continue
            at = np.minimum(np.searchsorted(run["dropped"], pairs["kept"]), len(run) - 1)
            hit = run["dropped"][at] == pairs["kept"]
            fates["kept"][hit] = run["kept"][at[hit]]
            fates["similarity"][hit] = run["similarity"][at[hit]]
            fates["kind"][hit] = run["kind"][at[hit]]
        return fates


class Fates:
    """What became of the rows that went, from the files of the stages so far.

    exact: the files of `write_exact_pairs`; near: the file of `write_fates`, or None when near
    duplicates stay; sides: for each side decided, the files of `write_side_pairs`.

    An exact duplicate of a row that goes as a near duplicate itself names the row kept for both,
    with that similarity and as a near duplicate, so that `kept` rows always are. Sides name the
    row kept by themselves.
    """

    def __init__(
        self, exact: Sequence[str], near: str | None, sides: Sequence[Sequence[str]] = ()
    ) -> None:
        self.exact = _mapped(exact)
        self.near = _NearFates(near) if near is not None else None
        self.sides = [_mapped(paths) for paths in sides]

    def between(self, first: int, last: int) -> NDArray[np.void]:
        """Rows gone with first <= ordinal < last, ascending: dropped, kept, similarity, kind."""
        equal = _pairs_between(self.exact, first, last)
        parts = [_decided_as(EXACT_KIND, equal)]
        if self.near is not None:
            parts = [self.near.redirect(equal), self.near.between(first, last)]
        for files, same in zip(self.sides, (SAME_ZH_KIND, SAME_EN_KIND), strict=False):
            parts.append(_decided_as(same, _pairs_between(files, first, last)))
        every = np.concatenate(parts)
        every = every[np.argsort(every["dropped"], kind="stable")]
        # What was decided last of a row holds.
        is_last = np.ones(len(every), np.bool_)
        is_last[:-1] = every["dropped"][1:] != every["dropped"][:-1]
        return every[is_last]


def _mapped(paths: Sequence[str]) -> list[NDArray[np.void]]:
    return [RecordFile(path).mapped(0, EXACT_PAIR) for path in paths]


def _pairs_between(files: list[NDArray[np.void]], first: int, last: int) -> NDArray[np.void]:
    """Pairs with first <= dropped < last, from files that are ascending by it."""
    parts = [np.zeros(0, EXACT_PAIR)]
    for file in files:
        a, b = np.searchsorted(file["dropped"], np.array([first, last], np.uint64))
        parts.append(np.array(file[a:b]))
    return np.concatenate(parts)


def _decided_as(kind: int, pairs: NDArray[np.void]) -> NDArray[np.void]:
    decided = np.empty(len(pairs), FATE)
    decided["dropped"], decided["kept"] = pairs["dropped"], pairs["kept"]
    decided["similarity"] = 1
    decided["kind"] = kind
    return decided


def write_duplicates(
    corpus: str,
    exact: list[str],
    fates: str | None,
    partitions: dict[int, str],
    sides: Sequence[Sequence[str]] = (),
) -> None:
    """Task: write the duplicates of some partitions, a file in DUPLICATES' schema for each.

    exact, fates, sides: the files of `Fates`; partitions: number to output path.
    """
    opened = Corpus(corpus)
    gone = Fates(exact, fates, sides)
    for number, output in partitions.items():
        first, last = int(opened.firsts[number]), int(opened.firsts[number + 1])
        found = gone.between(first, last)
        kept_partition = opened.partition_of(found["kept"])
        table = pa.table(
            [
                pa.array(found["dropped"].astype(np.int64) - first),
                pa.array(found["kind"].copy()),
                pa.array(kept_partition),
                pa.array(found["kept"].astype(np.int64) - opened.firsts[kept_partition]),
                pa.array(found["similarity"].copy()),
            ],
            schema=DUPLICATES,
        )
        write_arrow(Path(output), table)
