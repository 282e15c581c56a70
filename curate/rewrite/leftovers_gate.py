"""Which texts hold what some pattern of `curate.rewrite.leftovers` needs: a compiled look."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.textbatch import TextBatch

SEPARATORS = "，、；;,：:"
OPENING = " \t\u3000（(【["
"""What may stand before a line of navigation."""
# The first two characters of every line that the pattern of navigation lines can match, opening
# brackets aside; the others hold © or "ICP".
_FIRST_TWO = (
    "上一 下一 打印 我要 关闭 收藏 加入 设为 返回 回到 查看 加载 点击 尾页 末页 首页 主页 网站"
    " 您当 您现 您所 您目 您的 您位 你当 你现 你所 你目 你的 你位 当前 现在 所在 目前 的位 的所"
    " 位置 阅读 展开 显示 责任 网络 值班 本文 实习 见习 新媒 稿件 当班 责编 编辑 文章 新闻 信息"
    " 稿源 分享"
    " 版权 Co co CO"
)
_AFTER_COPYRIGHT = " 0123456789Cc版"
STARTS = frozenset(_FIRST_TWO.split(" "))
"""First two characters of lines of navigation."""

# What may come third, where that is known; see that pattern.
_THIRD = {
    "篇条页章": "上一 下一",
    "本此": "打印",
    "窗本此": "关闭",
    "顶首列目": "返回",
    "更全原详": "查看 阅读 展开 显示",
    "加此这下上图链左右查阅进放展显": "点击",
    "首主": "网站",
    "前": "您当 您目 你当 你目",
    "在": "您现 您所 你现 你所 的所",
    "的所位": "当前 现在 所在 目前",
    "编来": "本文 稿件",
    "编": "责任 网络 值班 实习 见习 当班",
    "来": "文章 新闻 信息 稿源",
    "到至": "分享",
    "位": "您的 你的",
    "打": "我要",
    "本": "收藏",
    "收": "加入",
    "首": "设为",
    "顶": "回到",
    "更": "加载",
    "置": "您位 你位 的位",
    "体": "新媒",
    "所": "版权",
    "p": "co Co",
    "P": "CO",
    "：:" + "".join(c for c in map(chr, range(0x3001)) if c.isspace()): "编辑",
}
_ANY = 0

# What follows the bracket of an edit link, a reference mark or a wiki's link.
_AFTER_BRACKET = "编編查来來需原哪誰谁何锚失永ce注註1[ \t\n\r\x0b\x0c\u3000\xa0"

_MAY_PRECEDE, _BLANK, _SEPARATOR, _EDIT, _CLOSING, _OPENS = (1 << i for i in range(4, 10))
"""Bits of the table that `_triggers` makes, besides the lowest four."""


def _triple(first: int, second: int, third: int) -> int:
    return (first << 42) | (second << 21) | third


@cache
def _triggers() -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint16]]:
    """What calls for a look: pairs of characters anywhere, triples at a line's start, and a table
    of the characters that come first (bits 1 and 2) and second (bits 4 and 8) in them, that may
    stand before a line's first word (16), that are blanks (32), separators (64), follow the
    bracket of an edit link (128), close (256) or open (512).
    """
    anywhere = ["“”", "（)", "(）", "-{", "{{", "==", "CP"]
    anywhere += [a + b for a in "（(" for b in SEPARATORS + " \u3000"]
    anywhere += [a + b for a in SEPARATORS + " \u3000" for b in "）)"]
    anywhere += [a + b for a in "：:" for b in "，；、,;"]
    anywhere += [f"[{b}" for b in _AFTER_BRACKET]
    # The notices that begin with © go on with one of these.
    starts = [*sorted(STARTS), *(f"©{c}" for c in _AFTER_COPYRIGHT)]
    marks = np.zeros(0x10000, np.uint16)
    for bit, group in ((1, anywhere), (2, starts)):
        for pair in group:
            marks[ord(pair[0])] |= bit
            marks[ord(pair[1])] |= bit << 2
    for bit, chars in (
        (_MAY_PRECEDE, OPENING),
        (_BLANK, "".join(c for c in map(chr, range(0x3001)) if c.isspace())),
        (_SEPARATOR, SEPARATORS),
        (_EDIT, "编編查来來需原哪誰谁何锚失永"),
        (_CLOSING, "）)]】》」』〉〕”"),
        (_OPENS, "（(【[《〈「『〔"),
    ):
        for char in chars:
            marks[ord(char)] |= bit
    thirds = {pair: third for third, pairs in _THIRD.items() for pair in pairs.split(" ")}
    triples = [
        _triple(ord(pair[0]), ord(pair[1]), ord(third))
        for pair in starts
        for third in thirds.get(pair, chr(_ANY))
    ]
    pairs = sorted({_triple(ord(pair[0]), ord(pair[1]), _ANY) for pair in anywhere})
    return np.array(pairs, np.uint64), np.array(sorted(set(triples)), np.uint64), marks


@njit(cache=True, nogil=True)
def _holds(codes, code):  # type: ignore[no-untyped-def]
    at = np.searchsorted(codes, code)
    return at < len(codes) and codes[at] == code


@njit(cache=True, nogil=True, inline="always")
def _mark(points, i, marks):  # type: ignore[no-untyped-def]
    return marks[points[i]] if points[i] < 0x10000 else np.uint16(0)


@njit(cache=True, nogil=True)
def _before(points, i, start):  # type: ignore[no-untyped-def]
    """The character before `i`, one blank aside; 10 at the text's start."""
    j = i - 1
    if j >= start and (points[j] == 0x20 or points[j] == 0x3000):
        j -= 1
    return points[j] if j >= start else np.uint32(10)


@njit(cache=True, nogil=True)
def _is_empty(points, i, start, end, marks):  # type: ignore[no-untyped-def]
    """Whether the bracket that opens at `i` closes with nothing but blanks and separators in it,
    where one of the patterns may take it off.

    The blank to fill in, （ ） or ( ), is the commonest: only behind a word in Latin letters does
    anything take off full-width ones, and ASCII ones never.
    """
    j = i + 1
    while j < end and _mark(points, j, marks) & (_BLANK | _SEPARATOR):
        j += 1
    if j == end or not _mark(points, j, marks) & _CLOSING:
        return False
    before = _before(points, i, start)
    blank = _mark(points, i + 1, marks) & _BLANK != 0
    c = points[i]
    if c == 0x28:  # (
        return not blank and (before >= 0x3007 or before == 0x201D)
    if c == 0x5B:  # [
        return before >= 0x3007
    if c == 0xFF08:  # （
        return not blank or 0x41 <= before <= 0x7A
    return True


@njit(cache=True, nogil=True)
def _hollow(points, i, start, end, marks):  # type: ignore[no-untyped-def]
    """Whether the pair that ends at `i` can be the first or the last of a bracket with nothing, or
    only separators, at one of its ends; or a label's colon with nothing behind it.
    """
    a, c = points[i - 1], points[i]
    if a == 0xFF08 or a == 0x28:  # （(
        if _is_empty(points, i - 1, start, end, marks):
            return True
        while a == 0xFF08 and i < end and _mark(points, i, marks) & _BLANK:
            i += 1
        return a == 0xFF08 and i < end and _mark(points, i, marks) & _SEPARATOR != 0
    if c == 0xFF09 or c == 0x29:  # ）)
        colon = a == 0x3A or a == 0xFF1A
        if colon and i - 2 >= start and points[i - 2] >= 0x3007:
            return True
        j = i - 1
        while j >= start and _mark(points, j, marks) & _BLANK:
            j -= 1
        return c == 0xFF09 and j >= start and _mark(points, j, marks) & _SEPARATOR != 0
    # ：，
    return i - 2 >= start and points[i - 2] >= 0x3007


@njit(cache=True, nogil=True)
def _bracketed(points, i, end, marks):  # type: ignore[no-untyped-def]
    """Whether `[` before `i` may begin an edit link, a reference mark or a wiki's link."""
    c = points[i]
    if c == 0x31:  # [1]
        return i + 1 < end and points[i + 1] == 0x5D
    while i < end and _mark(points, i, marks) & _BLANK:
        i += 1
    if i == end:
        return False
    c = points[i]
    after = points[i + 1] if i + 1 < end else np.uint32(0)
    if c == 0x63:  # citation
        return after == 0x69
    if c == 0x65:  # edit
        return after == 0x64
    if c == 0x5B or c == 0x5D or c == 0x6CE8 or c == 0x8A3B:  # [ ] 注 註
        return True
    return _mark(points, i, marks) & _EDIT != 0


@njit(cache=True, nogil=True)
def _calls(points, i, start, end, marks):  # type: ignore[no-untyped-def]
    """Whether a pair from anywhere that ends at `i` calls for a look where it stands.

    Returns 2 where it does so only in a text of several lines.
    """
    a, c = points[i - 1], points[i]
    if a == 0x5B:  # [
        return np.int64(_bracketed(points, i, end, marks))
    if a == 0x3D:  # == at the start of a line
        return np.int64(i - 1 == start or points[i - 2] == 10)
    if c == 0x50:  # ICP备 ICP证
        number = i - 2 >= start and points[i - 2] == 0x49 and i + 1 < end
        return 2 * np.int64(number and (points[i + 1] == 0x5907 or points[i + 1] == 0x8BC1))
    if a == 0x201C or c == 0x7B:  # “” -{ {{
        return 1
    if (a == 0xFF08 or a == 0x28) and (c == 0xFF09 or c == 0x29):  # （) (）
        return 1
    return np.int64(_hollow(points, i, start, end, marks))


@njit(cache=True, nogil=True)
def _suspects(points, offsets, anywhere, starts, marks, out):  # type: ignore[no-untyped-def]
    """The only branch is taken where two characters that come first and second somewhere meet."""
    for d in range(len(offsets) - 1):
        begin, end = offsets[d], offsets[d + 1]
        before = np.uint32(0)
        mark_before = np.uint16(0)
        started = np.uint16(2)  # bit 2: the character before began its line, opening marks aside
        start = np.uint16(2)
        lined = False  # what calls for a look in a text of several lines was met
        for i in range(np.uint64(begin), np.uint64(end)):
            c = points[i]
            mark = marks[c if c < np.uint32(0x10000) else np.uint32(0)]
            met = mark_before & (mark >> np.uint16(2)) & (np.uint16(1) | started)
            if met:
                code = (np.uint64(before) << np.uint64(42)) | (np.uint64(c) << np.uint64(21))
                if met & 1 and _holds(anywhere, code):
                    calls = _calls(points, np.int64(i), begin, end, marks)
                    if calls == 1:
                        out[d] = True
                        break
                    lined |= calls == 2
                if met & 2 and not lined:
                    third = np.uint64(points[i + 1] if i + 1 < end else 10)
                    lined = _holds(starts, code) or _holds(starts, code | third)
            before = c
            mark_before = mark
            started = start
            start = np.uint16(2) if c == 10 else start & (mark >> np.uint16(3))
        if lined and not out[d]:
            for i in range(begin, end):
                if points[i] == 10:
                    out[d] = True
                    break


@njit(cache=True, nogil=True)
def _holds_empty(points, offsets, indices, marks, out):  # type: ignore[no-untyped-def]
    for d in indices:
        start, end = offsets[d], offsets[d + 1]
        i = start
        while i < end and not out[d]:
            if _mark(points, i, marks) & _OPENS:
                out[d] = _is_empty(points, i, start, end, marks)
            i += 1


def suspects(batch: TextBatch, bracketed: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which texts to ask the patterns about, bool [n]: those with a pair of characters that one of
    them needs, and of the texts at `bracketed`, which have brackets, those with empty ones.
    """
    anywhere, starts, marks = _triggers()
    out = np.zeros(len(batch), np.bool_)
    _suspects(batch.points, batch.offsets, anywhere, starts, marks, out)
    _holds_empty(batch.points, batch.offsets, bracketed, marks, out)
    return out
