"""BELLE: single turns, and dialogues inside the instruction."""

from __future__ import annotations

from typing import Any, ClassVar

from curate.instructions.dialogue import ASSISTANT, HUMAN_ASSISTANT, USER, Turn
from sources.instructionrows import (
    Example,
    InstructionAdapter,
    alpaca_example,
    list_example,
    with_hidden_turns,
)
from sources.stream import Bad


class Belle(InstructionAdapter):
    """Records with instruction, input and output; `Human:` and `Assistant:` at the beginning of
    lines of an instruction are turns. Input and output may be lists of equal length: the turns of
    either side.
    """

    name = "belle"
    version: ClassVar[int] = 1

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """Lists are turns, texts may hide them."""
        questions, answers = record.get("input"), record.get("output")
        if type(questions) is list and type(answers) is list and "instruction" not in record:
            if len(questions) != len(answers):
                what = f"{len(questions)} inputs and {len(answers)} outputs"
                return Bad("not_turns", what)
            if not all(type(text) is str for text in [*questions, *answers]):
                return Bad("not_text", "a turn that is no text")
            turns: list[Turn] = []
            for question, answer in zip(questions, answers, strict=True):
                turns += (Turn(USER, question), Turn(ASSISTANT, answer))
            del record["input"], record["output"]
            return list_example(turns, record)
        return with_hidden_turns(alpaca_example(record), (HUMAN_ASSISTANT,), certain=True)
