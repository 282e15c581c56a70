"""Whether a text's characters follow one another as they do in clean text: word salad does not.

Likelihood alone would call classical Chinese, verse and names bad, because their characters are
rare. What the order of the characters adds to the likelihood of each of them alone does not depend
on how rare they are (the syntactic log-odds ratio of Pauls & Klein 2012), and shuffled text has
next to none of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from curate.charmodel.model import load
from curate.charmodel.score import scored
from curate.measure.base import Measure
from curate.scan import Scan
from curate.textbatch import TextBatch


class Fluency(Measure):
    """Fluency under a model that `curate model train` made of clean text.

    fluency: bits that a Han character gains from what stands before it, on average.
    fluency_worst: the same of the worst passage of 64 Han characters.
    likelihood: mean log2 probability of a Han character.
    fluency_characters: Han characters judged; with few of them the others say little.

    Not on by default, because there is no model that suits all text.
    """

    name: ClassVar[str] = "fluency"
    order: ClassVar[int] = 60
    default: ClassVar[bool] = False
    files: ClassVar[tuple[str, ...]] = ("model",)
    columns: ClassVar[dict[str, pa.DataType]] = {
        "fluency": pa.float32(),
        "fluency_worst": pa.float32(),
        "likelihood": pa.float32(),
        "fluency_characters": pa.int32(),
    }

    model: str
    """File that `curate model train` wrote, relative to the recipe."""
    considered: int = Field(default=20_000, ge=64)
    """Characters of a text that are judged, from its start."""

    def located(self, folder: Path) -> Self:
        """Also opens the model, so that a damaged one is known before work starts."""
        found = super().located(folder)
        load(Path(found.model))
        return found

    def measure_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> dict[str, NDArray[np.generic] | pa.Array]:
        scores = scored(batch, load(Path(self.model)), self.considered)
        return {
            "fluency": scores.fluency.astype(np.float32),
            "fluency_worst": scores.worst.astype(np.float32),
            "likelihood": scores.likelihood.astype(np.float32),
            "fluency_characters": scores.characters.astype(np.int32),
        }
