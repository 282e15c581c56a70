"""The contract of a measure: text in, numbers or labels out; it never changes or drops anything."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.scan import Scan
from curate.step import Step
from curate.textbatch import TextBatch


class Measure(Step):
    """Computes ledger columns. Write `measure`; override `measure_batch` for compiled code."""

    columns: ClassVar[dict[str, pa.DataType]]
    """Ledger columns this measure fills: float32 or int32 for numbers, string for labels."""
    sides: ClassVar[bool] = False
    """Whether the two sides of a pair are measured too (columns `zh_NAME` and `en_NAME`)."""

    def measure(self, text: str) -> dict[str, Any]:
        """One value for every column."""
        raise NotImplementedError

    def measure_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> dict[str, NDArray[np.generic] | pa.Array]:
        """One array of len(batch) for every column. `scanned` is the scan of this very batch."""
        rows = [self.measure(text) for text in batch.strings()]
        return {
            column: pa.array([row[column] for row in rows], kind)
            for column, kind in self.columns.items()
        }
