"""Whether a text is written in simplified or traditional characters."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.measure.base import Measure
from curate.rewrite.variants import Script, script_counts
from curate.scan import CharClass, Scan
from curate.textbatch import TextBatch

_LABELS = ("none", "simplified", "traditional", "mixed")
_MINORITY = 0.05
"""Share of the less frequent script from which a text is mixed; below it, it quotes."""
_JAPANESE = 0.1
"""Share of kana among kana and Han characters from which neither script applies."""


class ScriptLabel(Measure):
    """The script, from the characters that only one of the two has.

    `none` is a text without any such character (`开会` has one, `中文` none), or one in Japanese.
    """

    name: ClassVar[str] = "script"
    order: ClassVar[int] = 20
    sides: ClassVar[bool] = True
    columns: ClassVar[dict[str, pa.DataType]] = {
        "script": pa.string(),
        "traditional_chars": pa.int32(),
        "simplified_chars": pa.int32(),
    }

    def measure_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> dict[str, NDArray[np.generic] | pa.Array]:
        """Label and the counts behind it, of every text."""
        counts = script_counts(batch)
        traditional = counts[:, Script.TRADITIONAL] + counts[:, Script.RARE]
        simplified = counts[:, Script.SIMPLIFIED]
        kana = counts[:, Script.KANA]
        telling = traditional + simplified
        mixed = np.minimum(traditional, simplified) > _MINORITY * telling
        label = np.where(traditional > simplified, 2, 1)
        label[mixed] = 3
        label[(telling == 0) | (kana > _JAPANESE * (kana + scanned.counts[:, CharClass.HAN]))] = 0
        return {
            "script": pa.array(np.array(_LABELS, object)[label], pa.string()),
            "traditional_chars": traditional.astype(np.int32),
            "simplified_chars": simplified.astype(np.int32),
        }
