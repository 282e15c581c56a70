"""What a prompt template leaves at the ends of the texts it was filled with.

`答案：` at the end of a question asks for nothing that the question did not ask; `<eoh>` and
`### Response:` are some model's marks for where a turn ends. Only the ends of texts are looked at:
in the middle a text may well be about them. The exception are marks that cite a search's results
(`<|1|>`), which come with no results to cite.
"""

from __future__ import annotations

import re
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
        _suspects(batch.points, batch.offsets, _LONGEST, out)
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


@njit(cache=True, nogil=True)
def _suspects(points, offsets, longest, out):  # type: ignore[no-untyped-def]
    """Texts that end in a colon, > or ], begin with <, [, # or as the name of a field does, or are
    as short as a placeholder.

    A heading at the end may come without its colon, so a last line that begins with # counts too.
    """
    for d in range(len(offsets) - 1):
        start, end = offsets[d], offsets[d + 1]
        while start < end and (points[start] <= 32 or points[start] == 0x3000):
            start += 1
        while end > start and (points[end - 1] <= 32 or points[end - 1] == 0x3000):
            end -= 1
        if start == end:
            continue
        a, z = points[start], points[end - 1]
        opens = a == 0x3C or a == 0x5B or a == 0x23
        second = points[min(start + 1, end - 1)]
        third = points[min(start + 2, end - 1)]
        # 输 輸 and 入 出; Inp, Out
        opens |= (a == 0x8F93 or a == 0x8F38) and (second == 0x5165 or second == 0x51FA)
        opens |= a == 0x49 and second == 0x6E and third == 0x70
        opens |= a == 0x4F and second == 0x75 and third == 0x74
        closes = z == 0x3A or z == 0xFF1A or z == 0x3E or z == 0x5D
        if opens or closes or end - start <= longest:
            out[d] = True
        else:
            i = end - 1
            while i > start and points[i] != 10 and end - i < 20:
                i -= 1
            while i < end and points[i] <= 32:
                i += 1
            out[d] = points[i] == 0x23


@njit(cache=True, nogil=True)
def _citing(points, offsets, indices, out):  # type: ignore[no-untyped-def]
    """Texts that hold `<|` and a digit."""
    for k in range(len(indices)):
        d = indices[k]
        for i in range(offsets[d], offsets[d + 1] - 2):
            if points[i] == 0x3C and points[i + 1] == 0x7C and 0x30 <= points[i + 2] <= 0x39:
                out[d] = True
                break
