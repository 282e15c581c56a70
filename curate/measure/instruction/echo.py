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
        asked, size, _ = said(batch.instruction)
        given, given_size, given_power = said(batch.input)
        answer, answer_size, _ = said(batch.output)
        both = asked * given_power + given
        same = (answer_size >= SHORT) & (
            ((answer == asked) & (answer_size == size))
            | ((answer == both) & (answer_size == size + given_size))
        )
        for i in np.flatnonzero(same).tolist():
            same[i] = not _REPEAT.search(asked_by_user(batch, i))
        return {"echoed_output": same}


_REPEAT = re.compile(
    r"重[复複]|[复複][述读誦诵]|跟[我着著].{0,4}[说說读讀念]|照[读讀念抄]|转[录錄]|轉錄|抄[写寫]|\b(?:repeat|echo|copy)\b",
    re.I,
)


def said(
    batch: TextBatch,
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.uint64]]:
    """(hash, how many, power) of the letters, ideographs and digits of every text, [n] each.

    Case and marks do not count. The hash of one text after another is
    `first * power of the second + second`, modulo 2^64.
    """
    keys = np.zeros(len(batch), np.uint64)
    sizes = np.zeros(len(batch), np.int64)
    powers = np.ones(len(batch), np.uint64)
    _said(batch.points, batch.offsets, keys, sizes, powers)
    return keys, sizes, powers


@njit(cache=True, nogil=True)
def _said(points, offsets, keys, sizes, powers):  # type: ignore[no-untyped-def]
    base = np.uint64(0x9E3779B97F4A7C15)
    for d in range(len(offsets) - 1):
        key = np.uint64(0)
        power = np.uint64(1)
        size = 0
        for i in range(offsets[d], offsets[d + 1]):
            c = points[i]
            if c < 0x80:
                low = c | np.uint32(0x20)
                if 0x61 <= low <= 0x7A:
                    c = low
                elif not 0x30 <= c <= 0x39:
                    continue
            elif c < 0xC0 or 0x2000 <= c < 0x2E80 or 0x3000 <= c < 0x3040 or c >= 0xFF00:
                full = 0xFF10 <= c <= 0xFF19 or c >= 0x10000
                if not full:
                    continue
            mixed = np.uint64(c) * np.uint64(0xD6E8FEB86659FD93)
            key = key * base + (mixed ^ (mixed >> np.uint64(31)))
            power = power * base
            size += 1
        keys[d], sizes[d], powers[d] = key, size, power
