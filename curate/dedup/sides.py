"""Pairs that are equal on one side: of one source with many targets, one pair stays.

First the Chinese sides, then the English ones among the pairs left. What takes part has survived
exact and near deduplication. In a group of equal sides the row chosen stays and the others go, each
naming the row chosen. There are no chains:

- A row that goes takes along the rows that went for it and are in the group themselves, having the
  same side: they name the row chosen as well.
- A row for which one went that is not in the group stays, for nothing else stands for that one; if
  there are such rows in a group, the row chosen is one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.dedup.corpus import Corpus, rank, taking_part, text_column
from curate.dedup.exact import EXACT_PAIR
from curate.dedup.normal import content_hashes, normal_texts
from curate.dedup.options import SideDedup
from curate.dedup.records import RecordFile, write_records, write_runs
from curate.dedup.resolve import Fates
from curate.dedup.sketch import BUCKET_BITS, BUCKETS, bucket_ranges
from curate.storage import column_array, read_arrow
from curate.textbatch import TextBatch

VERSION = 1
"""Raised whenever the same pairs and options may be decided otherwise."""

SIDES = ("zh", "en")
"""In the order they are decided, which is that of the sections of a file of side records."""

SIDE_RECORD = np.dtype(
    [("h1", "<u8"), ("h2", "<u8"), ("row", "<u4"), ("length", "<u4"), ("score", "<f4")]
)
"""128-bit hash of the side's normal form, row in the partition, length of the whole text in
characters, and `pair_score` (-1 where there is none)."""

SETTLED = np.dtype([("parent", "<u8"), ("dependents", "<u4")])
"""Of a row: 1 + the ordinal of the row it went for, 0 while it is kept; rows that went for it."""

_ROWS_AT_ONCE = 1 << 22


def side_columns(side: str) -> tuple[str, str, str]:
    """Columns of a refined partition of pairs: both halves of the hash, and the length."""
    return f"{side}_side_h1", f"{side}_side_h2", f"{side}_side_length"


def hashed_sides(sides: dict[str, TextBatch]) -> dict[str, pa.Array]:
    """`side_columns` of every side: uint64, uint64, and int32 characters of the normal form."""
    columns: dict[str, pa.Array] = {}
    for side in SIDES:
        texts = normal_texts(sides[side])
        hashes = content_hashes(texts)
        lengths = np.diff(texts.offsets).astype(np.int32)
        values = (hashes[:, 0].copy(), hashes[:, 1].copy(), lengths)
        columns |= dict(zip(side_columns(side), map(pa.array, values), strict=True))
    return columns


def write_side_records(texts: str, decision: str | None, output: str, options: SideDedup) -> None:
    """Task: write the side records of a partition of pairs, a section a side, in BUCKETS buckets.

    Sides shorter than the options say have no record, nor have rows that take no part.
    """
    table = read_arrow(Path(texts))
    part = taking_part(table, decision)
    lengths = TextBatch.from_arrow(text_column(texts)).lengths()
    scores = np.full(len(part), -1, np.float32)
    if options.by_score:
        scores = column_array(table, "pair_score").to_numpy(zero_copy_only=False)
        scores = np.where(np.isnan(scores), np.float32(-1), scores)
    sections = []
    for side in SIDES:
        h1, h2, own = (column_array(table, name).to_numpy() for name in side_columns(side))
        rows = np.flatnonzero(part & (own >= getattr(options, f"{side}_characters")))
        buckets = (h1[rows] >> np.uint64(64 - BUCKET_BITS)).astype(np.uint16)
        rows = rows[np.argsort(buckets, kind="stable")]
        records = np.empty(len(rows), SIDE_RECORD)
        records["h1"], records["h2"], records["row"] = h1[rows], h2[rows], rows
        records["length"], records["score"] = lengths[rows], scores[rows]
        offsets = np.zeros(BUCKETS + 1, np.int64)
        np.cumsum(np.bincount(buckets, minlength=BUCKETS), out=offsets[1:])
        sections.append((records, offsets))
    write_records(Path(output), sections)


def _settled(corpus: Corpus, fates: Fates) -> Iterator[NDArray[np.void]]:
    """What has become of every row, a run a partition, in order."""
    firsts = corpus.firsts
    begin = 0
    while begin < len(corpus.partitions):
        # As many partitions as fit: one more pass over the fates for each such block.
        end = int(np.searchsorted(firsts, firsts[begin] + _ROWS_AT_ONCE, side="right")) - 1
        end = min(max(end, begin + 1), len(corpus.partitions))
        first, last = int(firsts[begin]), int(firsts[end])
        block = np.zeros(last - first, SETTLED)
        own = fates.between(first, last)
        block["parent"][own["dropped"].astype(np.int64) - first] = own["kept"] + np.uint64(1)
        for at in range(0, len(corpus), _ROWS_AT_ONCE):
            kept = fates.between(at, at + _ROWS_AT_ONCE)["kept"].astype(np.int64)
            kept = kept[(kept >= first) & (kept < last)] - first
            block["dependents"] += np.bincount(kept, minlength=len(block)).astype(np.uint32)
        for number in range(begin, end):
            yield block[int(firsts[number]) - first : int(firsts[number + 1]) - first]
        begin = end


def write_settled(
    corpus: str, exact: list[str], near: str | None, sides: list[list[str]], output: str
) -> None:
    """Task: write SETTLED of every row, a bucket a partition, from the stages so far.

    The files are those of `curate.dedup.resolve.Fates`.
    """
    opened = Corpus(corpus)
    write_runs(Path(output), SETTLED, _settled(opened, Fates(exact, near, sides)))


@njit(cache=True, nogil=True)
def _chosen(h1, h2, order, ranks, scores, ordinals, parents, dependents, dropped, kept):  # type: ignore[no-untyped-def]
    """Pairs of (dropped, kept) ordinals by the rule above; a higher score wins, then the rank.

    order: by h1, equal ones by ascending ordinal. parents, dependents: as in SETTLED.
    """
    count = 0
    n = len(order)
    start = 0
    while start < n:
        end = start + 1
        while end < n and h1[order[end]] == h1[order[start]]:
            end += 1
        run = order[start:end]
        run = run[np.argsort(h2[run], kind="mergesort")]
        start = end
        a = 0
        while a < len(run):
            b = a + 1
            while b < len(run) and h2[run[b]] == h2[run[a]]:
                b += 1
            group = run[a:b]
            a = b
            if len(group) < 2:
                continue
            names = ordinals[group]
            inside = np.zeros(len(group), np.int64)
            place = np.full(len(group), -1, np.int64)
            for k in range(len(group)):
                parent = parents[group[k]]
                if parent:
                    at = np.searchsorted(names, parent - np.uint64(1))
                    if at < len(group) and names[at] == parent - np.uint64(1):
                        inside[at] += 1
                        place[k] = at
            best = -1
            best_bound = False
            for k in range(len(group)):
                i = group[k]
                if parents[i]:
                    continue
                bound = dependents[i] > inside[k]
                if best >= 0:
                    other = group[best]
                    if bound != best_bound:
                        better = bound
                    elif scores[i] != scores[other]:
                        better = scores[i] > scores[other]
                    else:  # ordinals ascend
                        better = ranks[i] < ranks[other]
                    if not better:
                        continue
                best = k
                best_bound = bound
            if best < 0:
                continue
            for k in range(len(group)):
                at = k if parents[group[k]] == 0 else place[k]
                if at < 0 or at == best or dependents[group[at]] > inside[at]:
                    continue
                dropped[count] = names[k]
                kept[count] = names[best]
                count += 1
    return count


def side_pairs(
    corpus: Corpus, settled: RecordFile, section: int, by_score: bool, first: int, last: int
) -> NDArray[np.void]:
    """(dropped, kept) ordinals of the rows whose side's hash lies in buckets first..last - 1.

    Rows that had gone before are among them where the row they went for goes.
    """
    parts = [np.zeros(0, SIDE_RECORD)]
    states = [np.zeros(0, SETTLED)]
    ordinals = [np.zeros(0, np.uint64)]
    ranks = [np.zeros(0, np.uint64)]
    for number, partition in enumerate(corpus.partitions):
        if partition.sides is None:
            continue
        records = RecordFile(partition.sides).read(section, SIDE_RECORD, first, last)
        parts.append(records)
        states.append(settled.read(0, SETTLED, number, number + 1)[records["row"]])
        ordinals.append(records["row"].astype(np.uint64) + np.uint64(corpus.firsts[number]))
        ranks.append(rank(partition.priority, records["length"]))
    every = np.concatenate(parts)
    state = np.concatenate(states)
    h1, h2 = every["h1"].copy(), every["h2"].copy()
    scores = every["score"].copy() if by_score else np.zeros(len(every), np.float32)
    dropped = np.empty(len(every), np.uint64)
    kept = np.empty(len(every), np.uint64)
    count = _chosen(
        h1,
        h2,
        np.argsort(h1, kind="stable"),
        np.concatenate(ranks),
        scores,
        np.concatenate(ordinals),
        state["parent"].copy(),
        state["dependents"].astype(np.int64),
        dropped,
        kept,
    )
    pairs = np.empty(count, EXACT_PAIR)
    by_ordinal = np.argsort(dropped[:count])
    pairs["dropped"] = dropped[:count][by_ordinal]
    pairs["kept"] = kept[:count][by_ordinal]
    return pairs


def write_side_pairs(
    corpus: str,
    settled: str,
    section: int,
    by_score: bool,
    first: int,
    last: int,
    output: str,
) -> None:
    """Task: write `side_pairs` of a range of buckets, ascending by dropped ordinal."""
    pairs = side_pairs(Corpus(corpus), RecordFile(settled), section, by_score, first, last)
    write_records(Path(output), [(pairs, np.array([0, len(pairs)], np.int64))])


def side_ranges(rows: int, memory_mb: int) -> list[tuple[int, int]]:
    """Ranges of buckets whose records fit a task's memory several times over."""
    # The records, their states, ranks, ordinals, order and the columns taken out of them.
    needed = rows * SIDE_RECORD.itemsize * 5
    return bucket_ranges(needed, memory_mb)
