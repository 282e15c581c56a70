"""How much of the Han text is function words: prose cannot do without them, lists and menus can.

The idea is the stop-word filter of Gopher (Rae et al. 2021, table A1). Chinese needs no words for
it: its function words are single characters, or are made of ones that are on the list.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray
from pydantic import field_validator

from curate.measure.base import Measure
from curate.scan import CharClass, Scan
from curate.textbatch import TextBatch

MODERN = (
    "的了着著过過得是在有不没沒也都就还還又再才只很太跟和与與及或而但且虽雖然因以如若则則为為爲"
    "对對于於从從被把将將让讓给給我你您他她它们們咱这這那哪谁誰什么麼怎吗嗎呢吧啊呀嘛啦哦"
    "可该該已曾并並其之个個些每"
)
"""Particles, pronouns, prepositions, conjunctions, adverbs and auxiliaries of the standard
language, in both scripts. Left out are those that nouns are full of: 会 地 能 要 所 最."""
CLASSICAL = "乎者矣焉哉兮曰吾汝此彼何孰乃遂岂豈亦皆勿未"
CANTONESE = "嘅咗喺係唔佢哋啲咁嚟冇嗰乜咩嘢㗎喇俾畀嗱囉啰啫喎㖞"


class StopCharacters(Measure):
    """Share of the Han characters that are function words, alike in both scripts."""

    name: ClassVar[str] = "stop_characters"
    order: ClassVar[int] = 30
    columns: ClassVar[dict[str, pa.DataType]] = {"stop_ratio": pa.float32()}

    characters: str = "".join(dict.fromkeys(MODERN + CLASSICAL + CANTONESE))
    """Characters that count."""

    @field_validator("characters")
    @classmethod
    def _in_the_basic_plane(cls, value: str) -> str:
        if not value or max(map(ord, value)) > 0xFFFF:
            raise ValueError("give at least one character, and none beyond U+FFFF")
        return value

    def measure_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> dict[str, NDArray[np.generic] | pa.Array]:
        table = np.zeros(0x10000, np.int8)
        table[[ord(c) for c in self.characters]] = 1
        found = np.zeros(len(batch), np.int32)
        _count(batch.points, batch.offsets, table, found)
        han = scanned.counts[:, CharClass.HAN]
        return {"stop_ratio": (found / np.maximum(han, 1)).astype(np.float32)}


@njit(cache=True, nogil=True)
def _count(points, offsets, table, out):  # type: ignore[no-untyped-def]
    for d in range(len(offsets) - 1):
        n = 0
        for i in range(offsets[d], offsets[d + 1]):
            n += table[min(points[i], np.uint32(0xFFFF))]
        out[d] = n
