r"""A compiled look for escapes: which texts have any, and where nothing could be meant otherwise.

Most texts with escapes were sent as one line: `\n` stands in them a few times and nothing of what
`curate.rewrite.escapes` keeps (paths, commands, strings, code) is anywhere near. Those are put
right here; the patterns look at the others.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.textbatch import TextBatch

NONE, PLAIN, UNCLEAR = 0, 1, 2
"""No escape; escapes that mean what they say, all of them; what the patterns have to see."""

_OPENER, _CLOSER, _NAMER, _AFTER_NAMED, _STOP, _SECOND = (1 << i for i in range(6))


@cache
def _table() -> NDArray[np.uint8]:
    """uint8 [0x10000]: what a character beside an escape or a quotation mark makes of it."""
    table = np.zeros(0x10000, np.uint8)
    for bit, chars in (
        (_OPENER, "(=,+<[{%（"),
        (_CLOSER, ");+]},%）"),
        (_NAMER, "用把将以按"),
        # 表示 替换 字符 换行 分割 分隔 作为 拆分 连接: their first characters, and their second.
        (_AFTER_NAMED, "表替字换分作拆连"),
        (_SECOND, "示换符行割隔为分接"),
        # Characters that need a closer look, besides the backslash: see _class_of.
        (_STOP, "`\"'&“[]\n\\eEkKxXhHıİſ\u212a符义则杠线 "),
    ):
        table[[ord(c) for c in chars]] |= bit
    table.flags.writeable = False
    return table


_NEWLINE, _LINE_BREAK, _ESCAPE, _EXPRESSION, _REGEX, _BACKSLASH = (
    np.array([ord(c) for c in word], np.uint32)
    for word in ("newline", "line break", "escape ", "regular ex", "regex", "backslash")
)


@njit(cache=True, nogil=True)
def _ends_in(points, i, start, word):  # type: ignore[no-untyped-def]
    """Whether `word`, letters of either case, ends at `i`."""
    at = i - len(word) + 1
    if at < start:
        return False
    for k in range(len(word)):
        c = points[at + k]
        if c != word[k] and (c | np.uint32(0x20)) != word[k]:
            return False
    return True


@njit(cache=True, nogil=True, inline="always")
def _kind(points, i, start, end, table):  # type: ignore[no-untyped-def]
    return table[points[i]] if start <= i < end and points[i] < 0x10000 else np.uint8(0)


@njit(cache=True, nogil=True, inline="always")
def _is_word(c):  # type: ignore[no-untyped-def]
    return 0x30 <= c <= 0x39 or 0x41 <= c <= 0x5A or 0x61 <= c <= 0x7A or c == 0x5F


@njit(cache=True, nogil=True, inline="always")
def _is_space(c):  # type: ignore[no-untyped-def]
    return c == 0x20 or 0x09 <= c <= 0x0D


@njit(cache=True, nogil=True)
def _prints(points, i, start):  # type: ignore[no-untyped-def]
    """Whether before the quotation mark at `i` may stand the name of a function that prints."""
    j = i - 1
    while j >= start and (
        _is_space(points[j]) or points[j] == 0x28 or points[j] == 0xFF08 or points[j] == 0x3C
    ):
        j -= 1
    if j <= start:
        return False
    a, b = points[j - 1], points[j]
    return (
        (b == 0x66 and a == 0x74)  # printf
        or (b == 0x74 and (a == 0x6E or a == 0x75))  # print, cout
        or (b == 0x6E and a == 0x6C)  # println
        or (b == 0x6B and a == 0x74)  # printk
        or (b == 0x72 and a == 0x72)  # cerr
        or (b == 0x6F and a == 0x68)  # echo
        or (b == 0x73 and a == 0x74)  # puts
        or (b == 0x65 and a == 0x74)  # write
        or (b == 0x5370 and a == 0x6253)  # 打印
    )


@njit(cache=True, nogil=True)
def _escape_end(points, i, end):  # type: ignore[no-untyped-def]
    r"""Where `\n`, `\r`, `\t` or `\r\n` at `i` ends; `i` where there is something else."""
    if i + 1 >= end:
        return i
    c = points[i + 1]
    if c == 0x72 and i + 3 < end and points[i + 2] == 0x5C and points[i + 3] == 0x6E:
        return i + 4
    return i + 2 if c == 0x6E or c == 0x72 or c == 0x74 else i


@njit(cache=True, nogil=True)
def _stands_alone(points, i, j, start, end, table):  # type: ignore[no-untyped-def]
    """Whether what is beside the escape points[i:j] leaves no doubt about it."""
    before = points[i - 1] if i > start else np.uint32(10)
    if before == 0x7B or before == 0x2F:  # { /
        return False
    place = i - 2 if before == 0x20 else i - 1
    if _kind(points, place, start, end, table) & _NAMER:
        return False
    if j >= end:
        return True
    c = points[j]
    after = points[j + 1] if j + 1 < end else np.uint32(10)
    if 0x61 <= c <= 0x7A or c == 0x56 or c == 0x7C:  # commands; \rVert; |
        return False
    if c == 0x3F:  # ?
        return False
    if c == 0x2B or c == 0x2A:  # +) *" and so on
        return not (
            after == 0x29
            or after == 0x5D
            or after == 0x5C
            or after == 0x2F
            or after == 0x22
            or after == 0x27
            or after == 0x24
            or after == 0x7C
        )
    if c == 0x22 or c == 0x27 or c == 0x201D or c == 0x2019:
        return j + 1 < end and _is_word(after)
    place = j + 1 if c == 0x20 else j
    named = _kind(points, place, start, end, table) & _AFTER_NAMED
    return not (named and _kind(points, place + 1, start, end, table) & _SECOND)


@njit(cache=True, nogil=True)
def _opened(points, i, start, end, table):  # type: ignore[no-untyped-def]
    """Whether the quotation mark at `i` follows an operator, an opening bracket or `":`."""
    j = i - 1
    if j > start and points[j] == 0x20:
        j -= 1
    if j > start and points[j] == 0x3A:  # ":
        return points[j - 1] == 0x22
    return (_kind(points, j, start, end, table) & _OPENER) != 0


@njit(cache=True, nogil=True)
def _closed(points, i, start, end, table):  # type: ignore[no-untyped-def]
    """Whether the quotation mark at `i` comes before an operator or a closing bracket."""
    j = i + 1
    while j < end and _is_space(points[j]):
        j += 1
    return (_kind(points, j, start, end, table) & _CLOSER) != 0


@njit(cache=True, nogil=True)
def _is_about_escapes(points, i, start):  # type: ignore[no-untyped-def]
    """Whether at `i` ends a word that texts about escapes use, or the part of it that tells."""
    c = points[i]
    before = points[i - 1] if i > start else np.uint32(0)
    low = c | np.uint32(0x20)
    if low == 0x65:
        return before | 0x20 == 0x6E and _ends_in(points, i, start, _NEWLINE)
    if low == 0x20:
        return before | 0x20 == 0x65 and _ends_in(points, i, start, _ESCAPE)
    if low == 0x6B:
        return _ends_in(points, i, start, _LINE_BREAK)
    if low == 0x68:
        return before | 0x20 == 0x73 and _ends_in(points, i, start, _BACKSLASH)
    if low == 0x78:
        return _ends_in(points, i, start, _REGEX) or _ends_in(points, i, start, _EXPRESSION)
    if c == 0x7B26:  # 换行符 回车符 制表符
        return before == 0x884C or before == 0x8F66 or before == 0x8868
    if c == 0x4E49:  # 转义
        return before == 0x8F6C
    if c == 0x5219:  # 正则
        return before == 0x6B63
    if c == 0x6760 or c == 0x7EBF:  # 反斜杠 反斜线
        return before == 0x659C
    return c == 0x130 or c == 0x131 or c == 0x17F or c == 0x212A  # i, s and k to IGNORECASE


@njit(cache=True, nogil=True)
def _class_of(points, start, end, table):  # type: ignore[no-untyped-def]
    """(class of the text, its escapes)."""
    escapes = 0
    slashes = 0  # backslashes so far
    double = single = bracket = np.int64(-1)  # the last " and ' and [ of this line
    double_slashes = single_slashes = bracket_slashes = 0  # `slashes` there
    plain = True
    i = start
    while i < end:
        c = points[i]
        kind = table[c] if c < 0x10000 else np.uint8(0)
        if not kind & _STOP:
            i += 1
            continue
        if c == 0x5C:
            if i > start and points[i - 1] == 0x5C:  # an escaped backslash
                plain = False
                i += 1
                continue
            j = _escape_end(points, i, end)
            if j > i:
                escapes += 1
            elif i + 3 < end and (points[i + 1] == 0x75 or points[i + 1] == 0x78):
                escapes += 1  # perhaps \u3000 or \xa0
            if j == i or not _stands_alone(points, i, j, start, end, table):
                plain = False
            slashes += 1
            i = max(j, i + 1)
            continue
        if c == 10 or c == 0x20:
            if c == 10:
                double = single = np.int64(-1)
            bracket = np.int64(-1)
        elif c == 0x5B:
            bracket = i
            bracket_slashes = slashes
        elif c == 0x5D:
            if bracket >= 0 and bracket_slashes < slashes:
                plain = False
            bracket = np.int64(-1)
        elif c == 0x22 or c == 0x27:
            last = double if c == 0x22 else single
            passed = slashes - (double_slashes if c == 0x22 else single_slashes)
            if last >= 0 and passed:
                in_word = last > start and _is_word(points[last - 1])
                if _opened(points, last, start, end, table) or (
                    not in_word and _closed(points, i, start, end, table)
                ):
                    plain = False
            if _prints(points, i, start):
                plain = False
            if c == 0x22:
                double, double_slashes = i, slashes
            else:
                single, single_slashes = i, slashes
        elif c == 0x201C:
            if _opened(points, i, start, end, table) or _prints(points, i, start):
                plain = False
        elif c == 0x60:
            plain = False
        elif c == 0x26:  # &quot; &#39;
            after = points[i + 1] if i + 1 < end else np.uint32(0)
            if after == 0x71 or after == 0x23:
                plain = False
        i += 1
        if plain and (c >= 0x41 or c == 0x20) and _is_about_escapes(points, i - 1, start):
            plain = False
    if escapes == 0:
        return NONE, 0
    return (PLAIN if plain else UNCLEAR), escapes


@njit(cache=True, nogil=True)
def _classes(points, offsets, indices, table, classes, escapes):  # type: ignore[no-untyped-def]
    for k in range(len(indices)):
        start, end = offsets[indices[k]], offsets[indices[k] + 1]
        classes[k], escapes[k] = _class_of(points, start, end, table)


def classes(
    batch: TextBatch, indices: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    r"""(class, number of escapes) of the texts at `indices`: NONE, PLAIN or UNCLEAR.

    In a PLAIN text every backslash begins one of `\n`, `\r`, `\t` and `\r\n`, none is kept by
    what stands around it, none is followed by a small letter, and no word says that the text is
    about escapes. Whether it looks like code is another question.
    """
    found = np.zeros(len(indices), np.uint8)
    escapes = np.zeros(len(indices), np.int32)
    _classes(batch.points, batch.offsets, indices, _table(), found, escapes)
    return found, escapes


@njit(cache=True, nogil=True)
def fill(points, offsets, wanted, out, out_offsets):  # type: ignore[no-untyped-def]
    """Kernel of `curate.rewrite.kernel`: the escapes of PLAIN texts as what they mean."""
    k = 0
    for n in range(len(wanted)):
        i, end = offsets[wanted[n]], offsets[wanted[n] + 1]
        while i < end:
            c = points[i]
            if c == 0x5C:
                c = np.uint32(9) if points[i + 1] == 0x74 else np.uint32(10)
                i = _escape_end(points, i, end)
            else:
                i += 1
            out[k] = c
            k += 1
        out_offsets[n + 1] = k
