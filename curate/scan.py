"""One compiled look over a batch's characters: what is in each text, and what might need doing to it.

`scan` returns, for every text, a count per character class (the cheap half of all measures) and a
set of flags. A rewrite names the flags that could concern it, so regular expressions, OpenCC and
Unicode normalisation touch only the few documents where they can change something.
Flags are hints that may be set needlessly but are never missing.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.textbatch import TextBatch


class CharClass(IntEnum):
    """Disjoint classes of characters; `Scan.counts[:, CharClass.HAN]` counts ideographs."""

    HAN = 0
    LATIN = 1
    """Letters of the Latin script, full-width ones included."""
    DIGIT = 2
    """Decimal digits, full-width ones included."""
    KANA = 3
    HANGUL = 4
    LETTER = 5
    """Letters of any other script."""
    PUNCT_CJK = 6
    """Punctuation used in Chinese typesetting: full-width forms, 、。《》「」, “”‘’…—·."""
    PUNCT = 7
    """All other punctuation, ASCII's included."""
    SYMBOL = 8
    SPACE = 9
    """Blanks other than line ends."""
    NEWLINE = 10
    INVISIBLE = 11
    """Control and format characters, unassigned and private-use code points."""
    MARK = 12
    """Combining marks."""
    REPLACEMENT = 13
    """U+FFFD: a character some earlier program could not read."""


class Flag(IntFlag):
    """What a text contains that some rewrite may care about."""

    INVISIBLE = 1 << 0
    """Control, zero-width, format, private-use or unassigned code points."""
    WIDE_ALNUM = 1 << 1
    """Full-width letters or digits."""
    BLANK = 1 << 2
    """Blanks other than U+0020: U+3000, no-break spaces, tabs."""
    CARRIAGE = 1 << 3
    """Carriage returns and other line ends than U+000A."""
    COMPOSE = 1 << 4
    """Characters that NFC might change or combine."""
    MARKUP = 1 << 5
    """`<` or `&`."""
    BACKSLASH = 1 << 6
    TRADITIONAL = 1 << 7
    """Characters that OpenCC's t2s would change on their own, and 著."""
    HIGH_LATIN = 1 << 8
    """Latin-1 letters and the characters of Windows-1252's 0x80-0x9F: possible mojibake."""
    RARE_HAN = 1 << 9
    """Han characters outside GB2312: possible GBK mojibake, traditional text, or rare names."""
    REPLACEMENT = 1 << 10
    SPACE_RUN = 1 << 11
    """Two blanks in a row, or a blank at a line's start or end."""
    HAN_SPACE = 1 << 12
    """A blank next to a Han character or Chinese punctuation."""
    REPEAT = 1 << 13
    """The same punctuation mark or symbol three times in a row."""
    EMPTY_BRACKETS = 1 << 14
    """An opening bracket followed, blanks and punctuation aside, by its closing one."""
    NEWLINE_RUN = 1 << 15
    """Three line ends in a row, or one at either end of the text."""
    SIMPLIFIED = 1 << 16
    """Characters that exist only in simplified script."""
    NEWLINE = 1 << 17
    BRACKET = 1 << 18
    """`[` or a full-width or Chinese bracket that wiki markup uses."""
    KANA = 1 << 19
    DIGIT = 1 << 20
    LATIN = 1 << 21


_CJK_PUNCT_EXTRA = "“”‘’…—·–‧•"
_OPEN = "（([【〔《〈「『"
_CLOSE = "）)]】〕》〉」』"


def _is_han(code: int) -> bool:
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0x20000 <= code <= 0x323AF
        or 0xF900 <= code <= 0xFAFF
        or 0x2F800 <= code <= 0x2FA1F
        or code in (0x3007, 0x3005)
    )


def _char_class(code: int) -> CharClass:
    char = chr(code)
    category = unicodedata.category(char)
    if code == 0xFFFD:
        return CharClass.REPLACEMENT
    if code in (0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029):
        return CharClass.NEWLINE
    if code == 0x09 or category == "Zs":
        return CharClass.SPACE
    if _is_han(code):
        return CharClass.HAN
    if 0x3040 <= code <= 0x30FF and category[0] in "LM" or 0x31F0 <= code <= 0x31FF or 0xFF66 <= code <= 0xFF9F:
        return CharClass.KANA
    if 0xAC00 <= code <= 0xD7A3 or 0x1100 <= code <= 0x11FF or 0x3131 <= code <= 0x318E:
        return CharClass.HANGUL
    if category == "Nd":
        return CharClass.DIGIT
    if category[0] == "L":
        latin = code < 0x250 or 0x1E00 <= code <= 0x1EFF or 0xFF21 <= code <= 0xFF5A
        return CharClass.LATIN if latin else CharClass.LETTER
    if category[0] == "P" or (0xFF01 <= code <= 0xFF65):
        cjk = 0x3000 <= code <= 0x303F or 0xFE10 <= code <= 0xFE4F or 0xFF00 <= code <= 0xFF65
        return CharClass.PUNCT_CJK if cjk or char in _CJK_PUNCT_EXTRA else CharClass.PUNCT
    if category[0] == "M":
        return CharClass.MARK
    if category[0] == "C":
        return CharClass.INVISIBLE
    return CharClass.SYMBOL


@cache
def han_conversions() -> tuple[frozenset[str], frozenset[str]]:
    """(traditional, simplified): Han characters that OpenCC's t2s, and s2t, change on their own.

    A character on both sides (such as 后 or 干, simplified of one character and traditional of
    another) is evidence of neither and appears in no set; it is for OpenCC's phrases to judge.
    """
    import opencc

    ranges = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2EBE0)]
    every = [chr(c) for a, b in ranges for c in range(a, b + 1)]
    # One character a line, so that no phrase can match across characters.
    lines = "\n".join(every)
    to_simplified = opencc.OpenCC("t2s").convert(lines).split("\n")
    to_traditional = opencc.OpenCC("s2t").convert(lines).split("\n")
    traditional = {a for a, b in zip(every, to_simplified, strict=True) if a != b}
    simplified = {a for a, b in zip(every, to_traditional, strict=True) if a != b}
    return frozenset(traditional - simplified), frozenset(simplified - traditional)


@cache
def _table() -> NDArray[np.uint32]:
    """uint32 [0x110000]: class in the low 5 bits, `Flag` bits shifted left by 5."""
    n = 0x110000
    table = np.full(n, int(CharClass.INVISIBLE), np.uint32)
    flags = np.zeros(n, np.uint32)
    # Planes 4 to 16 hold nothing but private use and unassigned code points (and U+E0xxx tags).
    for code in range(0x40000):
        table[code] = _char_class(code)
        if not unicodedata.is_normalized("NFC", chr(code)) or unicodedata.combining(chr(code)):
            flags[code] |= np.uint32(Flag.COMPOSE)
    for start, end in ((0x1160, 0x1200), (0x0300, 0x0370), (0x3099, 0x309B)):
        flags[start:end] |= np.uint32(Flag.COMPOSE)
    flags[table == CharClass.MARK] |= np.uint32(Flag.COMPOSE)
    flags[table == CharClass.INVISIBLE] |= np.uint32(Flag.INVISIBLE)
    flags[table == CharClass.KANA] |= np.uint32(Flag.KANA)
    flags[table == CharClass.DIGIT] |= np.uint32(Flag.DIGIT)
    flags[table == CharClass.LATIN] |= np.uint32(Flag.LATIN)
    for start, end in ((0xFF10, 0xFF1A), (0xFF21, 0xFF3B), (0xFF41, 0xFF5B)):
        flags[start:end] |= np.uint32(Flag.WIDE_ALNUM)
    blank = np.flatnonzero(table == CharClass.SPACE)
    flags[blank[blank != 0x20]] |= np.uint32(Flag.BLANK)
    for code in (0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029):
        flags[code] |= np.uint32(Flag.CARRIAGE)
    flags[0x0A] |= np.uint32(Flag.NEWLINE)
    for char in "<&":
        flags[ord(char)] |= np.uint32(Flag.MARKUP)
    flags[ord("\\")] |= np.uint32(Flag.BACKSLASH)
    for char in "[【〔":
        flags[ord(char)] |= np.uint32(Flag.BRACKET)
    flags[0x80:0x100] |= np.uint32(Flag.HIGH_LATIN)
    for byte in range(0x80, 0xA0):
        try:
            flags[ord(bytes([byte]).decode("cp1252"))] |= np.uint32(Flag.HIGH_LATIN)
        except UnicodeDecodeError:
            continue
    # Chinese text is full of “”‘’…—· which sit in Windows-1252 too: no evidence of anything.
    for char in "“”‘’…—·–•×÷°±":
        flags[ord(char)] &= ~np.uint32(Flag.HIGH_LATIN)
    flags[0xFFFD] |= np.uint32(Flag.REPLACEMENT)
    for code in np.flatnonzero(table == CharClass.HAN):
        try:
            chr(code).encode("gb2312")
        except UnicodeEncodeError:
            flags[code] |= np.uint32(Flag.RARE_HAN)
    traditional, simplified = han_conversions()
    for char in traditional | {"著"}:
        flags[ord(char)] |= np.uint32(Flag.TRADITIONAL)
    for char in simplified:
        flags[ord(char)] |= np.uint32(Flag.SIMPLIFIED)
    return table | (flags << np.uint32(5))


@njit(cache=True, nogil=True)
def _scan(points, offsets, table, opens, closes, counts, out_flags):  # type: ignore[no-untyped-def]
    space_run = np.uint32(1 << 11)
    han_space = np.uint32(1 << 12)
    repeat = np.uint32(1 << 13)
    empty_brackets = np.uint32(1 << 14)
    newline_run = np.uint32(1 << 15)
    for d in range(len(offsets) - 1):
        flags = np.uint32(0)
        previous = np.uint32(10)  # the text's start counts as a line end
        last = np.uint32(0)
        run = 0
        newlines = 1
        opened = np.uint32(0)  # the bracket that could still close with nothing inside it
        for i in range(offsets[d], offsets[d + 1]):
            c = points[i]
            entry = table[c]
            kind = entry & np.uint32(31)
            flags |= entry >> np.uint32(5)
            counts[d, kind] += 1
            run = run + 1 if c == last else 1
            if kind == 9:
                if previous == 9 or previous == 10:
                    flags |= space_run
                elif previous == 0 or previous == 6:
                    flags |= han_space
            elif kind == 10:
                if previous == 9:
                    flags |= space_run
                newlines += 1
                if newlines >= 3 or i == offsets[d]:
                    flags |= newline_run
            else:
                newlines = 0
                if previous == 9 and (kind == 0 or kind == 6):
                    flags |= han_space
                if kind == 6 or kind == 7 or kind == 8:
                    if run >= 3:
                        flags |= repeat
                    closed = False
                    for b in range(len(opens)):
                        if c == opens[b]:
                            opened = closes[b]
                            closed = True
                        elif c == opened and c == closes[b]:
                            flags |= empty_brackets
                            closed = True
                    if not closed and kind == 8:
                        opened = np.uint32(0)
                else:
                    opened = np.uint32(0)
            last = c
            previous = kind
        if offsets[d + 1] > offsets[d]:
            if previous == 9:
                flags |= space_run
            elif previous == 10:
                flags |= newline_run
        out_flags[d] = flags


@dataclass(frozen=True)
class Scan:
    """Result of `scan`: counts int32 [n, len(CharClass)], flags uint32 [n]."""

    counts: NDArray[np.int32]
    flags: NDArray[np.uint32]

    def having(self, wanted: int) -> NDArray[np.int64]:
        """Indices of the texts that carry any of the wanted flags."""
        return np.flatnonzero(self.flags & np.uint32(wanted))


_OPENS = np.array([ord(c) for c in _OPEN], np.uint32)
_CLOSES = np.array([ord(c) for c in _CLOSE], np.uint32)


def scan(batch: TextBatch) -> Scan:
    """Character-class counts and flags of every text in the batch."""
    counts = np.zeros((len(batch), len(CharClass)), np.int32)
    flags = np.zeros(len(batch), np.uint32)
    _scan(batch.points, batch.offsets, _table(), _OPENS, _CLOSES, counts, flags)
    return Scan(counts, flags)
