"""A compiled first look at a batch: which script each text is in, and for Han text which language.

Most texts need no language model. Kana says Japanese, Hangul Korean, Thai letters Thai; and Han
characters without kana are Chinese in one of its written forms, told apart by characters that only
one form uses. What is left, text in Latin, Cyrillic or Arabic letters, goes to a model.
"""

from __future__ import annotations

import importlib.metadata
import platform
import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.scan import han_conversions
from curate.tables import Tables, stored
from curate.textbatch import TextBatch

LATIN, CYRILLIC, ARABIC = 0, 1, 2
"""Codes of the scripts that several languages share: `Look.code` holds one of them, or
`len(SHARED) + i` where the label is FIRST_LABELS[i]."""
SHARED = ("LATIN", "CYRILLIC", "ARABIC")

_OWN_SCRIPT = {
    "THAI": "th", "GREEK": "el", "HEBREW": "he", "DEVANAGARI": "hi", "BENGALI": "bn",
    "TAMIL": "ta", "TELUGU": "te", "GUJARATI": "gu", "GURMUKHI": "pa", "KANNADA": "kn",
    "MALAYALAM": "ml", "ORIYA": "or", "SINHALA": "si", "LAO": "lo", "KHMER": "km",
    "MYANMAR": "my", "TIBETAN": "bo", "GEORGIAN": "ka", "ARMENIAN": "hy", "ETHIOPIC": "am",
    "MONGOLIAN": "mn", "THAANA": "dv", "YI": "ii",
}  # fmt: skip
"""Scripts that stand for one language here; Devanagari's others (mr, ne) are folded into hi."""

FIRST_LABELS = ("und", "zh", "zh-Hant", "yue", "lzh", "ja", "ko", *_OWN_SCRIPT.values())
_UND, _ZH, _HANT, _YUE, _LZH, _JA, _KO = range(3, 10)

_CANTONESE = "嘅咗喺嚟哋冇佢啲嗰噉咁唔嘢搵瞓嚿㗎嚹囖喎咩啱嗮𡃉𠻺氹乸畀睇乜攞諗谂𠢺啫嗱"
"""Characters of Cantonese grammar and its commonest verbs; written Mandarin has other ones."""
_MANDARIN = "的是了這这們们他她它嗎吗很没沒那哪"
"""Function characters of Mandarin for which Cantonese writing has characters of its own."""
_CLASSICAL = "曰矣焉哉兮毋岂豈吾汝乃遂孰卒馀"
_CLASSICAL_WEAK = "之其者也乎於于而以皆欲谓謂亦故诸諸则則臣"
"""Function characters of classical prose; the weak ones occur in modern writing as well."""
_MODERN = (
    "的了这這们們你她它吗嗎呢吧个個么麼什很说說还還没沒把让讓给給到哪些啊啦嘛着型件区區份级級统統"
    "化性员員亚亞欧歐电電机機速料做较較式域品店现現基提导導模证證设設选選标標组組档檔确確认認验驗"
    "技术術题題务務运運业業产產究研构構规規网網页頁码碼软軟项項系拉球订訂评評联聯该該量克样樣比展"
)
"""Characters common in modern writing of every kind and all but absent from classical prose."""

TRAD, SIMP, JAPANESE, NOT_JAPANESE, SHINJITAI = range(5)
CANTONESE, MANDARIN, CLASSICAL, WEAK, MODERN = range(5, 10)
HAN, KANA, HANGUL = 10, 11, 12
_SCRIPTS = 13
"""Columns of the evidence: ten kinds of Han character, then Han, kana and Hangul, then a column
for every shared script and every script that is a language's own."""
COLUMNS = _SCRIPTS + len(SHARED) + len(_OWN_SCRIPT)

_HAN_WEIGHT = 3
"""Letters of an alphabet that one East Asian character is worth when scripts share a text: an
English word has about 4.7 letters, a Chinese one about 1.6 characters."""


def _encodable(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _han_columns(char: str, traditional: frozenset[str], simplified: frozenset[str]) -> list[int]:
    jis, big5 = _encodable(char, "iso2022_jp"), _encodable(char, "big5")
    tests = (
        char in traditional,
        char in simplified,
        # In Japan's standard set and in neither Chinese one: 駅 気 働. Older Chinese prints have
        # some of them as variants, which is why t2s knows those and they do not count.
        jis and not big5 and not _encodable(char, "gb2312") and char not in traditional,
        not jis,
        # Shortened alike in Japan and on the mainland: 国 会 学. With a traditional character
        # beside it in a text, Japanese is the writing that has both.
        jis and not big5 and char in simplified,
        char in _CANTONESE,
        char in _MANDARIN,
        char in _CLASSICAL,
        char in _CLASSICAL_WEAK,
        char in _MODERN,
    )
    return [column for column, holds in enumerate(tests) if holds] + [HAN]


@cache
def _tables() -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Kind of every code point, uint8 [0x110000]; what kinds count as, int32 [kinds, COLUMNS]."""
    versions = {
        "opencc": importlib.metadata.version("opencc"),
        "python": platform.python_version(),
    }
    tables = stored("evidence", _built_tables, [__file__], versions)
    return tables["kinds"], tables["weights"]


def _built_tables() -> Tables:
    traditional, simplified = han_conversions()
    columns_of_script = {
        "CJK": (), "IDEOGRAPHIC": (), "HIRAGANA": (KANA,), "KATAKANA": (KANA,), "HANGUL": (HANGUL,),
        "BOPOMOFO": (TRAD, HAN),
    }  # fmt: skip
    for i, script in enumerate((*SHARED, *_OWN_SCRIPT)):
        columns_of_script[script] = (_SCRIPTS + i,)
    kinds: dict[tuple[int, ...], int] = {(): 0}
    table = np.zeros(0x110000, np.uint8)
    for code in range(0x32400):
        char = chr(code)
        if unicodedata.category(char)[0] != "L":
            continue
        if 0x3400 <= code <= 0x9FFF or code >= 0x20000 or code == 0x3005 or 0xF900 <= code < 0xFB00:
            columns = tuple(_han_columns(char, traditional, simplified))
            if 0x3400 <= code <= 0x9FFF or code == 0x3005 or CANTONESE in columns:
                pass
            else:
                # Rare characters, names and variants: they say Han, nothing more.
                columns = (HAN,)
        else:
            name = unicodedata.name(char, "").removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
            columns = columns_of_script.get(name.split(" ")[0], ())
        table[code] = kinds.setdefault(columns, len(kinds))
    weights = np.zeros((len(kinds), COLUMNS), np.int32)
    for columns, kind in kinds.items():
        weights[kind, list(columns)] = 1
    return {"kinds": table, "weights": weights}


@njit(cache=True, nogil=True)
def _count(points, offsets, table, weights, evidence):  # type: ignore[no-untyped-def]
    kinds, columns = weights.shape
    histogram = np.zeros(kinds, np.int32)
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1]):
            histogram[table[points[i]]] += 1
        histogram[0] = 0
        for kind in range(kinds):
            if histogram[kind]:
                for column in range(columns):
                    evidence[d, column] += histogram[kind] * weights[kind, column]
                histogram[kind] = 0


def evidence(batch: TextBatch) -> NDArray[np.int32]:
    """Letters of every kind in every text, int32 [n, COLUMNS]."""
    table, weights = _tables()
    counts = np.zeros((len(batch), COLUMNS), np.int32)
    _count(batch.points, batch.offsets, table, weights, counts)
    return counts


@njit(cache=True, nogil=True)
def _han_label(e):  # type: ignore[no-untyped-def]
    """Which written form of Chinese, or Japanese in kanji only; and how sure that is (0 to 1)."""
    han, not_japanese = e[HAN], e[NOT_JAPANESE]
    if e[KANA] > not_japanese and e[KANA] * 10 >= han:
        return _JA, 1.0
    if e[JAPANESE] > not_japanese and e[JAPANESE] * 10 >= han:
        return _JA, 0.9
    old = e[CLASSICAL] + e[WEAK]  # old texts, set in simplified type, keep some 於 and 後
    if not_japanese + old == 0 and e[TRAD] > 0 and e[SHINJITAI] > 0 and e[SHINJITAI] * 8 >= han:
        return _JA, 0.8
    if e[CANTONESE] > 0 and e[CANTONESE] * 50 >= han and e[CANTONESE] * 2 >= e[MANDARIN]:
        return _YUE, 0.9
    classical = 2 * e[CLASSICAL] + e[WEAK] - 2 * e[MODERN]
    if classical >= 3 and classical * 12 >= han:
        return _LZH, 0.8
    # Nothing that Japanese could not have written: a few such characters might still be kanji.
    sure = 0.9 if not_japanese + e[SIMP] == 0 and han < 10 else 1.0
    if e[TRAD] > e[SIMP]:
        return _HANT, sure
    return _ZH, sure


@njit(cache=True, nogil=True)
def _decide(evidence, code, share):  # type: ignore[no-untyped-def]
    for d in range(len(evidence)):
        e = evidence[d]
        east_asian = _HAN_WEIGHT * (e[HAN] + e[KANA])
        best = east_asian
        total = east_asian + _HAN_WEIGHT * e[HANGUL]
        winner = _JA
        if _HAN_WEIGHT * e[HANGUL] > best:
            best = _HAN_WEIGHT * e[HANGUL]
            winner = _KO
        for i in range(_SCRIPTS, COLUMNS):
            total += e[i]
            if e[i] > best:
                best = e[i]
                # Scripts of one language follow the seven labels, in the order of the columns.
                shared = i - _SCRIPTS < 3
                winner = i - _SCRIPTS if shared else _KO + 1 + i - _SCRIPTS - 3
        if best == 0 or (winner < 3 and best == 1):
            code[d] = _UND
            share[d] = 0.0
            continue
        sure = 1.0
        if best == east_asian:
            winner, sure = _han_label(e)
        code[d] = winner
        share[d] = sure * best / total


@dataclass(frozen=True)
class Look:
    """Result of `look` for n texts."""

    code: NDArray[np.int16]
    """LATIN, CYRILLIC or ARABIC where a model has to say; else len(SHARED) + index of the label."""
    share: NDArray[np.float64]
    """Weighted share of letters that are in the script decided on, times how sure the label is
    where the script alone does not settle it."""


def look(batch: TextBatch) -> Look:
    """The script that has most of each text's letters, and the language where that settles it."""
    counts = evidence(batch)
    code = np.zeros(len(batch), np.int16)
    share = np.zeros(len(batch), np.float64)
    _decide(counts, code, share)
    return Look(code, share)
