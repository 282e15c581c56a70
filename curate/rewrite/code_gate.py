"""A compiled look for program code: what it does not mark, `looks_like_code` denies.

The patterns of `curate.rewrite.code` cost microseconds a line. Few texts have two lines that begin
as a statement does, or operators that prose lacks; the others need not be asked about.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.textbatch import TextBatch

_KEYWORDS = (
    "def class func fn function interface struct enum import from using package require include"
    " public private protected static void int char float double bool string var let const auto"
    " if for while switch elif catch foreach else try except with return"
    " SELECT INSERT UPDATE DELETE CREATE"
)
_BASE = 131


def _hash(word: str) -> int:
    value = 0
    for char in word:
        value = (value * _BASE + ord(char)) & 0xFFFFFFFF
    return value


@cache
def _keywords() -> NDArray[np.uint32]:
    """Hashes of the words that begin a statement, sorted."""
    return np.array(sorted(map(_hash, _KEYWORDS.split())), np.uint32)


@njit(cache=True, nogil=True, inline="always")
def _is_word(c):  # type: ignore[no-untyped-def]
    return 0x30 <= c <= 0x39 or 0x41 <= c <= 0x5A or 0x61 <= c <= 0x7A or c == 0x5F


@njit(cache=True, nogil=True)
def _may_be_statement(points, i, end, keywords):  # type: ignore[no-untyped-def]
    """Whether a statement may begin at `i`, the first character of a line, blanks and > aside."""
    c = points[i]
    if c == 0x2F:
        return i + 1 < end and points[i + 1] == 0x2F
    if c == 0x23 or c == 0x7D or c == 0x5D or c == 0x29:  # # } ] )
        return True
    # A name, or a keyword.
    word = np.uint32(0)
    j = i
    while j < end and _is_word(points[j]):
        word = np.uint32(word * np.uint32(131) + points[j])
        j += 1
    if j > i:
        at = np.searchsorted(keywords, word)
        if at < len(keywords) and keywords[at] == word:
            return True
    while j < end and (
        _is_word(points[j]) or points[j] == 0x2E or points[j] == 0x5B or points[j] == 0x5D
    ):
        j += 1
    if j == i or j >= end:
        return False
    c = points[j]
    if c == 0x28 or c == 0xFF08:  # ( and its full-width form
        return True
    while j < end and (points[j] == 0x20 or 0x09 <= points[j] <= 0x0D):
        j += 1
    if j >= end:
        return False
    c = points[j]
    if c == 0x2B or c == 0x2D or c == 0x2A or c == 0x2F:
        j += 1
        c = points[j] if j < end else np.uint32(0)
    return c == 0x3D


@njit(cache=True, nogil=True)
def _ends_line(points, i, end):  # type: ignore[no-untyped-def]
    """Whether nothing but blanks follows before the line's end."""
    while i < end:
        c = points[i]
        if c == 10:
            return True
        if not (
            c <= 0x20
            or c == 0x3000
            or c == 0xA0
            or c == 0x85
            or c == 0x1680
            or 0x2000 <= c < 0x2060
        ):
            return False
        i += 1
    return True


@njit(cache=True, nogil=True)
def _may_look_like_code(points, offsets, indices, keywords, found):  # type: ignore[no-untyped-def]
    for k in range(len(indices)):
        start, end = offsets[indices[k]], offsets[indices[k] + 1]
        statements = 0
        operators = 0
        begins = True  # only blanks and > came in this line
        before = np.uint32(0)
        for i in range(start, end):
            c = points[i]
            if c == 10:
                begins = True
            elif c < 0x80:
                if begins and c != 0x20 and c != 0x09 and c != 0x3E:
                    begins = False
                    statements += _may_be_statement(points, i, end, keywords)
                if c == 0x7B or c == 0x3B:  # { ;
                    operators += _ends_line(points, i + 1, end)
                elif c == before:  # && || == ++ ::
                    operators += c == 0x26 or c == 0x7C or c == 0x3D or c == 0x2B or c == 0x3A
                elif c == 0x3E:
                    operators += before == 0x2D  # ->
            else:
                begins = False
            before = c
            if statements >= 2 or statements + operators >= 3:
                found[k] = True
                break


def may_look_like_code(batch: TextBatch, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether `looks_like_code` may hold for the texts at `indices`, bool [len(indices)].

    An upper bound: lines that may be statements and operators are counted as the patterns would
    count them, or more.
    """
    found = np.zeros(len(indices), np.bool_)
    _may_look_like_code(batch.points, batch.offsets, indices, _keywords(), found)
    return found
