"""Answers that are not there: nothing at all, or a word in the place of one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.instruction.base import Fate, InstructionBatch, InstructionMeasure
from curate.measure.instruction.phrases import lines_in, plain_form, shipped, written_out

ELISION = ".。…⋯·-—–_~～*#?？　"
"""Marks that alone are no answer; others may be one (<, +, ♥)."""
MARKS = 8
"""Marks from which a row of them may be an answer: Morse code, a text blacked out."""
LONGEST = 48
"""Characters from which an answer is no placeholder, blanks included."""


class Emptiness(InstructionMeasure):
    """Answers without content, and answers that only hold the place of one.

    empty_output: nothing but blanks.
    placeholder_output: nothing but a few marks of elision (……), or one of the list's phrases
    (`<nooutput>`, N/A), brackets and marks around it aside.
    """

    name: ClassVar[str] = "emptiness"
    order: ClassVar[int] = 20
    libraries: ClassVar[tuple[str, ...]] = ("opencc",)
    files: ClassVar[tuple[str, ...]] = ("placeholders",)
    columns: ClassVar[dict[str, pa.DataType]] = {
        "empty_output": pa.bool_(),
        "placeholder_output": pa.bool_(),
    }
    flags: ClassVar[dict[str, str]] = {
        "empty_output": "empty_output",
        "placeholder_output": "placeholder_output",
    }
    fates: ClassVar[dict[str, Fate]] = {"empty_output": "drop", "placeholder_output": "drop"}

    placeholders: str | bool = True
    """A file with a phrase a line, relative to the recipe; true for the project's own list, false
    for none."""

    def located(self, folder: Path) -> Self:
        """Also reads the list, so that one that cannot be used is known before work starts."""
        found = super().located(folder)
        found._placeholders()
        return found

    def _named_files(self) -> dict[str, str]:
        path = self._path()
        return {"placeholders": str(path)} if path else {}

    def _path(self) -> Path | None:
        if isinstance(self.placeholders, str):
            return Path(self.placeholders)
        return shipped("placeholder") if self.placeholders else None

    def _placeholders(self) -> frozenset[str]:
        path = self._path()
        return _keys(path, path.stat().st_mtime_ns) if path else frozenset()

    def measure_batch(self, batch: InstructionBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """Two truth values of every row."""
        kind = np.zeros(len(batch), np.uint8)
        _look(batch.output.points, batch.output.offsets, _MARKS, MARKS, LONGEST, kind)
        placeholder = kind == 2
        keys = self._placeholders()
        for i in np.flatnonzero(kind == 3).tolist():
            placeholder[i] = _key(batch.output[i]) in keys
        return {"empty_output": kind == 1, "placeholder_output": placeholder}


_AROUND = " \t\r\n\u3000<>[](){}（）【】《》〈〉＜＞“”‘’\"'「」*`" + ELISION + ",，:：!！"
_MARKS = np.array([ord(c) for c in ELISION], np.uint32)


@cache
def _keys(path: Path, changed: int) -> frozenset[str]:
    return frozenset(_key(p) for line in lines_in(path) for p in written_out(line))


def _key(text: str) -> str:
    return "".join(plain_form(text).strip(_AROUND).split())


@njit(cache=True, nogil=True)
def _look(points, offsets, marks, most, longest, kind):  # type: ignore[no-untyped-def]
    """1 for blanks only, 2 for marks only, 3 for what is short enough to be compared."""
    for d in range(len(offsets) - 1):
        start, end = offsets[d], offsets[d + 1]
        content = False
        filled = 0
        for i in range(start, end):
            c = points[i]
            if c <= 32 or c == 0x3000 or c == 0xA0:
                continue
            filled += 1
            mark = False
            for m in marks:
                mark |= c == m
            if not mark:
                content = True
                break
        if filled == 0:
            kind[d] = 1
        elif not content:
            kind[d] = 2 if filled <= most else 0
        elif end - start <= longest:
            kind[d] = 3
