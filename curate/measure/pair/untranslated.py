"""Sides that are not translations but copies, or stand on the wrong side."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.measure.pair.base import PairBatch, PairMeasure
from curate.measure.pair.words import word_counts
from curate.scan import CharClass


class Untranslated(PairMeasure):
    """How much of a side is in the other's language, and how much both have in common.

    han_in_en: ideographs among the letters and ideographs of the English side.
    latin_in_zh: Latin letters among the letters and ideographs of the Chinese side.
    copied_share: English words that stand on the Chinese side as well, of all English words and
    two more, so that a name alone (iPhone) does not count as a copy.
    """

    name: ClassVar[str] = "untranslated"
    order: ClassVar[int] = 10
    columns: ClassVar[dict[str, pa.DataType]] = {
        "han_in_en": pa.float32(),
        "latin_in_zh": pa.float32(),
        "copied_share": pa.float32(),
    }

    def measure_batch(self, pairs: PairBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """Three shares of every pair."""
        counts = pairs.once(word_counts)
        shares = {
            "han_in_en": script_share(pairs.en_scan.counts, CharClass.HAN),
            "latin_in_zh": script_share(pairs.zh_scan.counts, CharClass.LATIN),
            "copied_share": counts.en_found / (counts.en_words + 2),
        }
        return {column: share.astype(np.float32) for column, share in shares.items()}


def script_share(counts: NDArray[np.int32], kind: CharClass) -> NDArray[np.float64]:
    """float64 [n]: the share of `kind` among ideographs, kana and letters; 0 without any."""
    kinds = [CharClass.HAN, CharClass.LATIN, CharClass.KANA, CharClass.HANGUL, CharClass.LETTER]
    share: NDArray[np.float64] = counts[:, kind] / np.maximum(counts[:, kinds].sum(axis=1), 1)
    return share
