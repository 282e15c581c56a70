"""The contract of a rewrite: text in, text out, nothing dropped; and the chain that runs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.scan import Scan
from curate.step import Step
from curate.textbatch import TextBatch

ALL_TEXTS = 0xFFFFFFFF


class Rewrite(Step):
    """Changes text. Write `rewrite`; override `rewrite_batch` only for compiled code.

    The order classes: 10 encoding, 20 markup, 30 characters, 40 spaces, 50 left-overs and lines,
    60 script, 70 personal data. A rewrite is idempotent: applied to its own result it changes
    nothing.
    """

    flags: ClassVar[int] = ALL_TEXTS
    """`curate.scan.Flag` bits: texts that carry none of them are not looked at.
    Never left empty by a text that `rewrite` would change."""

    columns: ClassVar[dict[str, pa.DataType]] = {}
    """Ledger columns (int32) that count what the rewrite found, added up over a row's fields.
    A rewrite that has any writes `counted_batch`."""
    everywhere: ClassVar[bool] = False
    """Whether what travels beside the text is rewritten too: metadata, and what was seen of a row
    that could not be read."""

    def dropping(self) -> Mapping[str, str]:
        """Columns of its own that drop a row where they are above 0, each with the reason."""
        return {}

    def rewrite(self, text: str) -> str:
        """The text as it should be; the same object or an equal one where nothing changes."""
        raise NotImplementedError

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        """The rewritten batch and the indices of the texts that changed."""
        every = self.flags == ALL_TEXTS
        indices = range(len(batch)) if every else scanned.having(self.flags)
        return self.rewritten_at(batch, indices)

    def counted_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> tuple[TextBatch, NDArray[np.int64], dict[str, NDArray[np.int32]]]:
        """What `rewrite_batch` returns, and [len(batch)] counts for each of `columns`."""
        return (*self.rewrite_batch(batch, scanned), {})

    def rewritten_at(
        self, batch: TextBatch, indices: Iterable[int]
    ) -> tuple[TextBatch, NDArray[np.int64]]:
        """`rewrite` applied to the texts at `indices` only; as `rewrite_batch` returns it."""
        changes: dict[int, str] = {}
        for i in indices:
            text = batch[i]
            new = self.rewrite(text)
            if new != text:
                changes[int(i)] = new
        return batch.replaced(changes), np.array(sorted(changes), np.int64)
