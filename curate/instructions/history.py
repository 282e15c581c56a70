"""The column `history`: from turns, to the texts of its two sides and back.

A step that rewrites or measures text takes each side as it takes `instruction`: one array of all
the texts of a batch, whatever row and turn they are of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.rows import HISTORY, TURN


class Sides(NamedTuple):
    """The texts of a history column."""

    user: pa.Array
    """What users said, large_string [turns], row after row."""
    assistant: pa.Array
    """What was answered, in step with it."""
    offsets: NDArray[np.int64]
    """The turns of row i are offsets[i] to offsets[i + 1], int64 [rows + 1]."""

    def column(self) -> pa.LargeListArray:
        """The column again."""
        turns = pa.StructArray.from_arrays([self.user, self.assistant], fields=list(TURN))
        return pa.LargeListArray.from_arrays(pa.array(self.offsets), turns, type=HISTORY)


def sides(column: pa.LargeListArray) -> Sides:
    """The texts of a history column; what is rewritten goes back with `_replace(...).column()`."""
    user, assistant = column.flatten().flatten()
    offsets = np.frombuffer(column.buffers()[1], np.int64)
    offsets = offsets[column.offset : column.offset + len(column) + 1]
    return Sides(user, assistant, offsets - offsets[0])


def history_column(histories: Sequence[Sequence[tuple[str, str]]]) -> pa.LargeListArray:
    """The (user, assistant) turns of every row as a column."""
    offsets = np.zeros(len(histories) + 1, np.int64)
    np.cumsum([len(history) for history in histories], out=offsets[1:])
    turns = [turn for history in histories for turn in history]
    user = pa.array([turn[0] for turn in turns], pa.large_string())
    assistant = pa.array([turn[1] for turn in turns], pa.large_string())
    return Sides(user, assistant, offsets).column()
