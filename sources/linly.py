"""The Linly aggregate: other sets in one folder, each a little in its own way."""

from __future__ import annotations

from typing import Any, ClassVar

from curate.instructions.dialogue import GENERAL, INLINE
from sources.instructionrows import (
    Example,
    InstructionAdapter,
    alpaca_example,
    with_hidden_turns,
)
from sources.pclue import pclue_example
from sources.stream import Bad

_STYLES = (*(style for style in GENERAL if not style.name.startswith("user_")), INLINE)


class Linly(InstructionAdapter):
    """Records of the instruction schema, in which instruction or input may be missing, and of
    pCLUE; GuanacoDataset's and BELLE's dialogues are taken apart.
    """

    name = "linly"
    version: ClassVar[int] = 1

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """By the record's own keys."""
        if "target" in record and "output" not in record:
            return pclue_example(record)
        return with_hidden_turns(alpaca_example(record), _STYLES, certain=True)
