"""Traditional to simplified for the plain cases, in compiled code and in place.

Nearly all characters are converted alike wherever they stand. This pass converts the texts in which
that holds for every one of them and names the others: those with the beginning of a phrase that
OpenCC's dictionary lists, with 於 or 著 in doubtful company, or with forms that need a look. They
go through OpenCC itself, as all texts do where its dictionary cannot be read.
"""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.rewrite.variants import REGIONAL, script_table
from curate.tables import Tables, stored
from curate.textbatch import TextBatch

_FIRST = 0x2E80
"""Characters below are never converted."""
_SIZE = 0x30000

_LOOK, _STARTS_PHRASE, _IS_YU, _IS_ZHU, _IS_YAO = 1, 2, 4, 8, 16
_BEFORE_ZHU, _AFTER_ZHU = 32, 64
"""Bits of `_Forms.marks`."""

_YU_FOLLOWED = (
    "期", "梨华", "梨華", "菟", "乎", "呼", "穆", "邑", "戲", "戏", "陵子", "崇文", "忠祥", "勇明",
    "世成", "清言", "惟一", "仲完", "竹屋", "其一",
)  # fmt: skip
"""What behind 於 may make it stay. More than the rules of script.py, which then decide."""
_ZHU_BEFORE = "名原專专巨鉅钜拙遺遗編编顯显昭卓土撰所知合論论譯译"
_ZHU_AFTER = "名作述稱称式志白者之錄录書书於于有《"
"""What beside 著 may make it stay; what is no Han character may too, before it."""


@dataclass(frozen=True)
class _Forms:
    """Of every code point below _SIZE: its simplified form, and what to look out for."""

    simplified: NDArray[np.uint32]
    marks: NDArray[np.uint8]
    phrases: NDArray[np.uint64]
    """The first two characters of every phrase, (first << 32 | second), ascending."""


def _phrases() -> list[str]:
    """Phrases of OpenCC's dictionary for t2s, in its order; [] where they cannot be listed."""
    import opencc

    clib = Path(opencc.__file__).parent / "clib"
    tool = next((t for t in (clib / "bin").glob("opencc_dict*") if t.is_file()), None)
    dictionary = clib / "share" / "opencc" / "TSPhrases.ocd2"
    if tool is None:
        return []
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "phrases.txt"
        options = ["-i", str(dictionary), "-f", "ocd2", "-o", str(listing), "-t", "text"]
        try:
            subprocess.run([str(tool), *options], check=True, capture_output=True, timeout=60)
            lines = listing.read_text(encoding="utf-8").splitlines()
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
            return []
    return [line.split("\t")[0] for line in lines if "\t" in line]


def _built() -> Tables:
    import opencc

    phrases = _phrases()
    codes = [c for c in range(_FIRST, _SIZE) if not 0xD800 <= c < 0xE000]
    converted = opencc.OpenCC("t2s").convert("\n".join(map(chr, codes))).split("\n")
    simplified = np.arange(_SIZE, dtype=np.uint32)
    marks = np.zeros(_SIZE, np.uint8)
    for code, form in zip(codes, converted, strict=True):
        if len(form) == 1:
            simplified[code] = ord(form)
        else:
            marks[code] |= _LOOK
    # Of these OpenCC first takes the common form, and may then see a phrase.
    marks[0xF900:0xFB00] |= _LOOK
    marks[0x2F800:0x2FA20] |= _LOOK
    for char in REGIONAL:
        marks[ord(char)] |= _LOOK
    for phrase in phrases:
        marks[ord(phrase[0])] |= _STARTS_PHRASE
    for char, mark in ("於", _IS_YU), ("著", _IS_ZHU):
        marks[ord(char)] |= mark
    simplified[ord("於")], simplified[ord("著")] = ord("于"), ord("着")
    marks[simplified == ord("么")] |= _IS_YAO
    for chars, mark in (_ZHU_BEFORE, _BEFORE_ZHU), (_ZHU_AFTER, _AFTER_ZHU):
        marks[[ord(char) for char in chars]] |= mark
    pairs = sorted({ord(p[0]) << 32 | ord(p[1]) for p in phrases})
    return {"simplified": simplified, "marks": marks, "phrases": np.array(pairs, np.uint64)}


@cache
def _forms() -> _Forms:
    versions = {"opencc": importlib.metadata.version("opencc"), "python": platform.python_version()}
    code: list[str | Path] = [__file__, Path(__file__).with_name("variants.py")]
    return _Forms(**stored("simplified", _built, code, versions))


_YU_PAIRS = np.array([(ord(f[0]), ord(f[1]) if len(f) > 1 else 0) for f in _YU_FOLLOWED], np.uint32)


def simplified_in_bulk(
    batch: TextBatch, indices: NDArray[np.int64], mixed: NDArray[np.bool_]
) -> tuple[TextBatch, NDArray[np.bool_], NDArray[np.bool_]]:
    """The batch with the texts at `indices` in simplified characters where that is plain.

    mixed: which of them hold simplified characters already, and so are judged line by line (as
    `curate.rewrite.script` does). Returns the batch, and of the texts at `indices` which changed
    and which are left to OpenCC. None of them may hold kana or Japanese forms.
    """
    forms = _forms()
    changed = np.zeros(len(indices), np.bool_)
    left = np.zeros(len(indices), np.bool_)
    if not len(forms.phrases):
        return batch, changed, ~left
    points = batch.points.copy()
    _convert(
        points, batch.offsets, indices, mixed, script_table(), forms.simplified, forms.marks,
        forms.phrases, _YU_PAIRS, changed, left,
    )  # fmt: skip
    return TextBatch(points, batch.offsets), changed, left


@njit(cache=True, nogil=True)
def _line_end(points, i, end):  # type: ignore[no-untyped-def]
    """Behind the line that begins at i, where str.splitlines would cut."""
    while i < end:
        c = points[i]
        i += 1
        if c <= 0x2029 and (
            (10 <= c <= 13) or (28 <= c <= 30) or c == 0x85 or c == 0x2028 or c == 0x2029
        ):
            break
    return i


@njit(cache=True, nogil=True)
def _whole_line(points, a, end, kinds):  # type: ignore[no-untyped-def]
    """1 where a line of a mixed text is converted whole, 2 where only traditional characters are,
    3 where it holds no more to convert than perhaps 著, 0 for nothing.
    """
    traditional = 0
    rare = 0
    simplified = 0
    zhu = False
    for i in range(a, end):
        c = points[i]
        if c < 0x2E80 or c >= 0x30000:
            continue
        kind = kinds[c] & 15
        traditional += kind == 1
        simplified += kind == 2
        rare += kind == 6
        zhu |= c == 0x8457
    n = traditional + rare
    # The shares are those of script.py: a quarter, and a half where all are rare.
    if n and (4 if traditional else 2) * n >= n + simplified:
        return 1
    if traditional:
        return 2
    return 3 if zhu else 0


@njit(cache=True, nogil=True)
def _is_plain(points, a, end, whole, marks, phrases, yu_pairs):  # type: ignore[no-untyped-def]
    """Whether every character of the line is converted as it would be alone."""
    for i in range(a, end):
        c = points[i]
        if c < 0x2E80:
            continue
        if c >= 0x30000:
            return False
        mark = marks[c]
        if mark & 31 == 0:
            continue
        if mark & 1:
            return False
        following = points[i + 1] if i + 1 < end else 0
        previous = points[i - 1] if i > a else 0
        if mark & 2:
            pair = (np.uint64(c) << np.uint64(32)) | np.uint64(following)
            at = np.searchsorted(phrases, pair)
            if at < len(phrases) and phrases[at] == pair:
                return False
        if mark & 4:
            third = points[i + 2] if i + 2 < end else 0
            for k in range(len(yu_pairs)):
                more = yu_pairs[k, 1]
                if yu_pairs[k, 0] == following and (more == 0 or more == third):
                    return False
        if mark & 8:
            if not whole or previous < 0x3400 or previous >= 0xA000 or marks[previous] & 32:
                return False
            if 0x2E80 <= following < 0x30000 and marks[following] & 64:
                return False
        if mark & 16 and previous == 0x8001:
            return False
    return True


@njit(cache=True, nogil=True)
def _apply(points, a, end, whole, kinds, simplified):  # type: ignore[no-untyped-def]
    changed = False
    for i in range(a, end):
        c = points[i]
        if c >= 0x2E80 and simplified[c] != c and (whole or kinds[c] & 15 == 1):
            points[i] = simplified[c]
            changed = True
    return changed


@njit(cache=True, nogil=True)
def _convert(  # type: ignore[no-untyped-def]
    points, offsets, indices, mixed, kinds, simplified, marks, phrases, yu_pairs, changed, left
):  # fmt: skip
    for k in range(len(indices)):
        a = offsets[indices[k]]
        end = offsets[indices[k] + 1]
        if not mixed[k]:
            if _is_plain(points, a, end, True, marks, phrases, yu_pairs):
                changed[k] = _apply(points, a, end, True, kinds, simplified)
            else:
                left[k] = True
            continue
        i = a
        while i < end and not left[k]:
            j = _line_end(points, i, end)
            how = _whole_line(points, i, j, kinds)
            if how == 3 or (
                how and not _is_plain(points, i, j, how == 1, marks, phrases, yu_pairs)
            ):
                left[k] = True
            i = j
        i = a
        while i < end and not left[k]:
            j = _line_end(points, i, end)
            how = _whole_line(points, i, j, kinds)
            if how:
                changed[k] |= _apply(points, i, j, how == 1, kinds, simplified)
            i = j
