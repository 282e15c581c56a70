"""Whether the two sides are as long as translations of each other are."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.measure.pair.base import PairBatch, PairMeasure
from curate.measure.pair.words import word_counts
from curate.scan import CharClass

LETTERS_PER_HAN = 3.715
MEAN = 0.171
VARIANCE = 0.0294
VARIANCE_SHORT = 1.815
_SMOOTHING = 3.0


def letters(pairs: PairBatch) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """float64 [n] each: the length of both sides in English letters."""
    zh, en = pairs.zh_scan.counts, pairs.en_scan.counts
    alike = [CharClass.LATIN, CharClass.DIGIT, CharClass.LETTER, CharClass.KANA, CharClass.HANGUL]
    zh_letters = LETTERS_PER_HAN * zh[:, CharClass.HAN] + zh[:, alike].sum(axis=1)
    en_letters = en[:, alike].sum(axis=1) + LETTERS_PER_HAN * en[:, CharClass.HAN]
    return zh_letters, en_letters.astype(np.float64)


def log_ratios(pairs: PairBatch) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """float64 [n] each: the logarithm of Chinese over English length, and the geometric mean."""
    zh, en = letters(pairs)
    zh, en = zh + _SMOOTHING, en + _SMOOTHING
    return np.log(zh / en), np.sqrt(zh * en)


def length_z(pairs: PairBatch) -> NDArray[np.float64]:
    """float64 [n]: how many standard deviations the log ratio lies from what is usual."""
    ratio, size = log_ratios(pairs)
    return (ratio - MEAN) / np.sqrt(VARIANCE + VARIANCE_SHORT / size)


class Length(PairMeasure):
    """Lengths of the sides against each other.

    characters_per_word: ideographs over English words, for the reader.
    length_z: how far the ratio lies from that of translations, in standard deviations of pairs of
    this size; above 0 the Chinese side is long. Short pairs vary more and are judged by that.
    """

    name: ClassVar[str] = "length"
    order: ClassVar[int] = 10
    columns: ClassVar[dict[str, pa.DataType]] = {
        "characters_per_word": pa.float32(),
        "length_z": pa.float32(),
    }

    def measure_batch(self, pairs: PairBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """Ratio and z-score of every pair."""
        words = np.maximum(pairs.once(word_counts).en_words, 1)
        ratio = pairs.zh_scan.counts[:, CharClass.HAN] / words
        return {
            "characters_per_word": ratio.astype(np.float32),
            "length_z": pairs.once(length_z).astype(np.float32),
        }
