"""Answers in another language than the question's, and translations that are none."""

from __future__ import annotations

import re
from functools import cache
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.measure.instruction.base import Fate, InstructionBatch, InstructionMeasure
from curate.measure.instruction.echo import repeated
from curate.measure.instruction.request import CODE, LANGUAGE, asked_by_user
from curate.measure.language import looked
from curate.measure.wordlist import WordLists, compiled
from curate.rewrite.code import looks_like_code
from curate.scan import CharClass
from curate.textbatch import TextBatch

LETTERS = 15
"""Letters that an answer has at least (an ideograph counts three) for its language to be judged:
names, formulas and options are in any language."""
ASKED = 12
"""The same of a question."""
CLEAR = 0.85
"""Share of the letters in one script from which a question or an answer is in it."""
OTHER_LETTERS = 0.1
"""Share of kana and Hangul from which an answer to a question in Chinese is looked at."""
SURE = 0.8
"""Confidence from which the label of a language other than Chinese and English counts."""
PROSE = 40
"""Letters in words of such a language without which an answer is names and terms."""


class AnswerLanguage(InstructionMeasure):
    """Whether the answer is in a language that nobody asked for, or not in the one asked for.

    wrong_language: question and answer are in different scripts, both clearly, or the question is
    in Chinese and the answer has kana or Hangul; the answer is labelled as text in a language (see
    `curate.measure.language`) other than the question's; and nothing that the user said names a
    language, asks for code or is itself in the answer's language.
    untranslated: a translation was asked for, and the answer is the text to translate, or is not in
    the language it should be translated into (Chinese, English, Japanese, Korean and languages in
    other Latin letters than English).
    """

    name: ClassVar[str] = "answer_language"
    order: ClassVar[int] = 40
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("opencc",)
    columns: ClassVar[dict[str, pa.DataType]] = {
        "wrong_language": pa.bool_(),
        "untranslated": pa.bool_(),
    }
    flags: ClassVar[dict[str, str]] = {
        "wrong_language": "wrong_language",
        "untranslated": "untranslated",
    }
    fates: ClassVar[dict[str, Fate]] = {"wrong_language": "drop", "untranslated": "drop"}

    def measure_batch(self, batch: InstructionBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """Two truth values of every row."""
        answer, answer_letters = _han_share(batch, "output")
        question, letters = _han_share(batch, "instruction")
        given, given_letters = _han_share(batch, "input")
        # The whole question's: a Chinese instruction may come with an English text.
        asked_han = (question * letters + given * given_letters) / np.maximum(
            letters + given_letters, 1
        )
        judged = (answer_letters >= LETTERS) & (letters + given_letters >= ASKED)
        other = (asked_han >= CLEAR) & (answer <= 1 - CLEAR)
        other |= (asked_han >= CLEAR) & (_other_letters(batch) >= OTHER_LETTERS * answer_letters)
        other |= (asked_han <= 1 - CLEAR) & (answer >= CLEAR)
        rows = np.flatnonzero(judged & other)
        wrong = np.zeros(len(batch), np.bool_)
        labels, sure = looked(batch.output.taken(rows))
        for i, label, confidence in zip(rows.tolist(), labels.to_pylist(), sure, strict=True):
            if label in _CHINESE and asked_han[i] >= CLEAR:
                continue
            wrong[i] = not _excused(asked_by_user(batch, i), batch.output[i], label, confidence)
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


def _other_letters(batch: InstructionBatch) -> NDArray[np.int64]:
    """Kana and Hangul of every answer whose question has none."""
    kinds = [CharClass.KANA, CharClass.HANGUL]
    counts = {name: batch.scan(name).counts[:, kinds].sum(axis=1) for name in _SAID}
    asked = counts["instruction"] + counts["input"]
    return np.where(asked == 0, counts["output"], -1)


_SAID = ("instruction", "input", "output")
_CHINESE = frozenset({"zh", "zh-Hant", "yue", "lzh"})
_URL = re.compile(r"https?://\S+|\bwww\.\S+|\S+@\S+")
_WORD = re.compile(r"[a-z]{2,}", re.IGNORECASE)
_FUNCTION = re.compile(
    r"\b(?:the|is|are|was|and|of|to|in|that|for|with|you|it|this|can|a|an|I|be|not|on|as|have)\b"
)
_HAN = re.compile("[\u4e00-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7af]")
_LOWER = re.compile(r"(?<![^\W\d_])[^\W\d_A-Z]{2,}(?![^\W\d_])")
_PROGRAM = re.compile(
    r"^\s*(?:import|from|def|class|#include|print|SELECT|function|var|let)\b", re.M
)


def _excused(question: str, answer: str, label: str, confidence: float) -> bool:
    """Whether an answer in the language `label`, not the question's, may be what was wanted."""
    if "```" in answer or LANGUAGE.search(question) or CODE.search(question):
        return True
    question = _URL.sub(" ", question)
    if label in _CHINESE:
        # A link or a form in English with the question in Chinese beside it.
        return len(_HAN.findall(question)) >= 4
    if label in ("ja", "ko"):
        return confidence < SURE
    if len(_WORD.findall(question)) >= 2 or _PROGRAM.search(answer) or looks_like_code(answer):
        return True
    if label != "en":
        words = _LOWER.findall(_URL.sub(" ", answer))
        return confidence < SURE or sum(map(len, words)) < PROSE or len(set(words)) < len(words) / 2
    # Prose has function words; lists of names, formulas and notes have not.
    prose = _URL.sub(" ", answer)
    functions = len(_FUNCTION.findall(prose))
    return functions < 2 or functions * 12 < len(_WORD.findall(prose))


_FOREIGN = (
    "法语|法文|法語|德语|德文|西班牙语|西班牙文|意大利语|意大利文|葡萄牙语|荷兰语|瑞典语"
    "|拉丁语|印尼语|越南语"
)
_INTO = re.compile(
    r"(?:翻译|翻譯|译|譯)(?:一下)?(?:[成为為到]|作|至)?\s*(?:现代|標準|标准|地道的?|流利的?)?"
    r"(?P<zh>英文|英语|英語|中文|汉语|漢語|简体中文|日语|日文|日語|韩语|韩文|韓語"
    rf"|{_FOREIGN})|(?<![从從])(?P<of>{_FOREIGN})的?翻译"
    r"|\btranslat\w*\b[^.\n]{0,60}?\b(?:in|to|into) (?P<en>English"
    r"|(?:Mandarin |Simplified )?Chinese|Japanese|Korean"
    r"|French|German|Spanish|Italian|Portuguese)\b",
    re.IGNORECASE,
)
_ANOTHER = re.compile(
    r"翻译[成为到](?:另一种|其他|其它|任何|一种|别的)(?:外国|其他)?语言"
    r"|\btranslat\w*\b.{0,40}\b(?:another|other|a different) language",
    re.IGNORECASE,
)
_TRANSLATE = re.compile(r"翻译|翻譯|译成|译为|譯成|译出|\btranslat", re.IGNORECASE)
_ABOUT = re.compile(
    r"翻译(?:软件|器|家|工作|公司|质量|服务|专业|理论|者|员|官|的|这个词|是)|文言|古文|白话|现代文|现代汉语|诗"
    r"|classif|sentiment|emoji|代码|python|java|code|检查|评价|评估|写一篇|写一个|写一段|program|grammar|app\b|tool"
    r"|binary|morse|roman|摩斯|二进制|罗马",
    re.IGNORECASE,
)
_TARGET = {
    "英": "en",
    "中": "zh",
    "汉": "zh",
    "漢": "zh",
    "简": "zh",
    "日": "ja",
    "韩": "ko",
    "韓": "ko",
}


def _untranslated(batch: InstructionBatch) -> NDArray[np.bool_]:
    out = np.zeros(len(batch), np.bool_)
    found, _ = _words().found(batch.instruction, 1)
    rows = np.flatnonzero(found[0])
    # One wording of a template stands before thousands of texts.
    asked = cache(_asked)
    instruction, given, answer = (
        part.taken(rows) for part in (batch.instruction, batch.input, batch.output)
    )
    none = TextBatch(given.points[:0], np.zeros_like(given.offsets))
    same = repeated(given, none, answer, 4)
    texts = zip(*(part.strings() for part in (instruction, given, answer)), strict=True)
    for k, (text, source, translation) in enumerate(texts):
        target = asked(text)
        if target is None:
            continue
        if same[k]:
            out[rows[k]] = True
        elif target != _ANY:
            out[rows[k]] = _not_in(translation, target, f"{text}\n{source}")
    return out


_ANY = "any"


def _asked(instruction: str) -> str | None:
    """The language to translate into, `_ANY` for another one than the text's; None where no
    translation was asked for, or into more languages than one.
    """
    # The request begins or ends the question; between may be a text that has the word.
    if not _TRANSLATE.search(f"{instruction[:80]}\n{instruction[-60:]}"):
        return None
    if _ABOUT.search(instruction):
        return None
    targets = {_target(match) for match in _INTO.finditer(instruction)}
    if not targets and _ANOTHER.search(instruction):
        return _ANY
    return targets.pop() if len(targets) == 1 else None


@cache
def _words() -> WordLists:
    return compiled([["翻译", "译成", "译为", "译出", "translate", "translating"]])


def _target(match: re.Match[str]) -> str:
    if match["of"]:
        return "latin"
    if match["zh"]:
        return _TARGET.get(match["zh"][0], "latin")
    name = match["en"].lower()
    if "chinese" in name:
        return "zh"
    return {"english": "en", "japanese": "ja", "korean": "ko"}.get(name, "latin")


def _not_in(answer: str, target: str, question: str) -> bool:
    """Whether an answer is clearly not in the language it should be in.

    Words that the question has already do not count: they are quoted.
    """
    if target == "zh":
        if _HAN.search(answer) or _HANGUL.search(answer):
            return False
        return _latin(answer, question) >= 12
    if target == "ja":
        return not _KANA.search(answer) and len(_HAN.findall(answer)) >= 5
    if target == "ko":
        return not _HANGUL.search(answer) and len(_HAN.findall(answer)) >= 3
    return bool(_HAN.search(answer)) and _latin(answer, question) < 4


def _latin(answer: str, question: str) -> int:
    """Letters of the Latin words in the answer that the question has not."""
    known = set(_WORD.findall(question.lower()))
    return sum(len(word) for word in _WORD.findall(answer.lower()) if word not in known)
