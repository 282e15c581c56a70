"""Blanks and empty lines: one kind, no runs, none where Chinese has none."""

from __future__ import annotations

import re
from functools import cache
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.characters import CharClass, Flag, characters
from curate.rewrite.base import Rewrite
from curate.rewrite.kernel import rewritten
from curate.rewrite.layout import laid_out
from curate.scan import Scan
from curate.textbatch import TextBatch

# Properties of characters, as bits of the table.
_BLANK = 1
_HAN = 2
_TIGHT = 4
"""Chinese punctuation that has no blank beside it in any text."""
_QUOTE = 8
"""“”‘’…, which other languages use too: tight beside a Han character only."""
_BEFORE = 32
"""ASCII punctuation that follows its word without a blank."""
_AFTER = 64
"""ASCII brackets that open: no blank behind them."""
_LEFT = 128
_RIGHT = 256
_ASCII_QUOTE = 512
_EVIDENCE = 10
"""From this bit on: what the character is to `looks_segmented`."""
_OTHER, _GAP, _IDEOGRAPH, _NUMERAL, _MARK, _LINE_END = range(6)

_TIGHT_CHARS = "、。〈〉《》「」『』【】〔〕〖〗〘〙〚〛！（），．：；？［］｛｝｡｢｣､"
_NUMERAL_CHARS = "〇零一二三四五六七八九十百千"

Segmented = Literal["auto", "always", "never"]
Layout = Literal["fold", "keep"]


class Spaces(Rewrite):
    """Every blank becomes U+0020 and every run of them one; none at the start or end of a line; at
    most one empty line; none beside ，。：；？！（）《》「」 and their like.

    A pair of brackets with nothing but blanks inside keeps one: it is a place to fill in. Lines
    inside a ``` fence are left as they are, but for no-break spaces and their like: no program
    runs with them, and one U+0020 for each keeps its columns.

    In word-segmented text (`联合国 的 任何 改革`) every blank beside a Han character goes, whatever
    is on its other side (`2014 年 9 月` becomes `2014年9月`), and those inside ASCII brackets and
    quotes and before ASCII punctuation go too. Other blanks between Han characters mean something
    (lists of names, verses, headlines) and stay.
    """

    name: ClassVar[str] = "spaces"
    version: ClassVar[int] = 3
    order: ClassVar[int] = 40
    flags: ClassVar[int] = Flag.BLANK | Flag.SPACE_RUN | Flag.HAN_SPACE | Flag.NEWLINE_RUN

    segmented: Segmented = "auto"
    """Whether texts are word-segmented: `auto` looks at each text (see `looks_segmented`), `always`
    is for a source known to be, `never` keeps all blanks between Han characters."""
    layout: Layout = "fold"
    """What becomes of texts whose blanks are their layout (see `curate.rewrite.layout`): `fold` is
    for prose, `keep` takes off only empty lines at the start and blanks at the end and makes
    no-break spaces and their like U+0020. With `keep` the blank behind the mark of a list's item
    stays in all texts: `1. 《围城》` is an item of a list in Markdown, `1.《围城》` is not."""

    def rewrite(self, text: str) -> str:
        if self.layout == "keep":
            batch = TextBatch.from_strings([text])
            if laid_out(batch, np.zeros(1, np.int64))[0]:
                return _EMPTY_START.sub("", text.rstrip(_blanks() + "\n")).translate(_plain())
        segmented = False
        if self.segmented != "never":
            segmented = _HAN_BLANK.search(text) is not None
        if self.segmented == "auto":
            segmented = segmented and looks_segmented(text)
        lines: list[str] = []
        fenced = False
        for line in text.split("\n"):
            bare = line.lstrip(_blanks())
            marked = bare.startswith("```")
            if fenced:
                lines.append(line.translate(_plain()))
                fenced = not marked
            elif marked and "`" not in bare.lstrip("`"):
                lines.append(line.translate(_plain()))
                fenced = True
            elif clean := self._line(line, segmented):
                lines.append(clean)
            elif lines and lines[-1]:
                lines.append("")
        return "\n".join(lines).rstrip(_blanks() + "\n")

    def _line(self, line: str, segmented: bool) -> str:
        item = _ITEM.match(line) if self.layout == "keep" and not segmented else None
        if item:
            return f"{item[1]} {_spaced(line[item.end() :], segmented)}"
        return _spaced(line, segmented)

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        mode = ("never", "auto", "always").index(self.segmented)
        flagged = scanned.having(self.flags)
        if self.layout == "fold":
            return rewritten(batch, flagged, _fill, _table(), _automaton(), mode, False)
        kept = laid_out(batch, flagged)
        batch, folded = rewritten(batch, flagged[~kept], _fill, _table(), _automaton(), mode, True)
        framed = _framed(batch.points, batch.offsets, flagged[kept], _table())
        batch, trimmed = self.rewritten_at(batch, flagged[kept][framed].tolist())
        return batch, np.union1d(folded, trimmed)


def looks_segmented(text: str) -> bool:
    """Whether blanks stand between the words of a text as a segmenter puts them.

    Segmenters put a blank before each mark of punctuation; no one else does. A text without Chinese
    punctuation is segmented if at least a quarter of the neighbouring Han characters are parted by
    a blank and if for 20 blanks there are three Han characters standing alone, as 的 or 在 do and
    members of a list do not. (Numerals do not count: they end headings.) One blank is not enough,
    unless no two Han characters stand together. The limits come from real text; see
    docs/cleaning/characters.md.
    """
    text = _BLANKS.sub(" ", text)
    gaps = len(re.findall(f"{_HAN_RANGE} (?={_HAN_RANGE})", text))
    if gaps == 0:
        return False
    together = len(re.findall(f"{_HAN_RANGE}(?={_HAN_RANGE})", text))
    lines = [line.strip(" ") for line in text.split("\n")]
    marks = sum(len(re.findall(f"[{_TIGHT_CHARS}]", line[1:])) for line in lines)
    spaced = sum(len(re.findall(f" [{_TIGHT_CHARS}]", line)) for line in lines)
    if marks:
        return spaced * 10 >= marks * 7 and gaps * 23 >= together * 2
    alone = re.findall(
        f"(?<!{_HAN_RANGE})(?:(?<={_HAN_RANGE} )({_HAN_RANGE})|({_HAN_RANGE})(?= {_HAN_RANGE}))"
        f"(?!{_HAN_RANGE})",
        text,
    )
    singles = sum(a + b not in _NUMERAL_CHARS for a, b in alone)
    return (gaps >= 2 or together == 0) and gaps * 3 >= together and singles * 20 >= gaps * 3


_HAN_RANGE = (
    "[々〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fffd\U00030000-\U000323af]"
)
_BLANK_CHARS = "\t \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_BLANKS = re.compile(f"[{_BLANK_CHARS}]+")
_ITEM = re.compile(
    rf"[{_BLANK_CHARS}]*(\d{{1,3}}[.)]|[-*+])[{_BLANK_CHARS}]+(?=[^{_BLANK_CHARS}\n])"
)
_EMPTY_START = re.compile(rf"\A(?:[{_BLANK_CHARS}]*\n)+")
_HAN_BLANK = re.compile(f"{_HAN_RANGE}[{_BLANK_CHARS}]|[{_BLANK_CHARS}]{_HAN_RANGE}")


@cache
def _blanks() -> str:
    return "".join(c for c in map(chr, range(0x3001)) if _BLANKS.match(c))


@cache
def _plain() -> dict[int, str]:
    """Blanks that become U+0020 where layout stays: all but tabs and the full-width one."""
    return {ord(c): " " for c in _blanks() if c not in "\t\u3000"}


def _spaced(line: str, segmented: bool) -> str:
    """One line outside a fence as it should be."""
    words = _BLANKS.split(line.strip(_blanks()))
    result = words[0]
    for word in words[1:]:
        before, after = result[-1], word[0]
        last, here = int(_table()[ord(before)]), int(_table()[ord(after)])
        either = last | here
        keep = not (either & _TIGHT or (either & _QUOTE and either & _HAN))
        if segmented:
            quoted = result.count('"') % 2 == 1 and '"' in (before, after)
            keep = keep and not (either & _HAN or here & _BEFORE or last & _AFTER or quoted)
        keep = keep or (last & _LEFT and here & _RIGHT) != 0
        result += " " + word if keep else word
    return result


@cache
def _table() -> NDArray[np.uint16]:
    """uint16 [0x110000]: the properties of each character."""
    kinds = characters().entries & np.uint32(31)
    table = np.zeros(len(kinds), np.uint16)
    table[kinds == CharClass.SPACE] = _BLANK | _GAP << _EVIDENCE
    table[kinds == CharClass.HAN] = _HAN | _IDEOGRAPH << _EVIDENCE
    numerals = [ord(c) for c in _NUMERAL_CHARS]
    table[numerals] = _HAN | _NUMERAL << _EVIDENCE
    for chars, bits in (
        (_TIGHT_CHARS, _TIGHT),
        ("“”‘’…", _QUOTE),
        (".,;:!?%)]}”’", _BEFORE),
        ("([{“‘", _AFTER),
        ("([{（［｛〈《「『【〔〖〘〚｢", _LEFT),
        (")]}）］｝〉》」』】〕〗〙〛｣", _RIGHT),
        ('"', _ASCII_QUOTE),
        (_TIGHT_CHARS, _MARK << _EVIDENCE),
        ("\n", _LINE_END << _EVIDENCE),
    ):
        table[[ord(c) for c in chars]] |= bits
    table.flags.writeable = False
    return table


class _Reader(NamedTuple):
    """What has to be remembered of the characters read to gather the evidence in one pass."""

    run: int = 0
    """Han characters in a row, blanks aside: 0, 1, or 2 for more."""
    parted: bool = False
    """Whether a blank stands between the run and another one before it."""
    numeral: bool = False
    blank: bool = False
    in_line: bool = False

    def read(self, kind: int) -> tuple[_Reader, tuple[int, int, int, int, int]]:
        """The next state, and what to add to gaps, together, singles, marks and spaced."""
        if kind == _GAP:
            return self._replace(blank=True), (0, 0, 0, 0, 0)
        lone = self.run == 1 and not self.numeral
        if kind in (_IDEOGRAPH, _NUMERAL):
            numeral = kind == _NUMERAL
            if self.run == 0:
                return _Reader(1, False, numeral, False, True), (0, 0, 0, 0, 0)
            if self.blank:
                return _Reader(1, True, numeral, False, True), (1, 0, int(lone), 0, 0)
            return _Reader(2, False, False, False, True), (0, 1, 0, 0, 0)
        single = int(lone and self.parted)
        if kind == _LINE_END:
            return _Reader(), (0, 0, single, 0, 0)
        mark = int(kind == _MARK and self.in_line)
        return _Reader(in_line=True), (0, 0, single, mark, mark * int(self.blank))


_FIELD = 12
"""Bits for each of the five counts, which are kept in one integer."""


@cache
def _automaton() -> NDArray[np.uint64]:
    """uint64 [states * 8]: by state and kind, the next state in the highest four bits and below it
    what to add to the counts. Made by trying `_Reader.read` on all that can happen.
    """
    states = [_Reader()]
    rows: list[list[int]] = []
    for state in states:
        row = [0] * 8
        for kind in range(6):
            after, counts = state.read(kind)
            if after not in states:
                states.append(after)
            added = sum(n << (_FIELD * i) for i, n in enumerate(counts))
            row[kind] = states.index(after) << 60 | added
        rows.append(row)
    if len(states) > 16:
        raise AssertionError("the state has four bits")
    table = np.array(rows, np.uint64).ravel()
    table.flags.writeable = False
    return table


@njit(cache=True, nogil=True)
def _looks_segmented(points, start, end, table, automaton):  # type: ignore[no-untyped-def]
    """`looks_segmented` of points[start:end], without a branch for each character."""
    mask = np.uint64((1 << 60) - 1)
    field = np.uint64(0xFFF)
    gaps = together = singles = marks = spaced = np.int64(0)
    state = np.uint64(0)
    i = start
    while i <= end:
        counts = np.uint64(0)
        stop = min(end, i + 4000)  # fewer than a field can count
        for j in range(i, stop):
            kind = np.uint64(table[points[j]] >> 10)
            step = automaton[(state << np.uint64(3)) + kind]
            state = step >> np.uint64(60)
            counts += step & mask
        if stop == end:  # the end of the text ends a line
            counts += automaton[(state << np.uint64(3)) + np.uint64(5)] & mask
        gaps += np.int64(counts & field)
        together += np.int64((counts >> np.uint64(12)) & field)
        singles += np.int64((counts >> np.uint64(24)) & field)
        marks += np.int64((counts >> np.uint64(36)) & field)
        spaced += np.int64((counts >> np.uint64(48)) & field)
        if stop == end:
            break
        i = stop
    if gaps == 0:
        return False
    if marks > 0:
        return spaced * 10 >= marks * 7 and gaps * 23 >= together * 2
    return (gaps >= 2 or together == 0) and gaps * 3 >= together and singles * 20 >= gaps * 3


@njit(cache=True, nogil=True)
def _beside_han(points, start, end, table):  # type: ignore[no-untyped-def]
    """Whether a blank stands beside a Han character."""
    last = 0
    for i in range(start, end):
        kind = table[points[i]]
        if (kind & 1 and last & 2) or (kind & 2 and last & 1):
            return True
        last = kind
    return False


@njit(cache=True, nogil=True)
def _framed(points, offsets, indices, table):  # type: ignore[no-untyped-def]
    """Bool [len(indices)]: which texts begin with an empty line, end in a blank or a line end, or
    hold a blank other than U+0020, the tab and U+3000 (`_plain`).
    """
    found = np.zeros(len(indices), np.bool_)
    for k in range(len(indices)):
        i, end = offsets[indices[k]], offsets[indices[k] + 1]
        if i == end:
            continue
        if points[end - 1] == 10 or table[points[end - 1]] & 1:
            found[k] = True
            continue
        while i < end and table[points[i]] & 1:
            i += 1
        found[k] = points[i] == 10
        for j in range(offsets[indices[k]], end):
            c = points[j]
            if table[c] & 1 and c != 0x20 and c != 0x09 and c != 0x3000:
                found[k] = True
                break
    return found


@njit(cache=True, nogil=True)
def _fence_at(points, i, end, table):  # type: ignore[no-untyped-def]
    """Of the line that starts at `i`: 0 no fence, 1 it can close one, 2 it can open one too."""
    while i < end and table[points[i]] & 1:
        i += 1
    marks = 0
    while i < end and points[i] == 96:
        marks += 1
        i += 1
    if marks < 3:
        return 0
    while i < end and points[i] != 10:
        if points[i] == 96:
            return 1
        i += 1
    return 2


@njit(cache=True, nogil=True)
def _copy_fenced(points, i, end, table, out, k):  # type: ignore[no-untyped-def]
    """Copies from the opening line at `i` to the end of the closing one; returns (i, k) there.

    Blanks other than tabs and U+3000 become U+0020.
    """
    first = True
    while i < end:
        closes = not first and _fence_at(points, i, end, table) > 0
        first = False
        while i < end and points[i] != 10:
            c = points[i]
            out[k] = 32 if table[c] & 1 and c != 9 and c != 0x3000 else c
            k += 1
            i += 1
        if closes:
            break
        if i < end:
            out[k] = 10
            k += 1
            i += 1
    return i, k


@njit(cache=True, nogil=True)
def _item_end(points, i, end, table):  # type: ignore[no-untyped-def]
    """Where the mark of a list's item ends that begins at `i`; `i` where none does.

    A mark is -, *, + or up to three digits with . or ) behind them, then a blank, then something.
    """
    j = i
    if points[i] == 0x2D or points[i] == 0x2A or points[i] == 0x2B:
        j += 1
    else:
        while j < end and j - i < 4 and 0x30 <= points[j] <= 0x39:
            j += 1
        if not 0 < j - i < 4 or j >= end or (points[j] != 0x2E and points[j] != 0x29):
            return i
        j += 1
    k = j
    while k < end and table[points[k]] & 1:
        k += 1
    return j if j < k < end and points[k] != 10 else i


@njit(cache=True, nogil=True)
def _fill(points, offsets, wanted, table, automaton, mode, items, out, out_offsets):  # type: ignore[no-untyped-def]
    k = 0
    for n in range(len(wanted)):
        start = k
        i = offsets[wanted[n]]
        end = offsets[wanted[n] + 1]
        segmented = False
        if mode == 1:
            segmented = _looks_segmented(points, i, end, table, automaton)
        elif mode == 2:
            segmented = _beside_han(points, i, end, table)
        newlines = 0
        while i < end:
            line = i
            while i < end and (points[i] == 10 or table[points[i]] & 1):
                if points[i] == 10:
                    newlines += 1
                    line = i + 1
                i += 1
            if i == end:
                break
            if k > start:
                for _ in range(min(newlines, 2)):
                    out[k] = 10
                    k += 1
            newlines = 0
            if points[i] == 96 and _fence_at(points, line, end, table) == 2:
                i, k = _copy_fenced(points, line, end, table, out, k)
            else:
                if items and not segmented:
                    mark = _item_end(points, i, end, table)
                    if mark > i:
                        while i < mark:
                            out[k] = points[i]
                            k += 1
                            i += 1
                        out[k] = 32
                        k += 1
                        while table[points[i]] & 1:
                            i += 1
                i, k = _copy_spaced(points, i, end, table, segmented, out, k)
        # Only a fence can have left any.
        while k > start and (out[k - 1] == 10 or table[out[k - 1]] & 1):
            k -= 1
        out_offsets[n + 1] = k


@njit(cache=True, nogil=True)
def _copy_spaced(points, i, end, table, segmented, out, k):  # type: ignore[no-untyped-def]
    """Copies the line from its first character at `i` with blanks as they should be.

    Returns (i, k) at its end. Bits instead of branches: in segmented text every other character is
    a blank, which no processor can foresee.
    """
    drop_segmented = np.uint32(1 if segmented else 0)
    one = np.uint32(1)
    last = np.uint32(0)  # properties of the last character that was not a blank
    pending = np.uint32(0)  # whether blanks stand between it and the next
    opened = np.uint32(0)  # inside ASCII quotes, as far as this line tells
    while i < end:
        c = points[i]
        if c == 10:
            break
        i += 1
        here = np.uint32(table[c])
        either = last | here
        is_blank = here & one
        slot = (last >> np.uint32(7)) & (here >> np.uint32(8))
        tight = (either >> np.uint32(2)) | ((either >> np.uint32(3)) & (either >> one))
        in_segmented = (either >> one) | (here >> np.uint32(5)) | (last >> np.uint32(6))
        in_segmented |= opened & (either >> np.uint32(9))
        drop = (tight | (drop_segmented & in_segmented)) & ~slot & one
        out[k] = 32
        k += np.int64(pending & ~is_blank & ~drop & one)
        out[k] = c
        k += np.int64(one - is_blank)
        pending = is_blank
        last = last if is_blank else here
        opened ^= (here >> np.uint32(9)) & one
    return i, k
