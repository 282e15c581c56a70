"""Answers in another language than the question's, and translations that are none."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.measure.instruction.base import InstructionBatch, InstructionMeasure
from curate.measure.instruction.echo import said
from curate.measure.instruction.request import CODE, LANGUAGE, asked
from curate.measure.language import Language
from curate.scan import CharClass

LETTERS = 24
"""Letters that an answer has at least (an ideograph counts three) for its language to be judged:
names, formulas and options are in any language."""
CLEAR = 0.85
"""Share of the letters in one script from which a question or an answer is in it."""

_CHINESE = ("zh", "zh-Hant", "yue", "lzh")


class AnswerLanguage(InstructionMeasure):
    """Whether the answer is in a language that nobody asked for, or not in the one asked for.

    wrong_language: question and answer are in different scripts, both clearly, and nothing that was
    said names a language, asks for code or is itself in the answer's language.
    untranslated: a translation was asked for, and the answer is the text to translate, or is not in
    the language it should be translated into (Chinese, English, Japanese, Korean and languages in
    other Latin letters than English).
    """

    name: ClassVar[str] = "answer_language"
    order: ClassVar[int] = 40
    libraries: ClassVar[tuple[str, ...]] = Language.libraries
    columns: ClassVar[dict[str, pa.DataType]] = {
        "wrong_language": pa.bool_(),
        "untranslated": pa.bool_(),
    }
    flags: ClassVar[dict[str, str]] = {
        "wrong_language": "wrong_language",
        "untranslated": "untranslated",
    }
    fates: ClassVar[dict[str, str]] = {"wrong_language": "drop", "untranslated": "drop"}

    def measure_batch(self, batch: InstructionBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """Two truth values of every row."""
        answer, answer_letters = _han_share(batch, "output")
        question, letters = _han_share(batch, "instruction")
        given, given_letters = _han_share(batch, "input")
        # The whole question's: a Chinese instruction may come with an English text.
        asked_han = (question * letters + given * given_letters) / np.maximum(
            letters + given_letters, 1
        )
        judged = (answer_letters >= LETTERS) & (letters + given_letters > 0)
        other = (asked_han >= CLEAR) & (answer <= 1 - CLEAR)
        other |= (asked_han <= 1 - CLEAR) & (answer >= CLEAR)
        wrong = np.zeros(len(batch), np.bool_)
        for i in np.flatnonzero(judged & other).tolist():
            wrong[i] = not _excused(asked(batch, i), batch.output[i])
        return {"wrong_language": wrong, "untranslated": _untranslated(batch)}


def _han_share(
    batch: InstructionBatch, field: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(share of ideographs, letters) of every text; an ideograph counts three letters."""
    counts = batch.scan(field).counts
    han = counts[:, CharClass.HAN] * 3.0
    kinds = [CharClass.LATIN, CharClass.KANA, CharClass.HANGUL, CharClass.LETTER]
    letters = han + counts[:, kinds].sum(axis=1)
    return han / np.maximum(letters, 1), letters


_URL = re.compile(r"https?://\S+|\S+@\S+|[A-Z]{2,}\S*|\b[\w./\\]+[(_=/.]\S*")
_WORD = re.compile(r"[a-z]{2,}", re.IGNORECASE)
_FUNCTION = re.compile(
    r"\b(?:the|is|are|was|and|of|to|in|that|for|with|you|it|this|can|a|an|I|be|not|on|as|have)\b"
)


def _excused(question: str, answer: str) -> bool:
    if LANGUAGE.search(question) or CODE.search(question) or "```" in answer:
        return True
    if not re.search(r"[\u4e00-\u9fff]", answer):
        # Prose has function words; lists of names, formulas and code have not.
        prose = _URL.sub(" ", answer)
        return len(_FUNCTION.findall(prose)) * 12 < len(_WORD.findall(prose)) or (
            len(_FUNCTION.findall(prose)) < 3
        )
    return False


_INTO = re.compile(
    r"(?:翻译|翻譯|译|譯)(?:一下)?(?:[成为為到]|作|至)?\s*(?:现代|標準|标准|地道的?|流利的?)?"
    r"(?P<zh>英文|英语|英語|中文|汉语|漢語|简体中文|日语|日文|日語|韩语|韩文|韓語|法语|法文|法語|德语|德文|西班牙语|西班牙文|意大利语|葡萄牙语)"
    r"|\btranslat\w*\b[^.\n]{0,60}?\b(?:in)?to (?P<en>English|(?:Mandarin |Simplified )?Chinese|Japanese|Korean"
    r"|French|German|Spanish|Italian|Portuguese)\b",
    re.IGNORECASE,
)
_TRANSLATE = re.compile(r"翻译|翻譯|译成|译为|譯成|译出|\btranslat", re.IGNORECASE)
_ABOUT = re.compile(
    r"翻译(?:软件|器|家|工作|公司|质量|服务|专业|理论|者|员|官|的|这个词|是)|文言|古文|白话|现代文|现代汉语|诗"
    r"|classif|sentiment|emoji|代码|python|java|code|检查|评价|评估|写一篇|写一个|写一段|program|grammar|app\b|tool"
    r"|binary|morse|roman|摩斯|二进制|罗马",
    re.IGNORECASE,
)
_TARGET = {"英": "en", "中": "zh", "汉": "zh", "漢": "zh", "简": "zh", "日": "ja", "韩": "ko", "韓": "ko"}


def _untranslated(batch: InstructionBatch) -> NDArray[np.bool_]:
    out = np.zeros(len(batch), np.bool_)
    for i in _requests(batch):
        instruction, given, answer = batch.instruction[i], batch.input[i], batch.output[i]
        if not _TRANSLATE.search(instruction[:80] + "\n" + instruction[-60:]):
            continue
        if _ABOUT.search(instruction):
            continue
        targets = {_target(m) for m in _INTO.finditer(instruction)}
        out[i] = (len(given) > 8 and _same(given, answer)) or (
            len(targets) == 1 and _not_in(answer, targets.pop())
        )
    return out


def _requests(batch: InstructionBatch) -> list[int]:
    listed = batch.once(_translators)
    return listed


def _translators(batch: InstructionBatch) -> list[int]:
    from curate.measure.wordlist import compiled

    global _WORDS
    if _WORDS is None:
        _WORDS = compiled([["翻译", "译成", "译为", "译出", "translate", "translating"]])
    found, _ = _WORDS.found(batch.instruction, 1)
    return np.flatnonzero(found[0]).tolist()


_WORDS = None


def _target(match: re.Match[str]) -> str:
    if match["zh"]:
        return _TARGET.get(match["zh"][0], "latin")
    name = match["en"].lower()
    if "chinese" in name:
        return "zh"
    return {"english": "en", "japanese": "ja", "korean": "ko"}.get(name, "latin")


def _same(given: str, answer: str) -> bool:
    from curate.textbatch import TextBatch

    keys, sizes, _ = said(TextBatch.from_strings([given, answer]))
    return bool(keys[0] == keys[1] and sizes[0] == sizes[1] and sizes[0] >= 4)


_HAN = re.compile("[\u4e00-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7af]")


def _not_in(answer: str, target: str) -> bool:
    """Whether an answer is clearly not in the language it should be in."""
    han, latin = len(_HAN.findall(answer)), sum(map(len, _WORD.findall(answer)))
    kana, hangul = len(_KANA.findall(answer)), len(_HANGUL.findall(answer))
    if han * 3 + latin + kana + hangul < 8:
        return False
    if target == "zh":
        return han * 3 < (latin + kana + hangul) * 0.25
    if target == "ja":
        return kana == 0
    if target == "ko":
        return hangul == 0
    return latin < han * 3 * 0.25
