"""The contract of a measure of instructions: all fields in, numbers or labels out; nothing dropped.

A recipe turns what a measure says into a fate: by a limit on a column under `quality:`, or by a
policy (drop, keep, tag) on one of the measure's `flags` under `policies:`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.base import MeasureStep
from curate.scan import Scan
from curate.textbatch import TextBatch

T = TypeVar("T")

Fate = Literal["drop", "keep", "tag"]
"""What becomes of a row with a flag; `tag` keeps it and says so."""

FIELDS = ("instruction", "input", "output", "system")
"""The fields of a row that are one text each."""
SIDES = ("history_user", "history_assistant")
"""What was said in earlier turns, a text a turn."""


class InstructionBatch:
    """`n` instructions, field by field, as the rewrites left them.

    instruction, input, output, system: a text a row, "" where a row has none. history_user,
    history_assistant: a text a turn, all turns of all rows end to end; the turns of row i are
    `turns[i]` to `turns[i + 1]`. turns: int64 [n + 1].
    """

    def __init__(
        self,
        fields: Mapping[str, TextBatch],
        scans: Mapping[str, Scan],
        turns: NDArray[np.int64],
    ) -> None:
        self.fields, self._scans, self.turns = fields, scans, turns
        self.instruction, self.input = fields["instruction"], fields["input"]
        self.output, self.system = fields["output"], fields["system"]
        self.history_user = fields["history_user"]
        self.history_assistant = fields["history_assistant"]
        self._found: dict[Callable[[InstructionBatch], Any], Any] = {}

    def __len__(self) -> int:
        return len(self.output)

    def scan(self, field: str) -> Scan:
        """The scan of a field or side, by its name."""
        return self._scans[field]

    @property
    def prompt(self) -> TextBatch:
        """The last question of every row as a user would put it, [n].

        Instruction, then input, each on lines of its own; where one is empty, the other alone.
        """
        return self.once(_prompt)

    def once(self, compute: Callable[[InstructionBatch], T]) -> T:
        """`compute(self)`, worked out once however many measures ask for it."""
        if compute not in self._found:
            self._found[compute] = compute(self)
        found: T = self._found[compute]
        return found

    def rows_of_turns(self) -> NDArray[np.int64]:
        """The row that every turn belongs to, int64 [turns]."""
        return np.repeat(np.arange(len(self)), np.diff(self.turns))


def _prompt(batch: InstructionBatch) -> TextBatch:
    return lines_of([batch.instruction, batch.input])


def lines_of(parts: Sequence[TextBatch]) -> TextBatch:
    """The parts of every row one under the other, empty ones left out.

    parts: batches of a text a row; the result is one too.
    """
    rows = len(parts[0])
    place = np.arange(rows * len(parts)).reshape(len(parts), rows).T.ravel()
    return lined(laid_end_to_end(parts), np.arange(rows + 1) * len(parts), place)


def laid_end_to_end(parts: Sequence[TextBatch]) -> TextBatch:
    """The texts of all parts as one batch."""
    begins = np.cumsum([0, *(len(part.points) for part in parts)])
    offsets = [part.offsets[1:] + begin for part, begin in zip(parts, begins, strict=False)]
    return TextBatch(
        np.concatenate([part.points for part in parts]),
        np.concatenate([np.zeros(1, np.int64), *offsets]),
    )


def lined(
    texts: TextBatch, rows: NDArray[np.int64], order: NDArray[np.int64] | None = None
) -> TextBatch:
    """The texts of every row one under the other, empty ones left out.

    rows: int64 [n + 1] for a result of n texts; the texts of row i are rows[i] to rows[i + 1].
    order: int64 [texts], the texts as `rows` counts them; as they come where it is None.
    """
    points = np.empty(len(texts.points) + len(texts), np.uint32)
    offsets = np.zeros(len(rows), np.int64)
    if order is None:
        order = np.arange(len(texts))
    _join(texts.points, texts.offsets, order, rows, points, offsets)
    return TextBatch(points[: offsets[-1]], offsets)


@njit(cache=True, nogil=True)
def _join(points, offsets, order, rows, out, out_offsets):  # type: ignore[no-untyped-def]
    k = 0
    for row in range(len(rows) - 1):
        begin = k
        for i in range(rows[row], rows[row + 1]):
            a, b = offsets[order[i]], offsets[order[i] + 1]
            if a == b:
                continue
            if k > begin:
                out[k] = 0x0A
                k += 1
            out[k : k + b - a] = points[a:b]
            k += b - a
        out_offsets[row + 1] = k


class InstructionMeasure(MeasureStep):
    """Computes ledger columns of instructions. Write `measure`, or `measure_batch` for compiled
    code.

    Rows of other types have null in these columns, and limits on them concern instructions only.
    """

    flags: ClassVar[dict[str, str]] = {}
    """Reasons by column of its own (bool or a number): the reason holds where the column is true,
    or above 0. A recipe's `policies:` names the reasons, each with a fate of drop, keep or tag."""
    fates: ClassVar[dict[str, Fate]] = {}
    """Fate of a reason in `flags` that the recipe does not mention: `drop`, `keep` or `tag`;
    `tag` for those not listed here."""

    def measure(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """One value for every column.

        row: `instruction`, `input`, `output`, `system` (str) and `history`, a list of (user,
        assistant).
        """
        raise NotImplementedError

    def measure_batch(self, batch: InstructionBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """One array of len(batch) for every column."""
        texts = {field: batch.fields[field].strings() for field in FIELDS}
        turns = list(zip(*(batch.fields[side].strings() for side in SIDES), strict=True))
        found = [
            self.measure(
                {
                    **{field: texts[field][i] for field in FIELDS},
                    "history": turns[batch.turns[i] : batch.turns[i + 1]],
                }
            )
            for i in range(len(batch))
        ]
        return {
            column: pa.array([row[column] for row in found], kind)
            for column, kind in self.columns.items()
        }
