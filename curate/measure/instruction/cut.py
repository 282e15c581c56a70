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
    comma or an opening bracket, in a colon behind words that announce something (如下：), in half
    a year's number (in 20), or in a word or an ideograph that needs another one behind it (以及,
    各种, 通过保, the, is; Chinese ones where another sentence has ended with a mark). An answer
    that stops between sentences or behind a word that may be the last one cannot be told from a
    whole one whose writer set no mark at the end, and is not counted; code, tables, verse and
    items of lists without a sentence in them are left alone.
    """

    name: ClassVar[str] = "cut"
    order: ClassVar[int] = 22
    version: ClassVar[int] = 3
    columns: ClassVar[dict[str, pa.DataType]] = {"cut_output": pa.bool_()}
    flags: ClassVar[dict[str, str]] = {"cut_output": "cut_output"}
    fates: ClassVar[dict[str, Fate]] = {"cut_output": "tag"}

    def measure_batch(self, batch: InstructionBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """A truth value of every row."""
        out = np.zeros(len(batch), np.bool_)
        points, offsets = batch.output.points, batch.output.offsets
        _suspects(points, offsets, SHORT, _FINAL, _CLOSING, _UNFINISHED, out)
        for i in np.flatnonzero(out).tolist():
            out[i] = is_cut(batch.output[i])
        return {"cut_output": out}


_FINAL = np.array([ord(c) for c in FINAL + STOPS + "~～"], np.uint32)
_CLOSING = np.array([ord(c) for c in CLOSERS + "*"], np.uint32)


@njit(cache=True, nogil=True)
def _suspects(  # type: ignore[no-untyped-def]
    points, offsets, short, final, closing, unfinished, out
):
    """Texts of `short` characters or more that hold an odd number of fences, or end neither in a
    final mark, closing marks aside, nor in a character that no unfinished sentence ends in.
    """
    for d in range(len(offsets) - 1):
        start, end = offsets[d], offsets[d + 1]
        if end - start < short:
            continue
        runs = fences = 0
        i = start + 2  # every third character: no fence is shorter
        while i < end:
            if points[i] == 0x60:
                first = i
                while first > start and points[first - 1] == 0x60:
                    first -= 1
                while i < end and points[i] == 0x60:
                    i += 1
                runs += i - first >= 3
                fences += (i - first) // 3
            i += 3
        if runs % 2:
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
        if ended:
            continue
        i = end - 1
        while i > start and (points[i] <= 32 or points[i] == 0x2A or points[i] == 0x5F):
            i -= 1
        c = points[i]
        out[d] = fences % 2 or c >= 0x10000 or unfinished[c]


_ITEM = re.compile(
    r"\s*(?:[-*•·●○■◆>#+~=|]|\(?\d{1,3}[.、)）．:：]|[（(]?[一二三四五六七八九十\d]{1,3}[）)、.]|[A-Za-z][.、．)：:]|第.{1,4}[，：:、步])"
)
_CLAUSES = re.compile("[，。；！？]")
_SENTENCES = re.compile(r"[。！？!?]|\.(?=\s)")
_OPEN = "，、,（(《「『[【"
_OPEN_END = re.compile(rf"(?<![。！？.!?：:，,…])[{re.escape(_OPEN)}]$")
_CLOSING_OF_LETTER = re.compile(
    r"^(?:with|sincerely|yours|best|kind|warm|regards|love|thank|cheers|respectfully|your)\b.{0,40},$"
    r"|^(?:此致|敬礼|敬上|谨上|祝).{0,20}[，、]$",
    re.IGNORECASE,
)
MORE = tuple(
    (
        "和 与 或 以及 并且 而且 但是 因为 由于 如果 虽然 所以 例如 比如 包括 通过 根据 为了 "
        "对于 关于 以便 使得 将 把 被 任何 有助于 致力于 旨在 取决于 从而 因此 等的 方面的 "
        "之间的 以及其他的 能够 可以 应该 必须 需要 可能 不仅 无论 与其 只要 只有 除非 即使 "
        "尽管 除了 至于 因而 随着 按照 基于 用于 处于 属于 位于 来自 成为 作为 具有 涉及 导致 "
        "造成 确保 促进 避免 保持 包含 受到 起到 予以 加以 提供 进行 采用 建立 某种 某些 各种 "
        "多种 一种 一项 一系列 这种 这个 那些 每个 整个 所有 其他 许多 大量 更多的 不同的 新的 "
        "我的 你的 您的 他的 它的 主要 是否 经常 通常 非常 十分 特别 尤其 甚至 正在 已经 直接 "
        "不断 日常"
    ).split()
)
MORE_CHARACTERS = (
    "这自并使其更最提也就经保都很还无从但供该没原每创交让减增帮那非检给够模清故什各细必太总"
    "找再未参越极随专领研患又超含抗须依均监寻否按另探希潜执仅拥继协概访坚避努允追鼓虽扩仍怎"
    "渐逐搜曾既刚"
)
"""Ideographs that seldom end a clause: of 100 in the answers of the samples fewer than 3 stand
before a mark or a line's end."""
MORE_LATIN = tuple(
    "the a an of to and or their its your our my his they we he she is are was were because but if"
    " while whereas which when where than from these those into until must should would could has"
    " including".split()
)
"""Words that another one has to follow."""
_MORE = re.compile(rf"[\u4e00-\u9fff，、](?:{'|'.join(MORE)}|通过[\u4e00-\u9fff])$")
_MORE_LATIN = re.compile(rf"(?<![\w'’-])(?:{'|'.join(MORE_LATIN)}|(?:will|would|can|to) be)$")
# August 18, 19: half a year's number
_YEAR = re.compile(
    r"[A-Z][a-z]+ (?:of|\d{1,2}(?:st|nd|rd|th)?,?) (?:19|20)$|(?<!\bon )\b[A-Z][a-z]+ (?:19|20)$"
    r"|[^\d\s,，][，,] ?(?:19|20)$"
    r"|\b(?:from|since|until|in|of|by|year) (?:19|20)$"
)
_ANNOUNCES = re.compile(
    r"(?:如下|以下[^，。]{0,8}|下列[^，。]{0,6}|几[种点个]|看看|故?答案[为是]|包括|例如|比如|分别是)[：:]$"
    r"|\b(?:as follows|following[\w ]{0,20}|include|includes|including|such as|for example):$",
    re.IGNORECASE,
)
_VERSE = 24
TAIL = 64
"""Characters at the end of a line in which all of an end that cannot be one stands."""


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
        or "#" in last[-80:]
        or last.startswith(("#", "http", "$"))
    ):
        return False
    if not _unfinished(text, last):
        return False
    if len(lines) >= 4 and sum(len(line) <= _VERSE for line in lines) * 10 >= len(lines) * 7:
        return False
    return not (_CLOSING_OF_LETTER.search(last) or looks_like_code(text))


def _unfinished(text: str, last: str) -> bool:
    """Whether the last line ends in what cannot be an end."""
    tail = last[-TAIL:]
    sentences = bool(_SENTENCES.search(text))
    if _OPEN_END.search(tail):
        return sentences or len(text) >= 80
    if _YEAR.search(tail):
        return True
    if sentences and _ANNOUNCES.search(tail):
        return True
    if _MORE_LATIN.search(tail):
        return True
    if not sentences or _MORE.search(tail):
        return sentences
    # An item or a step of a list may be anything, unless a sentence has ended in it.
    item = _ITEM.match(last)
    marks = _SENTENCES if item else _CLAUSES
    return last[-1] in MORE_CHARACTERS and bool(marks.search(last, item.end() if item else 0))


def _endings() -> NDArray[np.bool_]:
    """Characters, bool [0x10000], in which `is_cut` may find that a text is unfinished.

    Blanks that the kernel does not pass over are among them.
    """
    table = np.zeros(0x10000, np.bool_)
    ends = {words[-1] for words in (*MORE, *MORE_LATIN, "be")}
    table[[ord(c) for c in ends | set(MORE_CHARACTERS + _OPEN + "：:90")]] = True
    table[[c for c in range(0x80, 0x10000) if chr(c).isspace()]] = True
    return table


_UNFINISHED = _endings()
