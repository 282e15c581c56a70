"""Numbers in Chinese text: 1998, 250万, 一九九八, 三十五, 百分之五, 两万三, 2.5亿, 20世纪90年代.

`zh_numbers` finds them and says of each whether a translation must have it. It need not have small
numbers in characters (一个, 第三, 十分) or those that are words (千万, 万一, 三三两两).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from curate.measure.pair.digits import digit, digits, incidental, packed

_TEN, _HUNDRED, _THOUSAND, _WAN, _YI = 11, 12, 13, 14, 15
_TWENTY, _THIRTY, _TWO = 16, 17, 18
_SIGNS = {
    **dict.fromkeys("〇零○", 1),
    **dict.fromkeys("一壹弌", 2),
    **dict.fromkeys("二贰貳", 3),
    **dict.fromkeys("三叁參叄", 4),
    **dict.fromkeys("四肆", 5),
    **dict.fromkeys("五伍", 6),
    **dict.fromkeys("六陆陸", 7),
    **dict.fromkeys("七柒", 8),
    **dict.fromkeys("八捌", 9),
    **dict.fromkeys("九玖", 10),
    **dict.fromkeys("十拾", _TEN),
    **dict.fromkeys("百佰", _HUNDRED),
    **dict.fromkeys("千仟", _THOUSAND),
    **dict.fromkeys("万萬", _WAN),
    **dict.fromkeys("亿億", _YI),
    **dict.fromkeys("廿", _TWENTY),
    **dict.fromkeys("卅", _THIRTY),
    **dict.fromkeys("两兩", _TWO),
}
"""1 to 10 are the digits 0 to 9; then units, whole tens and 两, which no year is read with."""

SIGNS = np.zeros(0x10000, np.uint8)
"""[0x10000]: what a character is in a numeral, 0 for most."""
for _c, _code in _SIGNS.items():
    SIGNS[ord(_c)] = _code

EXPONENTS = np.zeros(32, np.int64)
"""[32]: the power of ten that a unit of SIGNS stands for."""
for _unit, _e in ((_TEN, 1), (_HUNDRED, 2), (_THOUSAND, 3), (_WAN, 4), (_YI, 8)):
    EXPONENTS[_unit] = _e

_POINT, _FEN, _ZHI, _JI, _NIAN, _DAI, _SHI, _CENTURY, _CHENG = (
    ord(c) for c in "点分之几年代世纪成"
)
_ABOUT = tuple(ord(c) for c in "多余餘个個")
"""What may stand between a number and its unit: 1600多万, 十个亿."""
_MEASURES = tuple(ord(c) for c in "克米瓦卡赫兆伏")
_BETWEEN = tuple(ord(c) for c in "-–—~～至到或")


@njit(cache=True, nogil=True, inline="always")
def _sign(points, i, end, signs):  # type: ignore[no-untyped-def]
    """What the character at i is in a numeral; 0 behind the end."""
    if i >= end or points[i] >= 0x10000:
        return 0
    return int(signs[points[i]])


@njit(cache=True, nogil=True, inline="always")
def _is_digit(sign):  # type: ignore[no-untyped-def]
    return 1 <= sign <= 10 or sign == _TWO


@njit(cache=True, nogil=True, inline="always")
def _value(sign):  # type: ignore[no-untyped-def]
    return 2 if sign == _TWO else sign - 1


@njit(cache=True, nogil=True)
def _units(points, i, end, signs, exponents):  # type: ignore[no-untyped-def]
    """(exponent, index behind) of the units at i: 万 is 4, 多万亿 12; 千 of 千克 is none."""
    e = 0
    if i + 1 < end and _sign(points, i + 1, end, signs) in (_WAN, _YI):
        for c in _ABOUT:
            if points[i] == c:
                i += 1  # 1600多万
                break
    while True:
        sign = _sign(points, i, end, signs)
        if sign < _TEN or sign > _YI:
            return e, i
        if sign == _THOUSAND and i + 1 < end:
            for c in _MEASURES:
                if points[i + 1] == c:
                    return e, i
        if sign == _HUNDRED and i + 1 < end and points[i + 1] == _FEN:
            return e, i
        e += exponents[sign]
        i += 1


@njit(cache=True, nogil=True)
def _numeral_end(points, i, end, signs):  # type: ignore[no-untyped-def]
    """(index behind the numeral in characters at i, whether it has a unit)."""
    first = i
    has_unit = False
    while i < end and i - first < 24:
        sign = _sign(points, i, end, signs)
        if sign == 0:
            break
        if sign == _HUNDRED and i > first and i + 1 < end and points[i + 1] == _FEN:
            break  # 五百分点
        has_unit = has_unit or not _is_digit(sign)
        i += 1
    return i, has_unit


@njit(cache=True, nogil=True)
def _spelt(points, i, end, signs):  # type: ignore[no-untyped-def]
    """(value, whether it is plainly a number) of a numeral read digit by digit: 一九九八."""
    m = 0
    plain = end - i >= 4 and end - i <= 15
    for k in range(i, min(end, i + 15)):
        sign = _sign(points, k, end, signs)
        m = m * 10 + _value(sign)
        plain = plain and sign != _TWO
    return m, plain


@njit(cache=True, nogil=True)
def _composed(points, i, end, signs, exponents):  # type: ignore[no-untyped-def]
    """(value, whether it is plainly a number) of a numeral with units: 三十五, 两万三."""
    first = i
    total = 0  # of the parts closed by 万 or 亿
    section = 0
    current = 0
    plain = _sign(points, i, end, signs) == _TEN or _is_digit(_sign(points, i, end, signs))
    plain = plain or _sign(points, i, end, signs) >= _TWENTY
    has_digit = False
    last = 0
    while i < end:
        sign = _sign(points, i, end, signs)
        if _is_digit(sign):
            if i > first and _is_digit(last) and last != 1:
                plain = False  # 三四十, 二十三四: about so many
            current = _value(sign)
            has_digit = has_digit or current > 0
        elif sign in (_TWENTY, _THIRTY):
            section += 20 if sign == _TWENTY else 30
            has_digit = True
        else:
            e = exponents[sign]
            if sign >= _WAN:
                whole = section + current
                if sign == _YI:
                    whole += total
                    total = 0
                total += max(whole, 1) * 10**e
                section = 0
                if total > 10**15:
                    return 0, False
            else:
                section += max(current, 1) * 10**e
            current = 0
        last = sign
        i += 1
    if _is_digit(last) and end - first >= 3:
        before = _sign(points, end - 2, end, signs)
        if _HUNDRED <= before <= _YI:
            current *= 10 ** (exponents[before] - 1)  # 两万三 is 23,000
    m = total + section + current
    return m, plain and has_digit and m > 10


@njit(cache=True, nogil=True)
def _decimals(points, i, end, signs):  # type: ignore[no-untyped-def]
    """(digits, how many, index behind them) of what follows 点 at i; none in 三点 and 三点十分."""
    m = 0
    places = 0
    i += 1
    while places < 6:
        sign = _sign(points, i, end, signs)
        if sign == 0 or sign > 10:
            break
        m = m * 10 + sign - 1
        places += 1
        i += 1
    if _sign(points, i, end, signs) == _TEN:
        places = 0
    return m, places, i


@njit(cache=True, nogil=True)
def _numeral(points, i, end, signs, exponents):  # type: ignore[no-untyped-def]
    """The numeral in characters at i: (m, e, index behind it, whether it is plainly a number)."""
    behind, has_unit = _numeral_end(points, i, end, signs)
    if has_unit:
        m, plain = _composed(points, i, behind, signs, exponents)
    else:
        m, plain = _spelt(points, i, behind, signs)
    if behind < end and points[behind] == _JI:
        plain = False  # 三十几
    if behind + 1 < end and points[behind] == _POINT and m < 10**6:
        fraction, places, after = _decimals(points, behind, end, signs)
        if places:
            e, after = _units(points, after, end, signs, exponents)
            return m * 10**places + fraction, e - places, after, has_unit or places > 1 or e > 0
    if has_unit:
        e, after = _units(points, behind, end, signs, exponents)
        if e:
            return m, e, after, plain  # 两百多万
    return m, 0, behind, plain


@njit(cache=True, nogil=True)
def _in_digits(points, i, end, signs, exponents):  # type: ignore[no-untyped-def]
    """The number in digits at i with its units: (m, e, index behind it, exponent of the units)."""
    m, e, i = digits(points, i, end)
    if e > 0:
        return m, e, i, 0
    blank = i + 1 < end and points[i] == 0x20
    unit, behind = _units(points, i + blank, end, signs, exponents)
    if unit == 0:
        return m, e, i, 0
    e += unit  # behind any 多
    i = behind
    # 3亿5000万, 1万2千: a smaller one is added.
    while e >= 3 and i < end and digit(points[i]) >= 0 and m < 10**6:
        m2, e2, behind = digits(points, i, end)
        more, behind = _units(points, behind, end, signs, exponents)
        e2 += more
        if more == 0 or e2 < 0 or e2 >= e or m2 >= 10**6:
            break
        m = m * 10 ** (e - e2) + m2
        e = e2
        i = behind
    return m, e, i, unit


@njit(cache=True, nogil=True)
def zh_numbers(points, start, end, signs, exponents, values, others, needed):  # type: ignore[no-untyped-def]
    """Fills the numbers of points[start:end] and returns how many there are.

    values, others: int64, each number as `digits.packed` has it, and another reading of it (90年代
    is 90 or 1990) or 0. needed: uint8, 1 where a translation must have the number.
    signs, exponents: SIGNS and EXPONENTS.
    """
    n = 0
    i = start
    begun = False  # whether the last number begins a range, as in 3至5亿 or 1998-99
    begun_m = 0
    century = 0
    percent = False
    while i < end:
        c = points[i]
        in_digits = digit(c) >= 0
        if not in_digits and (c >= 0x10000 or signs[c] == 0):
            i += 1
            continue
        first = i
        unit = 0
        if in_digits:
            m, e, i, unit = _in_digits(points, i, end, signs, exponents)
            plain = not incidental(points, start, first, i, end, m, e)
        else:
            m, e, i, plain = _numeral(points, i, end, signs, exponents)
            if m == 100 and i + 1 < end and points[i] == _FEN and points[i + 1] == _ZHI:
                percent = True
                i += 2
                continue
            plain = plain or percent
        percent = False
        other = 0
        if m < 100 and e == 0 and i + 1 < end:
            if points[i] == _SHI and points[i + 1] == _CENTURY:
                century = m
                if m > 1:
                    other = packed(100 * (m - 1), 0)  # the 1700s
            elif points[i] == _NIAN and points[i + 1] == _DAI:
                other = packed(1900 + m, 0)
                if century > 1 and n:
                    other = packed(100 * (century - 1) + m, 0)
                    needed[n - 1] = 0
        if i - first == 2 and in_digits and other == 0 and i < end and points[i] == _NIAN:
            other = packed(1900 + m, 0)  # 95年
        if 0 < m < 10 and e == 0 and i < end and points[i] == _CHENG:
            other = packed(m * 10, 0)  # 三成 is 30%
        if begun:
            if unit >= 4:
                others[n - 1] = packed(begun_m, unit)
            elif in_digits and 1000 <= begun_m < 2100 and m < 100 and i - first == 2:
                other = packed(begun_m // 100 * 100 + m, 0)
        values[n] = packed(m, e)
        others[n] = other
        needed[n] = plain and values[n] != 0
        begun = False
        if in_digits and e == 0 and m < 10**6 and i < end:
            for mark in _BETWEEN:
                begun = begun or points[i] == mark
            begun_m = m
        n += 1
    return n
