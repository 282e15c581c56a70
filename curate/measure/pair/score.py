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
from curate.measure.pair.untranslated import script_share
from curate.measure.pair.words import word_counts
from curate.scan import CharClass

WEIGHTS: dict[str, float] = {
    "chinese_long": -0.543,
    "chinese_short": -1.127,
    "words_for": 0.138,
    "words_against": -0.652,
    "numbers_matched": 0.114,
    "numbers_unmatched": -2.779,
    "names_found": 0.061,
    "names_missing": -1.202,
    "sentence_gap": -0.925,
    "ends_differ": -0.562,
    "copied": 0.235,
    "han_in_en": 0.0,
    "latin_in_zh": 0.875,
}
"""By logistic regression on planted damage (`benchmarks/parallel.py --fit`, 2026-11-25)."""
BIAS = 1.408


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

    return {
        "chinese_long": capped(np.maximum(z, 0), 10),
        "chinese_short": capped(np.maximum(-z, 0), 10),
        "words_for": capped(np.maximum(lexicon.evidence, 0), 15),
        "words_against": capped(np.maximum(-lexicon.evidence, 0), 15),
        "numbers_matched": capped(numbers.needed - numbers.unmatched, 4),
        "numbers_unmatched": capped(numbers.unmatched, 4),
        "names_found": capped(words.zh_found, 3),
        "names_missing": capped(words.zh_words - words.zh_found, 3),
        "sentence_gap": capped(np.abs(gap), 2),
        "ends_differ": 1.0 - pairs.once(end_agreement).astype(np.float64),
        "copied": words.en_found / (words.en_words + 2),
        "han_in_en": script_share(pairs.en_scan.counts, CharClass.HAN),
        "latin_in_zh": script_share(pairs.zh_scan.counts, CharClass.LATIN),
    }


def pair_score(pairs: PairBatch) -> NDArray[np.float64]:
    """float64 [n]: 0 to 1, rounded to three decimals, beyond which machines may differ."""
    found = features(pairs)
    logit = BIAS + sum((WEIGHTS[name] * found[name] for name in WEIGHTS), np.zeros(len(pairs)))
    score: NDArray[np.float64] = (1 / (1 + np.exp(-np.clip(logit, -30, 30)))).round(3)
    return score


class PairScore(PairMeasure):
    """How likely the sides are translations of each other, 0 to 1.

    A logistic regression over length, lexicon, numbers, names, sentences, ends and copies. Without
    any evidence it is near 0.5 or above; docs/parallel.md says what it finds at which limit.
    """

    name: ClassVar[str] = "pair_score"
    order: ClassVar[int] = 90
    columns: ClassVar[dict[str, pa.DataType]] = {"pair_score": pa.float32()}

    def measure_batch(self, pairs: PairBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """The score of every pair."""
        return {"pair_score": pairs.once(pair_score).astype(np.float32)}
