"""What is known of every code point: its class, the flags it raises, its canonical composition.

The facts come from Python's own Unicode tables, from GB2312 and from OpenCC's dictionaries. Kernels
read them as arrays indexed by code point.
"""

from __future__ import annotations

import importlib.metadata
import unicodedata
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.tables import Tables, stored


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
    """Control, zero-width, format, private-use or unassigned code points, variation selectors."""
    WIDE_ALNUM = 1 << 1
    """Full-width letters or digits."""
    BLANK = 1 << 2
    """Blanks other than U+0020: U+3000, no-break spaces, tabs."""
    CARRIAGE = 1 << 3
    """Carriage returns and other line ends than U+000A."""
    COMPOSE = 1 << 4
    """Characters that NFC might change, combine or put in another order."""
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


OPENING = "（([【〔《〈「『"
CLOSING = "）)]】〕》〉」』"

_ALL = 0x110000
_ASSIGNED = 0x40000
"""Above it there are only private-use and unassigned code points, tags and variation selectors."""
_CJK_PUNCT_EXTRA = "“”‘’…—·–‧•"
_LINE_ENDS = (0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029)
_UNSEEN = (0x034F, 0x17B4, 0x17B5, 0x3164, 0xFFA0, 0xFFFC)
"""Fillers, joiners without a glyph and U+FFFC (the place of an image), which Unicode's categories
count as letters, marks or symbols."""
_SEEN = (0x0600, 0x0601, 0x0602, 0x0603, 0x0604, 0x0605, 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2)
"""Arabic and Syriac number signs: format characters with a visible glyph (property
Prepended_Concatenation_Mark)."""


@dataclass(frozen=True)
class Characters:
    """Read-only arrays; `code` is a code point."""

    entries: NDArray[np.uint32]
    """[0x110000]: `CharClass` in the low 5 bits, `Flag` bits shifted left by 5. EMPTY_BRACKETS
    marks the brackets themselves."""
    traditional: NDArray[np.uint32]
    simplified: NDArray[np.uint32]
    """Sorted code points of the two sets of `han_conversions`."""
    combining: NDArray[np.uint8]
    """[0x30000]: canonical combining class."""
    decomposition: NDArray[np.uint32]
    decomposition_start: NDArray[np.int32]
    """[0x30000 + 1]: the full canonical decomposition of `code`, if it has one, is
    `decomposition[decomposition_start[code]:decomposition_start[code + 1]]`; Hangul is left to
    arithmetic."""
    first: NDArray[np.int16]
    second: NDArray[np.int16]
    """[0x30000]: row and column of `code` in `composites`, or -1."""
    composites: NDArray[np.uint32]
    """[firsts, seconds]: the primary composite of a pair, or 0."""


@cache
def characters() -> Characters:
    """The tables, from the user's cache folder or built anew (about half a second)."""
    versions = {
        "unicode": unicodedata.unidata_version,
        "opencc": importlib.metadata.version("opencc"),
        "numpy": np.__version__,
    }
    tables = stored("characters", _built, [__file__], versions)
    low = tables.pop("entries_low")
    entries = np.full(_ALL, low[-1], np.uint32)  # the last one is unassigned, as all above it
    entries[: len(low)] = low
    entries.flags.writeable = False
    return Characters(entries=entries, **tables)


@cache
def han_conversions() -> tuple[frozenset[str], frozenset[str]]:
    """(traditional, simplified): Han characters that OpenCC's t2s, and s2t, change on their own.

    A character that both change (such as 藴) is evidence of neither and appears in no set. 后, 里
    or 干, simplified of one character and also a traditional character of their own, are among the
    simplified: alone they prove little.
    """
    known = characters()
    return (
        frozenset(map(chr, known.traditional.tolist())),
        frozenset(map(chr, known.simplified.tolist())),
    )


def _built() -> Tables:
    traditional, simplified = _conversions()
    canonical = _canonical()
    kinds = _classes()
    flags = _flags(kinds, traditional, simplified)
    not_inert = canonical["combining"] != 0
    not_inert |= canonical.pop("unstable")
    flags[: len(not_inert)][not_inert] |= np.uint32(Flag.COMPOSE)
    return {
        "entries_low": kinds | (flags << np.uint32(5)),
        "traditional": traditional,
        "simplified": simplified,
        **canonical,
    }


def _between(codes: NDArray[np.uint32], *ranges: tuple[int, int]) -> NDArray[np.bool_]:
    inside = np.zeros(len(codes), np.bool_)
    for start, end in ranges:
        inside |= (codes >= start) & (codes <= end)
    return inside


def _classes() -> NDArray[np.uint32]:
    """uint32 [0x40000]: the class of each code point."""
    codes = np.arange(_ASSIGNED, dtype=np.uint32)
    category = np.frombuffer(
        "".join(map(unicodedata.category, map(chr, range(_ASSIGNED)))).encode(), "S2"
    )
    major = category.view("S1")[::2]
    kinds = np.full(_ASSIGNED, int(CharClass.SYMBOL), np.uint32)

    def set_where(where: Any, kind: CharClass) -> None:
        kinds[where] = int(kind)

    # From the general to the particular: later lines win.
    set_where(major == b"C", CharClass.INVISIBLE)
    # Reserved for pictographs, so that newer emoji do not depend on Python's Unicode version.
    set_where(_between(codes, (0x1F000, 0x1FAFF)), CharClass.SYMBOL)
    set_where(major == b"M", CharClass.MARK)
    set_where((major == b"P") | _between(codes, (0xFF01, 0xFF65)), CharClass.PUNCT)
    cjk = _between(codes, (0x3000, 0x303F), (0xFE10, 0xFE4F), (0xFF00, 0xFF65))
    cjk[[ord(c) for c in _CJK_PUNCT_EXTRA]] = True
    set_where((kinds == CharClass.PUNCT) & cjk, CharClass.PUNCT_CJK)
    set_where(major == b"L", CharClass.LETTER)
    latin = _between(codes, (0, 0x24F), (0x1E00, 0x1EFF), (0xFF21, 0xFF5A))
    set_where((major == b"L") & latin, CharClass.LATIN)
    set_where(category == b"Nd", CharClass.DIGIT)
    set_where(
        _between(codes, (0xAC00, 0xD7A3), (0x1100, 0x11FF), (0x3131, 0x318E)), CharClass.HANGUL
    )
    kana = _between(codes, (0x3040, 0x30FF)) & ((major == b"L") | (major == b"M"))
    set_where(kana | _between(codes, (0x31F0, 0x31FF), (0xFF66, 0xFF9F)), CharClass.KANA)
    # Whole blocks, unassigned code points included: newer ideographs are ideographs.
    han = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x323AF), (0xF900, 0xFAFF))
    set_where(_between(codes, *han), CharClass.HAN)
    set_where([0x3005, 0x3007], CharClass.HAN)
    set_where(category == b"Zs", CharClass.SPACE)
    set_where(0x09, CharClass.SPACE)
    set_where(list(_LINE_ENDS), CharClass.NEWLINE)
    set_where(list(_SEEN), CharClass.SYMBOL)
    set_where(list(_UNSEEN), CharClass.INVISIBLE)
    set_where((codes & 0xFFFE) == 0xFFFE, CharClass.INVISIBLE)
    set_where(0xFFFD, CharClass.REPLACEMENT)
    return kinds


def _flags(
    kinds: NDArray[np.uint32], traditional: NDArray[np.uint32], simplified: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """uint32 [0x40000]: the `Flag` bits each code point raises, COMPOSE aside."""
    flags = np.zeros(len(kinds), np.uint32)

    def raise_at(where: Any, flag: Flag) -> None:
        flags[where] |= np.uint32(flag)

    for kind, flag in (
        (CharClass.INVISIBLE, Flag.INVISIBLE),
        (CharClass.KANA, Flag.KANA),
        (CharClass.DIGIT, Flag.DIGIT),
        (CharClass.LATIN, Flag.LATIN),
        (CharClass.SPACE, Flag.BLANK),
        (CharClass.NEWLINE, Flag.CARRIAGE),
        (CharClass.REPLACEMENT, Flag.REPLACEMENT),
    ):
        raise_at(kinds == kind, flag)
    flags[0x20] = 0
    flags[0x0A] = Flag.NEWLINE
    raise_at(slice(0xFE00, 0xFE10), Flag.INVISIBLE)
    for start, end in ((0xFF10, 0xFF1A), (0xFF21, 0xFF3B), (0xFF41, 0xFF5B)):
        raise_at(slice(start, end), Flag.WIDE_ALNUM)
    raise_at([ord(c) for c in "<&"], Flag.MARKUP)
    raise_at(ord("\\"), Flag.BACKSLASH)
    raise_at([ord(c) for c in "[【〔"], Flag.BRACKET)
    raise_at([ord(c) for c in OPENING + CLOSING], Flag.EMPTY_BRACKETS)
    raise_at(slice(0x80, 0x100), Flag.HIGH_LATIN)
    raise_at([ord(c) for c in bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")], Flag.HIGH_LATIN)
    # Chinese text is full of “”‘’…—· which sit in Windows-1252 too: no evidence of anything.
    flags[[ord(c) for c in "“”‘’…—·–•×÷°±"]] &= ~np.uint32(Flag.HIGH_LATIN)
    rows = bytes(b for high in range(0xA1, 0xFF) for low in range(0xA1, 0xFF) for b in (high, low))
    common = np.zeros(len(kinds), np.bool_)
    common[[ord(c) for c in rows.decode("gb2312", "ignore")]] = True
    raise_at((kinds == CharClass.HAN) & ~common, Flag.RARE_HAN)
    raise_at(traditional, Flag.TRADITIONAL)
    raise_at(ord("著"), Flag.TRADITIONAL)
    raise_at(simplified, Flag.SIMPLIFIED)
    return flags


def _conversions() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """The code points of `han_conversions`, sorted."""
    import opencc

    ranges = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2EBE0)]
    every = [chr(c) for a, b in ranges for c in range(a, b + 1)]
    # One character a line, so that no phrase can match across characters.
    lines = "\n".join(every)
    to_simplified = opencc.OpenCC("t2s").convert(lines).split("\n")
    to_traditional = opencc.OpenCC("s2t").convert(lines).split("\n")
    traditional = {ord(a) for a, b in zip(every, to_simplified, strict=True) if a != b}
    simplified = {ord(a) for a, b in zip(every, to_traditional, strict=True) if a != b}
    return (
        np.array(sorted(traditional - simplified), np.uint32),
        np.array(sorted(simplified - traditional), np.uint32),
    )


def _canonical() -> Tables:
    """Combining classes, decompositions and composites; `unstable`: NFC_Quick_Check is not Yes."""
    n = 0x30000  # no code point above has a decomposition or a combining class
    codes = [c for c in range(n) if c != 0x0A and not 0xD800 <= c < 0xE000]
    lines = "\n".join(map(chr, codes))
    composed = unicodedata.normalize("NFC", lines).split("\n")
    decomposed = unicodedata.normalize("NFD", lines).split("\n")
    unstable = np.zeros(n, np.bool_)
    lengths = np.zeros(n, np.int32)
    decomposition: list[int] = []
    pairs: list[tuple[int, int, int]] = []
    for code, nfc, nfd in zip(codes, composed, decomposed, strict=True):
        char = chr(code)
        unstable[code] |= nfc != char
        if nfd != char and not 0xAC00 <= code <= 0xD7A3:
            lengths[code] = len(nfd)
            decomposition.extend(map(ord, nfd))
            if nfc == char:
                first, second = (int(x, 16) for x in unicodedata.decomposition(char).split())
                pairs.append((first, second, code))
                unstable[second] = True
    unstable[0x1161:0x1176] = True  # medial vowels and final consonants of Hangul
    unstable[0x11A8:0x11C3] = True
    firsts = sorted({a for a, _, _ in pairs})
    seconds = sorted({b for _, b, _ in pairs})
    rows, columns = np.full(n, -1, np.int16), np.full(n, -1, np.int16)
    rows[firsts] = np.arange(len(firsts))
    columns[seconds] = np.arange(len(seconds))
    composites = np.zeros((len(firsts), len(seconds)), np.uint32)
    for a, b, code in pairs:
        composites[rows[a], columns[b]] = code
    return {
        "unstable": unstable,
        "combining": np.array(list(map(unicodedata.combining, map(chr, range(n)))), np.uint8),
        "decomposition": np.array(decomposition, np.uint32),
        "decomposition_start": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
        "first": rows,
        "second": columns,
        "composites": composites,
    }
