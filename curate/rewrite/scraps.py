"""What a prompt template leaves at the ends of the texts it was filled with.

`答案：` at the end of a question asks for nothing that the question did not ask; `<eoh>` and
`### Response:` are some model's marks for where a turn ends. Only the ends of texts are looked at:
in the middle a text may well be about them. The exception are marks that cite a search's results
(`<|1|>`), which come with no results to cite.
"""

from __future__ import annotations

import re
from functools import cache
from typing import ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.rewrite.base import Rewrite
from curate.rewrite.code import settled
from curate.scan import Flag, Scan
from curate.textbatch import TextBatch

_MARK = (
    r"<\|(?:endoftext|im_start|im_end|end|eot_id|user|assistant|system|Human|MOSS|pad)\|>"
    r"|<(?:eoh|eom|eoc|eot|eor|eos|bos|pad)>|</?s>|\[/?INST\]|<</?SYS>>"
)
_WORD = (
    "答案|答|回答|解答|输出|回复|參考答案|参考答案|輸出|回覆|回復"
    "|Answer|Output|Response|Assistant|ASSISTANT|AI|A"
)
_HEADING = (
    r"#{2,4} ?(?:Instruction|Input|Response|Output|Answer|指令|输入|输出|回答|回复|答案)s? ?[:：]?"
)
_END = re.compile(
    rf"(?:\s*(?:{_MARK})|(?<=\S)\s*\n\s*(?:{_HEADING}|[【\[]?(?:{_WORD})[】\]]?\s*[:：])"
    r"|(?<=[。？?！!])\s*答案\s*[:：])\s*\Z"
)
_CITATION = re.compile(r"(?: *(?:<sup>)?<\|\d{1,2}\|>(?:</sup>)?)+")
_FIELD = re.compile(r"\A\s*(?:输入|輸入|输出|輸出|Input|Output)\s*[:：]\s*(?=\S)")
_FIELD_LATER = re.compile(r"(?:输入|輸入|输出|輸出|Input|Output)\s*\d*\s*[:：]")
_START = re.compile(
    rf"\A\s*(?:(?:{_MARK})|#{{2,4}} ?(?:Response|Output|Answer|输出|回答|回复) ?[:：]?\s*\n)\s*"
)
_NOTHING = (
    r"no[ _-]?(?:in|out)?put|ninput|n/?a|无[输輸]?[入出]|無輸[入出]|没有输[入出]|沒有輸[入出]"
    "|不适用|不適用"
)
_PLACEHOLDER = re.compile(
    rf"\A\s*(?:[<＜\[【（(《]\s*(?:{_NOTHING}|none|null|nan)\s*[>＞\]】）)》]?|(?:{_NOTHING}))[.。]?\s*\Z",
    re.IGNORECASE,
)
_TAIL = 200
"""Characters at the end of a text in which what ends it is looked for."""
_LONGEST = 24
"""Characters that a placeholder has at most, blanks aside."""


class Scraps(Rewrite):
    """Template words and turn marks at the ends go; a text that only says it is none is empty.

    At the end: a line that holds nothing but `答案：`, `Answer:`, `### Response:` and their like,
    if a line stands before it, `答案：` behind a sentence, and turn marks (`<eoh>`, `</s>`,
    `<|im_end|>`, `[/INST]`). At the start: turn marks, a heading `### Response:`, and the name of
    the field (`输入：`, `Output:`) where no other field is named. Anywhere: `<|1|>` and its like.
    Not on by default: a page of exam questions may end in 答：.
    """

    name: ClassVar[str] = "scraps"
    version: ClassVar[int] = 2
    order: ClassVar[int] = 53
    default: ClassVar[bool] = False

    placeholders: bool = True
    """Whether `<noinput>`, `<nooutput>`, `<none>`, `N/A`, `无输入` and their like become empty;
    `None` and `无` without brackets may be answers."""

    def rewrite(self, text: str) -> str:
        return settled(text, self._once)

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        out = np.zeros(len(batch), np.bool_)
        _suspects(batch.points, batch.offsets, _table(), _LONGEST, out)
        _citing(batch.points, batch.offsets, scanned.having(Flag.MARKUP), out)
        return self.rewritten_at(batch, np.flatnonzero(out).tolist())

    def _once(self, text: str) -> str:
        if self.placeholders and len(text) <= 2 * _LONGEST and _PLACEHOLDER.match(text):
            return ""
        if "<|" in text:
            text = _CITATION.sub("", text)
        text = _START.sub("", text)
        field = _FIELD.match(text)
        if field and not _FIELD_LATER.search(text, field.end()):
            text = text[field.end() :]
        end = _END.search(text, max(0, len(text) - _TAIL))
        return text[: end.start()] if end else text


_BLANK, _WORD_END, _MARK_END, _SENTENCE_END, _NOTHING_BEGINS = (1 << i for i in range(5))


@cache
def _table() -> NDArray[np.uint8]:
    """uint8 [0x10000]: what a character at the ends of a text may be part of."""
    table = np.zeros(0x10000, np.uint8)
    for code in range(0x3001):
        if chr(code).isspace():
            table[code] = _BLANK
    for bit, chars in (
        (_WORD_END, "案答复出覆復retTIA"),  # of the words before a last colon
        (_MARK_END, "|hmctrsd>"),  # of a mark, before its last >
        (_SENTENCE_END, "。？?！!"),
        (_NOTHING_BEGINS, "<＜[【（(《nN无無没沒不"),
    ):
        table[[ord(c) for c in chars]] |= bit
    table.flags.writeable = False
    return table


@njit(cache=True, nogil=True, inline="always")
def _kind(points, i, table):  # type: ignore[no-untyped-def]
    return table[points[i]] if points[i] < 0x10000 else np.uint8(0)


@njit(cache=True, nogil=True)
def _asks(points, start, i, table):  # type: ignore[no-untyped-def]
    """Whether a word such as `Answer` may stand before the colon at `i`, in a line of its own or
    behind a sentence.
    """
    while i > start and _kind(points, i - 1, table) & _BLANK:
        i -= 1
    if i > start and (points[i - 1] == 0x3011 or points[i - 1] == 0x5D):  # 】 ]
        i -= 1
    if i == start or not _kind(points, i - 1, table) & _WORD_END:
        return False
    # The longest word is `Assistant`.
    first = i
    while i > start and first - i < 10 and not _kind(points, i - 1, table) & _BLANK:
        i -= 1
        if _kind(points, i, table) & _SENTENCE_END:
            return True
    while i > start and _kind(points, i - 1, table) & _BLANK:
        i -= 1
        if points[i] == 10:
            return True
    return i > start and (_kind(points, i - 1, table) & _SENTENCE_END) != 0


@njit(cache=True, nogil=True)
def _suspects(points, offsets, table, longest, out):  # type: ignore[no-untyped-def]
    """Texts that end in a turn mark's last characters, or in a colon behind the last character of
    a word that asks for an answer; that begin with a turn mark's first characters, # or the name
    of a field; and those as short as a placeholder that begin as one does.

    A heading at the end may come without its colon, so a last line that begins with # counts too.
    """
    for d in range(len(offsets) - 1):
        start, end = offsets[d], offsets[d + 1]
        while start < end and _kind(points, start, table) & _BLANK:
            start += 1
        while end > start and _kind(points, end - 1, table) & _BLANK:
            end -= 1
        if start == end:
            continue
        a, z = points[start], points[end - 1]
        second = points[min(start + 1, end - 1)]
        third = points[min(start + 2, end - 1)]
        found = False
        if a == 0x3C:  # <| <s> <eoh> <bos> <pad> </s> <<SYS>>
            found = (
                second == 0x7C
                or second == 0x73
                or second == 0x65
                or second == 0x62
                or second == 0x70
                or second == 0x2F
                or second == 0x3C
            )
        elif a == 0x5B:  # [INST] [/INST]
            found = second == 0x49 or second == 0x2F
        elif a == 0x23:
            found = second == 0x23
        elif a == 0x8F93 or a == 0x8F38:  # 输 輸 and 入 出
            found = second == 0x5165 or second == 0x51FA
        elif a == 0x49:  # Input
            found = second == 0x6E and third == 0x70
        elif a == 0x4F:  # Output
            found = second == 0x75 and third == 0x74
        if z == 0x3A or z == 0xFF1A:
            found = found or _asks(points, start, end - 1, table)
        elif z == 0x3E:
            found = found or (end - start > 1 and _kind(points, end - 2, table) & _MARK_END)
        elif z == 0x5D:
            found = found or (end - start > 1 and points[end - 2] == 0x54)
        if not found and end - start <= longest:
            found = (_kind(points, start, table) & _NOTHING_BEGINS) != 0
        if not found:
            i = end - 1
            while i > start and points[i] != 10 and end - i < 20:
                i -= 1
            while i < end and _kind(points, i, table) & _BLANK:
                i += 1
            found = points[i] == 0x23
        out[d] = found


@njit(cache=True, nogil=True)
def _citing(points, offsets, indices, out):  # type: ignore[no-untyped-def]
    """Texts that hold `<|` and a digit."""
    for k in range(len(indices)):
        d = indices[k]
        for i in range(offsets[d], offsets[d + 1] - 2):
            if points[i] == 0x3C and points[i + 1] == 0x7C and 0x30 <= points[i + 2] <= 0x39:
                out[d] = True
                break
