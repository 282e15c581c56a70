"""How much of a text is addresses, numbers to call and prices: what advertisements are made of."""

from __future__ import annotations

import string
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.base import Measure
from curate.measure.characters import BLANKS
from curate.scan import Scan
from curate.textbatch import TextBatch

CONTACT_LABELS = (
    "电话 電話 手机 手機 热线 熱線 微信 咨询 諮詢 传真 傳真 联系 聯繫 聯絡 客服 扣扣 企鹅 "
    "qq vx wx 加群 群号 群號 致电 致電 来电 來電 拨打 撥打 座机 来電 tel ell one ine"
).split()
"""What stands before a number to call, by its last two characters (tel, cell, phone and line by
their last three); 号, 号码, 是, a colon or blanks may come between."""

_COLUMNS = ("link_text", "contact_text", "price_text")


class Adverts(Measure):
    """Share of the characters other than blanks in three things advertisements live by.

    link_text: in web addresses.
    contact_text: in numbers to call or add: mobile and service numbers by their form, others (five
    digits or more) by the word before them.
    price_text: in prices: a sign and a number, or a number and 元.
    """

    name: ClassVar[str] = "adverts"
    order: ClassVar[int] = 40
    columns: ClassVar[dict[str, pa.DataType]] = dict.fromkeys(_COLUMNS, pa.float32())

    def measure_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> dict[str, NDArray[np.generic] | pa.Array]:
        out = np.zeros((len(_COLUMNS), len(batch)), np.float32)
        _adverts(batch.points, batch.offsets, _TABLE, _LABELS, out)
        return dict(zip(_COLUMNS, out, strict=True))


_DIGIT, _BLANK, _ADDRESS, _GAP, _SCHEME = 1, 2, 4, 8, 16


def _table() -> NDArray[np.uint8]:
    """uint8 [0x10000]: digits, blanks, characters of web addresses, what may follow a label."""
    table = np.zeros(0x10000, np.uint8)
    table[[ord(char) for char in "0123456789０１２３４５６７８９"]] |= _DIGIT
    table[list(BLANKS)] |= _BLANK | _GAP
    address = string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%"
    table[[ord(char) for char in address]] |= _ADDRESS
    table[[ord(char) for char in "hHwW"]] |= _SCHEME
    table[[ord(char) for char in "：:号號码碼是为為同/（(【"]] |= _GAP
    return table


_TABLE = _table()
_LABELS = np.array(
    sorted((ord(label[-2]) << 32) | ord(label[-1]) for label in CONTACT_LABELS), np.uint64
)


@njit(cache=True, nogil=True, inline="always")
def _kind(points, i, end, table):  # type: ignore[no-untyped-def]
    return table[points[i]] if i < end and points[i] < 0x10000 else np.uint8(0)


@njit(cache=True, nogil=True)
def _labelled(points, start, i, table, labels):  # type: ignore[no-untyped-def]
    """Whether a word for a number to call stands before `i`."""
    j = i - 1
    while j >= start and i - j <= 5 and points[j] < 0x10000 and table[points[j]] & _GAP:
        j -= 1
    if j < start + 1:
        return False
    a, b = points[j - 1], points[j]
    if a < 0x80:
        a |= np.uint32(0x20)
    if b < 0x80:
        b |= np.uint32(0x20)
    key = (np.uint64(a) << np.uint64(32)) | np.uint64(b)
    at = np.searchsorted(labels, key)
    return at < len(labels) and labels[at] == key


@njit(cache=True, nogil=True)
def _number(points, i, end, table):  # type: ignore[no-untyped-def]
    """(end, digits, first digit, second digit, groups, blanks) of the number at `i`.

    Groups of digits joined by one hyphen or blank are one number when it is a telephone's.
    """
    j = i
    digits = 0
    first = np.int64(0)
    second = np.int64(0)
    groups = 1
    blanks = 0
    while j < end:
        if _kind(points, j, end, table) & _DIGIT:
            if digits == 0:
                first = np.int64(points[j] & 15)
            elif digits == 1:
                second = np.int64(points[j] & 15)
            digits += 1
            j += 1
        elif (
            (points[j] == 0x2D or points[j] == 0x20)
            and _kind(points, j + 1, end, table) & _DIGIT
            and digits >= 3
        ):
            groups += 1
            blanks += points[j] == 0x20
            j += 1
        else:
            break
    return j, digits, first, second, groups, blanks


@njit(cache=True, nogil=True)
def _address_end(points, i, end, table):  # type: ignore[no-untyped-def]
    """Where the web address at `i` ends; `i` when there is none."""
    c = points[i] | np.uint32(0x20)
    j = i
    if c == 0x68:  # h: http:// or https://
        if end - i < 8 or (points[i + 1] | 32) != 0x74 or (points[i + 2] | 32) != 0x74:
            return i
        j = i + 4
        if (points[j] | 32) == 0x73:
            j += 1
        if j + 2 >= end or points[j] != 0x3A or points[j + 1] != 0x2F or points[j + 2] != 0x2F:
            return i
    elif c == 0x77:  # w: www.
        if end - i < 6 or (points[i + 1] | 32) != 0x77 or (points[i + 2] | 32) != 0x77:
            return i
        if points[i + 3] != 0x2E:
            return i
        j = i + 3
    else:
        return i
    while j < end and _kind(points, j, end, table) & _ADDRESS:
        j += 1
    return j


@njit(cache=True, nogil=True)
def _adverts(points, offsets, table, labels, out):  # type: ignore[no-untyped-def]
    for d in range(len(offsets) - 1):
        start, end = offsets[d], offsets[d + 1]
        filled = 0
        links = 0
        contacts = 0
        prices = 0
        i = start
        while i < end:
            c = points[i]
            if c >= 0x3001 and c < 0xFF00:
                filled += 1
                i += 1
                continue
            kind = table[c] if c < 0x10000 else np.uint8(0)
            if not kind & (_DIGIT | _SCHEME):
                filled += not kind & _BLANK
                i += 1
                continue
            if kind & _DIGIT:
                j, digits, first, second, groups, blanks = _number(points, i, end, table)
                size = j - i - blanks
                after = points[j] if j < end else np.uint32(0)
                before = points[i - 1] if i > start else np.uint32(0)
                mobile = digits == 11 and first == 1 and second >= 3
                service = digits == 10 and (first == 4 or first == 8) and second == 0
                area = groups == 2 and first == 0 and 10 <= digits <= 12
                in_word = 0x41 <= (before & 0xDF) <= 0x5A and before < 0x80
                called = (mobile or service or area) and not in_word and before != 0x2E
                if not called and 5 <= digits <= 13:
                    called = _labelled(points, start, i, table, labels)
                if called:
                    contacts += size
                else:
                    if groups > 1:
                        # No telephone: its groups are numbers of their own.
                        j = i
                        while _kind(points, j, end, table) & _DIGIT:
                            j += 1
                        size = j - i
                        after = points[j] if j < end else np.uint32(0)
                    while (after == 0x2E or after == 0x2C) and _kind(
                        points, j + 1, end, table
                    ) & _DIGIT:
                        j += 1
                        size += 1
                        while _kind(points, j, end, table) & _DIGIT:
                            j += 1
                            size += 1
                        after = points[j] if j < end else np.uint32(0)
                    signed = (
                        before == 0xFFE5 or before == 0xA5 or before == 0x24 or before == 0xFF04
                    )
                    if signed or after == 0x5143 or after == 0x5757 or after == 0x584A:
                        prices += size + 1
                filled += size
                i = j
                continue
            j = _address_end(points, i, end, table)
            links += j - i
            j = max(j, i + 1)
            filled += j - i
            i = j
        if filled:
            out[0, d] = links / filled
            out[1, d] = contacts / filled
            out[2, d] = prices / filled
