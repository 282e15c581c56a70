"""Numbers written in digits, and how a number is held so that equal ones are equal integers.

A number is m * 10^e with m not divisible by ten, packed as `m << 6 | e + 32`: 2.5 million, 250万
and 2,500,000 are all 25 * 10^5. Zero is packed as 32. Numbers of more than 15 digits (identifiers)
are packed by a hash with e = 31, which no other number has.
"""

from __future__ import annotations

from numba import njit

_LONGEST = 15
_IDENTIFIER = 31


@njit(cache=True, nogil=True, inline="always")
def digit(c):  # type: ignore[no-untyped-def]
    """The value of an ASCII or full-width digit, or -1."""
    c = int(c)
    if 0x30 <= c <= 0x39:
        return c - 0x30
    if 0xFF10 <= c <= 0xFF19:
        return c - 0xFF10
    return -1


@njit(cache=True, nogil=True)
def packed(m, e):  # type: ignore[no-untyped-def]
    """The one integer that stands for m * 10^e; 0 for what is out of range."""
    if m <= 0:
        return 32 if m == 0 else 0
    if e != _IDENTIFIER:
        while m % 10 == 0:
            m //= 10
            e += 1
        if e >= _IDENTIFIER or e < -32 or m >= 1 << 56:
            return 0
    return (m << 6) | (e + 32)


@njit(cache=True, nogil=True)
def run_of_digits(points, i, end):  # type: ignore[no-untyped-def]
    """(value, index behind it) of the digits at i; of long runs the value is a hash."""
    m = 0
    first = i
    while i < end:
        d = digit(points[i])
        if d < 0:
            break
        m = m * 10 + d if i - first < _LONGEST else (m * 31 + d + 1) & 0x3FFFFFFFFFFF
        i += 1
    return m, i


@njit(cache=True, nogil=True)
def _clock(points, i, end):  # type: ignore[no-untyped-def]
    """Whether `.18 a.m.` or `.18pm` follows at i: minutes, which are a number of their own."""
    if i + 4 >= end or points[i] != 0x2E or digit(points[i + 1]) < 0 or digit(points[i + 2]) < 0:
        return False
    i += 3
    i += points[i] == 0x20
    if i + 1 >= end or not (points[i] == 0x61 or points[i] == 0x70):
        return False
    return points[i + 1] == 0x6D or (
        points[i + 1] == 0x2E and i + 2 < end and points[i + 2] == 0x6D
    )


@njit(cache=True, nogil=True)
def digits(points, i, end):  # type: ignore[no-untyped-def]
    """The number that begins with the digit at i: (m, e, index behind it).

    Groups of three may be set off by commas or by blanks (as the United Nations do). A point with
    a digit behind it is a decimal point unless a second one follows, as in dates and versions.
    """
    first = i
    m, i = run_of_digits(points, i, end)
    size = i - first
    if m == 9 and size == 1 and i + 2 < end and (points[i] == 0x2F or points[i] == 0xB7):
        day, behind = run_of_digits(points, i + 1, end)
        if day == 11 and behind == i + 3:
            return 911, 0, behind  # 9/11, which Chinese writes 911 as often
    while 0 < size <= 3 and m > 0 and i + 3 < end:
        c = points[i]
        if not (c == 0x2C or c == 0xFF0C or c == 0x20 or c == 0xA0 or c == 0x2009 or c == 0x202F):
            break
        group, behind = run_of_digits(points, i + 1, end)
        if behind - i != 4 or m >= 10**12:
            break
        m = m * 1000 + group
        i = behind
    if i - first > _LONGEST + 5 or size > _LONGEST:
        return m | 1, _IDENTIFIER, i
    if _clock(points, i, end) or (first > 1 and points[first - 1] == 0x3A and size <= 2):
        return m, 0, i  # 1:57.79 is 1分57秒79
    if i + 1 < end and (points[i] == 0x2E or points[i] == 0xFF0E) and digit(points[i + 1]) >= 0:
        fraction, behind = run_of_digits(points, i + 1, end)
        places = behind - i - 1
        again = behind + 1 < end and points[behind] == 0x2E and digit(points[behind + 1]) >= 0
        if not again and places <= 6 and m < 10**9:
            return m * 10**places + fraction, -places, behind
    return m, 0, i


@njit(cache=True, nogil=True)
def incidental(points, start, first, i, end, m, e):  # type: ignore[no-untyped-def]
    """Whether points[first:i], digits of value m * 10^e, may well be missing in a translation.

    0 and 1, the number of a paragraph, and small ones that belong to letters: m2, 3D, H5N1.
    """
    if e == 0 and m < 2:
        return True
    if i < end and m < 1000 and e == 0:
        c = points[i]
        if first == start and (c == 0x2E or c == 0x3001 or c == 0xFF0E or c == 0x29 or c == 0xFF09):
            return True
        if first == start + 1 and (c == 0x29 or c == 0xFF09):
            return True  # (3)
    if m >= 100 or e != 0:
        return False
    before = int(points[first - 1]) | 0x20 if first > start else 0
    behind = int(points[i]) | 0x20 if i < end else 0
    return 0x61 <= before <= 0x7A or (0x61 <= behind <= 0x7A and m < 10)
