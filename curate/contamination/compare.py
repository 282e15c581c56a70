"""Compares the rows of a partition with the questions of an index.

The score of a row for a question is the share of the question's distinctive characters that lie in
n-grams found in one place of the row: a stretch at most half as long again as the question.

Options count only behind at least half of the question. Where half of their characters are there,
the score is the share of question and options together if that is more. A question that proves
nothing alone (`curate.contamination.index`) has half the score unless so many options follow, or
it is whole and the answer follows. Questions too short for n-grams must be there whole and followed
by half of the options. A row's score is that of its best question.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.contamination.fold import folded
from curate.contamination.index import IN_PART, KEY, OPTIONS, WHOLE, Index, power_of, rolled
from curate.contamination.options import QUESTION, SCORE
from curate.dedup.normal import mixed
from curate.refine import Clock
from curate.storage import column_array, read_arrow
from curate.textbatch import TextBatch
from curate.together import laid_together, write_apart

VERSION = 1

FLOOR = 0.3
"""Scores below are kept for the row, not for the question."""
_SLACK = 20
"""Characters that may stand between the parts of a short question."""


@njit(cache=True, nogil=True)
def _twice(array):  # type: ignore[no-untyped-def]
    more = np.empty((2 * len(array), array.shape[1]), array.dtype)
    more[: len(array)] = array
    return more


@njit(cache=True, nogil=True)
def _best_cover(hits, order, a, b, n, size, cover):  # type: ignore[no-untyped-def]
    """(characters of a unit of `size` covered by hits order[a:c] within one stretch, at most; where
    in the row the last of them ends; c <= b: the first hit of another place of the row).
    """
    stretch = size + max(size // 2, _SLACK) - n
    cover[:size] = 0
    best = now = behind = 0
    left = right = a
    while right < b:
        if right > a and hits[order[right], 2] - hits[order[right - 1], 2] > stretch:
            break
        at = hits[order[right], 1]
        for k in range(at, at + n):
            now += cover[k] == 0
            cover[k] += 1
        while hits[order[right], 2] - hits[order[left], 2] > stretch:
            gone = hits[order[left], 1]
            for k in range(gone, gone + n):
                cover[k] -= 1
                now -= cover[k] == 0
            left += 1
        if now > best:
            best = now
            behind = hits[order[right], 2] + n
        right += 1
    return best, behind, right


@njit(cache=True, nogil=True)
def _found_in(points, start, end, option, first, last):  # type: ignore[no-untyped-def]
    """Whether option[first:last] is in points[start:end]."""
    size = last - first
    for i in range(start, end - size + 1):
        k = 0
        while k < size and points[i + k] == option[first + k]:
            k += 1
        if k == size:
            return True
    return False


@njit(cache=True, nogil=True)
def _options_behind(points, at, end, u, options, option_offsets, unit_options, answer):  # type: ignore[no-untyped-def]
    """(characters of unit u's options, of those found from `at` on, whether the answer is)."""
    first, last = unit_options[u], unit_options[u + 1]
    total = option_offsets[last] - option_offsets[first]
    stop = min(end, at + total + max(total // 2, _SLACK) + (last - first))
    found = 0
    answered = False
    for o in range(first, last):
        a, b = option_offsets[o], option_offsets[o + 1]
        if b > a and _found_in(points, at, stop, options, a, b):
            found += b - a
            answered |= o == answer[u] and b - a >= 2
    return total, found, answered


@njit(cache=True, nogil=True)
def _unit_score(covered, distinctive, alone, total, found, answered):  # type: ignore[no-untyped-def]
    """The score of a unit looked for by its n-grams, of which so many characters are covered."""
    share = covered / distinctive
    if 2 * covered < distinctive:
        return share if alone == IN_PART else share / 2
    most = total >= OPTIONS and 2 * found >= total
    together = (covered + found) / (distinctive + total) if most else 0.0
    proven = alone == WHOLE or answered or total == 0
    if not (alone == IN_PART or most or (proven and covered == distinctive)):
        share /= 2
    return max(share, together)


@njit(cache=True, nogil=True)
def _whole(points, at, end, u, offsets, unit_points):  # type: ignore[no-untyped-def]
    """Whether the text of unit u is at `at`."""
    size = offsets[u + 1] - offsets[u]
    if at + size > end:
        return False
    for k in range(size):  # noqa: SIM110 (compiled)
        if points[at + k] != unit_points[offsets[u] + k]:
            return False
    return True


@njit(cache=True, nogil=True)
def _compare(  # type: ignore[no-untyped-def]
    points,
    row_offsets,
    n,
    unit_points,
    offsets,
    distinctive,
    alone,
    grams,
    gram_offsets,
    posting_unit,
    posting_at,
    buckets,
    gram_filter,
    keys,
    key_offsets,
    key_units,
    key_filter,
    options,
    option_offsets,
    unit_options,
    answer,
):
    """(int64 [m, 2] row and unit, float64 [m, 1] score) of every row and unit with a score."""
    where = np.empty((256, 2), np.int64)
    scores = np.empty((256, 1), np.float64)
    m = 0
    hits = np.empty((1024, 3), np.int64)  # unit, position in it, position in the row
    keyed = np.empty((64, 2), np.int64)  # unit, position in the row
    longest = 1
    for u in range(len(offsets) - 1):
        longest = max(longest, offsets[u + 1] - offsets[u])
    cover = np.zeros(longest, np.int32)
    power, key_power = power_of(n), power_of(KEY)
    shift = np.uint64(64 - int(np.log2(len(buckets) - 1) + 0.5))
    filter_shift = np.uint64(64 - 6 - int(np.log2(len(gram_filter)) + 0.5))
    key_shift = np.uint64(64 - 6 - int(np.log2(len(key_filter)) + 0.5))
    six, low, one = np.uint64(6), np.uint64(63), np.uint64(1)
    for d in range(len(row_offsets) - 1):
        start, end = row_offsets[d], row_offsets[d + 1]
        count = 0
        h = np.uint64(0)
        for i in range(start, end):
            leaving = points[i - n] if i - n >= start else np.uint32(0)
            h = rolled(h, points[i], leaving, power)
            if i - start < n - 1:
                continue
            code = mixed(h)
            bit = code >> filter_shift
            if not gram_filter[bit >> six] >> (bit & low) & one:
                continue
            bucket = code >> shift
            for g in range(buckets[bucket], buckets[bucket + one]):
                if grams[g] != code:
                    continue
                at = i - n + 1
                for p in range(gram_offsets[g], gram_offsets[g + 1]):
                    u = posting_unit[p]
                    same = True
                    for k in range(n):
                        same &= points[at + k] == unit_points[offsets[u] + posting_at[p] + k]
                    if same:
                        if count == len(hits):
                            hits = _twice(hits)
                        hits[count, 0] = u
                        hits[count, 1] = posting_at[p]
                        hits[count, 2] = at - start
                        count += 1
        if count:
            order = np.argsort(hits[:count, 0], kind="mergesort")
            a = 0
            while a < count:
                u = hits[order[a], 0]
                b = a
                while b < count and hits[order[b], 0] == u:
                    b += 1
                size = offsets[u + 1] - offsets[u]
                score = 0.0
                while a < b:
                    covered, behind, a = _best_cover(hits, order, a, b, n, size, cover)
                    total, found, answered = 0, 0, False
                    if 2 * covered >= distinctive[u]:
                        total, found, answered = _options_behind(
                            points,
                            start + behind,
                            end,
                            u,
                            options,
                            option_offsets,
                            unit_options,
                            answer,
                        )
                    score = max(
                        score,
                        _unit_score(covered, distinctive[u], alone[u], total, found, answered),
                    )
                if m == len(where):
                    where, scores = _twice(where), _twice(scores)
                where[m, 0] = d
                where[m, 1] = u
                scores[m, 0] = score
                m += 1
        if not len(keys):
            continue
        count = 0
        h = np.uint64(0)
        for i in range(start, end):
            leaving = points[i - KEY] if i - KEY >= start else np.uint32(0)
            h = rolled(h, points[i], leaving, key_power)
            if i - start < KEY - 1:
                continue
            code = mixed(h)
            bit = code >> key_shift
            if not key_filter[bit >> six] >> (bit & low) & one:
                continue
            g = np.searchsorted(keys, code)
            if g == len(keys) or keys[g] != code:
                continue
            for p in range(key_offsets[g], key_offsets[g + 1]):
                if count == len(keyed):
                    keyed = _twice(keyed)
                keyed[count, 0] = key_units[p]
                keyed[count, 1] = i - KEY + 1
                count += 1
        order = np.argsort(keyed[:count, 0], kind="mergesort")
        a = 0
        while a < count:
            u = keyed[order[a], 0]
            share = 0.0
            while a < count and keyed[order[a], 0] == u:
                at = keyed[order[a], 1]
                a += 1
                if not _whole(points, at, end, u, offsets, unit_points):
                    continue
                size = offsets[u + 1] - offsets[u]
                total, found, answered = _options_behind(
                    points, at + size, end, u, options, option_offsets, unit_options, answer
                )
                if 2 * found >= total:
                    share = max(share, (size + found) / (size + total))
            if share > 0:
                if m == len(where):
                    where, scores = _twice(where), _twice(scores)
                where[m, 0] = d
                where[m, 1] = u
                scores[m, 0] = share
                m += 1
    return where[:m], scores[:m]


def scored(
    batch: TextBatch, index: Index
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """(row, unit, score) of every row and unit that have n-grams or all of a short question in
    common, by row and then unit.
    """
    texts = folded(batch)
    where, scores = _compare(
        texts.points,
        texts.offsets,
        int(index.ngram[0]),
        index.points,
        index.offsets,
        index.distinctive,
        index.alone,
        index.grams,
        index.gram_offsets,
        index.posting_unit,
        index.posting_at,
        index.buckets,
        index.filter,
        index.keys,
        index.key_offsets,
        index.key_units,
        index.key_filter,
        index.option_points,
        index.option_offsets,
        index.unit_options,
        index.unit_answer,
    )
    order = np.lexsort((where[:, 1], where[:, 0]))
    return where[order, 0], where[order, 1], scores[order, 0].astype(np.float32)


@lru_cache(maxsize=1)
def _index(path: str) -> Index:
    return Index.read(Path(path))


def with_scores(refined: pa.Table, scores: Path) -> pa.Table:
    """A refined partition with the ledger's columns of its file of scores."""
    table = read_arrow(scores, [SCORE, QUESTION])
    for name in (SCORE, QUESTION):
        refined = refined.append_column(name, table.column(name))
    return refined


def compare(
    refined: Sequence[str], index: str, names: str, outputs: Sequence[str]
) -> dict[str, Any]:
    """Task: scores refined partitions, an output each.

    Writes, for every row, the ledger's columns, and `units` and `scores`: lists of the units with
    at least FLOOR. `names` is the Arrow file with the ids of the questions.
    """
    clock = Clock()
    parts = [read_arrow(Path(path), ["text", "quarantine"]) for path in refined]
    table = laid_together(parts)
    batch = TextBatch.from_arrow(column_array(table, "text"))
    known = _index(index)
    rows, units, scores = scored(batch, known)
    best = np.zeros(len(batch), np.float32)
    unit = np.full(len(batch), -1, np.int64)
    # By score, and of equal ones the first question, which must come last to stay.
    order = np.lexsort((-units, scores))
    best[rows[order]] = scores[order]
    unit[rows[order]] = units[order]
    ids = column_array(read_arrow(Path(names)), "id")
    first = known.first[np.maximum(unit, 0)]
    question = ids.take(pa.array(first, mask=unit < 0))
    worth = scores >= np.float32(FLOOR)
    bounds = np.searchsorted(rows[worth], np.arange(len(batch) + 1)).astype(np.int32)
    columns = {
        SCORE: pa.array(best),
        QUESTION: question.cast(pa.string()),
        "units": pa.ListArray.from_arrays(pa.array(bounds), pa.array(units[worth])),
        "scores": pa.ListArray.from_arrays(pa.array(bounds), pa.array(scores[worth])),
    }
    write_apart(outputs, [part.num_rows for part in parts], pa.table(columns))
    clock.lap("contamination")
    return {"rows": len(batch), "clock": dict(clock.seconds)}
