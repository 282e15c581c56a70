"""Firefly (流萤): tasks of one turn by kind, and dialogues."""

from __future__ import annotations

from typing import Any, ClassVar

from curate.instructions.dialogue import pairs_turns
from sources.instructionrows import Example, InstructionAdapter, alpaca_example, list_example
from sources.stream import Bad


class Firefly(InstructionAdapter):
    """Records with kind, input and target; or with a `conversation` of human and assistant."""

    name = "firefly"
    version: ClassVar[int] = 1

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """The input of a task is its instruction: it says what to do."""
        if "conversation" in record:
            return list_example(pairs_turns(record.pop("conversation")), record)
        example = alpaca_example(record)
        if isinstance(example, Bad) or example.instruction:
            return example
        return example._replace(instruction=example.input, input="")
