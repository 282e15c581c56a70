"""Answers that decline to answer: 对不起，我无法…, I'm sorry, but I can't…"""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.measure.instruction.base import InstructionBatch, InstructionMeasure
from curate.measure.instruction.phraselist import PhraseList
from curate.measure.instruction.phrases import Phrases, plain_form
from curate.measure.instruction.request import ABOUT_SORRY, FICTION, ROLE, TEXT_GIVEN

BEGINNING = 45
"""Characters within which a refusal begins (Latin letters count a third)."""
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
    fates: ClassVar[dict[str, str]] = {"refused": "tag"}

    def measure_batch(self, batch: InstructionBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """A truth value of every row."""
        out = np.zeros(len(batch), np.bool_)
        listed = self.listed()
        if listed is not None:
            for i in listed.holders(batch.output).tolist():
                out[i] = _declines(listed, batch.output[i], batch.instruction[i], batch.input[i])
        return {"refused": out}


_LATIN = re.compile("[A-Za-z]")
_TURN = re.compile(
    r"(?:但是?|不过|然而|可以|以下|如下|例如|建议|首先|希望|however|but|here|instead|for example|you (?:can|could|may))",
    re.IGNORECASE,
)


def _width(text: str) -> float:
    """Characters, Latin letters a third each."""
    return len(text) - len(_LATIN.findall(text)) * 2 / 3


def _declines(listed: Phrases, answer: str, instruction: str, given: str) -> bool:
    head = plain_form(answer[:240])
    places = listed.places(head)
    if not places or _width(head[: places[0][0]]) > BEGINNING:
        return False
    question = f"{instruction}\n{given}"
    if ABOUT_SORRY.search(question) or ROLE.search(question) or FICTION.search(instruction):
        return False
    if TEXT_GIVEN.search(instruction):
        # Somebody else's words: "I cannot come" translated, unless it is the model that cannot.
        start, end = places[0]
        if not re.search("提供|输入|翻译|provide|input|given|translat|无法理解", head[start : end + 40]):
            return False
    return _width(answer) <= LONG or not _TURN.search(plain_form(answer[60:]))
