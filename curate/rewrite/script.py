"""Conversion between traditional and simplified Chinese, with OpenCC's dictionaries.

Only texts that hold characters of the other script reach OpenCC. What is simplified, and what is
Japanese, stays as it is; docs/cleaning/script.md gives the rules with examples.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import ClassVar, Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.characters import CharClass
from curate.rewrite.base import Rewrite
from curate.rewrite.code import around_code
from curate.rewrite.simplify import simplified_in_bulk
from curate.rewrite.variants import REGIONAL, Script, script_counts, script_table
from curate.scan import Scan, scan
from curate.textbatch import TextBatch

# Members of an enum are looked up slowly, and these are looked up for every text.
_AMBIGUOUS = int(Script.AMBIGUOUS)
_JAPANESE = int(Script.JAPANESE)
_KANA = int(Script.KANA)
_RARE = int(Script.RARE)
_SIMPLIFIED = int(Script.SIMPLIFIED)
_TRADITIONAL = int(Script.TRADITIONAL)

_REGIONAL = str.maketrans(REGIONAL)
_ANY_REGIONAL = re.compile(f"[{''.join(REGIONAL)}]")

# 著 is 着 (zhe, zhao) except where it means to write, a work, or to be evident (zhu).
_ZHU = re.compile(
    r"(?<=[名原專专巨鉅钜拙遺遗編编顯显昭卓土撰所知])著"
    r"|(?<=合)著(?![眼雙双嘴掌手口])"
    r"|(?<![談谈議议討讨爭争辯辩評评]論)(?<![谈讨争辩评议]论)(?<=[論论])著"
    r"|(?<![翻]譯)(?<!翻译)(?<=[譯译])著"
    r"|(?<=[\s（(《〈「『“])著(?![急手眼陸陆落想實实裝装色火涼凉重魔迷床地力])"
    r"|著(?=名(?![單单][^曲位口打]|[單单]$)|作(?![業业])|述|[稱称]|式|志|白)"
    r"|著(?=者)|著(?=之(?![前后後間间中際际]))"
    r"|著(?=[錄录](?![音影像製制]))"
    r"|(?<![看讀读抱拿捧念背翻夾夹帶带提])著(?=[書书])"
    r"|著(?=[於于](?:竹|帛|史|世|天下|《))"
    r"|著(?=有(?:[《「『“]|多[部種种本篇]|大量|不少))"
    r"|(?<![看讀读拿捧抱翻唱聽听念背寫写演哼跟隨随憑凭藉按照對对有想播放])著(?=《)"
)
# Verbs and fixed words that leave no doubt about 著, in simplified text as well.
_ZHE_BEFORE = (
    "看听說说想笑哭走跑站坐躺拿带帶跟随隨望盯抱穿戴沿顺順朝凭憑接意味活藏挂掛握牵牽跪睁睜"
    "吃喝睡忙急唱跳盼守"
)
_ZHE_AFTER = "急火凉涼迷魔陆陸"
_ZHE = re.compile(
    rf"(?<=[{_ZHE_BEFORE}])著(?![名作者述書书錄录稱称《])"
    rf"|(?<=等)著(?![名作者述書书錄录稱称《的])|著(?=[{_ZHE_AFTER}])"
)
# 於 is a character of its own in these names and in classical exclamations. OpenCC keeps it in more
# of them, but those are also chance neighbours: 位於倫敦, 用於單車.
_YU = re.compile(
    r"(?<=樊)於期|於梨[華华]|於菟|於乎|於呼|(?<![\u4e00-\u9fff])於[穆邑戲戏]|於陵子|於崇文|於忠祥|於勇明|於世成|於清言"
    r"|於惟一|於仲完|於竹屋|於其一"
)
_LAO_YAO = re.compile(r"(?<=老)么")
_LINE = re.compile(r"[^\n]+")
_SEGMENT = re.compile(r"[^\n（）()「」『』《》〈〉【】\[\]“”，。、；：;:／/|・·\s]+")

_PASSES = 4

_MIXED = 0.25
"""Share of traditional characters among those that tell, from which a line is converted whole."""

_RARE_ALONE = 0.5
"""The same where all of them are rare, as in simplified editions of old texts."""

_JAPANESE_DOCUMENT = 0.1
_JAPANESE_LINE = 0.2
_JAPANESE_SEGMENT = 0.15


@cache
def _converter(config: str) -> Callable[[str], str]:
    import opencc

    convert: Callable[[str], str] = opencc.OpenCC(config).convert
    return convert


def _kinds(text: str) -> NDArray[np.uint8]:
    """`script_table` entry of every character."""
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    table = script_table()
    return np.where(points < len(table), table[np.minimum(points, len(table) - 1)], 0).astype(
        np.uint8
    )


def _has_kana(kinds: NDArray[np.uint8], share: float, at_least: int = 2) -> bool:
    """Whether kana make up `share` of the characters."""
    kana = int(((kinds & 15) == _KANA).sum())
    return kana >= max(at_least, share * len(kinds))


def _has_japanese_forms(kinds: NDArray[np.uint8], at_least: int) -> bool:
    """Whether characters only Japanese has outweigh those it does not have."""
    japanese = int(((kinds & 15) == _JAPANESE).sum())
    return japanese >= max(at_least, 1 + int((kinds >= 16).sum()))


def _places(char: str, text: str) -> list[int]:
    return [match.start() for match in re.finditer(char, text)]


def _patched(text: str, wanted: dict[int, str]) -> str:
    """The text with the wanted character at each of the places."""
    wrong = {i: char for i, char in wanted.items() if text[i] != char}
    if not wrong:
        return text
    chars = list(text)
    for i, char in wrong.items():
        chars[i] = char
    return "".join(chars)


def _opencc_simplified(text: str) -> str:
    """What t2s makes of the text, with regional forms and 於 seen to."""
    regional = text.translate(_REGIONAL) if _ANY_REGIONAL.search(text) else text
    result = _converter("t2s")(regional)
    if "於" in text and len(result) == len(text):
        wanted = {i: "於" if _YU.match(text, i) else "于" for i in _places("於", text)}
        result = _patched(result, wanted)
    return result


def _to_simplified(text: str) -> str:
    """All of a traditional text, as OpenCC converts it, and what it leaves of regional forms."""
    result = _opencc_simplified(text)
    if "著" in text and len(result) == len(text):
        wanted = {i: "著" if _ZHU.match(text, i) else "着" for i in _places("著", text)}
        result = _patched(result, wanted)
    if "老么" in result:
        result = _LAO_YAO.sub("幺", result)
    return result


def _quotations_to_simplified(text: str, traditional: NDArray[np.bool_]) -> str:
    """The traditional characters of a simplified text, each as OpenCC converts it in its place."""
    if traditional.any():
        result = _opencc_simplified(text)
        if len(result) != len(text):
            return text
        places = np.flatnonzero(traditional).tolist()
        text = _LAO_YAO.sub("幺", _patched(text, {i: result[i] for i in places}))
    return _ZHE.sub("着", text)


def _mixed_to_simplified(text: str) -> str:
    """A text of both scripts, each line converted according to the share of traditional in it."""
    script = _kinds(text) & 15
    traditional = (script == _TRADITIONAL) | (script == _RARE)
    pieces: list[str] = []
    start = 0
    for line in text.splitlines(keepends=True):
        end = start + len(line)
        here = script[start:end]
        n = int(traditional[start:end].sum())
        known = bool((here == _TRADITIONAL).any())
        share = _MIXED if known else _RARE_ALONE
        if n and n >= share * (n + int((here == _SIMPLIFIED).sum())):
            line = _to_simplified(line)
        elif n or "著" in line:
            line = _quotations_to_simplified(line, here == _TRADITIONAL)
        pieces.append(line)
        start = end
    return "".join(pieces)


def _outside_japanese(text: str, convert: Callable[[str], str]) -> str:
    """The text with `convert` applied to what is not Japanese."""
    kinds = _kinds(text)
    if _has_kana(kinds, _JAPANESE_DOCUMENT) or _has_japanese_forms(kinds, 1):
        return text
    pieces: list[str] = []
    at = 0
    for line in _LINE.finditer(text):
        here = kinds[line.start() : line.end()]
        if _has_kana(here, _JAPANESE_LINE) or _has_japanese_forms(here, 2):
            spans = [line.span()]
        elif _has_kana(here, 0, at_least=1):
            spans = [
                segment.span()
                for segment in _SEGMENT.finditer(text, *line.span())
                if _has_kana(kinds[slice(*segment.span())], _JAPANESE_SEGMENT, at_least=1)
            ]
        else:
            continue
        for start, end in spans:
            pieces += [convert(text[at:start]), text[start:end]]
            at = end
    pieces.append(convert(text[at:]))
    return "".join(pieces)


class ScriptConversion(Rewrite):
    """Converts Chinese to one script; Japanese is left alone."""

    name: ClassVar[str] = "script"
    order: ClassVar[int] = 60
    version: ClassVar[int] = 2

    to: Literal["simplified", "traditional", "keep"] = "simplified"
    """The script wanted; `keep` changes nothing."""
    variant: Literal["standard", "taiwan", "hong_kong"] = "standard"
    """Which forms traditional text gets. Of no effect on text converted to simplified, which
    understands all three."""
    code: Literal["convert", "keep"] = "convert"
    """Whether fenced blocks and inline code are converted with the rest of a text: the strings in a
    program may be compared with what somebody typed."""

    def rewrite(self, text: str) -> str:
        """The text in the wanted script."""
        batch = TextBatch.from_strings([text])
        return self.rewrite_batch(batch, scan(batch))[0][0]

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        """As `rewrite`, over the texts that a compiled count of characters finds to concern."""
        every = np.zeros(0, np.int64)
        if self.to == "keep":
            return batch, every
        original = batch
        indices, part, counts = np.arange(len(batch)), batch, scanned.counts
        kinds = script_counts(part)
        # A second look, at what changed, sees phrases that only the first conversion made.
        for _ in range(_PASSES):
            part, changed = self._pass(part, kinds, counts)
            if not len(changed):
                break
            indices, part = indices[changed], part.taken(changed)
            batch = batch.spliced(indices, part)
            every = np.union1d(every, indices)
            counts, kinds = scan(part).counts, script_counts(part)
        if self.code == "keep":
            return self._with_code(original, batch, every)
        return batch, every

    def _with_code(
        self, before: TextBatch, after: TextBatch, changed: NDArray[np.int64]
    ) -> tuple[TextBatch, NDArray[np.int64]]:
        """The batch after conversion with the code in the texts at `changed` as it was before."""
        prose = self.model_copy(update={"code": "convert"})
        whole: dict[int, str] = {}
        for i in changed.tolist():
            text = before[i]
            if "`" in text:
                whole[i] = around_code(text, prose.rewrite)
        same = [i for i, text in whole.items() if text == before[i]]
        return after.replaced(whole), np.setdiff1d(changed, same)

    def _pass(
        self, batch: TextBatch, kinds: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> tuple[TextBatch, NDArray[np.int64]]:
        """The batch with the texts that want it converted once, and which of them changed."""
        concerned = self._concerned(batch, kinds, counts)
        changed = np.zeros(0, np.int64)
        if self.to == "simplified":
            plain = kinds[concerned, _KANA] + kinds[concerned, _JAPANESE] == 0
            mixed = kinds[concerned, _SIMPLIFIED] > 0
            traditional = kinds[concerned, _TRADITIONAL] + kinds[concerned, _RARE] > 0
            plain &= traditional | ~mixed
            bulk = concerned[plain]
            batch, done, left = simplified_in_bulk(batch, bulk, mixed[plain])
            changed = bulk[done]
            concerned = np.sort(np.concatenate([concerned[~plain], bulk[left]]))
        changes: dict[int, str] = {}
        for k in concerned.tolist():
            text = batch[k]
            new = self._converted(text, kinds[k])
            if new != text:
                changes[k] = new
        replaced = np.fromiter(changes, np.int64, len(changes))
        return batch.replaced(changes), np.union1d(changed, replaced)

    def _concerned(
        self, batch: TextBatch, counts: NDArray[np.int32], classes: NDArray[np.int32]
    ) -> NDArray[np.int64]:
        """Indices of the texts worth converting, by their counts of `Script` and `CharClass`."""
        simplified = counts[:, _SIMPLIFIED] > 0
        traditional = counts[:, _TRADITIONAL] + counts[:, _RARE] > 0
        if self.to == "traditional":
            # Text that shows neither may still hold 里 or 后, which OpenCC's phrases decide.
            return np.flatnonzero((classes[:, CharClass.HAN] > 0) & (simplified | ~traditional))
        ambiguous = counts[:, _AMBIGUOUS] > 0
        concerned = traditional | (ambiguous & ~simplified)
        maybe = np.flatnonzero(ambiguous & ~concerned)
        concerned[maybe] = _may_hold_zhe(batch.points, batch.offsets, maybe, _BESIDE_ZHE)
        return np.flatnonzero(concerned)

    def _converted(self, text: str, count: NDArray[np.int32]) -> str:
        traditional = count[_TRADITIONAL] + count[_RARE]
        if self.to == "simplified" and count[_SIMPLIFIED] and not traditional:
            return text if count[_KANA] else _ZHE.sub("着", text)
        convert = self._conversion(text, count)
        if count[_KANA] or count[_JAPANESE]:
            return _outside_japanese(text, convert)
        return convert(text)

    def _conversion(self, text: str, count: NDArray[np.int32]) -> Callable[[str], str]:
        if self.to == "traditional":
            return _converter(
                {"standard": "s2t", "taiwan": "s2tw", "hong_kong": "s2hk"}[self.variant]
            )
        return _mixed_to_simplified if count[_SIMPLIFIED] else _to_simplified


_BESIDE_ZHE = np.zeros(0x10000, np.uint8)
_BESIDE_ZHE[[ord(char) for char in _ZHE_BEFORE + "等"]] = 1
_BESIDE_ZHE[[ord(char) for char in _ZHE_AFTER]] |= 2


@njit(cache=True, nogil=True)
def _may_hold_zhe(points, offsets, indices, beside):  # type: ignore[no-untyped-def]
    """Bool [len(indices)]: which of the texts have 著 beside a character that _ZHE asks for."""
    found = np.zeros(len(indices), np.bool_)
    for k in range(len(indices)):
        a = offsets[indices[k]]
        end = offsets[indices[k] + 1]
        for i in range(a, end):
            if points[i] == 0x8457:
                if i > a and points[i - 1] < 0x10000 and beside[points[i - 1]] & 1:
                    found[k] = True
                if i + 1 < end and points[i + 1] < 0x10000 and beside[points[i + 1]] & 2:
                    found[k] = True
    return found
