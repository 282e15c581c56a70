"""Answers that are not there: nothing at all, or a word in the place of one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.characters import CharClass, Flag, characters
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
        path = found._path()
        if path:
            lines_in(path)
        return found

    def _named_files(self) -> dict[str, str]:
        path = self._path()
        return {"placeholders": str(path)} if path else {}

    def _path(self) -> Path | None:
        if isinstance(self.placeholders, str):
            return Path(self.placeholders)
        return shipped("placeholder") if self.placeholders else None

    def _placeholders(self) -> tuple[frozenset[str], NDArray[np.uint64]]:
        path = self._path()
        return _keys(path, path.stat().st_mtime_ns) if path else _NO_KEYS

    def measure_batch(self, batch: InstructionBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """Two truth values of every row."""
        kind = np.zeros(len(batch), np.uint8)
        hashes = np.zeros(len(batch), np.uint64)
        points, offsets = batch.output.points, batch.output.offsets
        _look(points, offsets, _MARKS, MARKS, LONGEST, *_folding(), kind, hashes)
        placeholder = kind == 2
        keys, of_keys = self._placeholders()
        maybe = (kind == 4) | ((kind == 3) & np.isin(hashes, of_keys))
        for i in np.flatnonzero(maybe).tolist():
            placeholder[i] = _key(batch.output[i]) in keys
        return {"empty_output": kind == 1, "placeholder_output": placeholder}


_AROUND = " \t\r\n\u3000<>[](){}（）【】《》〈〉＜＞“”‘’\"'「」*`" + ELISION + ",，:：!！"
_MARKS = np.array([ord(c) for c in ELISION], np.uint32)


@cache
def _keys(path: Path, changed: int) -> tuple[frozenset[str], NDArray[np.uint64]]:
    """The phrases as they are compared, and their hashes."""
    keys = frozenset(_key(p) for line in lines_in(path) for p in written_out(line))
    return keys, np.array([_hash_of(key) for key in keys], np.uint64)


def _key(text: str) -> str:
    return "".join(plain_form(text).strip(_AROUND).split())


_NO_KEYS: tuple[frozenset[str], NDArray[np.uint64]] = (frozenset(), np.zeros(0, np.uint64))
_BASE = 0x9E3779B97F4A7C15
_UNSURE = 0xFFFFFFFF


def _hash_of(key: str) -> int:
    """What `_look` makes of a text that is this key."""
    value = 0
    for character in key:
        value = ((value + ord(character)) * _BASE) % (1 << 64)
    return value


@cache
def _folding() -> tuple[NDArray[np.bool_], NDArray[np.uint32]]:
    """([0x10000]: marks around a text, [0x10000]: what `plain_form` makes of a character).

    The second is 0 for blanks, and `_UNSURE` where a character may become another one, or another
    one with its neighbours.
    """
    entries = characters().entries[:0x10000]
    kinds, flags = entries & 31, entries >> 5
    codes = np.arange(0x10000, dtype=np.uint32)
    wide = (flags & Flag.WIDE_ALNUM) != 0
    sure = (codes < 0x80) | wide | (kinds == CharClass.PUNCT_CJK)
    sure |= (kinds == CharClass.HAN) & (flags & (Flag.TRADITIONAL | Flag.RARE_HAN) == 0)
    folded = np.where(wide, codes - 0xFEE0, codes)
    folded[(folded >= 0x41) & (folded <= 0x5A)] += 0x20
    folded[~sure] = _UNSURE
    folded[[*range(9, 14), *range(28, 33), 0x3000]] = 0
    around = np.zeros(0x10000, np.bool_)
    around[[ord(c) for c in _AROUND]] = True
    return around, folded


@njit(cache=True, nogil=True)
def _look(  # type: ignore[no-untyped-def]
    points, offsets, marks, most, longest, around, folded, kind, hashes
):
    """1 for blanks only, 2 for marks only, 3 for what is short enough to be compared by its hash,
    4 for what is and holds characters that `plain_form` may change.
    """
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
            while start < end and points[start] < 0x10000 and around[points[start]]:
                start += 1
            while start < end and points[end - 1] < 0x10000 and around[points[end - 1]]:
                end -= 1
            kind[d] = 3
            key = np.uint64(0)
            for i in range(start, end):
                c = folded[points[i]] if points[i] < 0x10000 else np.uint32(_UNSURE)
                if c == _UNSURE:
                    kind[d] = 4
                    break
                if c:
                    key = (key + np.uint64(c)) * np.uint64(_BASE)
            hashes[d] = key
