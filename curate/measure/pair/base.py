"""The contract of a measure of pairs: both sides in, numbers or labels out; it drops nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.measure.base import Measure, MeasureStep
from curate.measure.instruction.base import InstructionMeasure
from curate.scan import Scan
from curate.textbatch import TextBatch

T = TypeVar("T")


class PairBatch:
    """The Chinese and the English sides of `n` pairs, and the scans of both."""

    def __init__(self, zh: TextBatch, zh_scan: Scan, en: TextBatch, en_scan: Scan) -> None:
        self.zh, self.zh_scan = zh, zh_scan
        self.en, self.en_scan = en, en_scan
        self._found: dict[Callable[[PairBatch], Any], Any] = {}

    def __len__(self) -> int:
        return len(self.zh)

    def once(self, compute: Callable[[PairBatch], T]) -> T:
        """`compute(self)`, worked out once however many measures ask for it."""
        if compute not in self._found:
            self._found[compute] = compute(self)
        found: T = self._found[compute]
        return found


class PairMeasure(MeasureStep):
    """Computes ledger columns of pairs. Write `measure`, or `measure_batch` for compiled code.

    Rows of other types have null in these columns, and limits on them concern pairs only.
    """

    def measure(self, zh: str, en: str) -> dict[str, Any]:
        """One value for every column."""
        raise NotImplementedError

    def measure_batch(self, pairs: PairBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """One array of len(pairs) for every column."""
        texts = zip(pairs.zh.strings(), pairs.en.strings(), strict=True)
        rows = [self.measure(zh, en) for zh, en in texts]
        return {
            column: pa.array([row[column] for row in rows], kind)
            for column, kind in self.columns.items()
        }


AnyMeasure = Measure | PairMeasure | InstructionMeasure
