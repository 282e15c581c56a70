"""GuanacoDataset: dialogues whose earlier turns are text inside the instruction."""

from __future__ import annotations

from typing import Any, ClassVar

from curate.instructions.dialogue import INLINE
from sources.instructionrows import (
    Example,
    InstructionAdapter,
    alpaca_example,
    with_hidden_turns,
)
from sources.stream import Bad


class Guanaco(InstructionAdapter):
    """Records with instruction, input and output. `User:`, `Assistant:` and `System:` begin turns,
    also in the middle of a line, in texts that start with one of them; the last turn of the user is
    in the input.
    """

    name = "guanaco"
    version: ClassVar[int] = 1

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """The turns of both texts, in order."""
        return with_hidden_turns(alpaca_example(record), (INLINE,), certain=True)
