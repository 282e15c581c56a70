"""COIG-CQIA: answers collected from Chinese sites, with task, domain and origin beside them."""

from __future__ import annotations

from typing import Any, ClassVar

from sources.flatjson import FlatKeys
from sources.instructionrows import ALPACA, Example, InstructionAdapter, alpaca_example
from sources.stream import Bad


class CoigCqia(InstructionAdapter):
    """Records with instruction, input and output; task type, domain, who answered and whether a
    person checked it go to `meta`.
    """

    name = "coig_cqia"
    version: ClassVar[int] = 1
    flat: ClassVar[FlatKeys | None] = ALPACA

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """All that is no text of the row is `meta`."""
        return alpaca_example(record)
