"""How long a text is and what it is made of."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.base import Measure
from curate.scan import CharClass, Scan
from curate.textbatch import TextBatch

_SHARES = {
    "han_ratio": [CharClass.HAN],
    "latin_ratio": [CharClass.LATIN],
    "digit_ratio": [CharClass.DIGIT],
    "punctuation_ratio": [CharClass.PUNCT_CJK, CharClass.PUNCT],
    "symbol_ratio": [CharClass.SYMBOL],
}


class Characters(Measure):
    """Characters, lines, and the share of each kind of character.

    Shares are of the characters other than blanks and line ends; a text without any has 0.0.
    """

    name: ClassVar[str] = "characters"
    order: ClassVar[int] = 10
    columns: ClassVar[dict[str, pa.DataType]] = {
        "characters": pa.int32(),
        "lines": pa.int32(),
        "mean_line": pa.float32(),
        **dict.fromkeys(_SHARES, pa.float32()),
    }

    def measure_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> dict[str, NDArray[np.generic] | pa.Array]:
        counts = scanned.counts
        lengths = batch.lengths()
        filled = lengths - counts[:, CharClass.SPACE] - counts[:, CharClass.NEWLINE]
        lines = np.zeros(len(batch), np.int32)
        _filled_lines(batch.points, batch.offsets, lines)
        columns: dict[str, NDArray[np.generic] | pa.Array] = {
            "characters": lengths.astype(np.int32),
            "lines": lines,
            "mean_line": (filled / np.maximum(lines, 1)).astype(np.float32),
        }
        for name, classes in _SHARES.items():
            columns[name] = (counts[:, classes].sum(axis=1) / np.maximum(filled, 1)).astype(
                np.float32
            )
        return columns


@njit(cache=True, nogil=True, inline="always")
def is_blank(c):  # type: ignore[no-untyped-def]
    """Whether code point `c` is a blank or a line end: `CharClass.SPACE` or `CharClass.NEWLINE`."""
    if c > 0x20:
        if c < 0x85:
            return False
        return (
            c == 0x3000
            or c == 0xA0
            or c == 0x85
            or c == 0x1680
            or 0x2000 <= c <= 0x200A
            or c == 0x2028
            or c == 0x2029
            or c == 0x202F
            or c == 0x205F
        )
    return c == 0x20 or 0x09 <= c <= 0x0D


BLANKS = tuple(code for code in range(0x3001) if is_blank.py_func(code))  # type: ignore[no-untyped-call]
"""All of them, for tables."""


@njit(cache=True, nogil=True)
def _filled_lines(points, offsets, out):  # type: ignore[no-untyped-def]
    """Lines (ended by U+000A) that hold more than blanks."""
    for d in range(len(offsets) - 1):
        lines = 0
        filled = False
        for i in range(offsets[d], offsets[d + 1]):
            c = points[i]
            if c == 10:
                lines += filled
                filled = False
            elif not filled and not is_blank(c):
                filled = True
        out[d] = lines + filled
