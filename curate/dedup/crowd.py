"""Crowds: large groups of rows with the same band key, thinned to the pairs worth verifying.

Inside a crowd similar rows are found by prefix filtering (Chaudhuri, Ganti, Kaushik 2006; Bayardo,
Ma, Srikant 2007): with every set in order of its rarest shingles in the crowd, two sets of Jaccard
similarity t or more share one of their first n - ceil(t n) + 1. What a template has in common
is frequent in the crowd and comes last, so rows on distinct topics never meet. Rows come in rank
order; one that resembles `SATURATED` earlier rows is not itself looked for any more, so a text in
100,000 variants costs each of them a few comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.dedup.corpus import Corpus
from curate.dedup.normal import normal_texts
from curate.dedup.options import NearDedup
from curate.dedup.shingle import Shingles, shingle_sets
from curate.dedup.spread import distinct_words

SATURATED = 8
"""Earlier similar rows after which a row is no longer offered to later ones."""
VISITS = 32
"""Earlier rows looked at for one shingle; only shingles of a template are in more of them."""
_BYTES_PER_SHINGLE = 60
"""Memory that numbering the shingles of a crowd takes."""


@njit(cache=True, nogil=True)
def _by_rarity(values):  # type: ignore[no-untyped-def]
    """(a number for every value, the fewer times it occurs the lower; how many there are)."""
    n = len(values)
    size = 16
    while size < 2 * n:
        size *= 2
    mask = np.uint64(size - 1)
    slot_number = np.full(size, -1, np.int32)
    slot_value = np.empty(size, np.uint64)
    numbers = np.empty(n, np.int32)
    counts = np.zeros(n, np.int32)
    distinct = 0
    for i in range(n):
        # Values are hashes, so their lower bits are as good a place as any.
        slot = values[i] & mask
        while slot_number[slot] >= 0 and slot_value[slot] != values[i]:
            slot = (slot + np.uint64(1)) & mask
        if slot_number[slot] < 0:
            slot_number[slot] = distinct
            slot_value[slot] = values[i]
            distinct += 1
        numbers[i] = slot_number[slot]
        counts[numbers[i]] += 1
    most = 0
    for k in range(distinct):
        most = max(most, counts[k])
    next_free = np.zeros(most + 2, np.int32)
    for k in range(distinct):
        next_free[counts[k] + 1] += 1
    for c in range(most + 1):
        next_free[c + 1] += next_free[c]
    place = np.empty(distinct, np.int32)
    for k in range(distinct):
        place[k] = next_free[counts[k]]
        next_free[counts[k]] += 1
    for i in range(n):
        numbers[i] = place[numbers[i]]
    return numbers, distinct


@njit(cache=True, nogil=True)
def _rare_first(tokens, offsets):  # type: ignore[no-untyped-def]
    for d in range(len(offsets) - 1):
        tokens[offsets[d] : offsets[d + 1]].sort()


@njit(cache=True, nogil=True)
def _common(tokens, a, a_end, b, b_end, needed):  # type: ignore[no-untyped-def]
    """Size of the intersection, or -1 as soon as `needed` is out of reach."""
    common = 0
    while a < a_end and b < b_end:
        if common + min(a_end - a, b_end - b) < needed:
            return -1
        x = tokens[a]
        y = tokens[b]
        if x == y:
            common += 1
            a += 1
            b += 1
        elif x < y:
            a += 1
        else:
            b += 1
    return common


@njit(cache=True, nogil=True)
def _thinned(  # type: ignore[no-untyped-def]
    tokens, offsets, crowd, head, tail, last_tried, stamp, threshold, saturated, visits, leaders
):
    """Similar pairs of a crowd (sets in rank order), better-ranked first; marks its leaders.

    head and tail, int64 by token, are -1 throughout, before and after; last_tried holds stamps
    below `stamp`, which is at least len(crowd) more than that of the crowd before.
    """
    # Sets offered under a token, oldest first: a chain of entries from head to tail.
    entry_set = np.empty(1024, np.int64)
    entry_next = np.empty(1024, np.int64)
    entries = 0
    pairs = np.empty((1024, 2), np.int64)
    found = 0
    for k in range(len(crowd)):
        x = crowd[k]
        a = offsets[x]
        a_end = offsets[x + 1]
        size = a_end - a
        prefix = min(size, size - int(np.ceil(threshold * size - 1e-9)) + 1)
        matches = 0
        for p in range(a, a + prefix):
            entry = head[tokens[p]]
            visited = 0
            while entry >= 0 and visited < visits:
                y = entry_set[entry]
                entry = entry_next[entry]
                visited += 1
                if last_tried[y] == stamp + k:
                    continue
                last_tried[y] = stamp + k
                b = offsets[y]
                b_end = offsets[y + 1]
                other = b_end - b
                needed = threshold / (1.0 + threshold) * (size + other) - 1e-9
                if min(size, other) < needed:
                    continue
                if _common(tokens, a, a_end, b, b_end, needed) >= needed:
                    if found == len(pairs):
                        grown = np.empty((2 * found, 2), np.int64)
                        grown[:found] = pairs
                        pairs = grown
                    pairs[found, 0] = y
                    pairs[found, 1] = x
                    found += 1
                    matches += 1
        leaders[x] = matches == 0
        if matches < saturated:
            if entries + prefix > len(entry_set):
                room = 2 * (entries + prefix)
                grown_set = np.empty(room, np.int64)
                grown_set[:entries] = entry_set[:entries]
                entry_set = grown_set
                grown_next = np.empty(room, np.int64)
                grown_next[:entries] = entry_next[:entries]
                entry_next = grown_next
            for p in range(a, a + prefix):
                token = tokens[p]
                entry_set[entries] = x
                entry_next[entries] = -1
                if head[token] < 0:
                    head[token] = entries
                else:
                    entry_next[tail[token]] = entries
                tail[token] = entries
                entries += 1
    for k in range(len(crowd)):
        for p in range(offsets[crowd[k]], offsets[crowd[k] + 1]):
            head[tokens[p]] = -1
    return pairs[:found]


def similar_pairs(
    sets: Shingles, crowds: Sequence[NDArray[np.int64]], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(pairs of sets' indices int64 [m, 2], earlier one first; leaders bool [n]).

    Each crowd lists sets in the order they are looked at. A leader, in the last crowd a set is in,
    is similar to no earlier set that was still looked for.
    """
    tokens, distinct = _by_rarity(sets.values)
    _rare_first(tokens, sets.offsets)
    head = np.full(distinct, -1, np.int64)
    tail = np.full(distinct, -1, np.int64)
    last_tried = np.full(len(sets), -1, np.int64)
    leaders = np.zeros(len(sets), np.bool_)
    found = [np.zeros((0, 2), np.int64)]
    stamp = 0
    for crowd in crowds:
        found.append(
            _thinned(
                tokens,
                sets.offsets,
                crowd,
                head,
                tail,
                last_tried,
                stamp,
                threshold,
                SATURATED,
                VISITS,
                leaders,
            )
        )
        stamp += len(crowd)
    return np.concatenate(found), leaders


def crowd_pairs(
    corpus: Corpus, crowds: Sequence[NDArray[np.uint64]], near: NearDedup
) -> NDArray[np.uint64]:
    """Candidates within each of the crowds: uint64 [m, 2], lower ordinal first; some recur.

    crowds: ascending ordinals of at least two rows each.
    """
    if not crowds:
        return np.zeros((0, 2), np.uint64)
    budget = (near.memory_mb << 20) // 4 // _BYTES_PER_SHINGLE
    members = distinct_words(np.concatenate(crowds))
    # A text has at most a shingle for every byte, and a few more when it is short.
    if int(corpus.sizes(members).sum()) + 8 * len(members) <= budget:
        return _pairs_in_memory(corpus, members, crowds, near)[0]
    if len(crowds) > 1:
        half = len(crowds) // 2
        parts = (crowds[:half], crowds[half:])
        return np.concatenate([crowd_pairs(corpus, part, near) for part in parts])
    return _pairs_in_portions(corpus, members, budget, near)


def _pairs_in_portions(
    corpus: Corpus, members: NDArray[np.uint64], budget: int, near: NearDedup
) -> NDArray[np.uint64]:
    """Candidates of one crowd beyond the budget, in portions by length.

    The leaders of a portion, as far as they fill half the budget, go on with the next.
    """
    sizes = corpus.sizes(members) + 8
    found: list[NDArray[np.uint64]] = []
    leaders = np.zeros(0, np.int64)
    by_length = np.argsort(-sizes, kind="stable")
    begin = 0
    while begin < len(by_length):
        room = budget - int(sizes[leaders].sum())
        taken = int(np.searchsorted(np.cumsum(sizes[by_length[begin:]]), room, side="right"))
        end = begin + max(taken, 1)
        portion = np.sort(np.concatenate([leaders, by_length[begin:end]]))
        chosen = members[portion]
        pairs, is_leader = _pairs_in_memory(corpus, chosen, [chosen], near)
        found.append(pairs)
        leaders = portion[is_leader]
        # The shortest leaders are nearest in length to what follows.
        leaders = leaders[np.argsort(sizes[leaders], kind="stable")]
        leaders = leaders[: int(np.searchsorted(np.cumsum(sizes[leaders]), budget // 2))]
        begin = end
    return np.concatenate(found)


def _pairs_in_memory(
    corpus: Corpus,
    members: NDArray[np.uint64],
    crowds: Sequence[NDArray[np.uint64]],
    near: NearDedup,
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    batch = corpus.texts(members)
    order = np.lexsort((members, corpus.ranks(members, batch.lengths())))
    place = np.empty(len(members), np.int64)
    place[order] = np.arange(len(members))
    ranked = []
    for crowd in crowds:
        index = np.searchsorted(members, crowd)
        ranked.append(index[np.argsort(place[index])])
    sets = shingle_sets(normal_texts(batch), near)
    pairs, leaders = similar_pairs(sets, ranked, near.threshold)
    return np.sort(members[pairs], axis=1), leaders
