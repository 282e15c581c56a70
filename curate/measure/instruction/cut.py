"""Answers that stop in the middle of a sentence."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.instruction.base import Fate, InstructionBatch, InstructionMeasure
from curate.measure.sentences import CLOSERS, FINAL, STOPS
from curate.rewrite.code import looks_like_code

SHORT = 30
"""Characters below which an answer may be a word, a name, a title or a line of verse."""
LINE = 12
"""Characters that the last line has at least: shorter ones are items, names and signatures."""


class Cut(InstructionMeasure):
    """Whether an answer stops before its end.

    cut_output: a fence of code is opened and never closed; or the last line is prose and ends in a
    comma or an opening bracket, in a colon behind words that announce something (如下：), or in a
    word that needs another one behind it (和, 以及, the, of) where another sentence has ended with
    a mark. An answer that stops between sentences, or whose
    writer set no mark at the end, cannot be told from a whole one and is not counted; code,
    tables, verse and items of lists are left alone.
    """

    name: ClassVar[str] = "cut"
    order: ClassVar[int] = 22
    version: ClassVar[int] = 2
    columns: ClassVar[dict[str, pa.DataType]] = {"cut_output": pa.bool_()}
    flags: ClassVar[dict[str, str]] = {"cut_output": "cut_output"}
    fates: ClassVar[dict[str, Fate]] = {"cut_output": "tag"}

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
                fences += i == start or points[i - 1] != 0x60
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
_SENTENCES = re.compile(r"[。！？!?]|\.(?=\s)")
_OPEN_END = re.compile(r"(?<![。！？.!?：:，,…])[，、,（(《「『\[【]$")
_CLOSING_OF_LETTER = re.compile(
    r"^(?:with|sincerely|yours|best|kind|warm|regards|love|thank|cheers|respectfully|your)\b.{0,40},$"
    r"|^(?:此致|敬礼|敬上|谨上|祝).{0,20}[，、]$",
    re.IGNORECASE,
)
_NEEDS = re.compile(
    r"[\u4e00-\u9fff，、](?:和|与|或|以及|并且|而且|但是|因为|由于|如果|虽然|所以|例如|比如|包括|通过|根据|为了|对于|关于|以便"
    r"|使得|将|把|被|任何|有助于|致力于|旨在|取决于|从而|因此|(?:等|方面|之间|以及其他)的)$"
    r"|\b(?:the|a|an|of|and|or|their|its|your|our|such as|including|because|but|if|while|whereas"
    r"|which|is|are|was|were|they|we|equal to|related to)$"
    # August 18, 19: half a year's number
    r"|[A-Z][a-z]+ \d{1,2}, (?:19|20)$|[^\d\s,，][，,] ?(?:19|20)$"
    r"|\b(?:from|since|until) (?:19|20)$",
)
_ANNOUNCES = re.compile(
    r"(?:如下|以下[^，。]{0,8}|下列[^，。]{0,6}|几[种点个]|看看|故?答案[为是]|包括|例如|比如|分别是)[：:]$"
    r"|\b(?:as follows|following[\w ]{0,20}|include|includes|including|such as|for example):$",
    re.IGNORECASE,
)
_VERSE = 24


def is_cut(text: str) -> bool:
    """Whether a text stops in the middle; see `Cut`."""
    if text.count("```") % 2:
        return True
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    last = lines[-1].rstrip("*_ ")
    if (
        len(last) < LINE
        or "|" in last
        or "http" in last[-80:]
        or last.startswith(("#", "http", "$"))
    ):
        return False
    if looks_like_code(text) or _CLOSING_OF_LETTER.search(last):
        return False
    if len(lines) >= 4 and sum(len(line) <= _VERSE for line in lines) * 10 >= len(lines) * 7:
        return False
    sentences = len(_SENTENCES.findall(text))
    if _OPEN_END.search(last):
        return sentences >= 1 or len(text) >= 80
    if sentences == 0:
        return False
    return bool(_ANNOUNCES.search(last) or (_NEEDS.search(last) and not _ITEM.match(last)))
