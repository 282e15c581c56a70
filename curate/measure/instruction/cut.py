"""Answers that stop in the middle of a sentence."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.instruction.base import InstructionBatch, InstructionMeasure
from curate.measure.sentences import CLOSERS, FINAL, STOPS
from curate.rewrite.code import looks_like_code

SHORT = 30
"""Characters below which an answer may be a word, a name, a title or a line of verse."""
LINE = 12
"""Characters that the last line has at least: shorter ones are items, names and signatures."""
LONG = 400
"""Characters from which prose that ends without a mark was cut, if all its other lines have one."""


class Cut(InstructionMeasure):
    """Whether an answer stops before its end.

    cut_output: the last line is prose without a mark at its end, and one of these is so:
    it ends in a comma or in an opening bracket; its last word needs another one behind it (的, 和,
    the, of) and the text has ended other sentences with a mark; or the text is LONG, every other
    line of prose ends in a mark, and the last line is no item of a list. Or a fence of code is
    opened and never closed. Code, tables, verse and lists are left alone.
    """

    name: ClassVar[str] = "cut"
    order: ClassVar[int] = 22
    columns: ClassVar[dict[str, pa.DataType]] = {"cut_output": pa.bool_()}
    flags: ClassVar[dict[str, str]] = {"cut_output": "cut_output"}
    fates: ClassVar[dict[str, str]] = {"cut_output": "tag"}

    def measure_batch(self, batch: InstructionBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """A truth value of every row."""
        out = np.zeros(len(batch), np.bool_)
        _suspects(batch.output.points, batch.output.offsets, SHORT, _FINAL, _CLOSING, out)
        for i in np.flatnonzero(out).tolist():
            out[i] = is_cut(batch.output[i])
        return {"cut_output": out}


_FINAL = np.array([ord(c) for c in FINAL + STOPS + "~～"], np.uint32)
_CLOSING = np.array([ord(c) for c in CLOSERS + "*"], np.uint32)


@njit(cache=True, nogil=True)
def _suspects(points, offsets, short, final, closing, out):  # type: ignore[no-untyped-def]
    """Texts of `short` characters or more that do not end in a final mark, closing marks aside, or
    hold an odd number of fences.
    """
    for d in range(len(offsets) - 1):
        start, end = offsets[d], offsets[d + 1]
        if end - start < short:
            continue
        fences = 0
        for i in range(start, end - 2):
            if points[i] == 0x60 and points[i + 1] == 0x60 and points[i + 2] == 0x60:
                before = points[i - 1] if i > start else np.uint32(10)
                fences += before == 10
        if fences % 2:
            out[d] = True
            continue
        i = end - 1
        while i > start:
            c = points[i]
            skip = c <= 32 or c == 0x3000
            for m in closing:
                skip |= c == m
            if not skip:
                break
            i -= 1
        ended = False
        for m in final:
            ended |= points[i] == m
        out[d] = not ended


_ITEM = re.compile(
    r"\s*(?:[-*•·●○■◆>#+~=|]|\(?\d{1,3}[.、)）．:：]|[（(]?[一二三四五六七八九十\d]{1,3}[）)、.]|[A-Za-z][.、．)：:]|第.{1,4}[，：:、步])"
)
_LABELLED = re.compile(r"^[^，。！？]{1,16}[：:]")
_ENDED = re.compile(rf"[{re.escape(FINAL + STOPS)}；;：:][{re.escape(CLOSERS)}*\s]*$")
_SENTENCES = re.compile(r"[。！？!?]|\.(?=\s)")
_OPEN_END = re.compile(r"[，、,（(《「『“‘\[【—]$|(?<![-—])-$")
_NEEDS = re.compile(
    r"(?:[\u4e00-\u9fff](?:和|与|或|以及|并且|而且|但是|因为|由于|如果|虽然|所以|例如|比如|包括|通过|根据|为了|对于|关于|以便|使得|将|把|被|从|在|是|的|地|得|不|很|更|最|这|那|一))$"
    r"|\b(?:the|a|an|of|to|and|or|with|for|is|are|was|were|that|which|by|from|as|their|its|your|our|can"
    r"|will|should|has|have|be|such as|including|because|but|if|more|very|my)$",
    re.IGNORECASE,
)
_VERSE = 24


def is_cut(text: str) -> bool:
    """Whether a text stops in the middle; see `Cut`."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    fences = sum(line.startswith("```") for line in lines)
    if fences % 2:
        return True
    if fences and lines[-1].startswith("```"):
        return False
    last = lines[-1]
    if len(last) < LINE or "|" in last or last.startswith(("#", "http", "<", "{", "[", "$", "\\")):
        return False
    if last[-1] in ">}]$;；" or "http" in last[-80:] or looks_like_code(text):
        return False
    if len(lines) >= 4 and sum(len(line) <= _VERSE for line in lines) * 10 >= len(lines) * 7:
        return False
    sentences = len(_SENTENCES.findall(text))
    bare = last.rstrip("*_ ")
    if _OPEN_END.search(bare):
        return sentences >= 1 or len(text) >= 80
    if _NEEDS.search(bare) and sentences >= 2:
        return True
    if len(text) < LONG or sentences < 4 or bare[-1:] in "：:）)”\"'》」』】*":
        return False
    others = [line for line in lines[:-1] if len(line) >= LINE]
    item = _ITEM.match(last) or _LABELLED.match(last)
    kin = [line for line in others if bool(_ITEM.match(line) or _LABELLED.match(line)) == bool(item)]
    if item and len(kin) < 3:
        return False
    if not kin:
        return not others and len(last) >= LONG
    return all(_ENDED.search(line) for line in kin) and len(last) >= 20
