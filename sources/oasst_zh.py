"""OpenAssistant, Chinese: answers with the turns before them."""

from __future__ import annotations

from typing import Any, ClassVar

from sources.instructionrows import Example, InstructionAdapter, alpaca_example
from sources.stream import Bad


class OasstZh(InstructionAdapter):
    """Records with instruction, input, output and a `history` of [question, answer]."""

    name = "oasst_zh"
    version: ClassVar[int] = 1

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """The history is taken as it is."""
        return alpaca_example(record)
