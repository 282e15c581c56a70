"""How long the parts of an instruction are."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.measure.instruction.base import InstructionBatch, InstructionMeasure


class Fields(InstructionMeasure):
    """Characters of the question and of the answer, and the number of earlier turns."""

    name = "fields"
    order: ClassVar[int] = 10
    columns: ClassVar[dict[str, pa.DataType]] = {
        "prompt_characters": pa.int32(),
        "output_characters": pa.int32(),
        "turns": pa.int32(),
    }

    def measure_batch(self, batch: InstructionBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """`prompt_characters` counts instruction and input; `turns` are those of `history`."""
        prompt = batch.instruction.lengths() + batch.input.lengths()
        return {
            "prompt_characters": prompt.astype(np.int32),
            "output_characters": batch.output.lengths().astype(np.int32),
            "turns": np.diff(batch.turns).astype(np.int32),
        }
