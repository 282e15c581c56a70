"""Answers that decline to answer: 对不起，我无法…, or: I'm sorry, but I can't… ."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.measure.instruction.base import Fate, InstructionBatch, InstructionMeasure
from curate.measure.instruction.phraselist import PhraseList
from curate.measure.instruction.phrases import Phrases, plain_form
from curate.measure.instruction.request import ABOUT_SORRY, FICTION, ROLE, TEXT_GIVEN

BEGINNING = 45
"""Characters within which a refusal begins (Latin letters count a third)."""
HEAD = 240
"""Characters within which one is looked for."""
ANSWER = 15
"""Characters that an answer has at least which comes after a refusal."""
OFFER = 140
"""Characters below which what comes after one and offers help is no answer yet."""


class Refusal(PhraseList, InstructionMeasure):
    """Whether declining is what an answer does.

    refused: the answer begins with a phrase of the list, and no answer comes after it (however, …;
    here is …). Offers of other help and advice to ask somebody else are none.
    Not where the question asks for words of refusal, for somebody's speech, or for a text made from
    one that was given and that holds the phrase, unless the answer speaks of models, of what is
    forbidden, or of what they cannot draw, and the question does not. Nor where the question is
    whether the model can, thinks or supports something, and that is what it denies.
    """

    name: ClassVar[str] = "refusal"
    order: ClassVar[int] = 31
    version: ClassVar[int] = 2
    list_name: ClassVar[str] = "refusal"
    columns: ClassVar[dict[str, pa.DataType]] = {"refused": pa.bool_()}
    flags: ClassVar[dict[str, str]] = {"refused": "refused"}
    fates: ClassVar[dict[str, Fate]] = {"refused": "tag"}

    def measure_batch(self, batch: InstructionBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """A truth value of every row."""
        out = np.zeros(len(batch), np.bool_)
        listed = self.listed()
        if listed is not None:
            for i in listed.holders(batch.output.heads(HEAD)).tolist():
                out[i] = _declines(listed, batch.output[i], batch.instruction[i], batch.input[i])
        return {"refused": out}


_CLAUSE = re.compile(
    r"(?:\A|[\s，。！？；：、,.!?;:>”\"]|我|而我|但我|所以|因此|由于|目前|暂时|此|[他它该]任务|模型|，?我们|很|常|分|实在|真|遗憾)\Z"
)
_ABOUT_TASK = re.compile("提供|输入|翻译|任务|指令|provide|input|translat|instruction|task")
# What declines nothing: 我无法抗拒.
_NO_TASK = re.compile(r"\s*(?:保证|确保|想象|抗拒|忘记|相信|忍受|否认|同时|获得足够|but\b)")
_IF = re.compile(r"\b(?:if|when|as|while|since) \Z|(?:如果|若|当)\Z")
_LATIN = re.compile("[A-Za-z]")
_OPINION = re.compile(r"\s*(支持|认为|同意|接受|赞同|喜欢|理解|support|agree|accept)")
"""Who is asked whether he supports something and does not has answered."""
_ADMITS = re.compile(r"\s*(?:质疑|批评|指正|提醒|纠正|说法)|问题没有|没有问题")
_AGREES = re.compile(r"\s*(?:是的|对的|没错|当然|好的|可以[，。！]|yes\b|sure\b|of course)")
_OF_MODEL = re.compile(
    r"(?<![a-z])ai(?![a-z])|人工智能|语言模型|模型|助手|助理|数字人|机器人|\bgpt|language model"
    r"|assistant|\bmoss\b|the model|视觉|图像输出|visual|非法|违法|违反|不道德|隐私"
    r"|回答您的|您(?:并?没有|并?未)提供|illegal|ethic|harm|privacy|programming"
)
"""What declines in a story or a letter does not speak of this."""
_FORBIDDEN = frozenset({"非法", "违法", "违反", "不道德", "illegal", "ethic", "harm"})
_APOLOGY = re.compile(r"\b(?:sorry|apologize)[，,]\s*but\Z")
"""A phrase that says sorry and no more; it declines what is forbidden."""
_TURN = re.compile(r"但|不过|然而|以下|如下|\b(?:however|but(?! also)|here (?:is|are)|instead)\b")
_OFFERS = re.compile(
    r"如果|若|请|建议您|可以(?:帮|为|尝试|尽|提供|给|协助)|我(?:会|将|愿意|很乐意|很愿意)|尽力|其他|咨询|联系|提醒|搜索"
    r"|help|assist|if you|please|recommend|suggest|consult|happy to|let me know|would you"
    r"|can (?:provide|offer|try)|无法|不能|没有|抱歉|sorry|cannot"
)


def _width(text: str) -> float:
    """Characters, Latin letters a third each."""
    return len(text) - len(_LATIN.findall(text)) * 2 / 3


def _declines(listed: Phrases, answer: str, instruction: str, given: str) -> bool:
    head = plain_form(answer[:HEAD])
    if _AGREES.match(head):
        return False
    marks = set(_OF_MODEL.findall(head))
    for start, end in listed.places(head):
        sorry = _APOLOGY.search(head[start:end].rstrip())
        if (marks & _FORBIDDEN or not sorry) and _said_by_model(head, start, end):
            break
    else:
        return False
    question = f"{instruction}\n{given}"
    if all(mark in question.lower() for mark in marks):
        if ABOUT_SORRY.search(question) or ROLE.search(question) or FICTION.search(instruction):
            return False
        if TEXT_GIVEN.search(instruction) and not _ABOUT_TASK.search(head[start : end + 40]):
            # Somebody else's words: "I cannot come", translated.
            return False
    opinion = _OPINION.match(head, end)
    if (opinion and opinion[1] in question.lower()) or _ADMITS.match(head, end):
        return False
    return not _answers(plain_form(answer), end)


def _answers(plain: str, end: int) -> bool:
    """Whether an answer comes after the refusal that ends there."""
    for turn in _TURN.finditer(plain, end):
        rest = plain[turn.end() :]
        width = _width(rest)
        if width >= OFFER or (width >= ANSWER and not _OFFERS.search(rest[:30])):
            return True
    return False


def _said_by_model(head: str, start: int, end: int) -> bool:
    """Whether a phrase stands near the beginning, begins its clause, and declines something."""
    before = head[:start]
    return bool(
        _width(before) <= BEGINNING
        and _CLAUSE.search(before)
        and not _IF.search(before)
        and not _NO_TASK.match(head[end:])
    )
