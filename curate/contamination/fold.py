"""The form of a text in which questions are looked for: letters, digits and ideographs only.

It is the normal form of deduplication (`curate.dedup.normal`) without blanks and punctuation, and
with every traditional character as the simplified one it is written with, character by character:
the words of a page may be converted, its characters need not say how.
"""

from __future__ import annotations

import importlib.metadata
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.dedup.normal import CODE, CONTENT, normal_texts
from curate.tables import stored
from curate.textbatch import TextBatch

# Pairs that OpenCC leaves alone without the word they stand in.
_ALSO = {
    "著": "着",
    "乾": "干",
    "瞭": "了",
    "藉": "借",
    "徵": "征",
    "覆": "复",
    "麼": "么",
    "妳": "你",
}


@cache
def _folded() -> NDArray[np.uint32]:
    versions = {"opencc": importlib.metadata.version("opencc")}
    return stored("folded", lambda: {"table": _built()}, [__file__], versions)["table"]


def _built() -> NDArray[np.uint32]:
    """uint32 [0x30000]: each code point, traditional ones as simplified."""
    import opencc

    table = np.arange(0x30000, dtype=np.uint32)
    ranges = [(0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x2EBE1)]
    every = [chr(c) for a, b in ranges for c in range(a, b)]
    simplified = opencc.OpenCC("t2s").convert("\n".join(every)).split("\n")
    for char, other in zip(every, simplified, strict=True):
        if len(other) == 1 and ord(other) < len(table):
            table[ord(char)] = ord(other)
    for char, other in _ALSO.items():
        table[ord(char)] = ord(other)
    return table


@njit(cache=True, nogil=True)
def _content(points, offsets, table, out, out_offsets):  # type: ignore[no-untyped-def]
    k = 0
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1]):
            entry = points[i]
            if entry & CONTENT:
                c = entry & CODE
                out[k] = table[c] if c < len(table) else c
                k += 1
        out_offsets[d + 1] = k
    return k


def folded(batch: TextBatch) -> TextBatch:
    """The texts in the form described above."""
    normal = normal_texts(batch)
    out = np.empty(len(normal.points), np.uint32)
    offsets = np.zeros(len(batch) + 1, np.int64)
    total = _content(normal.points, normal.offsets, _folded(), out, offsets)
    return TextBatch(out[:total], offsets)
