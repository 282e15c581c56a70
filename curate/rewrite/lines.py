"""Lines and whole texts that stand in a document more than once for no reason of the author's.

Refrains, tables, lists and programs repeat lines with reason, so only long lines count, and verse
and code are left alone.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from curate.rewrite.base import Rewrite
from curate.rewrite.code import looks_like_code, settled
from curate.scan import CharClass, Scan
from curate.textbatch import TextBatch

# Tables, list items, rules, quotations, "label: value", code and tags may well come twice.
_STRUCTURE = re.compile(
    r"[|\t`<>]|^(?:[-*•·●○■◆>#+~=_]|\(?\d{1,3}[.、)）．]|[（(][一二三四五六七八九十\d]+[）)]|[A-Za-z][.、．)])"
    r"|[:：]$|^[^：:，。]{1,12}[：:].{0,40}$"
)
_BLANKS = " \t\r\u3000\u00a0"
_LETTER = re.compile(r"[^\W\d_]")
_SENTENCE = re.compile(r"[。！？!?.；;：:]")
_STANZA = re.compile(
    r"^\W*(?:(?:chorus|verse|refrain)\b|副歌|主歌|合唱|和声)", re.IGNORECASE | re.MULTILINE
)
_LATIN = re.compile(r"[A-Za-z]")


class Lines(Rewrite):
    """Later copies of repeated lines go; so does the second half of a text said twice.

    Three cases: a line of at least `length` characters right after itself; the same line at least
    `times` times anywhere; a text that is one text twice.
    """

    name: ClassVar[str] = "lines"
    order: ClassVar[int] = 52

    length: int = Field(default=15, ge=4)
    """Characters a line must have before its repetition counts as a mistake; twice as many if most
    of them are Latin letters."""
    times: int = Field(default=3, ge=2)
    """How often a line must occur in the document before all but the first go."""
    halves: bool = True
    """Reduce a text that consists of the same text twice to one copy."""

    def rewrite(self, text: str) -> str:
        return settled(text, self._once)

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        out = np.zeros(len(batch), np.bool_)
        breaks = scanned.counts[:, CharClass.NEWLINE]
        _suspects(batch.points, batch.offsets, breaks, self.length, out)
        return self.rewritten_at(batch, np.flatnonzero(out).tolist())

    def _once(self, text: str) -> str:
        if self.halves:
            text = _one_half(text)
        if "\n" not in text or "```" in text:
            return text
        lines = text.split("\n")
        keys = [line.strip(_BLANKS) for line in lines]
        # A line that stands there once is no copy, whatever else it is.
        copied = {bare: self._key(bare) for bare, times in Counter(keys).items() if times > 1}
        keys = [copied.get(bare, "") for bare in keys]
        counts = Counter(key for key in keys if key)
        if not counts or max(counts.values()) < 2 or looks_like_code(text):
            return text
        if _STANZA.search(text) or _is_verse(lines):
            return text
        kept: list[str] = []
        seen: set[str] = set()
        last = ""
        for line, key in zip(lines, keys, strict=True):
            if key and (key == last or (key in seen and counts[key] >= self.times)):
                # The blank line that parted the copies goes with the copy.
                while kept and not kept[-1].strip():
                    kept.pop()
                continue
            kept.append(line)
            if line.strip():
                last = key
            if key:
                seen.add(key)
        return "\n".join(kept)

    def _key(self, bare: str) -> str:
        """What has to be equal for two lines to be copies, blanks at their ends aside; "" for lines
        that may come twice.
        """
        if len(bare) < self.length * (1 + _is_latin(bare)) or _STRUCTURE.search(bare):
            return ""
        return bare if len(_LETTER.findall(bare)) * 2 >= len(bare) else ""


def _one_half(text: str) -> str:
    """The first half of a text that is one text twice, up to two blanks between; else all."""
    for gap in range(3):
        size, odd = divmod(len(text) - gap, 2)
        if odd or size < 20:
            continue
        if text[:size] == text[size + gap :] and not text[size : size + gap].strip():
            # A run of a few characters is its own double without saying anything twice.
            return text[:size] if len(set(text[:size])) >= 12 else text
    return text


def _is_latin(line: str) -> bool:
    return len(_LATIN.findall(line)) * 2 > len(line)


def _is_verse(lines: list[str]) -> bool:
    """Whether the text looks like verse: short lines, few of which end a sentence.

    Short is 24 characters, or 72 where most of them are Latin letters; English verse ends its lines
    with a stop, modern Chinese verse does not.
    """
    filled = [line.strip() for line in lines if line.strip()]
    short = 0
    for line in filled:
        if _is_latin(line):
            short += len(line) <= 72 and not _SENTENCE.search(line[:-1])
        else:
            short += len(line) <= 24 and not _SENTENCE.search(line)
    return short * 10 >= len(filled) * 7


@njit(cache=True, nogil=True)
def _suspects(points, offsets, breaks, length, out):  # type: ignore[no-untyped-def]
    """Marks texts with equal halves, or two lines of `length` characters equal but for blanks."""
    table = np.zeros(64, np.uint64)
    stamp = np.zeros(64, np.int64)
    for d in range(len(offsets) - 1):
        start = offsets[d]
        end = offsets[d + 1]
        for gap in range(3):
            size = (end - start - gap) // 2
            if (end - start - gap) % 2 or size < 20:
                continue
            equal = True
            for k in range(size):
                if points[start + k] != points[start + size + gap + k]:
                    equal = False
                    break
            if equal:
                out[d] = True
        if out[d]:
            continue
        lines = np.int64(breaks[d]) + 1
        if lines < 2:
            continue
        if lines * 2 > len(table):
            capacity = len(table)
            while capacity < lines * 2:
                capacity *= 2
            table = np.zeros(capacity, np.uint64)
            stamp = np.zeros(capacity, np.int64)
        mask = np.uint64(len(table) - 1)
        key = np.uint64(0)
        characters = 0
        for i in range(start, end + 1):
            c = points[i] if i < end else np.uint32(10)
            if c == 10:
                if characters >= length:
                    slot = (key ^ (key >> np.uint64(29))) & mask
                    while stamp[slot] == d + 1 and table[slot] != key:
                        slot = (slot + np.uint64(1)) & mask
                    if stamp[slot] == d + 1:
                        out[d] = True
                        break
                    stamp[slot] = d + 1
                    table[slot] = key
                key = np.uint64(0)
                characters = 0
            else:
                filled = c > 32 and c != 0x3000 and c != 0xA0
                if filled:
                    key = key * np.uint64(0x9E3779B97F4A7C15) + np.uint64(c)
                characters += filled or characters > 0
