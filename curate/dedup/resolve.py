"""The decision: which rows go, and which kept row each of them duplicates.

Rows are taken in rank order. A row goes if, and only if, a row that is kept ranks better and has
verified similarity at or above the threshold with it; it names the most similar of these, the
better-ranked on a tie. So nothing goes for a resemblance to a row that is itself gone, and the best
row of every cluster stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.dedup.corpus import Corpus
from curate.dedup.exact import EXACT_PAIR
from curate.dedup.records import RecordFile, write_runs
from curate.dedup.verify import VERIFIED, in_rank_order
from curate.storage import write_arrow

FATE = np.dtype([("dropped", "<u8"), ("kept", "<u8"), ("similarity", "<f4")])

EXACT_KIND, NEAR_KIND = 1, 2

DUPLICATES = pa.schema(
    [
        # Position of the row in its partition.
        pa.field("position", pa.int64()),
        # EXACT_KIND or NEAR_KIND.
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
def _decide(worse, better, similarity, gone, dropped, kept, how_similar):  # type: ignore[no-untyped-def]
    """Greedy pass over pairs in rank order; `gone` has a bit for every row of the corpus."""
    count = 0
    k = 0
    n = len(worse)
    while k < n:
        row = worse[k]
        best = -1
        while k < n and worse[k] == row:
            other = better[k]
            is_gone = (gone[other >> np.uint64(3)] >> (other & np.uint64(7))) & 1
            # Better-ranked partners come first, so only a greater similarity displaces one.
            if not is_gone and (best < 0 or similarity[k] > similarity[best]):
                best = k
            k += 1
        if best >= 0:
            gone[row >> np.uint64(3)] |= np.uint8(1 << (row & np.uint64(7)))
            dropped[count] = row
            kept[count] = better[best]
            how_similar[count] = similarity[best]
            count += 1
    return count


def _in_rank_order(paths: list[str], limit: int) -> Iterator[NDArray[np.void]]:
    """All verified pairs in portions by rank, each portion in order, of about `limit` pairs."""
    files = [RecordFile(path) for path in paths]
    total = sum(int(file.offsets[0][-1]) for file in files)
    if not total:
        return
    portions = -(-total // limit)
    stride = max(1, total // (64 * portions))
    # A map lasts for one expression: its pages count as memory in use.
    ranks = [file.mapped(0, VERIFIED)["worse_rank"][::stride].copy() for file in files]
    sample = np.sort(np.concatenate(ranks))
    cuts = np.unique(sample[(np.arange(1, portions) * len(sample)) // portions])
    begins = [0] * len(files)
    for cut in [*cuts.tolist(), None]:
        parts = []
        for number, file in enumerate(files):
            pairs = file.mapped(0, VERIFIED)
            end = len(pairs)
            if cut is not None:
                end = int(np.searchsorted(pairs["worse_rank"], np.uint64(cut)))
            parts.append(np.array(pairs[begins[number] : end]))
            begins[number] = end
        every = np.concatenate(parts)
        if len(every):
            yield every[in_rank_order(every)]


def _decided(rows: int, verified: list[str]) -> Iterator[NDArray[np.void]]:
    """Near duplicates in runs, each ascending by dropped ordinal."""
    gone = np.zeros(rows // 8 + 1, np.uint8)
    for pairs in _in_rank_order(verified, _PAIRS_IN_MEMORY):
        dropped = np.empty(len(pairs), np.uint64)
        kept = np.empty(len(pairs), np.uint64)
        similarity = np.empty(len(pairs), np.float32)
        worse, better = pairs["worse"].copy(), pairs["better"].copy()
        count = _decide(worse, better, pairs["similarity"].copy(), gone, dropped, kept, similarity)
        order = np.argsort(dropped[:count])
        run = np.empty(count, FATE)
        run["dropped"] = dropped[:count][order]
        run["kept"] = kept[:count][order]
        run["similarity"] = similarity[:count][order]
        yield run


def write_fates(corpus: str, verified: list[str], output: str) -> None:
    """Task: decide all near duplicates, a million pairs at a time."""
    write_runs(Path(output), FATE, _decided(len(Corpus(corpus)), verified))


class _Fates:
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
        fates["similarity"] = np.nan
        for run in self.runs:
            if not len(run):
                continue
            at = np.minimum(np.searchsorted(run["dropped"], pairs["kept"]), len(run) - 1)
            hit = run["dropped"][at] == pairs["kept"]
            fates["kept"][hit] = run["kept"][at[hit]]
            fates["similarity"][hit] = run["similarity"][at[hit]]
        return fates


def write_duplicates(
    corpus: str, exact: list[str], fates: str | None, partitions: dict[int, str]
) -> None:
    """Task: write the duplicates of some partitions, a file in DUPLICATES' schema for each.

    exact: the files of `write_exact_pairs`; fates: the file of `write_fates`, or None when near
    duplicates stay; partitions: number to output path.

    An exact duplicate of a row that goes as a near duplicate itself names the row kept for both,
    with that similarity and as a near duplicate, so that `kept` rows always are.
    """
    opened = Corpus(corpus)
    near = _Fates(fates) if fates is not None else None
    pairs = [RecordFile(path).mapped(0, EXACT_PAIR) for path in exact]
    for number, output in partitions.items():
        first, last = int(opened.firsts[number]), int(opened.firsts[number + 1])
        bounds = np.array([first, last], np.uint64)
        same = [np.zeros(0, EXACT_PAIR)]
        for file in pairs:
            a, b = np.searchsorted(file["dropped"], bounds)
            same.append(np.array(file[a:b]))
        equal = np.concatenate(same)
        equal = equal[np.argsort(equal["dropped"])]
        if near is None:
            found = np.empty(len(equal), FATE)
            found["dropped"], found["kept"] = equal["dropped"], equal["kept"]
            found["similarity"] = np.nan
        else:
            found = np.concatenate([near.redirect(equal), near.between(first, last)])
            found = found[np.argsort(found["dropped"])]
        is_exact = np.isnan(found["similarity"])
        kept_partition = opened.partition_of(found["kept"])
        table = pa.table(
            [
                pa.array(found["dropped"].astype(np.int64) - first),
                pa.array(np.where(is_exact, EXACT_KIND, NEAR_KIND).astype(np.uint8)),
                pa.array(kept_partition),
                pa.array(found["kept"].astype(np.int64) - opened.firsts[kept_partition]),
                pa.array(np.where(is_exact, np.float32(1), found["similarity"])),
            ],
            schema=DUPLICATES,
        )
        write_arrow(Path(output), table)
