"""Characters that cannot be seen: removed, but kept where a script or an emoji needs them."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.characters import CharClass, Flag, characters
from curate.rewrite.base import Rewrite
from curate.rewrite.kernel import rewritten
from curate.scan import Scan
from curate.textbatch import TextBatch

_LINE_END = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_FLAG_TAGS = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")

# What is to be done with a code point ...
_KEEP, _REMOVE, _BREAK, _JOINER, _SELECTOR, _BLACK_FLAG = range(6)
_ACTION = 7
# ... and what it can stand next to.
_PICTOGRAPH = 8
_JOINING = 16

_PICTOGRAPHS = (
    (0x2190, 0x21FF), (0x2300, 0x2328), (0x232B, 0x23FF), (0x24C2, 0x24C2), (0x25A0, 0x27BF),
    (0x2900, 0x297F), (0x2B00, 0x2BFF), (0x1F000, 0x1FAFF), (0xA9, 0xA9), (0xAE, 0xAE),
    (0x203C, 0x203C), (0x2049, 0x2049), (0x2122, 0x2122), (0x2139, 0x2139), (0x3030, 0x3030),
    (0x303D, 0x303D), (0x3297, 0x3297), (0x3299, 0x3299),
)  # fmt: skip
"""Where Unicode's emoji (property Extended_Pictographic) and their skin tones stand. The brackets
U+2329 and U+232A among them are none, and NFC makes Chinese brackets of them."""
_JOINING_BLOCKS = (
    (0x0600, 0x08FF), (0x0900, 0x0DFF), (0x0F00, 0x109F), (0x1780, 0x18AF), (0xFB50, 0xFDFF),
    (0xFE70, 0xFEFC),
)  # fmt: skip
"""Arabic and its relatives, the scripts of India, Sri Lanka, Tibet, Myanmar and Cambodia, and
Mongolian: a joiner between two of their letters changes how a word is written."""


class Invisible(Rewrite):
    """Removes what cannot be seen and unifies line ends to U+000A.

    Removed: control characters except tab and line ends, zero-width characters, byte-order marks,
    soft hyphens, direction controls, fillers, U+FFFC, private-use, unassigned and noncharacter code
    points, variation selectors (ideographic ones too: the character stays, its drawing variant is
    lost). Kept: U+200D, U+FE0E, U+FE0F and tags inside emoji; zero-width joiners and non-joiners
    between letters of scripts that need them; U+FFFD, which is evidence of damage.
    """

    name: ClassVar[str] = "invisible"
    order: ClassVar[int] = 30
    version: ClassVar[int] = 2
    flags: ClassVar[int] = Flag.INVISIBLE | Flag.CARRIAGE

    def fingerprint(self) -> dict[str, Any]:
        """With the Unicode version, which says what is unassigned."""
        return {**super().fingerprint(), "unicode": unicodedata.unidata_version}

    def rewrite(self, text: str) -> str:
        text = _LINE_END.sub("\n", text)
        table = _table()
        flag_tags = {i for m in _FLAG_TAGS.finditer(text) for i in range(m.start() + 1, m.end())}
        kept: list[str] = []
        for i, char in enumerate(text):
            action = table[ord(char)] & _ACTION
            before = kept[-1] if kept else "\0"
            after = text[i + 1] if i + 1 < len(text) else "\0"
            if action == _JOINER:
                in_word = table[ord(before)] & _JOINING and table[ord(after)] & _JOINING
                after_emoji = table[ord(before)] & _PICTOGRAPH or before in "\ufe0e\ufe0f\U000e007f"
                in_emoji = char == "\u200d" and after_emoji and table[ord(after)] & _PICTOGRAPH
                keep = in_word or in_emoji
            elif action == _SELECTOR:
                keycap = before in "0123456789#*" and after == "\u20e3"
                keep = table[ord(before)] & _PICTOGRAPH or keycap
            elif action == _REMOVE:
                keep = i in flag_tags
            else:
                keep = True
            if keep:
                kept.append(char)
        return "".join(kept)

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        return rewritten(batch, scanned.having(self.flags), _fill, _table())


@cache
def _table() -> NDArray[np.uint8]:
    """uint8 [0x110000]: action in the low 3 bits, then _PICTOGRAPH and _JOINING."""
    kinds = characters().entries & np.uint32(31)
    table = np.zeros(len(kinds), np.uint8)
    table[kinds == CharClass.INVISIBLE] = _REMOVE
    table[0xFE00:0xFE0E] = _REMOVE
    table[[0xFE0E, 0xFE0F]] = _SELECTOR
    table[[0x200C, 0x200D, 0x180E]] = _JOINER
    table[[0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029]] = _BREAK
    table[0x1F3F4] = _BLACK_FLAG
    for start, end in _PICTOGRAPHS:
        table[start : end + 1] |= _PICTOGRAPH
    letters = (kinds == CharClass.LETTER) | (kinds == CharClass.MARK)
    for start, end in _JOINING_BLOCKS:
        table[start : end + 1] |= np.where(letters[start : end + 1], _JOINING, 0).astype(np.uint8)
    table.flags.writeable = False
    return table


@njit(cache=True, nogil=True)
def _tags_after(points, i, end):  # type: ignore[no-untyped-def]
    """How many tags behind the black flag at `i` make it a region's flag; 0 if they do not."""
    j = i + 1
    while j < end and (0xE0030 <= points[j] <= 0xE0039 or 0xE0061 <= points[j] <= 0xE007A):
        j += 1
    tags = j - i - 1
    if 3 <= tags <= 6 and j < end and points[j] == 0xE007F:
        return tags + 1
    return 0


@njit(cache=True, nogil=True)
def _fill(points, offsets, wanted, table, out, out_offsets):  # type: ignore[no-untyped-def]
    k = 0
    for n in range(len(wanted)):
        start = k
        end = offsets[wanted[n] + 1]
        i = offsets[wanted[n]]
        while i < end:
            c = points[i]
            action = table[c] & 7
            if action == 0:
                out[k] = c
                k += 1
                i += 1
                continue
            if action == 2:  # line end
                if c == 13 and i + 1 < end and points[i + 1] == 10:
                    i += 1
                out[k] = 10
                k += 1
            elif action == 5:  # black flag
                tags = _tags_after(points, i, end)
                for j in range(i, i + tags + 1):
                    out[k] = points[j]
                    k += 1
                i += tags
            elif action == 3 or action == 4:
                before = out[k - 1] if k > start else np.uint32(0)
                after = points[i + 1] if i + 1 < end else np.uint32(0)
                if action == 3:  # joiner
                    keep = table[before] & 16 != 0 and table[after] & 16 != 0
                    if c == 0x200D and table[after] & 8 != 0:
                        keep |= table[before] & 8 != 0
                        keep |= before == 0xFE0E or before == 0xFE0F or before == 0xE007F
                else:  # selector
                    keep = table[before] & 8 != 0
                    digit = 48 <= before <= 57 or before == 35 or before == 42
                    keep |= digit and after == 0x20E3
                if keep:
                    out[k] = c
                    k += 1
            i += 1
        out_offsets[n + 1] = k
