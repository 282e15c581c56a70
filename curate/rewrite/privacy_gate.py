"""Where in a batch personal data could be: one compiled look that leaves little for patterns.

A window is a stretch of one text around a run of digits long enough, an `@`, a word that introduces
an account or a document, a number plate's first two characters, or groups of hex digits. Windows
are hints: they may hold nothing, but nothing that `curate.rewrite.privacy_patterns` finds in the
whole text lies outside them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.rewrite.privacy_numbers import PROVINCES
from curate.textbatch import TextBatch

_DIGIT, _JOINT, _AT, _BRACKET, _COLON, _PROVINCE, _WORD, _CALLING = (1 << i for i in range(8))
_HEX = 1 << 8
_LETTER = 1 << 9

_BEFORE = 40
_AFTER = 72
_ASCII_RUN = 400
"""Most characters of an unbroken run of ASCII that a window goes on for."""


@cache
def _table() -> NDArray[np.uint16]:
    """uint16 [0x10000]: what each character may begin or belong to."""
    table = np.zeros(0x10000, np.uint16)
    for bit, chars in (
        (_DIGIT, "0123456789"),
        (_JOINT, " -.()（）+＋‐‑–—－"),
        (_AT, "@＠"),
        (_BRACKET, "[(（【"),
        (_COLON, ":-"),
        (_PROVINCE, PROVINCES),
        # Last characters of the words that introduce a number or a name.
        (_WORD, "信xXvV微照证證tTnNqQ扣鹅群"),
        (_CALLING, "话話机機线線真询詢系络絡服码碼电電拨撥lLeExXpP号號"),
        (_HEX, "0123456789abcdefABCDEF"),
        (_LETTER, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ):
        table[[ord(c) for c in chars]] |= bit
    table.flags.writeable = False
    return table


@njit(inline="always")
def _kind(points, i, table):  # type: ignore[no-untyped-def]
    c = points[i]
    return table[c] if c < 0x10000 else np.uint16(0)


@njit(cache=True, nogil=True)
def _number_end(points, i, end, table):  # type: ignore[no-untyped-def]
    """End of the digits and their joints from `i` on, and whether they are enough to look at."""
    total = longest = run = groups = dots = 0
    first = 0
    j = i
    while j < end:
        kind = _kind(points, j, table)
        if kind & _DIGIT:
            run += 1
            total += 1
            j += 1
            continue
        longest = max(longest, run)
        groups += 1
        if groups == 1:
            first = run
        run = 0
        k = j
        while k < end and k - j < 3 and _kind(points, k, table) & _JOINT:
            k += 1
        if k == j or k - j >= 3 or k >= end or not _kind(points, k, table) & _DIGIT:
            break
        dots += points[j] == 0x2E and k == j + 1
        j = k
    if run:
        longest = max(longest, run)
        groups += 1
    local = groups == 2 and longest == 4 and first >= 3 and total >= 7
    if groups > 1:
        return j, longest >= 7 or total >= 10 or dots >= 3, local
    # Most unbroken runs are an id or a time: what they begin with leaves little that they could be.
    digit = points[i] - np.uint32(0x30)
    trunk = digit == 0 or digit == 8  # area codes, 09…, 86…, 886…, 852…, 800…
    # Taiwan's identity numbers: a letter, 1 or 2, eight digits.
    lettered = i > 0 and _kind(points, i - 1, table) & _LETTER and (digit == 1 or digit == 2)
    enough = (
        total >= 14
        or (total == 9 and lettered)
        or (total >= 9 and trunk)
        or (total == 10 and digit == 4)
        or (total == 11 and digit == 1)
    )
    return j, enough, 7 <= total <= 8


_PASSPORT, _WECHAT, _WEIXIN = (
    np.array([ord(c) for c in word], np.uint32) for word in ("passport", "wechat", "weixin")
)


@njit(inline="always")
def _ends_in(points, i, start, word):  # type: ignore[no-untyped-def]
    """Whether `word` ends at `i`, in letters of either case."""
    at = i - len(word) + 1
    if at < start:
        return False
    for k in range(len(word)):  # noqa: SIM110 (compiled)
        if points[at + k] | np.uint32(0x20) != word[k]:
            return False
    return True


@njit(cache=True, nogil=True)
def _word_ends(points, i, start, end, table):  # type: ignore[no-untyped-def]
    """Whether the character at `i` ends a word that introduces an account or a document."""
    c = points[i]
    p = points[i - 1] if i > start else np.uint32(0)
    if c == 0x4FE1:  # 微信 薇信 威信 V信
        if p == 0x20 and i > start + 1:
            p = points[i - 2]
        return p == 0x5FAE or p == 0x8587 or p == 0x5A01 or p == 0x56 or p == 0x76
    if c == 0x58 or c == 0x78:  # vx, wx
        return p == 0x56 or p == 0x76 or p == 0x57 or p == 0x77
    if c == 0x56 or c == 0x76 or c == 0x5FAE:  # 加V, 加微, V:
        j = i + 2 if i + 1 < end and points[i + 1] == 0x20 else i + 1
        if c != 0x5FAE and j < end and (points[j] == 0x3A or points[j] == 0xFF1A):
            return True
        return p == 0x52A0 or p == 0x2B or p == 0xFF0B
    if c == 0x7167:  # 护照
        return p == 0x62A4 or p == 0x8B77
    if c == 0x8BC1 or c == 0x8B49:  # 通行证, 台胞证
        return p == 0x884C or p == 0x80DE
    if c == 0x74 or c == 0x54:  # passport, wechat
        return _ends_in(points, i, start, _PASSPORT) or _ends_in(points, i, start, _WECHAT)
    if c == 0x6E or c == 0x4E:
        return _ends_in(points, i, start, _WEIXIN)
    # QQ, 扣扣, 企鹅号, 群号: the number follows soon.
    for j in range(i + 1, min(i + 12, end)):  # noqa: SIM110 (compiled)
        if _kind(points, j, table) & _DIGIT:
            return True
    return False


@njit(cache=True, nogil=True)
def _hex_groups(points, i, end, table):  # type: ignore[no-untyped-def]
    """End of the run of hex digits and colons (or hyphens) from `i` on; whether three are in it."""
    sign = points[i]
    count = 0
    b = i
    while b < end and (points[b] == sign or _kind(points, b, table) & _HEX):
        count += points[b] == sign
        b += 1
    return b, count >= 3


@njit(cache=True, nogil=True)
def _windows(points, offsets, wanted, table, out):  # type: ignore[no-untyped-def]
    """Fills out [k, 3] with text, start and end (positions in `points`); returns how many there
    are, which may be more than there is room for.
    """
    n = 0
    plain = np.uint16(_HEX | _LETTER | _JOINT | _CALLING)
    for d in wanted:
        start = offsets[d]
        end = offsets[d + 1]
        last = start  # the end of this text's last window
        fresh = True
        i = start
        while i < end:
            kind = _kind(points, i, table)
            if kind & ~plain == 0:
                i += 1
                continue
            at = i
            after = i + 1
            hit = False
            if kind & _DIGIT:
                after, hit, local = _number_end(points, i, end, table)
                if local and not hit:
                    for j in range(max(start, i - 12), i):
                        hit = hit or _kind(points, j, table) & _CALLING != 0
                if not hit:  # the joints may be those of something else
                    after = i + 1
                    while after < end and _kind(points, after, table) & _DIGIT:
                        after += 1
            elif kind & _AT:
                hit = True
            elif kind & _PROVINCE:
                hit = i + 6 < end and (points[i + 1] | np.uint32(0x20)) - np.uint32(
                    0x61
                ) < np.uint32(26)
            if not hit and kind & _WORD:
                hit = _word_ends(points, i, start, end, table)
            if not hit and kind & _BRACKET:
                j = i + 1 if i + 1 < end and points[i + 1] == 0x20 else i
                hit = (
                    j + 2 < end
                    and points[j + 1] | np.uint32(0x20) == 0x61
                    and points[j + 2] | np.uint32(0x20) == 0x74
                )
            grouped = not hit and kind & _COLON and i > start
            if grouped and (points[i - 1] == points[i] or _kind(points, i - 1, table) & _HEX):
                run_end, hit = _hex_groups(points, i, end, table)
                after = run_end if hit else after
            i = after
            if not hit:
                continue
            a = max(last, at - _BEFORE)
            stop = max(last, a - _ASCII_RUN)
            while a > stop and points[a - 1] - np.uint32(0x21) < np.uint32(0x5E):
                a -= 1
            b = min(end, after + _AFTER)
            stop = min(end, b + _ASCII_RUN)
            while b < stop and points[b] - np.uint32(0x21) < np.uint32(0x5E):
                b += 1
            if not fresh and a <= last:
                if n <= len(out):
                    out[n - 1, 2] = max(out[n - 1, 2], b)
            else:
                if n < len(out):
                    out[n, 0] = d
                    out[n, 1] = a
                    out[n, 2] = b
                n += 1
            fresh = False
            last = max(last, b)
    return n


def windows(batch: TextBatch, texts: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64 [k, 3]: text, start and end of every stretch worth a look, in order.

    Start and end are positions in `batch.points`; stretches of one text do not overlap.
    """
    out = np.empty((1024, 3), np.int64)
    while True:
        count = _windows(batch.points, batch.offsets, texts, _table(), out)
        if count <= len(out):
            return out[:count]
        out = np.empty((count, 3), np.int64)
