"""What must be the same for two questions to ask the same, however much alike they are.

Shingles weigh all characters alike, and in a question one may be all that counts: 第三题 and
第四题, the title in a long prompt, a name. So of two questions the substance is compared as well,
in order. It is the normal form (`curate.dedup.normal`) without

- particles and words of politeness (`PARTICLES`);
- punctuation, but for marks between two letters or digits (1.5, 3:15, and separators, which count
  as one another: 14，3 and 14、3).

Everything else counts: every other ideograph, letters and digits, numerals, blanks between words,
negations, signs (+ - × % < $ and brackets). Where a question is about form (标点, 语法, 字数,
grammar, ...) all of its normal form counts.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from curate.dedup.normal import CODE, content_hashes, mixed, normal_texts
from curate.tables import stored
from curate.textbatch import TextBatch

VERSION = 1
"""Raised whenever the same texts may have another substance."""

PARTICLES = "的了吗嗎呢吧啊呀嘛哦请請您你"
"""Characters that may be in one question and not in the other. Not among them are 地 (nouns have
it), 着 and 过 (verbs), 把 and 被 (they swap who does what), 和 and 或."""

ABOUT_FORM = "|".join(
    (
        *("标点", "標點", "逗号", "逗號", "句号", "句號", "字数", "字數", "多少个字", "几个字"),
        *("语法", "語法", "病句", "错别字", "錯別字", "错误", "錯誤", "改正", "纠正", "糾正"),
        *("更正", "校对", "校對", "拼写", "拼寫", "润色", "潤色", "助词", "助詞"),
        "(?i:punctuat|grammar|spelling|comma|proofread|typo|correct)",
    )
)
"""Regular expression of what makes the form of a text its substance."""

_KEPT, _LEFT_OUT, _MARK, _SEPARATOR, _JOINED = 0, 1, 2, 3, 4
_SIGNS = "+-*/=<>%()[]{}#&^_|\\`@$~"
_SEPARATORS = "，、；,;"


@cache
def _table() -> NDArray[np.uint8]:
    """`_built_table`, from the cache of tables."""
    versions = {"unicode": unicodedata.unidata_version}
    return stored("substance", lambda: {"table": _built_table()}, [__file__], versions)["table"]


def _built_table() -> NDArray[np.uint8]:
    """uint8 [0x110000]: what becomes of a code point of a normal form."""
    table = np.zeros(0x110000, np.uint8)
    for code in range(0x34000):
        category = unicodedata.category(chr(code))
        if category[0] == "P":
            table[code] = _MARK
        elif category[0] == "L" or category in ("Nd", "Nl", "No"):
            # Ideographs and kana need no mark between them; letters and digits may.
            unparted = 0x2E80 <= code < 0xA4D0 or 0xF900 <= code < 0xFB00 or code >= 0x20000
            table[code] = _KEPT if unparted else _JOINED
    table[[ord(c) for c in _SIGNS]] = _KEPT
    table[[ord(c) for c in _SEPARATORS]] = _SEPARATOR
    table[[ord(c) for c in PARTICLES]] = _LEFT_OUT
    return table


@njit(cache=True, nogil=True)
def _hashes(points, offsets, table, out):  # type: ignore[no-untyped-def]
    for d in range(len(offsets) - 1):
        h = np.uint64(0)
        start = offsets[d]
        end = offsets[d + 1]
        for i in range(start, end):
            code = points[i] & CODE
            kind = table[code]
            if kind == _LEFT_OUT:
                continue
            if kind in (_MARK, _SEPARATOR):
                between = (
                    i > start
                    and i + 1 < end
                    and table[points[i - 1] & CODE] == _JOINED
                    and table[points[i + 1] & CODE] == _JOINED
                )
                if not between:
                    continue
                if kind == _SEPARATOR:
                    code = np.uint32(0x2C)
            h = mixed(h ^ np.uint64(code)) + np.uint64(0x9E3779B97F4A7C15)
        out[d] = h


def substance_hashes(batch: TextBatch) -> NDArray[np.uint64]:
    """uint64 [n]: equal for two texts exactly when their substance is (but for chance)."""
    texts = normal_texts(batch)
    out = np.empty(len(texts), np.uint64)
    _hashes(texts.points, texts.offsets, _table(), out)
    about = pc.match_substring_regex(batch.to_arrow(), ABOUT_FORM).to_numpy(zero_copy_only=False)
    if about.any():
        out[about] = content_hashes(texts)[about, 0]
    return out
