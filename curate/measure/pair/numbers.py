"""Whether the numbers of both sides agree: 1998 and 一九九八, 250万 and 2.5 million."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.pair import ennumbers, zhnumbers
from curate.measure.pair.base import PairBatch, PairMeasure
from curate.measure.pair.ennumbers import en_numbers
from curate.measure.pair.zhnumbers import zh_numbers


class NumberCounts(NamedTuple):
    """int32 [n] each."""

    needed: NDArray[np.int32]
    """Numbers on either side that the other side must have."""
    unmatched: NDArray[np.int32]
    """Those of them that it lacks."""


@njit(cache=True, nogil=True)
def _lacking(values, others, needed, n, there, there_others, k):  # type: ignore[no-untyped-def]
    """(needed numbers among the first n, those in none of the two readings of the other side)."""
    wanted = 0
    lacking = 0
    known = np.empty(0, np.int64)
    if n * k > 4096:
        known = np.sort(np.concatenate((there[:k], there_others[:k])))
    for i in range(n):
        if not needed[i]:
            continue
        wanted += 1
        found = False
        if len(known):
            at = np.searchsorted(known, values[i])
            found = at < len(known) and known[at] == values[i]
            if not found and others[i]:
                at = np.searchsorted(known, others[i])
                found = at < len(known) and known[at] == others[i]
        else:
            for j in range(k):
                found = values[i] == there[j] or values[i] == there_others[j]
                if not found and others[i]:
                    found = others[i] == there[j] or others[i] == there_others[j]
                if found:
                    break
        lacking += not found
    return wanted, lacking


@njit(cache=True, nogil=True)
def _compare(  # type: ignore[no-untyped-def]
    zh, zh_offsets, en, en_offsets, signs, exponents, keys, kinds, words, size, needed, unmatched
):
    a, a_other, a_needed = (
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.uint8),
    )
    b, b_other, b_needed = (
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.uint8),
    )
    for d in range(len(zh_offsets) - 1):
        n = zh_numbers(zh, zh_offsets[d], zh_offsets[d + 1], signs, exponents, a, a_other, a_needed)
        k = en_numbers(
            en, en_offsets[d], en_offsets[d + 1], keys, kinds, words, b, b_other, b_needed
        )
        if n == 0 and k == 0:
            continue
        wanted, lacking = _lacking(a, a_other, a_needed, n, b, b_other, k)
        more, also = _lacking(b, b_other, b_needed, k, a, a_other, n)
        needed[d] = wanted + more
        unmatched[d] = lacking + also


def number_counts(pairs: PairBatch) -> NumberCounts:
    """Needed and unmatched numbers of every pair."""
    needed = np.zeros(len(pairs), np.int32)
    unmatched = np.zeros(len(pairs), np.int32)
    longest = max(pairs.zh.lengths().max(initial=0), pairs.en.lengths().max(initial=0))
    _compare(
        pairs.zh.points,
        pairs.zh.offsets,
        pairs.en.points,
        pairs.en.offsets,
        zhnumbers.SIGNS,
        zhnumbers.EXPONENTS,
        ennumbers.KEYS,
        ennumbers.KINDS,
        ennumbers.VALUES,
        int(longest) + 1,
        needed,
        unmatched,
    )
    return NumberCounts(needed, unmatched)


class Numbers(PairMeasure):
    """Numbers that a translation must have, and the share that it has.

    `number_agreement` is (matched + 1) / (numbers + 1): 1 where all agree or there are none, 0.5
    where a single one has no counterpart, 1/3 where one number stands as another.
    """

    name: ClassVar[str] = "numbers"
    order: ClassVar[int] = 20
    columns: ClassVar[dict[str, pa.DataType]] = {
        "numbers": pa.int32(),
        "numbers_unmatched": pa.int32(),
        "number_agreement": pa.float32(),
    }

    def measure_batch(self, pairs: PairBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """Counts over both sides of every pair, and the share."""
        needed, unmatched = pairs.once(number_counts)
        agreement = (needed - unmatched + 1) / (needed + 1)
        return {
            "numbers": needed,
            "numbers_unmatched": unmatched,
            "number_agreement": agreement.astype(np.float32),
        }
