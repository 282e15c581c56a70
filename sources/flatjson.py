"""Flat objects of any JSON text, taken apart in compiled code: texts of some keys, and the rest.

Most published sets hold one object of strings and numbers a line. Such a line is checked, unescaped
and written out in one pass over its bytes, without a Python object for each value. What this pass
does not know for certain (nested values, repeated keys, escapes in the rest, numbers that would be
written otherwise, anything that is no JSON) it leaves to the parser, line by line, so both ways
give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from sources.lines import strings

_KEYS = 24
"""Most keys of a line; one with more is left."""

_PLAIN, _QUOTE, _BACKSLASH, _CONTROL = 0, 1, 2, 3


def _kinds() -> NDArray[np.uint8]:
    """uint8 [256]: what a byte is inside a string."""
    kinds = np.zeros(256, np.uint8)
    kinds[:32] = _CONTROL
    kinds[ord('"')] = _QUOTE
    kinds[ord("\\")] = _BACKSLASH
    return kinds


_KIND = _kinds()


def _escapes() -> NDArray[np.uint8]:
    """uint8 [256]: the byte that a character behind a backslash stands for, 0 for none."""
    table = np.zeros(256, np.uint8)
    for char, meant in zip('"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True):
        table[ord(char)] = ord(meant)
    return table


_ESCAPE = _escapes()


@dataclass(frozen=True)
class FlatKeys:
    """What records must look like to be taken apart."""

    keys: tuple[str, ...]
    """Keys of texts that a record must have."""
    doubtful: str = ""
    """Pattern (RE2) of what must not stand in the rest of a record, if it may have a meaning."""

    def taken_apart(
        self, buffer: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> FlatLines | None:
        """`flat_lines` of these keys, without the records whose rest is doubtful."""
        found = flat_lines(buffer, starts, ends, self.keys)
        if found is None or not self.doubtful or found.meta.null_count == len(found.meta):
            return found
        doubts = pc.match_substring_regex(found.meta, self.doubtful, ignore_case=True)
        sure = pc.invert(doubts.fill_null(False))
        if pc.all(sure).as_py():
            return found
        plain = found.plain.copy()
        plain[plain] = sure.to_numpy(zero_copy_only=False)
        texts = [column.filter(sure) for column in found.texts]
        return FlatLines(plain, texts, found.meta.filter(sure))


@dataclass
class FlatLines:
    """The lines of a buffer that were taken apart.

    plain: bool [lines], which they are. texts: one large_string array a key, and meta, the rest of
    each object as compact JSON or null; both over the plain lines alone, in order.
    """

    plain: NDArray[np.bool_]
    texts: list[pa.Array]
    meta: pa.Array

    def first(self, lines: int) -> FlatLines:
        """Of the first lines only."""
        count = int(self.plain[:lines].sum())
        texts = [column.slice(0, count) for column in self.texts]
        return FlatLines(self.plain[:lines], texts, self.meta.slice(0, count))


def flat_lines(
    buffer: bytes,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    keys: Sequence[str],
) -> FlatLines | None:
    """Takes apart the lines buffer[starts[i]:ends[i]] that are flat objects with a text a key.

    They are called lines, but may be any records one behind the other, line feeds in them or not.

    keys: distinct ones. None where the buffer is not UTF-8: then each line must be looked at alone.
    """
    if not _is_utf8(buffer):
        return None
    data = np.frombuffer(buffer, np.uint8)
    names = [key.encode() for key in keys]
    wanted = np.frombuffer(b"".join(names) or b"\0", np.uint8)
    bounds = np.cumsum([0, *map(len, names)]).astype(np.int64)
    n, k = len(starts), len(keys)
    texts = np.empty((k, len(data) + 4), np.uint8)
    offsets = np.zeros((k, n + 1), np.int64)
    rest = np.empty(len(data) + 4, np.uint8)
    rest_offsets = np.zeros(n + 1, np.int64)
    plain = np.zeros(n, np.bool_)
    kept = _take_apart(
        data, starts, ends, wanted, bounds, _KIND, _ESCAPE,
        texts, offsets, rest, rest_offsets, plain,
    )  # fmt: skip
    columns = [
        strings(texts[j, : offsets[j, kept]].copy(), offsets[j, : kept + 1]) for j in range(k)
    ]
    lengths = np.diff(rest_offsets[: kept + 1])
    filled = np.packbits(lengths > 0, bitorder="little")
    meta = pa.Array.from_buffers(
        pa.string(),
        kept,
        [
            pa.py_buffer(filled),
            pa.py_buffer(rest_offsets[: kept + 1].astype(np.int32)),
            pa.py_buffer(rest[: rest_offsets[kept]].copy()),
        ],
    )
    return FlatLines(plain, columns, meta)


def _is_utf8(buffer: bytes) -> bool:
    offsets = np.array([0, len(buffer)], np.int64)
    whole = pa.Array.from_buffers(
        pa.large_string(), 1, [None, pa.py_buffer(offsets), pa.py_buffer(buffer)]
    )
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


@njit(cache=True, nogil=True)
def _blank_end(data, i, end):  # type: ignore[no-untyped-def]
    while i < end and (data[i] == 32 or data[i] == 9 or data[i] == 10 or data[i] == 13):
        i += 1
    return i


@njit(cache=True, nogil=True)
def _hex4(data, i, end):  # type: ignore[no-untyped-def]
    """The number in four hexadecimal digits at i, or -1."""
    if i + 4 > end:
        return -1
    value = np.int64(0)
    for j in range(i, i + 4):
        b = np.int64(data[j])
        if 48 <= b <= 57:
            digit = b - 48
        elif 97 <= (b | 32) <= 102:
            digit = (b | 32) - 87
        else:
            return -1
        value = value * 16 + digit
    return value


@njit(cache=True, nogil=True)
def _string_end(data, i, end, kind):  # type: ignore[no-untyped-def]
    """Position of the quote that closes the string whose first byte is at i.

    -1 where it is not closed or holds an escape the writer would write otherwise.
    """
    while i < end:
        what = kind[data[i]]
        if what == 0:
            i += 1
        elif what == 1:
            return i
        elif what == 2:
            if i + 1 >= end:
                return -1
            b = data[i + 1]
            if b == 47 or b == 117 or _ESCAPE[b] == 0:
                return -1
            i += 2
        else:
            return -1
    return -1


@njit(cache=True, nogil=True)
def _unescaped(data, i, end, kind, escape, out, o):  # type: ignore[no-untyped-def]
    """Writes the string whose first byte is at i to out[o:]; (position of its quote, new o).

    The position is -1 where the string is not closed or no JSON.
    """
    while i < end:
        b = data[i]
        what = kind[b]
        if what == 0:
            out[o] = b
            o += 1
            i += 1
            continue
        if what == 1:
            return i, o
        if what == 3 or i + 1 >= end:
            return -1, o
        b = data[i + 1]
        if b != 117:
            if escape[b] == 0:
                return -1, o
            out[o] = escape[b]
            o += 1
            i += 2
            continue
        c = _hex4(data, i + 2, end)
        i += 6
        if c < 0 or 0xDC00 <= c < 0xE000:
            return -1, o
        if 0xD800 <= c < 0xDC00:
            if i + 1 >= end or data[i] != 92 or data[i + 1] != 117:
                return -1, o
            low = _hex4(data, i + 2, end)
            i += 6
            if low < 0xDC00 or low >= 0xE000:
                return -1, o
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00)
        if c < 0x80:
            out[o] = c
            o += 1
        elif c < 0x800:
            out[o] = 0xC0 | (c >> 6)
            out[o + 1] = 0x80 | (c & 0x3F)
            o += 2
        elif c < 0x10000:
            out[o] = 0xE0 | (c >> 12)
            out[o + 1] = 0x80 | ((c >> 6) & 0x3F)
            out[o + 2] = 0x80 | (c & 0x3F)
            o += 3
        else:
            out[o] = 0xF0 | (c >> 18)
            out[o + 1] = 0x80 | ((c >> 12) & 0x3F)
            out[o + 2] = 0x80 | ((c >> 6) & 0x3F)
            out[o + 3] = 0x80 | (c & 0x3F)
            o += 4
    return -1, o


@njit(cache=True, nogil=True)
def _literal_end(data, i, end):  # type: ignore[no-untyped-def]
    """Where the number or literal at i ends, or -1 if the writer would write it otherwise.

    Numbers: whole ones of at most 15 digits, and decimal fractions of at most 15 digits from 0.001
    up, which are their own shortest form where the last digit is not 0.
    """
    b = data[i]
    if b == 116 and i + 4 <= end:
        true = data[i + 1] == 114 and data[i + 2] == 117 and data[i + 3] == 101
        return i + 4 if true else -1
    if b == 110 and i + 4 <= end:
        null = data[i + 1] == 117 and data[i + 2] == 108 and data[i + 3] == 108
        return i + 4 if null else -1
    if b == 102 and i + 5 <= end:
        false = data[i + 1] == 97 and data[i + 2] == 108 and data[i + 3] == 115
        return i + 5 if false and data[i + 4] == 101 else -1
    if b == 45:
        i += 1
        negative = True
    else:
        negative = False
    first = i
    while i < end and 48 <= data[i] <= 57:
        i += 1
    digits = i - first
    if digits == 0 or digits > 15 or (digits > 1 and data[first] == 48):
        return -1
    zero = digits == 1 and data[first] == 48
    if i < end and data[i] == 46:
        point = i
        i += 1
        while i < end and 48 <= data[i] <= 57:
            i += 1
        fraction = i - point - 1
        if fraction == 0 or digits + fraction > 15:
            return -1
        if zero and fraction >= 2 and data[point + 1] == 48 and data[point + 2] == 48:
            return -1
        if data[i - 1] == 48 and (fraction > 1 or zero):
            return -1
    elif zero and negative:
        return -1
    if i < end and (data[i] | 32) == 101:
        return -1
    return i


@njit(cache=True, nogil=True)
def _same(data, a, a_end, b, b_end):  # type: ignore[no-untyped-def]
    if a_end - a != b_end - b:
        return False
    same = True
    for j in range(a_end - a):
        same &= data[a + j] == data[b + j]
    return same


@njit(cache=True, nogil=True)
def _wanted_key(data, a, end, wanted, bounds):  # type: ignore[no-untyped-def]
    for j in range(len(bounds) - 1):
        size = bounds[j + 1] - bounds[j]
        if size != end - a:
            continue
        same = True
        for x in range(size):
            same &= data[a + x] == wanted[bounds[j] + x]
        if same:
            return j
    return -1


@njit(cache=True, nogil=True)
def _take_apart(  # type: ignore[no-untyped-def]
    data, starts, ends, wanted, bounds, kind, escape,
    texts, offsets, rest, rest_offsets, plain,
):  # fmt: skip
    """Fills everything behind `escape`; returns how many lines are plain.

    A line that turns out not to be is forgotten by starting the next at the same offsets.
    """
    k = len(bounds) - 1
    begins = np.empty(_KEYS, np.int64)
    closes = np.empty(_KEYS, np.int64)
    at = np.empty(k, np.int64)
    kept = 0
    for d in range(len(starts)):
        end = ends[d]
        for j in range(k):
            at[j] = offsets[j, kept]
        r = rest_offsets[kept]
        seen = 0
        count = 0
        done = False
        i = _blank_end(data, starts[d], end)
        if i < end and data[i] == 123:
            i = _blank_end(data, i + 1, end)
            while i < end and data[i] == 34 and count < _KEYS:
                begin = i + 1
                close = _string_end(data, begin, end, kind)
                if close < 0:
                    break
                repeated = False
                for j in range(count):
                    repeated |= _same(data, begins[j], closes[j], begin, close)
                if repeated:
                    break
                begins[count] = begin
                closes[count] = close
                count += 1
                i = _blank_end(data, close + 1, end)
                if i >= end or data[i] != 58:
                    break
                i = _blank_end(data, i + 1, end)
                if i >= end:
                    break
                j = _wanted_key(data, begin, close, wanted, bounds)
                if j >= 0:
                    if data[i] != 34:
                        break
                    i, at[j] = _unescaped(data, i + 1, end, kind, escape, texts[j], at[j])
                    if i < 0:
                        break
                    i += 1
                    seen += 1
                else:
                    value = i
                    if data[i] == 34:
                        i = _string_end(data, i + 1, end, kind)
                        if i < 0:
                            break
                        i += 1
                    else:
                        i = _literal_end(data, i, end)
                        if i < 0:
                            break
                    rest[r] = 123 if r == rest_offsets[kept] else 44
                    r += 1
                    for x in range(begin - 1, close + 1):
                        rest[r] = data[x]
                        r += 1
                    rest[r] = 58
                    r += 1
                    for x in range(value, i):
                        rest[r] = data[x]
                        r += 1
                i = _blank_end(data, i, end)
                if i >= end:
                    break
                if data[i] == 44:
                    i = _blank_end(data, i + 1, end)
                    continue
                if data[i] == 125:
                    i = _blank_end(data, i + 1, end)
                    done = i == end
                break
        if not done or seen < k:
            continue
        plain[d] = True
        if r > rest_offsets[kept]:
            rest[r] = 125
            r += 1
        kept += 1
        for j in range(k):
            offsets[j, kept] = at[j]
        rest_offsets[kept] = r
    return kept
