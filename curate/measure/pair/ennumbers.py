"""Numbers in English text: 1998, 3,000, 2.5 million, thirty-five, 1.2bn, the 1990s, March.

`en_numbers` finds them and says of each whether a translation must have it. It need not have small
numbers in words (one, first, both) or words that only suggest one (March, decade, half).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from curate.measure.pair.digits import digit, digits, incidental, packed

_CARDINALS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_MONTHS = (
    "january february march april may june july august september october november december"
).split()
_ABBREVIATED = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_ROMANS = "ii iii iv v vi vii viii ix".split()
_HINTS = {
    "both": 2, "pair": 2, "couple": 2, "twice": 2, "double": 2, "doubled": 2, "twofold": 2,
    "triple": 3, "tripled": 3, "threefold": 3, "once": 1, "single": 1,
}  # fmt: skip
"""Words that a number may be translated from or to."""

_SMALL, _TEN, _ORDINAL, _SCALE, _MULTIPLE, _MONTH, _ROMAN, _HINT, _PART, _NINETIES = range(1, 11)
"""Kinds of words. _SCALE: hundred. _MULTIPLE: dozen, decade, century. _PART: half, in per cent."""


def word_key(word: str) -> int:
    """A word of at most 12 of the letters a to z, packed into 60 bits."""
    key = 0
    for letter in word:
        key = key << 5 | (ord(letter) - 0x60)
    return key


def _words() -> dict[str, tuple[int, int]]:
    """Kind and value of every word; the value of a scale is its exponent."""
    words = {word: (_HINT, value) for word, value in _HINTS.items()}
    words |= {word: (_SMALL, value) for value, word in enumerate(_CARDINALS)}
    words |= {word: (_ORDINAL, value) for value, word in enumerate(_ORDINALS)}
    for i, word in enumerate(_TENS):
        words[word] = (_TEN, 20 + 10 * i)
        words[word[:-1] + "ieth"] = (_ORDINAL, 20 + 10 * i)
        words[word[:-1] + "ies"] = (_NINETIES, 20 + 10 * i)
    scales = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
    for word, exponent in scales.items():
        words[word] = (_SCALE, exponent)
        words[word + "th"] = (_SCALE, exponent)
    words |= {"bn": (_SCALE, 9), "mn": (_SCALE, 6), "tn": (_SCALE, 12)}
    for word, value in (("dozen", 12), ("decade", 10), ("century", 100)):
        words[word] = (_MULTIPLE, value)
    for word, value in (("dozens", 12), ("decades", 10), ("centuries", 100)):
        words[word] = (_MULTIPLE, value)
    for names in (_MONTHS, _ABBREVIATED):
        words |= {word: (_MONTH, value) for value, word in enumerate(names, 1)}
    words |= {word: (_ROMAN, value) for value, word in enumerate(_ROMANS, 2)}
    words |= {"half": (_PART, 50), "quarter": (_PART, 25)}
    return words


_PACKED = sorted((word_key(word), kind, value) for word, (kind, value) in _words().items())
KEYS = np.array([key for key, _, _ in _PACKED], np.int64)
KINDS = np.array([kind for _, kind, _ in _PACKED], np.int64)
VALUES = np.array([value for _, _, value in _PACKED], np.int64)
"""The words that mean numbers, sorted by key; kinds and values as `_words` has them."""

_AND, _TO, _OR, _A, _OF = (word_key(word) for word in ("and", "to", "or", "a", "of"))
_ST, _ND, _RD, _TH, _S = (word_key(word) for word in ("st", "nd", "rd", "th", "s"))
_M, _K = (word_key(word) for word in ("m", "k"))


@njit(cache=True, nogil=True, inline="always")
def letter(c):  # type: ignore[no-untyped-def]
    """1 to 26 for an ASCII letter of either case, or 0."""
    c = int(c) | 0x20
    return c - 0x60 if 0x61 <= c <= 0x7A else 0


@njit(cache=True, nogil=True)
def _word(points, i, end):  # type: ignore[no-untyped-def]
    """(key, index behind it) of the letters at i; the key is 0 where there are none or over 12."""
    key = 0
    first = i
    while i < end and letter(points[i]):
        key = (key << 5) | letter(points[i])
        i += 1
        if i - first > 12:
            while i < end and letter(points[i]):
                i += 1
            return 0, i
    return key, i


@njit(cache=True, nogil=True)
def _look_up(key, keys):  # type: ignore[no-untyped-def]
    """Index of `key` in the sorted `keys`, or -1."""
    low = 0
    high = len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < len(keys) and keys[low] == key else -1


@njit(cache=True, nogil=True, inline="always")
def _joins(c):  # type: ignore[no-untyped-def]
    """Whether c may stand between the words of one number: a blank or a hyphen."""
    return c == 0x20 or c == 0x2D or c == 0xA0 or c == 0x2010 or c == 0x2011


@njit(cache=True, nogil=True)
def _next(points, i, end, keys):  # type: ignore[no-untyped-def]
    """(index in `keys` or -1, index behind it) of the word after one blank or hyphen at i."""
    if i + 1 < end and _joins(points[i]):
        key, behind = _word(points, i + 1, end)
        if key:
            return _look_up(key, keys), behind
    return -1, i


@njit(cache=True, nogil=True)
def _scales(points, i, end, keys, kinds, values):  # type: ignore[no-untyped-def]
    """(exponent, index behind) of the scales that follow at i: 8 for ` hundred million`."""
    e = 0
    while e < 15:
        found, behind = _next(points, i, end, keys)
        if found < 0 or kinds[found] != _SCALE:
            break
        e += values[found]
        i = behind
    return e, i


@njit(cache=True, nogil=True)
def _spoken(points, i, end, keys, kinds, values):  # type: ignore[no-untyped-def]
    """(value, index behind it) of the number whose first word is at i: thirty-five."""
    total = 0
    current = 0
    last = 0
    key, behind = _word(points, i, end)
    found = _look_up(key, keys)
    while found >= 0 and total < 10**14:
        kind = kinds[found]
        value = values[found]
        ordinal = kind == _ORDINAL
        if ordinal:
            kind = _TEN if value >= 20 else _SMALL
        if kind == _SMALL:
            if not (last == 0 or last == _SCALE or (last == _TEN and 0 < value < 10)):
                break
            current += value
        elif kind == _TEN:
            if last == _SMALL and total == 0 and 13 <= current <= 20:
                current *= 100  # nineteen ninety-eight
            elif not (last == 0 or last == _SCALE):
                break
            current += value
        elif kind == _SCALE and last:
            if value == 2:
                current = max(current, 1) * 100
            else:
                total += max(current, 1) * 10**value
                current = 0
        else:
            break
        last = kind
        i = behind
        if ordinal:
            break
        if last == _SCALE and i + 5 < end and points[i] == 0x20:
            key, behind = _word(points, i + 1, end)
            after = behind
            if key == _AND:
                found, behind = _next(points, after, end, keys)
                if found >= 0 and kinds[found] > _ORDINAL:
                    break
                continue
        found, behind = _next(points, i, end, keys)
    return total + current, i


@njit(cache=True, nogil=True)
def _in_digits(points, i, end, keys, kinds, words):  # type: ignore[no-untyped-def]
    """The number in digits at i with what follows: (m, e, index behind it, scale, other reading).

    `scale` is the exponent that words gave it.
    """
    m, e, i = digits(points, i, end)
    other = 0
    scale = 0
    key, behind = _word(points, i, end)
    if key:
        if key == _S and e == 0:  # the 1990s, the 90s
            other = packed(m % 100 if m >= 1000 else 1900 + m, 0)
        elif key == _M:
            other = packed(m, e + 6)
        elif key == _K:
            other = packed(m, e + 3)
        else:
            found = _look_up(key, keys)
            if found >= 0 and kinds[found] == _SCALE:  # 3bn
                scale = words[found]
        if scale or other or key in (_ST, _ND, _RD, _TH):
            i = behind
    else:
        scale, i = _scales(points, i, end, keys, kinds, words)
    return m, e + scale, i, scale, other


@njit(cache=True, nogil=True)
def _afternoon(points, i, end):  # type: ignore[no-untyped-def]
    """Whether ` p.m.` or `pm` follows at i."""
    i += i < end and points[i] == 0x20
    if i + 1 >= end or points[i] != 0x70:
        return False
    i += 1 + (points[i + 1] == 0x2E)
    return i < end and points[i] == 0x6D and not (i + 1 < end and letter(points[i + 1]))


@njit(cache=True, nogil=True)
def _part_of(points, i, end, keys, kinds, values):  # type: ignore[no-untyped-def]
    """(exponent, index behind) of ` a million` or ` of a million` at i; exponent 0 for others."""
    for _ in range(2):
        if i + 1 >= end:
            break
        key, i = _word(points, i + 1, end)
        if key == _A:
            return _scales(points, i, end, keys, kinds, values)
        if key != _OF:
            break
    return 0, i


@njit(cache=True, nogil=True)
def en_numbers(points, start, end, keys, kinds, words, values, others, needed):  # type: ignore[no-untyped-def]
    """Fills the numbers of points[start:end] and returns how many there are.

    values, others: int64, each number as `digits.packed` has it, and another reading of it (90s is
    90 or 1990) or 0. needed: uint8, 1 where a translation must have the number.
    keys, kinds, words: KEYS, KINDS and VALUES.
    """
    n = 0
    i = start
    begun = False  # whether the last number begins a range, as in 2 to 3 million or 1998-99
    begun_m = 0
    while i < end:
        c = points[i]
        if digit(c) >= 0:
            first = i
            m, e, i, scale, other = _in_digits(points, i, end, keys, kinds, words)
            plain = not incidental(points, start, first, i, end, m, e)
            if begun and m < 100 and i - first == 2 and 1000 <= begun_m < 2100:
                other = packed(begun_m // 100 * 100 + m, 0)
            if m < 12 and e == 0 and other == 0 and _afternoon(points, i, end):
                other = packed(m + 12, 0)
            if first > start and other == 0 and i - first == 2 and e == 0:
                mark = points[first - 1]
                if mark == 0x27 or mark == 0x2019 or mark == 0x2018:
                    other = packed(1900 + m, 0)  # in '35
        elif letter(c):
            key, behind = _word(points, i, end)
            found = _look_up(key, keys) if key else -1
            if found < 0:
                begun = begun and key in (_TO, _OR)
                i = behind
                continue
            kind = kinds[found]
            m = words[found]
            e = 0
            other = 0
            scale = 0
            plain = False
            if kind in (_SMALL, _TEN, _ORDINAL):
                m, behind = _spoken(points, i, end, keys, kinds, words)
                plain = m > 10
            elif kind == _SCALE:
                scale, behind = _scales(points, behind, end, keys, kinds, words)
                scale += m
                m, e = 1, scale
            elif kind == _PART:
                scale, after = _part_of(points, behind, end, keys, kinds, words)
                if scale:  # half a million
                    e, plain, behind = scale - 2, True, after
            elif kind == _NINETIES:
                other = packed(1900 + m, 0)
            elif kind == _MONTH and int(c) & 0x20:
                i = behind
                continue  # may, march
            elif kind == _ROMAN and int(points[behind - 1]) & 0x20:
                i = behind
                continue
            i = behind
        else:
            i += 1
            if not (c == 0x20 or c == 0x2D or c == 0x2013 or c == 0x2014 or c == 0x24 or c == 0x2F):
                begun = False
            continue
        if m < 10**6:
            found, behind = _next(points, i, end, keys)
            if found >= 0 and kinds[found] == _MULTIPLE:
                other = packed(m * words[found], e)  # three decades
                i = behind
        values[n] = packed(m, e)
        others[n] = other
        needed[n] = plain and values[n] != 0
        if begun and scale >= 3 and others[n - 1] == 0:
            others[n - 1] = packed(begun_m, scale)
        begun = e == 0 and m < 10**6
        begun_m = m
        n += 1
    return n
