"""How much of a text is lists and menus: numbered items, and rows of short unpunctuated labels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.base import Measure
from curate.measure.characters import BLANKS, is_blank
from curate.scan import Scan
from curate.textbatch import TextBatch

BULLETS = "•·●○■□◆◇★☆▪▫►▶▷→√✓✔※◎⊙➤➢"
"""Marks that make their line a list item."""
LIGHT_BULLETS = "-*+–"
"""Marks that do so before a blank."""
SENTENCE_MARKS = "。｡！!？?，,；;…"
"""A line with one of these says something and is no menu."""
SENTENCE_CHARACTERS = "了是我你您他她它这這那就也都还還又吗嗎呢吧啊着著把被不没沒很在和之而"
"""A line with one of these is a clause (a line of verse, say) and no menu."""
SEPARATORS = "|｜>›»/／_·丨┃│"
"""Marks that stand between the labels of a menu, besides blanks."""
LABEL = 12
"""Characters a menu's label has at most."""
LABELS = 4
"""Labels from which one line is a menu."""
RUN = 3
"""Lines in a row from which short lines are a menu: a title and its author are none."""

_BLANK, _BULLET, _LIGHT, _SAYS, _SEPARATOR, _DIGIT, _HAN_DIGIT, _CIRCLED, _AFTER = (
    1 << i for i in range(9)
)
_WE, _PLURAL, _PLURALS = map(ord, "我们們")
_COLUMNS = ("list_lines", "menu_text")


def _table() -> NDArray[np.uint16]:
    """uint16 [0x10000]: what a character is to a list or a menu, as bits."""
    table = np.zeros(0x10000, np.uint16)
    kinds = (
        (BULLETS, _BULLET),
        (LIGHT_BULLETS, _LIGHT),
        (SENTENCE_MARKS + SENTENCE_CHARACTERS, _SAYS),
        (SEPARATORS, _SEPARATOR),
        ("0123456789０１２３４５６７８９", _DIGIT),
        ("〇零一二三四五六七八九十百壹贰叁肆伍陆柒捌玖拾貳參陸", _HAN_DIGIT),
        ("".join(map(chr, [*range(0x2460, 0x24FF), *range(0x2776, 0x2794)])), _CIRCLED),
        ("、.．)）:：】]", _AFTER),
    )
    for marks, bit in kinds:
        for mark in marks:
            table[ord(mark)] |= bit
    table[list(BLANKS)] = _BLANK
    return table


class Listing(Measure):
    """Lists and menus.

    list_lines: share of the lines that begin as a list item does.
    menu_text: share of the characters in menus: lines of LABELS or more short labels, and RUN or
    more short lines in a row, none with a mark or a function word that makes it a clause.
    """

    name: ClassVar[str] = "listing"
    order: ClassVar[int] = 35
    columns: ClassVar[dict[str, pa.DataType]] = dict.fromkeys(_COLUMNS, pa.float32())

    def measure_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> dict[str, NDArray[np.generic] | pa.Array]:
        out = np.zeros((len(_COLUMNS), len(batch)), np.float32)
        _listing(batch.points, batch.offsets, _TABLE, out)
        return dict(zip(_COLUMNS, out, strict=True))


_TABLE = _table()


@njit(cache=True, nogil=True)
def _begins_item(points, i, end, table):  # type: ignore[no-untyped-def]
    """Whether the line at `i`, its first character other than a blank, begins as a list item."""
    c = points[i]
    kind = table[c] if c < 0x10000 else np.uint16(0)
    if kind & (_BULLET | _CIRCLED):
        return True
    if kind & _LIGHT:
        return i + 1 < end and is_blank(points[i + 1])
    # （一） and 【1】, 一、 and 12. and 3) and a)
    opened = c == 0xFF08 or c == 0x28 or c == 0x3010 or c == 0x5B
    j = i + 1 if opened else i
    first = j
    while j < end and j - first < 4:
        c = points[j]
        kind = table[c] if c < 0x10000 else np.uint16(0)
        if not kind & (_DIGIT | _HAN_DIGIT):
            break
        j += 1
    if j == first and j < end and 0x41 <= (points[j] & 0xDF) <= 0x5A:
        j += 1
    if j == first or j >= end:
        return False
    c = points[j]
    kind = table[c] if c < 0x10000 else np.uint16(0)
    if not kind & _AFTER:
        return False
    if opened:
        return c == 0xFF09 or c == 0x29 or c == 0x3011 or c == 0x5D
    if c == 0x2E or c == 0xFF0E or c == 0x3A or c == 0xFF1A:
        # 3.14, 12:30, a.com and 2:1 are none; so is a name before a colon.
        if c == 0x3A or c == 0xFF1A:
            return False
        after = points[j + 1] if j + 1 < end else np.uint32(10)
        follows = table[after] if after < 0x10000 else np.uint16(0)
        letter = 0x41 <= (after & 0xDF) <= 0x5A and after < 0x80
        return not follows & _DIGIT and not (letter and points[first] >= 0x41)
    return c != 0x3011 and c != 0x5D


@njit(cache=True, nogil=True)
def _listing(points, offsets, table, out):  # type: ignore[no-untyped-def]
    for d in range(len(offsets) - 1):
        end = offsets[d + 1]
        filled = 0
        lines = 0
        items = 0
        menu = 0
        run = 0  # menu-like lines in a row up to here
        pending = 0  # characters of the short ones among them not counted yet
        size = 0  # characters of the line so far
        seen = np.uint16(0)  # kinds of them, or-ed
        labels = 0
        in_label = False
        for i in range(offsets[d], end + 1):
            c = points[i] if i < end else np.uint32(10)
            kind = table[c] if c < 0x10000 else np.uint16(0)
            if c != 10:
                if kind & _BLANK:
                    in_label = False
                    continue
                if size == 0:
                    items += _begins_item(points, i, end, table)
                size += 1
                # 联系我们 is a label.
                if c != _WE or not (
                    i + 1 < end and (points[i + 1] == _PLURAL or points[i + 1] == _PLURALS)
                ):
                    seen |= kind
                if kind & _SEPARATOR:
                    in_label = False
                elif not in_label:
                    # Latin words are parted by blanks anyway.
                    labels += not (0x41 <= (c & 0xDF) <= 0x5A and c < 0x80)
                    in_label = True
                continue
            if size:
                lines += 1
                filled += size
                many = labels >= LABELS and size <= labels * LABEL
                if not seen & _SAYS and (many or size <= LABEL):
                    run += 1
                    if many:
                        menu += size
                    else:
                        pending += size
                    if run >= RUN:
                        menu += pending
                        pending = 0
                else:
                    run = 0
                    pending = 0
            size = 0
            seen = np.uint16(0)
            labels = 0
            in_label = False
        if lines:
            out[0, d] = items / lines
            out[1, d] = menu / filled
