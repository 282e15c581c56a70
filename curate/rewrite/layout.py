"""Where the blanks of a text are its layout: code without a fence, JSON, tables, formulas, lists.

Prose loses nothing when runs of blanks become one; a program loses its blocks, a table its columns.
Texts of a corpus are prose nearly always. Answers to instructions are not: on the real samples one
answer in fifty has indented code or JSON without a fence around it.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.textbatch import TextBatch

SHORT = 40
"""Characters from which an indented line that begins in Chinese is a paragraph, not a program's."""


def laid_out(batch: TextBatch, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
    r"""Whether the blanks of the texts at `indices` may mean something, bool [len(indices)].

    So they are where a line after the first begins with a tab or two blanks (no-break ones too)
    and is not a paragraph in Chinese; where one blank begins a line of small Latin letters under a
    line that ends in `:` or an opening bracket; where two lines in a row hold `|` (lines of nothing
    but dashes between them do not count); where there is a backtick, a JSON key (`":`), a
    semicolon at a line's end, two dollar signs in one line, or a backslash before `(`, `[` or
    `begin`. Errs towards yes.
    """
    found = np.zeros(len(indices), np.bool_)
    _laid_out(batch.points, batch.offsets, indices, found)
    return found


@njit(cache=True, nogil=True)
def _laid_out(points, offsets, indices, found):  # type: ignore[no-untyped-def]
    for k in range(len(indices)):
        start, end = offsets[indices[k]], offsets[indices[k] + 1]
        line = start  # where the line begins
        last = np.uint32(0)  # what the filled line before this one ended in
        ended = np.uint32(0)
        first = True  # no filled line came before this one
        filled = False
        bars_before = 0
        bars = 0
        ruled = True  # nothing but dashes in the line so far
        dollars = 0
        for i in range(start, end + 1):
            c = points[i] if i < end else np.uint32(10)
            if c == 10:
                if bars and bars_before:
                    found[k] = True
                    break
                first = first and not filled
                if filled:
                    ended = last
                if not (filled and ruled):
                    bars_before = bars
                ruled = True
                bars = 0
                dollars = 0
                filled = False
                line = i + 1
                continue
            if c == 32 or c == 9 or c == 0x3000 or c == 0xA0:
                continue
            last = c
            ruled = ruled and (c == 0x2D or c == 0x3D or c == 0x2B)
            if not filled:
                filled = True
                if i - line == 1 and (0x61 <= c <= 0x7A or c == 0x5F):
                    opened = ended == 0x3A or ended == 0x7B or ended == 0x28 or ended == 0x5B
                    if opened and points[line] == 32:
                        found[k] = True
                        break
                if not first and i > line:
                    tab = False
                    only = True
                    for j in range(line, i):
                        tab |= points[j] == 9
                        only &= points[j] == 9 or points[j] == 32 or points[j] == 0xA0
                    if only and (tab or i - line >= 2):
                        j = i
                        if c >= 0x2E80 or c == 0x201C:
                            while j < end and points[j] != 10 and j - i < SHORT:
                                j += 1
                        if j < i + SHORT:
                            found[k] = True
                            break
            if c == 0x60:
                found[k] = True
                break
            if c == 0x7C:
                bars += 1
            elif c == 0x24:
                dollars += 1
                if dollars == 2:
                    found[k] = True
                    break
            elif c == 0x3B:
                if i + 1 == end or points[i + 1] == 10:
                    found[k] = True
                    break
            elif c == 0x3A:
                if i > start and points[i - 1] == 0x22:
                    found[k] = True
                    break
            elif c == 0x5C and i + 1 < end:
                d = points[i + 1]
                begin = d == 0x62 and i + 2 < end and points[i + 2] == 0x65
                if d == 0x28 or d == 0x5B or begin:
                    found[k] = True
                    break
