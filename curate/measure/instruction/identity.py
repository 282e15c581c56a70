"""Answers in which a model says what it is: 我是ChatGPT, as an AI language model."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.measure.instruction.base import Fate, InstructionBatch, InstructionMeasure
from curate.measure.instruction.phraselist import PhraseList
from curate.measure.instruction.phrases import Phrases, plain_form
from curate.measure.instruction.request import FICTION, ROLE, TEXT_GIVEN, asked_by_user

BEGINNING = 80
"""Characters within which a story or a text that was asked for does not begin to speak yet."""


class Identity(PhraseList, InstructionMeasure):
    """Whether an answer, an earlier turn's included, tells of the model that wrote it.

    self_identified: a phrase of the list stands in an answer as the answer's own words: at the
    start of a clause and not inside quotation marks. Where the question asks for a role, or the
    answer is somebody's speech (a story, a translation), only its first characters count, and not
    where the question has the phrase itself; but a model's name counts anywhere in it that the
    user did not bring up.
    """

    name: ClassVar[str] = "identity"
    order: ClassVar[int] = 30
    version: ClassVar[int] = 3
    list_name: ClassVar[str] = "identity"
    columns: ClassVar[dict[str, pa.DataType]] = {"self_identified": pa.bool_()}
    flags: ClassVar[dict[str, str]] = {"self_identified": "self_identified"}
    fates: ClassVar[dict[str, Fate]] = {"self_identified": "drop"}

    def measure_batch(self, batch: InstructionBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """A truth value of every row."""
        out = np.zeros(len(batch), np.bool_)
        listed = self.listed()
        if listed is not None:
            for i in listed.holders(batch.output).tolist():
                out[i] = _speaks(listed, batch.output[i], asked_by_user(batch, i), batch.system[i])
            rows = batch.rows_of_turns()
            for t in listed.holders(batch.history_assistant).tolist():
                row = int(rows[t])
                if not out[row]:
                    answer, asked = batch.history_assistant[t], asked_by_user(batch, row)
                    out[row] = _speaks(listed, answer, asked, batch.system[row])
        return {"self_identified": out}


_CLAUSE = re.compile(
    r"(?:\A|[\s，。！？；：、,.!?;:（(—…\-*>]|[我但而且过然为于是是的此说道讲下上来以外以外能]|(?:因为|由于|但是|不过|然而|虽然))\Z"
)
_COMPARED = re.compile(r"\bas [a-z]+ \Z")
"""As clever as an AI."""
_OPENED = {"“": "”", "「": "」", "『": "』", "‘": "’"}
_SPEAKER = re.compile(r"(?:^|\n)[^\n：:。，]{1,12}[：:]\s*\Z")


_NAMED = re.compile(
    r"chatgpt|gpt-[34]|open[- ]?assistant|claude|moss|chatglm|qwen|deepseek"
    r"|文心一言|通义千问|讯飞星火"
)


def _speaks(listed: Phrases, answer: str, question: str, system: str) -> bool:
    plain = plain_form(answer)
    places = listed.places(plain)
    if not places:
        return False
    # A system prompt may give a role; what it says of corrections or scripts asks for no text.
    made = FICTION.search(question) or TEXT_GIVEN.search(question)
    made = made or ROLE.search(question) or ROLE.search(system)
    plain_question = plain_form(question) if made else ""
    for start, end in places:
        if made:
            phrase = plain[start:end].strip()
            name = _NAMED.search(phrase)
            own = name is not None and name[0] not in plain_question
            if not own and (start > BEGINNING or phrase in plain_question):
                continue
        if _of_itself(plain, start):
            return True
    return False


def _of_itself(plain: str, start: int) -> bool:
    """Whether a phrase begins a clause that is nobody else's."""
    before = plain[max(0, start - 200) : start]
    if _COMPARED.search(before) or not _CLAUSE.search(before[-2:] if len(before) > 1 else before):
        return False
    for opening, closing in _OPENED.items():
        if before.rfind(opening) > before.rfind(closing):
            return False
    return before.count('"') % 2 == 0 or '"' not in before[-40:]
