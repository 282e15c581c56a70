"""Answers that only repeat what was asked."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.instruction.base import Fate, InstructionBatch, InstructionMeasure
from curate.measure.instruction.request import asked_by_user
from curate.textbatch import TextBatch

SHORT = 6
"""Letters and ideographs below which an answer repeats by chance: 好的。 to 好的！"""


class Echo(InstructionMeasure):
    """Whether the answer is the question.

    echoed_output: the letters, ideographs and digits of the answer are those of the instruction, of
    the input where there is no instruction, or of both one after the other, and the user did not
    ask for that (跟我说, repeat). An answer equal to the input of an instruction may be right: a
    sentence without a mistake, corrected.
    """

    name: ClassVar[str] = "echo"
    order: ClassVar[int] = 21
    version: ClassVar[int] = 2
    columns: ClassVar[dict[str, pa.DataType]] = {"echoed_output": pa.bool_()}
    flags: ClassVar[dict[str, str]] = {"echoed_output": "echoed_output"}
    fates: ClassVar[dict[str, Fate]] = {"echoed_output": "drop"}

    def measure_batch(self, batch: InstructionBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """A truth value of every row."""
        same = repeated(batch.instruction, batch.input, batch.output, SHORT)
        for i in np.flatnonzero(same).tolist():
            same[i] = not _REPEAT.search(asked_by_user(batch, i))
        return {"echoed_output": same}


_REPEAT = re.compile(
    r"重[复複]|[复複][述读誦诵]|跟[我着著].{0,4}[说說读讀念]|照[读讀念抄]|转[录錄]|轉錄|抄[写寫]|\b(?:repeat|echo|copy)\b",
    re.I,
)


def repeated(
    first: TextBatch, second: TextBatch, answer: TextBatch, least: int
) -> NDArray[np.bool_]:
    """Whether an answer says what `first` says, or what `first` and then `second` say, bool [n].

    Letters, ideographs and digits are compared; case and marks do not count. Answers of fewer than
    `least` of them repeat nothing.
    """
    out = np.zeros(len(answer), np.bool_)
    _repeated(
        first.points,
        first.offsets,
        second.points,
        second.offsets,
        answer.points,
        answer.offsets,
        least,
        out,
    )
    return out


@njit(cache=True, nogil=True, inline="always")
def _spoken(c):  # type: ignore[no-untyped-def]
    """The character as it is compared, 0 for one that is not."""
    if c < 0x80:
        low = c | np.uint32(0x20)
        if 0x61 <= low <= 0x7A:
            return low
        return c if 0x30 <= c <= 0x39 else np.uint32(0)
    if c < 0xC0 or 0x2000 <= c < 0x2E80 or 0x3000 <= c < 0x3040:
        return np.uint32(0)
    if c >= 0xFF00 and not (0xFF10 <= c <= 0xFF19 or c >= 0x10000):
        return np.uint32(0)
    return c


@njit(cache=True, nogil=True)
def _spoken_from(points, i, end):  # type: ignore[no-untyped-def]
    """(character to compare, index behind it) from `i` on; 0 where none is left."""
    while i < end:
        c = _spoken(points[i])
        i += 1
        if c:
            return c, i
    return np.uint32(0), i


@njit(cache=True, nogil=True)
def _repeated(  # type: ignore[no-untyped-def]
    first, first_offsets, second, second_offsets, answer, offsets, least, out
):
    for d in range(len(offsets) - 1):
        i, first_end = first_offsets[d], first_offsets[d + 1]
        j, second_end = second_offsets[d], second_offsets[d + 1]
        k, end = offsets[d], offsets[d + 1]
        said = 0
        same = True
        in_second = False
        while True:
            c, k = _spoken_from(answer, k, end)
            if c == 0:
                break
            asked, i = _spoken_from(first, i, first_end)
            if asked == 0:
                asked, j = _spoken_from(second, j, second_end)
                in_second = True
            if asked != c:
                same = False
                break
            said += 1
        if not same or said < least or _spoken_from(first, i, first_end)[0]:
            continue
        out[d] = not in_second or _spoken_from(second, j, second_end)[0] == 0
