"""Candidate pairs: rows that share a band key, found range by range of the keys.

A task reads the keys of one range from every sketch, sorts them and looks at the groups of equal
ones. All pairs of a small group are candidates. A large group (a template, or one text in very many
variants) is a crowd, for `curate.dedup.crowd` to thin out, so that no group costs its square.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.dedup.band import KEY_BITS, banding
from curate.dedup.corpus import ROW_BITS, Corpus
from curate.dedup.crowd import crowd_pairs
from curate.dedup.options import NearDedup
from curate.dedup.records import RecordFile, write_records
from curate.dedup.sketch import BAND_RECORD, BUCKET_BITS
from curate.dedup.spread import distinct_words, sorted_words

SMALL_GROUP = 16
"""Largest group of which all pairs are taken."""
SHARD_BITS = 16
"""Candidate pairs are kept by the 2^16 rows their greater ordinal falls in."""


@njit(cache=True, nogil=True)
def _sort_words(records, mask, first, key_shift, ordinal_bits, out):  # type: ignore[no-untyped-def]
    """Words to sort: the key's lower bits above, the ordinal below. Rows masked are left out."""
    row_mask = np.uint64((1 << ROW_BITS) - 1)
    k = 0
    for i in range(len(records)):
        row = records[i] & row_mask
        ordinal = np.uint64(first) + row
        if len(mask) == 0 or mask[row] == 0:
            key = (records[i] << np.uint64(key_shift)) >> np.uint64(key_shift + ROW_BITS)
            out[k] = (key << np.uint64(ordinal_bits)) | ordinal
            k += 1
    return k


@njit(cache=True, nogil=True)
def _groups(words, ordinal_bits, small, pairs, crowds):  # type: ignore[no-untyped-def]
    """(pairs, crowds) found; with empty output arrays they are only counted."""
    shift = np.uint64(ordinal_bits)
    ordinal_mask = (np.uint64(1) << shift) - np.uint64(1)
    n = len(words)
    found = 0
    large = 0
    start = 0
    while start < n:
        key = words[start] >> shift
        end = start + 1
        while end < n and words[end] >> shift == key:
            end += 1
        size = end - start
        if size > small:
            if len(crowds):
                crowds[large, 0] = start
                crowds[large, 1] = end
            large += 1
        elif size > 1:
            if len(pairs):
                for j in range(start + 1, end):
                    for i in range(start, j):
                        pairs[found, 0] = words[i] & ordinal_mask
                        pairs[found, 1] = words[j] & ordinal_mask
                        found += 1
            else:
                found += size * (size - 1) // 2
        start = end
    return found, large


def key_words(corpus: Corpus, mask: str | None, bits: int, value: int) -> NDArray[np.uint64]:
    """Sorted words of all records whose key begins with the `bits` bits of `value`."""
    whole = min(bits, BUCKET_BITS)
    step = 1 << (BUCKET_BITS - whole)
    bucket = (value >> (bits - whole)) * step
    parts: list[NDArray[np.uint64]] = []
    for number, partition in enumerate(corpus.partitions):
        file = RecordFile(partition.sketch)
        records = file.read(partition.section, BAND_RECORD, bucket, bucket + step)
        if bits > whole:
            prefix = records >> np.uint64(KEY_BITS + ROW_BITS - bits)
            records = records[prefix == np.uint64(value)]
        first = int(corpus.firsts[number])
        masked = np.zeros(0, np.uint8)
        if mask is not None and partition.rows:
            masked = np.fromfile(mask, np.uint8, partition.rows, offset=first)
        out = np.empty(len(records), np.uint64)
        kept = _sort_words(records, masked, first, bits, corpus.ordinal_bits, out)
        parts.append(out[:kept])
    words = np.concatenate(parts) if parts else np.zeros(0, np.uint64)
    parts.clear()
    return sorted_words(words, KEY_BITS - bits + corpus.ordinal_bits)


def candidate_pairs(
    corpus: Corpus, mask: str | None, bits: int, value: int, near: NearDedup
) -> NDArray[np.uint64]:
    """Candidates of one range of keys: uint64 [m, 2], lower ordinal first; a pair may recur."""
    words = key_words(corpus, mask, bits, value)
    ordinal_bits = corpus.ordinal_bits
    none = np.zeros((0, 2), np.uint64)
    no_crowds = np.zeros((0, 2), np.int64)
    count, large = _groups(words, ordinal_bits, SMALL_GROUP, none, no_crowds)
    pairs = np.empty((count, 2), np.uint64)
    crowds = np.empty((large, 2), np.int64)
    _groups(words, ordinal_bits, SMALL_GROUP, pairs, crowds)
    ordinal_mask = np.uint64((1 << ordinal_bits) - 1)
    distinct: list[NDArray[np.uint64]] = []
    seen: set[bytes] = set()
    for start, end in crowds.tolist():
        members = words[start:end] & ordinal_mask
        digest = hashlib.blake2b(members.tobytes(), digest_size=16).digest()
        # Variants of one text meet in most bands, and would be worked through again in each.
        if digest not in seen:
            seen.add(digest)
            distinct.append(members)
    return np.concatenate([pairs, crowd_pairs(corpus, distinct, near)])


def shard_count(rows: int) -> int:
    """Shards of candidate pairs for so many rows."""
    return max(1, -(-rows // (1 << SHARD_BITS)))


def write_candidates(
    corpus: str, mask: str | None, bits: int, value: int, near: NearDedup, output: str
) -> None:
    """Task: write the candidates of a range, each once, a bucket for every shard.

    A pair is one word: the greater ordinal's position in its shard, then the lower ordinal.
    """
    opened = Corpus(corpus)
    pairs = candidate_pairs(opened, mask, bits, value, near)
    shards = (pairs[:, 1] >> np.uint64(SHARD_BITS)).astype(np.int64)
    position = pairs[:, 1] & np.uint64((1 << SHARD_BITS) - 1)
    words = (position << np.uint64(opened.ordinal_bits)) | pairs[:, 0]
    order = np.argsort(shards, kind="stable")
    count = shard_count(len(opened))
    begins = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(shards, minlength=count), out=begins[1:])
    words = words[order]
    kept = [distinct_words(words[begins[shard] : begins[shard + 1]]) for shard in range(count)]
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum([len(part) for part in kept], out=offsets[1:])
    every = np.concatenate(kept) if kept else np.zeros(0, np.uint64)
    write_records(Path(output), [(every, offsets)])


def key_ranges(rows: int, near: NearDedup) -> tuple[int, int]:
    """(bits, number of ranges): how far keys are cut so that a range sorts in little memory."""
    needed = rows * banding(near)[0] * BAND_RECORD.itemsize
    target = min(8, near.memory_mb // 16) << 20
    bits = 0
    while bits < KEY_BITS and needed > target << bits:
        bits += 1
    return bits, 1 << bits
