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
LONG = 160
"""Characters from which an answer does more than to decline."""


class Refusal(PhraseList, InstructionMeasure):
    """Whether declining is what an answer does.

    refused: the answer begins with a phrase of the list and is short, or goes on without an answer.
    Not where the question asks for words of refusal, for somebody's speech, or for a text made from
    one that was given and that holds the phrase.
    """

    name: ClassVar[str] = "refusal"
    order: ClassVar[int] = 31
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
_ABOUT_TASK = re.compile("提供|输入|翻译|任务|指令|provide|input|translat|instruction")
# What declines nothing: 我无法抗拒.
_NO_TASK = re.compile(r"\s*(?:保证|确保|想象|抗拒|忘记|相信|忍受|否认|同时|获得足够|but\b)")
_IF = re.compile(r"\b(?:if|when|as|while|since) \Z|(?:如果|若|当)\Z")
_LATIN = re.compile("[A-Za-z]")
_TURN = re.compile(
    r"但|不过|然而|以下|如下|例如|\b(?:however|but|here (?:is|are)|instead|for example)\b",
    re.IGNORECASE,
)


def _width(text: str) -> float:
    """Characters, Latin letters a third each."""
    return len(text) - len(_LATIN.findall(text)) * 2 / 3


def _declines(listed: Phrases, answer: str, instruction: str, given: str) -> bool:
    head = plain_form(answer[:HEAD])
    place = next((place for place in listed.places(head) if _said_by_model(head, *place)), None)
    if place is None:
        return False
    question = f"{instruction}\n{given}"
    if ABOUT_SORRY.search(question) or ROLE.search(question) or FICTION.search(instruction):
        return False
    start, end = place
    if TEXT_GIVEN.search(instruction) and not _ABOUT_TASK.search(head[start : end + 40]):
        # Somebody else's words: "I cannot come", translated.
        return False
    return _width(answer) <= LONG or not _TURN.search(plain_form(answer), end)


def _said_by_model(head: str, start: int, end: int) -> bool:
    """Whether a phrase stands near the beginning, begins its clause, and declines something."""
    before = head[:start]
    return bool(
        _width(before) <= BEGINNING
        and _CLAUSE.search(before)
        and not _IF.search(before)
        and not _NO_TASK.match(head[end:])
    )
