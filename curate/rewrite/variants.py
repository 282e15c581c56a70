"""Which script a Han character belongs to, and how much of each script a text holds."""

from __future__ import annotations

import importlib.metadata
import platform
from enum import IntEnum
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.characters import han_conversions
from curate.tables import stored
from curate.textbatch import TextBatch

REGIONAL = {
    "痺": "痹",
    "睪": "睾",
    "簷": "檐",
    "敍": "叙",
    "枱": "台",
    "粧": "妆",
    "糭": "粽",
    "衞": "卫",
    "衹": "只",
}
"""Forms of Taiwan or Hong Kong that OpenCC's t2s leaves, with the simplified ones."""

_ALSO_SIMPLIFIED = "乾吒夥徵拚捱摺榘菸薹醣麴昇陞濛氾崑噁穀塚脩釐篠剋劄蒐祕甦"
"""Characters t2s changes that are right in simplified text too, in names or in one sense: 乾隆,
哪吒, 宫商角徵羽, 蒜薹, 毕昇."""

_PHRASE_ONLY = "藉瞭沈覆彷"
"""Characters that belong to both scripts but for phrases such as 藉口, 瞭解, 沈默, 回覆, 彷彿."""

_KOKUJI = "働込峠辻榊枠匂栃凪笹麿"
"""Characters made in Japan."""

_OLD_CHINESE = "隠浄頼恵徳"
"""Forms of modern Japanese that old Chinese texts have too."""


class Script(IntEnum):
    """What a character says of the script of its text."""

    NONE = 0
    TRADITIONAL = 1
    """Traditional only: never right in simplified text."""
    SIMPLIFIED = 2
    """Simplified only: not in everyday traditional text."""
    AMBIGUOUS = 3
    """Changed by conversion, alone or in a phrase, but right in simplified text too; and 著."""
    KANA = 4
    JAPANESE = 5
    """Forms and characters that only Japanese uses."""
    RARE = 6
    """Traditional, with a simplified form outside the basic plane, which few fonts have."""


def _encodable(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


@cache
def script_table() -> NDArray[np.uint8]:
    """uint8 [0x30000]: a `Script` in the low 4 bits; 16 is set where Japanese does not write it so.

    Higher code points say nothing.
    """
    versions = {"opencc": importlib.metadata.version("opencc"), "python": platform.python_version()}
    return stored("scripts", lambda: {"table": _built_script_table()}, [__file__], versions)[
        "table"
    ]


def _built_script_table() -> NDArray[np.uint8]:
    import opencc

    table = np.zeros(0x30000, np.uint8)
    traditional, simplified = han_conversions()
    together = sorted(traditional | simplified)
    to_japanese = opencc.OpenCC("t2jp").convert("\n".join(together)).split("\n")
    to_simplified = opencc.OpenCC("t2s").convert("\n".join(together)).split("\n")
    for char, japanese, simple in zip(together, to_japanese, to_simplified, strict=True):
        code = ord(char)
        if 0xF900 <= code <= 0xFAFF or code >= 0x2F800:
            continue  # compatibility forms are for Unicode normalisation
        foreign = japanese != char or not _encodable(char, "shift_jis")
        if char in simplified:
            # 里, 台 or 群 in level 1 of Big5 are everyday characters of traditional text as well.
            shared = "\xa4" <= char.encode("big5", "replace").decode("latin-1")[0] <= "\xc6"
            table[code] = Script.NONE if shared else Script.SIMPLIFIED
        elif char in _ALSO_SIMPLIFIED:
            table[code] = Script.AMBIGUOUS
        elif any(ord(c) > 0xFFFF for c in simple):
            table[code] = Script.RARE
        else:
            table[code] = Script.TRADITIONAL
        table[code] |= 16 * foreign
    for char in REGIONAL:
        table[ord(char)] = Script.TRADITIONAL | 16
    for char in "著" + _PHRASE_ONLY:
        table[ord(char)] = Script.AMBIGUOUS
    table[0x3041:0x3097] = Script.KANA
    table[0x30A1:0x30FB] = Script.KANA
    han = [chr(c) for c in range(0x4E00, 0xA000)]
    modern = opencc.OpenCC("jp2t").convert("\n".join(han)).split("\n")
    for char, old in zip(han, modern, strict=True):
        if (char != old or char in _KOKUJI) and table[ord(char)] == Script.NONE:
            chinese = _encodable(char, "gb2312") or _encodable(char, "big5")
            if _encodable(char, "shift_jis") and not chinese and char not in _OLD_CHINESE:
                table[ord(char)] = Script.JAPANESE
    return table


_STEP = np.array([0, *(1 << 8 * kind for kind in range(1, 7)), *[0] * 9], np.uint64)
"""What a character of each kind adds to a sum that holds a byte for every kind."""


@njit(cache=True, nogil=True)
def _count(points, offsets, table, step, counts):  # type: ignore[no-untyped-def]
    """Without branches: the kinds of up to 255 characters are summed in one word."""
    for d in range(len(offsets) - 1):
        i = np.uint64(offsets[d])  # unsigned: no check for indices from the end
        end = np.uint64(offsets[d + 1])
        while i < end:
            stop = min(end, i + np.uint64(255))
            word = np.uint64(0)
            while i < stop:
                c = points[i]
                c = c if c < np.uint32(0x30000) else np.uint32(0)
                word += step[table[c] & np.uint8(15)]
                i += np.uint64(1)
            for kind in range(1, 7):
                counts[d, kind] += (word >> np.uint64(8 * kind)) & np.uint64(255)


def script_counts(batch: TextBatch) -> NDArray[np.int32]:
    """int32 [n, len(Script)]: characters of every kind in each text, `Script.NONE` excepted."""
    counts = np.zeros((len(batch), len(Script)), np.int32)
    _count(batch.points, batch.offsets, script_table(), _STEP, counts)
    return counts
