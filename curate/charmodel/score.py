"""How likely texts are under the model, and how much of that is owed to the order of characters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.charmodel.alphabet import BEGIN, FIRST_CHARACTER, RARE, is_han, token_of
from curate.charmodel.count import WIDTH
from curate.charmodel.model import STEP, CharModel, mixed
from curate.textbatch import TextBatch

WINDOW = 64
"""Han characters of a passage, for the worst passage of a text."""


@dataclass(frozen=True)
class Scores:
    """Of each text, float64 [n], in bits; 0 where a text has no Han character."""

    characters: NDArray[np.int64]
    """Han characters judged."""
    likelihood: NDArray[np.float64]
    """Mean log2 probability of a Han character after what stands before it."""
    fluency: NDArray[np.float64]
    """Mean of that less the log2 probability of the character alone."""
    worst: NDArray[np.float64]
    """Least `fluency` of a passage of WINDOW Han characters; that of the text if it is shorter."""


def scored(batch: TextBatch, model: CharModel, considered: int) -> Scores:
    """Scores of the first `considered` characters of each text. Lines are judged one by one."""
    n = len(batch)
    counts = np.zeros(n, np.int64)
    sums = np.zeros((2, n), np.int64)
    worst = np.zeros(n, np.int64)
    _score(
        batch.points,
        batch.offsets,
        considered,
        model.fold,
        is_han(),
        model.slots,
        model.single,
        model.order,
        counts,
        sums,
        worst,
    )
    some = np.maximum(counts, 1)
    likelihood, gain = -sums[0] / some * STEP, sums[1] / some * STEP
    long = counts >= WINDOW
    return Scores(counts, likelihood, gain, np.where(long, worst / WINDOW * STEP, gain))


@njit(cache=True, nogil=True)
def _score(points, offsets, considered, fold, han, slots, single, order, counts, sums, worst):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(slots) - 1)
    low = np.uint64(0xFFFF)
    gains = np.zeros(WINDOW, np.int64)
    before = np.zeros(5, np.int64)  # backoff, in steps, of the context of k tokens
    after = np.zeros(5, np.int64)
    for d in range(len(offsets) - 1):
        start = offsets[d]
        end = min(offsets[d + 1], start + considered)
        count = 0
        likelihood = np.int64(0)
        gain = np.int64(0)
        window = np.int64(0)
        least = np.int64(1) << 60
        context = np.uint64(0)
        matched = 0
        at_start = True
        previous = np.uint16(0)
        for i in range(start, end):
            c = points[i]
            if c == 10:
                at_start = True
                continue
            token = token_of(c, fold)
            if token == 0:
                continue
            if at_start:
                context = np.uint64(BEGIN)
                matched = 1
                before[1] = single[BEGIN] & np.uint32(0xFFFF)
                previous = np.uint16(0)
                at_start = False
            if token < FIRST_CHARACTER and token != RARE and token == previous:
                continue
            previous = token
            entry = np.uint64(single[token])
            alone = np.int64(entry >> np.uint64(16))
            cost = alone
            after[1] = np.int64(entry & low)
            found = 1
            while found < order and found <= matched:
                part = context & (np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - WIDTH * found))
                h = mixed((part << np.uint64(WIDTH)) | np.uint64(token))
                mark = max(h >> np.uint64(32), np.uint64(1))
                slot = h & mask
                while slots[slot] != 0 and slots[slot] >> np.uint64(32) != mark:
                    slot = (slot + np.uint64(1)) & mask
                entry = slots[slot]
                if entry == 0:
                    break
                found += 1
                cost = np.int64((entry >> np.uint64(16)) & low)
                after[found] = np.int64(entry & low)
            for k in range(found, matched + 1):
                cost += before[k]
            matched = min(found, order - 1)
            for k in range(1, matched + 1):
                before[k] = after[k]
            context = (context << np.uint64(WIDTH)) | np.uint64(token)
            if han[token]:
                likelihood += cost
                won = alone - cost
                gain += won
                place = count & (WINDOW - 1)
                if count >= WINDOW:
                    window -= gains[place]
                gains[place] = won
                window += won
                count += 1
                if count >= WINDOW and window < least:
                    least = window
        counts[d] = count
        sums[0, d] = likelihood
        sums[1, d] = gain
        worst[d] = least
