"""One number for how likely a pair is a translation, from what all the measures see."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.measure.pair.base import PairBatch, PairMeasure
from curate.measure.pair.length import length_z
from curate.measure.pair.lexicon import lexicon_counts
from curate.measure.pair.numbers import number_counts
from curate.measure.pair.sentences import both_sides, end_agreement
from curate.measure.pair.words import word_counts

WEIGHTS: dict[str, dict[str, float]] = {
    "unrelated": {
        "bias": 0.496,
        "chinese_long": 0.117,
        "chinese_long_squared": -0.084,
        "chinese_short": -0.454,
        "chinese_short_squared": -0.162,
        "words_for": 1.273,
        "words_against": -0.689,
        "numbers_matched": 1.239,
        "numbers_unmatched": -2.214,
        "several_numbers_unmatched": 0.711,
        "names_found": 1.3,
        "names_missing": -1.346,
        "sentence_gap": -1.173,
        "ends_differ": -0.895,
    },
    "cut or looped": {
        "bias": 2.199,
        "chinese_long": -0.406,
        "chinese_long_squared": -0.211,
        "chinese_short": -1.464,
        "chinese_short_squared": -0.102,
        "words_for": 0.421,
        "words_against": -0.247,
        "numbers_matched": 0.184,
        "numbers_unmatched": -1.589,
        "several_numbers_unmatched": 0.794,
        "names_found": 0.09,
        "names_missing": -1.088,
        "sentence_gap": -1.788,
        "ends_differ": -1.051,
    },
    "garbled": {
        "bias": -0.946,
        "chinese_long": 0.098,
        "chinese_long_squared": 0.037,
        "chinese_short": -0.095,
        "chinese_short_squared": 0.036,
        "words_for": 0.589,
        "words_against": -0.401,
        "numbers_matched": 0.023,
        "numbers_unmatched": -0.722,
        "several_numbers_unmatched": 0.103,
        "names_found": 0.083,
        "names_missing": -0.634,
        "sentence_gap": -0.355,
        "ends_differ": 0.328,
    },
    "wrong number": {
        "bias": 4.423,
        "chinese_long": -0.412,
        "chinese_long_squared": 0.294,
        "chinese_short": -1.411,
        "chinese_short_squared": 0.465,
        "words_for": -0.334,
        "words_against": -0.007,
        "numbers_matched": -0.178,
        "numbers_unmatched": -3.843,
        "several_numbers_unmatched": -0.989,
        "names_found": 0.203,
        "names_missing": -2.299,
        "sentence_gap": 1.288,
        "ends_differ": 0.939,
    },
}
"""For every kind of damage a logistic regression of sound pairs against such damage, planted
(`benchmarks/parallel.py --fit`, 2026-11-25)."""


def features(pairs: PairBatch) -> dict[str, NDArray[np.float64]]:
    """float64 [n] each, capped so that no single one decides without bound."""
    z = pairs.once(length_z)
    lexicon = pairs.once(lexicon_counts)
    numbers = pairs.once(number_counts)
    words = pairs.once(word_counts)
    zh, en = pairs.once(both_sides)
    gap = np.log((zh.number + 1) / (en.number + 1))

    def capped(values: NDArray[np.generic], most: float) -> NDArray[np.float64]:
        return np.minimum(values.astype(np.float64), most)

    long, short = capped(np.maximum(z, 0), 8), capped(np.maximum(-z, 0), 8)
    return {
        "chinese_long": long,
        "chinese_long_squared": long**2,
        "chinese_short": short,
        "chinese_short_squared": short**2,
        "words_for": np.sqrt(capped(np.maximum(lexicon.evidence, 0), 16)),
        "words_against": capped(np.maximum(-lexicon.evidence, 0), 12),
        "numbers_matched": capped(numbers.needed - numbers.unmatched, 4),
        "numbers_unmatched": capped(numbers.unmatched, 4),
        "several_numbers_unmatched": (numbers.unmatched > 1).astype(np.float64),
        "names_found": capped(words.zh_found, 3),
        "names_missing": capped(words.zh_words - words.zh_found, 3),
        "sentence_gap": capped(np.abs(gap), 2),
        "ends_differ": 1.0 - pairs.once(end_agreement).astype(np.float64),
    }


def pair_score(pairs: PairBatch) -> NDArray[np.float64]:
    """float64 [n]: 0 to 1, rounded to three decimals, beyond which machines may differ.

    The odds of damage are the mean of the odds of each kind: what one kind looks like is not
    outweighed by what speaks against the others.
    """
    found = features(pairs)
    odds = np.zeros(len(pairs))
    for weights in WEIGHTS.values():
        logit = np.full(len(pairs), weights["bias"])
        for name, values in found.items():
            logit += weights[name] * values
        odds += np.exp(-np.clip(logit, -30, 30)) / len(WEIGHTS)
    score: NDArray[np.float64] = (1 / (1 + odds)).round(3)
    return score


class PairScore(PairMeasure):
    """How likely the sides are translations of each other, 0 to 1.

    It weighs lengths, words of the lexicon, numbers, names, sentences and ends. docs/parallel.md
    says what it finds at which limit.
    """

    name: ClassVar[str] = "pair_score"
    order: ClassVar[int] = 90
    columns: ClassVar[dict[str, pa.DataType]] = {"pair_score": pa.float32()}

    def measure_batch(self, pairs: PairBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """The score of every pair."""
        return {"pair_score": pairs.once(pair_score).astype(np.float32)}
