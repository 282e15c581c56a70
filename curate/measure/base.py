"""The contract of a measure: text in, numbers or labels out; it never changes or drops anything."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.errors import RecipeError
from curate.fingerprint import file_sha256
from curate.scan import Scan
from curate.step import Step
from curate.textbatch import TextBatch


class MeasureStep(Step):
    """What measures of texts and of pairs have in common."""

    columns: ClassVar[dict[str, pa.DataType]]
    """Ledger columns this measure fills: float32 or int32 for numbers, string for labels."""
    files: ClassVar[tuple[str, ...]] = ()
    """Options that name a file. Paths start from the recipe's folder, and the file's content, not
    its name, takes part in the fingerprint."""

    def located(self, folder: Path) -> Self:
        """The measure with the files it names found; raises RecipeError when one is not there."""
        found = {}
        for option, path in self._named_files().items():
            found[option] = str((folder / Path(path).expanduser()).resolve())
            if not Path(found[option]).is_file():
                raise RecipeError(
                    f"recipe, measure.{self.name}.{option}: there is no file {folder / path}"
                )
        return self.model_copy(update=found) if found else self

    def fingerprint(self) -> dict[str, Any]:
        """As every step's, with the files it names by their SHA-256."""
        whole = super().fingerprint()
        for option, path in self._named_files().items():
            whole["options"][option] = {"sha256": _sha256(path, *_stamp(path))}
        return whole

    def _named_files(self) -> dict[str, str]:
        values = {option: getattr(self, option) for option in self.files}
        return {option: value for option, value in values.items() if isinstance(value, str)}


class Measure(MeasureStep):
    """Computes ledger columns. Write `measure`; override `measure_batch` for compiled code."""

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


def _stamp(path: str) -> tuple[int, int]:
    state = Path(path).stat()
    return state.st_size, state.st_mtime_ns


@cache
def _sha256(path: str, size: int, changed: int) -> str:
    """Asked once a partition: a file is read again only when it looks changed."""
    return file_sha256(Path(path))
