"""Runs of one mark that say no more than a few of it: 。。。。。。, ！！！！！！, ………………."""

from __future__ import annotations

import re
from functools import cache
from typing import ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from curate.rewrite.base import Rewrite
from curate.rewrite.code import around_code
from curate.scan import Flag, Scan
from curate.textbatch import TextBatch

# Nobody means three ends of a sentence: such runs are written for an ellipsis.
_PAUSES = re.compile(r"([。，、；])\1{2,}|(?<!·)·{3,}")
_ELLIPSES = re.compile(r"…{3,}")
_DASHES = re.compile(r"(?<!—)—{3,}(?!—)")
_EMPHASIS = re.compile(r"([！？!?~～])\1{2,}")
_DOTS = re.compile(r"\.{7,}")
# A line of one mark: a rule between parts, or the underline of a heading. Indented, a drawing.
_RULE = re.compile(r"([-=_*~#—－＝＿─━═·.…+])\1{3,}[ \t]*$")
_ADDRESS = re.compile(r"(?:https?|ftp)://\S+|www\.\S+")


class Punctuation(Rewrite):
    """Repeated marks are cut to a length that still means what the run meant.

    Three or more of `。 ， 、 ； ·` and of `…` become `……`, three or more of `—` become `——`;
    `！！！！` and its like keep `keep` marks; a line of dashes keeps `rule` of them.
    """

    name: ClassVar[str] = "punctuation"
    order: ClassVar[int] = 51
    flags: ClassVar[int] = Flag.REPEAT

    keep: int = Field(default=3, ge=1)
    """How many of the same `！ ？ ! ? ~ ～` in a row stay."""
    rule: int = Field(default=10, ge=3)
    """How long a line made of one mark may be: `--------`, `========`."""

    def rewrite(self, text: str) -> str:
        return around_code(text, self._once)

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        flagged = scanned.having(self.flags)
        found = np.zeros(len(flagged), np.bool_)
        _suspects(batch.points, batch.offsets, flagged, _table(), self.keep, self.rule, found)
        return self.rewritten_at(batch, flagged[found].tolist())

    def _once(self, text: str) -> str:
        if "://" not in text and "www." not in text:
            return self._cut(text)
        pieces: list[str] = []
        start = 0
        for address in _ADDRESS.finditer(text):
            pieces += (self._cut(text[start : address.start()]), address.group())
            start = address.end()
        return "".join(pieces) + self._cut(text[start:])

    def _cut(self, text: str) -> str:
        lines = text.split("\n")
        for number, line in enumerate(lines):
            rule = _RULE.match(line)
            if rule:
                # The rules of a table are as wide as its columns.
                if not any("|" in near for near in lines[max(0, number - 1) : number + 2]):
                    lines[number] = rule[1] * min(len(line.rstrip(" \t")), self.rule)
            elif len(line) > 2:
                lines[number] = self._cut_line(line)
        return "\n".join(lines)

    def _cut_line(self, line: str) -> str:
        line = _PAUSES.sub("……", line)
        line = _ELLIPSES.sub("……", line)
        line = _DASHES.sub("——", line)
        line = _DOTS.sub("......", line)
        return _EMPHASIS.sub(lambda run: run[1] * min(self.keep, len(run.group())), line)


_THREE, _SEVEN, _SHOUT, _RULES = (1 << i for i in range(4))


@cache
def _table() -> NDArray[np.uint8]:
    """uint8 [0x10000]: from which number on a run of the character is cut, and whether a line made
    of it is a rule.
    """
    table = np.zeros(0x10000, np.uint8)
    for bit, chars in (
        (_THREE, "。，、；·…—"),
        (_SEVEN, "."),
        (_SHOUT, "！？!?~～"),
        (_RULES, "-=_*~#—－＝＿─━═·.…+"),
    ):
        table[[ord(c) for c in chars]] |= bit
    table.flags.writeable = False
    return table


@njit(cache=True, nogil=True)
def _suspects(points, offsets, indices, table, keep, rule, found):  # type: ignore[no-untyped-def]
    """Marks the texts with a run that is too long, or a rule that is or has blanks behind it."""
    for k in range(len(indices)):
        start, end = offsets[indices[k]], offsets[indices[k] + 1]
        i = start
        while i < end and not found[k]:
            c = points[i]
            kind = table[c] if c < 0x10000 else np.uint8(0)
            if kind == 0 or i + 2 >= end or points[i + 1] != c or points[i + 2] != c:
                i += 1
                continue
            j = i + 3
            while j < end and points[j] == c:
                j += 1
            size = j - i
            if kind & _THREE or (kind & _SEVEN and size >= 7) or (kind & _SHOUT and size > keep):
                found[k] = True
            elif kind & _RULES and size >= 4 and (i == start or points[i - 1] == 10):
                rest = j
                while rest < end and (points[rest] == 0x20 or points[rest] == 0x09):
                    rest += 1
                # Addresses are cut out first, so that a rule may end where one begins: h, f or w.
                ends = rest == end or points[rest] == 10
                if not ends:
                    ends = points[rest] == 0x68 or points[rest] == 0x66 or points[rest] == 0x77
                found[k] = ends and (rest > j or size > rule)
            i = j
