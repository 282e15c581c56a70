"""Unicode normalisation form C: one spelling for é, 한 or が, whichever way they were typed."""

from __future__ import annotations

import unicodedata
from typing import Any, ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.characters import Flag, characters
from curate.rewrite.base import Rewrite
from curate.rewrite.code import around_code
from curate.rewrite.kernel import rewritten
from curate.scan import Scan
from curate.textbatch import TextBatch


class Composition(Rewrite):
    """NFC: letters and their marks composed, marks in canonical order.

    Never NFKC, which would make Chinese punctuation half-width. NFC also replaces the compatibility
    ideographs from U+F900 by the ordinary ones, the brackets U+2329 and U+232A by 〈〉, and the
    Kelvin sign by K. Code in a text with a fence stays as it is: it may show what normalising does.
    """

    name: ClassVar[str] = "composition"
    order: ClassVar[int] = 32
    version: ClassVar[int] = 3
    flags: ClassVar[int] = Flag.COMPOSE

    def fingerprint(self) -> dict[str, Any]:
        """With the Unicode version, which says what composes."""
        return {**super().fingerprint(), "unicode": unicodedata.unidata_version}

    def rewrite(self, text: str) -> str:
        if _FENCE not in text:
            return _composed(text)
        return around_code(text.replace(_VARIA, "`"), _composed)

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        known = characters()
        tables = (
            known.entries,
            known.combining,
            known.decomposition_start,
            known.decomposition,
            known.first,
            known.second,
            known.composites,
        )
        # A canonical decomposition has at most four characters.
        after, changed = rewritten(batch, scanned.having(self.flags), _fill, *tables, growth=4)
        fenced = {i: text for i in changed.tolist() if _FENCE in (text := batch[i])}
        if not fenced:
            return after, changed
        new = {i: self.rewrite(text) for i, text in fenced.items()}
        same = [i for i, text in new.items() if text == fenced[i]]
        return after.replaced(new), np.setdiff1d(changed, same)


_FENCE = "```"
_VARIA = "\u1fef"
"""The Greek accent whose canonical form is the backtick: it may begin or end code once composed."""


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@njit(cache=True, nogil=True)
def _decomposed(c, starts, decomposition, out, k):  # type: ignore[no-untyped-def]
    """Writes the full decomposition of `c` to out[k:]; returns where it ends."""
    if c < 0x30000 and starts[c] < starts[c + 1]:
        for j in range(starts[c], starts[c + 1]):
            out[k] = decomposition[j]
            k += 1
        return k
    out[k] = c
    return k + 1


@njit(cache=True, nogil=True)
def _class(c, combining):  # type: ignore[no-untyped-def]
    return combining[c] if c < 0x30000 else np.uint8(0)


@njit(cache=True, nogil=True)
def _sort_marks(out, start, end, combining):  # type: ignore[no-untyped-def]
    """Stable sort of the marks out[start:end] by combining class."""
    if end - start <= 16:
        for i in range(start + 1, end):
            c = out[i]
            kind = combining[c]
            j = i
            while j > start and combining[out[j - 1]] > kind:
                out[j] = out[j - 1]
                j -= 1
            out[j] = c
        return
    # By counting: thousands of marks on one letter must not take quadratic time.
    places = np.zeros(257, np.int64)
    for i in range(start, end):
        places[np.int64(combining[out[i]]) + 1] += 1
    for kind in range(256):
        places[kind + 1] += places[kind]
    marks = out[start:end].copy()
    for c in marks:
        kind = combining[c]
        out[start + places[kind]] = c
        places[kind] += 1


@njit(cache=True, nogil=True)
def _composite(a, b, first, second, composites):  # type: ignore[no-untyped-def]
    """The primary composite of two characters, or 0. Hangul by the arithmetic of Unicode 3.12."""
    if 0x1100 <= a < 0x1113 and 0x1161 <= b < 0x1176:
        return np.uint32(0xAC00 + ((a - 0x1100) * 21 + (b - 0x1161)) * 28)
    if 0xAC00 <= a < 0xD7A4 and (a - 0xAC00) % 28 == 0 and 0x11A7 < b < 0x11C3:
        return np.uint32(a + (b - 0x11A7))
    if a < 0x30000 and b < 0x30000 and first[a] >= 0 and second[b] >= 0:
        return composites[first[a], second[b]]
    return np.uint32(0)


@njit(cache=True, nogil=True)
def _normalise(out, start, end, combining, first, second, composites):  # type: ignore[no-untyped-def]
    """Orders and composes the decomposed out[start:end] in place; returns the new end."""
    i = start
    while i < end:
        if _class(out[i], combining) == 0:
            i += 1
            continue
        j = i + 1
        while j < end and _class(out[j], combining) != 0:
            j += 1
        _sort_marks(out, i, j, combining)
        i = j
    k = start
    starter = -1
    previous = np.int64(0)  # combining class of the last character kept after the starter
    for i in range(start, end):
        c = out[i]
        kind = np.int64(_class(c, combining))
        if starter >= 0 and (previous == 0 or previous < kind):
            composite = _composite(out[starter], c, first, second, composites)
            if composite != 0:
                out[starter] = composite
                continue
        if kind == 0:
            starter = k
        previous = kind
        out[k] = c
        k += 1
    return k


@njit(cache=True, nogil=True)
def _fill(  # type: ignore[no-untyped-def]
    points, offsets, wanted, entries, combining, starts, decomposition, first, second, composites,
    out, out_offsets,
):  # fmt: skip
    unstable = np.uint32(1 << (4 + 5))  # Flag.COMPOSE
    k = 0
    for n in range(len(wanted)):
        begin = k
        i = offsets[wanted[n]]
        end = offsets[wanted[n] + 1]
        while i < end:
            c = points[i]
            if not entries[c] & unstable:
                out[k] = c
                k += 1
                i += 1
                continue
            # Only the stretch from the last stable character to the next one can change.
            segment = k
            if k > begin:
                segment = k - 1
                k = _decomposed(out[segment], starts, decomposition, out, segment)
            while i < end and entries[points[i]] & unstable:
                k = _decomposed(points[i], starts, decomposition, out, k)
                i += 1
            k = _normalise(out, segment, k, combining, first, second, composites)
        out_offsets[n + 1] = k
