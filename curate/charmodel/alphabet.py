"""What the model sees of a text: one token a Han character or mark, one a word of anything else.

Both scripts are one to it, and so are half-width and full-width marks: what is judged is the
wording, not the writing. Numbers are one token, and so are words in letters and runs of symbols.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.characters import CharClass, characters

BEGIN, END = 1, 2
"""Tokens before and after a line."""
NUMBER, WORD, SYMBOL, RARE = 3, 4, 5, 6
"""Tokens for a number, a run of letters, a run of symbols, a Han character beyond U+FFFF."""
FIRST_CHARACTER = 0x10
"""Tokens from here on are characters, by their code point."""

_MARKS = dict(zip(",;:?!()", "，；：？！（）", strict=True)) | {
    "「": "“", "」": "”", "『": "‘", "』": "’", "．": "。", "｡": "。", "﹐": "，", "﹔": "；",
    "～": "~", "⋯": "…", "─": "—", "‧": "·", "・": "·", "•": "·",
}  # fmt: skip


@cache
def folding() -> NDArray[np.uint16]:
    """uint16 [0x10000]: the token of a character; 0 for blanks and what is not seen."""
    import opencc

    kinds = characters().entries[:0x10000] & np.uint32(31)
    table = np.zeros(0x10000, np.uint16)
    kept = np.isin(kinds, [CharClass.HAN, CharClass.PUNCT_CJK, CharClass.PUNCT])
    table[kept] = np.flatnonzero(kept)
    for kind, token in (
        (CharClass.DIGIT, NUMBER),
        (CharClass.LATIN, WORD),
        (CharClass.KANA, WORD),
        (CharClass.HANGUL, WORD),
        (CharClass.LETTER, WORD),
        (CharClass.SYMBOL, SYMBOL),
        (CharClass.REPLACEMENT, SYMBOL),
    ):
        table[kinds == int(kind)] = token
    han = np.flatnonzero(kinds == CharClass.HAN)
    # A line each, so that no phrase can match across characters.
    simple = opencc.OpenCC("t2s").convert("\n".join(map(chr, han.tolist()))).split("\n")
    for code, char in zip(han.tolist(), simple, strict=True):
        table[code] = ord(char) if len(char) == 1 and ord(char) < 0x10000 else RARE
    for mark, folded in _MARKS.items():
        table[ord(mark)] = ord(folded)
    return table


@cache
def is_han() -> NDArray[np.bool_]:
    """Whether a token is a Han character; bool [0x10000]."""
    kinds = characters().entries[:0x10000] & np.uint32(31)
    han: NDArray[np.bool_] = kinds == CharClass.HAN
    han = han.copy()
    han[RARE] = True
    return han


@njit(cache=True, nogil=True, inline="always")
def token_of(c, fold):  # type: ignore[no-untyped-def]
    """Token of code point `c`; 0 when it is not seen."""
    if c < 0x10000:
        return fold[c]
    if 0x20000 <= c <= 0x323AF:
        return np.uint16(RARE)
    return np.uint16(SYMBOL)


@njit(cache=True, nogil=True)
def tokenized(points, offsets, fold, out):  # type: ignore[no-untyped-def]
    """Writes the tokens of all lines to `out`, each line between BEGIN and END; returns their
    number. `out` needs room for the characters and two tokens for each line.
    """
    k = 0
    for d in range(len(offsets) - 1):
        end = offsets[d + 1]
        started = False
        previous = np.uint16(0)
        for i in range(offsets[d], end + 1):
            c = points[i] if i < end else np.uint32(10)
            if c == 10:
                if started:
                    out[k] = END
                    k += 1
                started = False
                previous = np.uint16(0)
                continue
            token = token_of(c, fold)
            if token == 0 or (token < FIRST_CHARACTER and token != RARE and token == previous):
                continue
            if not started:
                out[k] = BEGIN
                k += 1
                started = True
            out[k] = token
            k += 1
            previous = token
    return k
