"""Runs of one mark that say no more than a few of it: 。。。。。。, ！！！！！！, ………………."""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import Field

from curate.rewrite.base import Rewrite
from curate.rewrite.code import around_code
from curate.scan import Flag

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
