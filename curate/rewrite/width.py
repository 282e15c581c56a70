"""Full-width letters and digits become ordinary ones; Chinese punctuation stays as it is."""

from __future__ import annotations

import re
from functools import cache
from typing import ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.characters import Flag
from curate.rewrite.base import Rewrite
from curate.rewrite.kernel import rewritten
from curate.scan import Scan
from curate.textbatch import TextBatch

_DISTANCE = 0xFEE0  # from ！ (U+FF01) to ! and so on to ～
_WIDE_LETTER = "Ａ-Ｚａ-ｚ"
_WIDE = f"０-９{_WIDE_LETTER}"
_ANY = f"0-9A-Za-z{_WIDE}"
_SIGNS = "＃％＆＋－．／＝＠＿"

_TO_NARROW = re.compile(
    f"[{_WIDE}]"
    f"|(?<=[{_WIDE}])[{_SIGNS}](?=[{_ANY}])"
    f"|(?<=[{_ANY}])[{_SIGNS}](?=[{_WIDE}])"
    "|(?<=[０-９])％"
    f"|(?<=[{_WIDE_LETTER}])[＃＋]"
    f"|(?<=[{_WIDE_LETTER}]＋)＋"
)


class Width(Rewrite):
    """Full-width letters and digits to half-width: `第１２０回` to `第120回`.

    The signs ＃％＆＋－．／＝＠＿ go with them where they are part of one expression: between two
    letters or digits of which one at least is full-width (`３．１４`, `ａ＠ｂ．ｃｏｍ`), ％ after a
    full-width digit, ＃ and ＋ after a full-width letter (`Ｃ＃`, `Ｃ＋＋`). Everything else keeps
    its width: ，。：；？！（） in every place, and half-width katakana.
    """

    name: ClassVar[str] = "width"
    order: ClassVar[int] = 31
    flags: ClassVar[int] = Flag.WIDE_ALNUM

    def rewrite(self, text: str) -> str:
        return _TO_NARROW.sub(lambda match: chr(ord(match[0]) - _DISTANCE), text)

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        return rewritten(batch, scanned.having(self.flags), _fill, _table())


_SIGN, _LETTER, _DIGIT, _IS_WIDE = 1, 2, 4, 8


@cache
def _table() -> NDArray[np.uint8]:
    """uint8 [0x10000]: what each character is to the rules above."""
    table = np.zeros(0x10000, np.uint8)
    for kind, pattern in ((_LETTER, "[A-Za-z]"), (_DIGIT, "[0-9]")):
        for code in range(0x80):
            if re.match(pattern, chr(code)):
                table[code] = kind
                table[code + _DISTANCE] = kind | _IS_WIDE
    table[[ord(c) for c in _SIGNS]] = _SIGN
    table.flags.writeable = False
    return table


@njit(cache=True, nogil=True)
def _kind(points, i, start, end, table):  # type: ignore[no-untyped-def]
    if i < start or i >= end or points[i] >= 0x10000:
        return np.uint8(0)
    return table[points[i]]


@njit(cache=True, nogil=True)
def _belongs(points, i, start, end, table):  # type: ignore[no-untyped-def]
    """Whether the sign at `i` is part of an expression in full-width characters."""
    c = points[i]
    before = _kind(points, i - 1, start, end, table)
    after = _kind(points, i + 1, start, end, table)
    if before & 6 and after & 6 and (before | after) & 8:
        return True
    if c == 0xFF05:  # ％
        return before == 12
    if c == 0xFF03:  # ＃
        return before == 10
    if c == 0xFF0B:  # ＋
        first = i > start and points[i - 1] == c
        return before == 10 or (first and _kind(points, i - 2, start, end, table) == 10)
    return False


@njit(cache=True, nogil=True)
def _fill(points, offsets, wanted, table, out, out_offsets):  # type: ignore[no-untyped-def]
    k = 0
    for n in range(len(wanted)):
        start = offsets[wanted[n]]
        end = offsets[wanted[n] + 1]
        for i in range(start, end):
            c = points[i]
            if c - np.uint32(0xFF01) < np.uint32(0x5E):
                kind = table[c]
                if kind & 8 or (kind and _belongs(points, i, start, end, table)):
                    c -= np.uint32(0xFEE0)
            out[k] = c
            k += 1
        out_offsets[n + 1] = k
