"""Exact duplicates: rows with the same content hash; all but the best-ranked go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.dedup.corpus import Corpus, rank
from curate.dedup.records import RecordFile, write_records
from curate.dedup.sketch import EXACT, EXACT_RECORD, bucket_ranges
from curate.storage import written

EXACT_PAIR = np.dtype([("dropped", "<u8"), ("kept", "<u8")])


@njit(cache=True, nogil=True)
def _grouped(h1, h2, order, ranks, ordinals, dropped, kept):  # type: ignore[no-untyped-def]
    """Pairs of (dropped, kept) over runs of equal h1 in `order`; groups by h2 inside a run."""
    count = 0
    n = len(order)
    start = 0
    while start < n:
        end = start + 1
        while end < n and h1[order[end]] == h1[order[start]]:
            end += 1
        if end - start > 1:
            run = order[start:end]
            # Equal upper halves with different lower ones are a chance of 2^-64 a pair.
            run = run[np.argsort(h2[run], kind="mergesort")]
            a = 0
            while a < len(run):
                b = a
                best = run[a]
                while b < len(run) and h2[run[b]] == h2[run[a]]:
                    i = run[b]
                    if ranks[i] < ranks[best] or (
                        ranks[i] == ranks[best] and ordinals[i] < ordinals[best]
                    ):
                        best = i
                    b += 1
                for c in range(a, b):
                    if run[c] != best:
                        dropped[count] = ordinals[run[c]]
                        kept[count] = ordinals[best]
                        count += 1
                a = b
        start = end
    return count


def exact_pairs(corpus: Corpus, first: int, last: int) -> NDArray[np.void]:
    """(dropped, kept) ordinals of the rows whose hashes lie in buckets first..last - 1."""
    parts: list[NDArray[np.void]] = []
    ordinals: list[NDArray[np.uint64]] = []
    ranks: list[NDArray[np.uint64]] = []
    for number, partition in enumerate(corpus.partitions):
        records = RecordFile(partition.sketch).read(EXACT, EXACT_RECORD, first, last)
        parts.append(records)
        ordinals.append(records["row"].astype(np.uint64) + np.uint64(corpus.firsts[number]))
        ranks.append(rank(partition.priority, records["length"]))
    every = np.concatenate(parts) if parts else np.zeros(0, EXACT_RECORD)
    every_ordinals = np.concatenate(ordinals) if parts else np.zeros(0, np.uint64)
    every_ranks = np.concatenate(ranks) if parts else np.zeros(0, np.uint64)
    h1, h2 = every["h1"].copy(), every["h2"].copy()
    dropped = np.empty(len(every), np.uint64)
    kept = np.empty(len(every), np.uint64)
    order = np.argsort(h1, kind="stable")
    count = _grouped(h1, h2, order, every_ranks, every_ordinals, dropped, kept)
    pairs = np.empty(count, EXACT_PAIR)
    by_ordinal = np.argsort(dropped[:count])
    pairs["dropped"] = dropped[:count][by_ordinal]
    pairs["kept"] = kept[:count][by_ordinal]
    return pairs


def write_exact_pairs(corpus: str, first: int, last: int, output: str) -> None:
    """Task: write `exact_pairs` of a range of buckets, ascending by dropped ordinal."""
    pairs = exact_pairs(Corpus(corpus), first, last)
    write_records(Path(output), [(pairs, np.array([0, len(pairs)], np.int64))])


def write_exact_mask(corpus: str, pairs: list[str], output: str) -> None:
    """Task: write one byte a row, 1 for exact duplicates."""
    with written(Path(output)) as temporary:
        size = len(Corpus(corpus))
        with temporary.open("wb") as file:
            file.truncate(size)
        if size:
            mask = np.memmap(temporary, np.uint8, "r+", shape=(size,))
            for path in pairs:
                mask[RecordFile(path).read(0, EXACT_PAIR)["dropped"]] = 1
            mask.flush()


def exact_ranges(rows: int, memory_mb: int) -> list[tuple[int, int]]:
    """Ranges of buckets whose records fit a task's memory several times over."""
    # Sorting needs the records, their ranks, ordinals and order: about four times 24 bytes.
    needed = rows * EXACT_RECORD.itemsize * 4
    return bucket_ranges(needed, memory_mb)
