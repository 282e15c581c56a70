"""From counts to probabilities: interpolated modified Kneser-Ney.

Chen & Goodman 1998, section 3, as Heafield et al. 2013 (KenLM's lmplz) arrange it: adjusted counts,
a discount for counts of one, two, three and more at each order, the mass set free given to the next
lower order, and at the end to a uniform distribution over the characters seen and one unseen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.charmodel.alphabet import BEGIN
from curate.charmodel.count import WIDTH, Keys, Tally

Floats = NDArray[np.float64]
FALLBACK = (0.5, 1.0, 1.5)
"""Discounts where counts are too few to estimate them."""


@dataclass(frozen=True)
class Level:
    """The n-grams of one length that are kept."""

    keys: Keys
    """Sorted."""
    probability: Floats
    """Of the last token after the others."""
    backoff: Floats
    """What is left, after this n-gram, for tokens not seen after it."""


@dataclass(frozen=True)
class Estimate:
    """Probabilities of all lengths, shortest first, and of a token never seen."""

    levels: list[Level]
    unseen: float


def estimated(tallies: list[Tally], min_count: int) -> Estimate:
    """Probabilities from the counts of n-grams of 1, 2, ... tokens.

    N-grams of three tokens and more that occur less than `min_count` times are left to the shorter
    ones. At least one token must have been counted.
    """
    adjusted = _adjusted(tallies)
    keys, counts = tallies[0][0], adjusted[0]
    total = float(counts.sum())
    kept_mass = (counts - _discount(counts)) / total
    vocabulary = len(keys) + 1
    unseen = (1.0 - float(kept_mass.sum())) / vocabulary
    probability = kept_mass + unseen
    backoff = np.ones(len(keys))
    levels: list[Level] = []
    for (next_keys, raw), next_counts in zip(tallies[1:], adjusted[1:], strict=True):
        n = len(levels) + 2
        context = next_keys >> np.uint64(WIDTH)
        first = np.flatnonzero(np.diff(context, prepend=~context[:1]))
        sizes = np.diff(np.append(first, len(context)))
        totals = np.add.reduceat(next_counts, first).astype(np.float64)
        mass = (next_counts - _discount(next_counts)) / np.repeat(totals, sizes)
        kept = raw >= min_count if n > 2 else np.ones(len(raw), bool)
        mass[~kept] = 0.0
        left = np.clip(1.0 - np.add.reduceat(mass, first), 0.0, 1.0)
        # Contexts are n-grams of the level below, but for BEGIN alone, which is never predicted.
        if n == 2:
            keys, probability, backoff = _with_begin(keys, probability, backoff)
        at = np.searchsorted(keys, context[first])
        known = at < len(keys)
        known[known] = keys[at[known]] == context[first][known]
        backoff[at[known]] = left[known]
        suffix = next_keys & (np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - WIDTH * (n - 1)))
        lower = probability[np.searchsorted(keys, suffix[kept])]
        next_probability = mass[kept] + np.repeat(left, sizes)[kept] * lower
        levels.append(Level(keys, probability, backoff))
        keys, probability = next_keys[kept], next_probability
        backoff = np.ones(len(keys))
    levels.append(Level(keys, probability, backoff))
    return Estimate(levels, unseen)


def _adjusted(tallies: list[Tally]) -> list[NDArray[np.int64]]:
    """Adjusted counts of every length: of the longest how often it occurs; of shorter ones how many
    different tokens precede it, or, for those that begin a line, how often they occur.
    """
    out = []
    for n, (keys, counts) in enumerate(tallies, 1):
        if n == len(tallies):
            out.append(counts)
            continue
        longer = tallies[n][0]
        suffix = longer & (np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - WIDTH * n))
        preceded = np.bincount(np.searchsorted(keys, suffix), minlength=len(keys))
        begins = (keys >> np.uint64(WIDTH * (n - 1))) == BEGIN
        out.append(np.where(begins, counts, preceded))
    return out


def _discount(counts: NDArray[np.int64]) -> Floats:
    """What is taken from each count, by Chen & Goodman's estimate from the counts of counts."""
    n1, n2, n3, n4 = (int((counts == k).sum()) for k in (1, 2, 3, 4))
    steps = FALLBACK
    if min(n1, n2, n3, n4) > 0:
        y = n1 / (n1 + 2 * n2)
        guess = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        if all(0 <= value <= k for k, value in enumerate(guess, 1)):
            steps = guess
    return np.array([0.0, *steps])[np.minimum(counts, 3)]


def _with_begin(keys: Keys, probability: Floats, backoff: Floats) -> tuple[Keys, Floats, Floats]:
    return (
        np.concatenate([np.array([BEGIN], np.uint64), keys]),
        np.concatenate([[0.0], probability]),
        np.concatenate([[1.0], backoff]),
    )
