"""Stanford Alpaca, its Chinese translations, and Alpaca answered by GPT-4."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from sources.flatjson import FlatKeys
from sources.instructionrows import ALPACA, Example, InstructionAdapter, alpaca_example
from sources.stream import Bad

_FIELDS = ("instruction", "input", "output")


class Alpaca(InstructionAdapter):
    """Records with instruction, input and output; or the same in two languages, with `en_` and
    `zh_` before the keys, of which one is read.
    """

    name = "alpaca"
    version: ClassVar[int] = 1
    flat: ClassVar[FlatKeys | None] = ALPACA

    side: Literal["zh", "en"] = "zh"
    """Which language is read of records that have both."""

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """The other language of a record is not carried along: it is a row of its own set."""
        if "zh_instruction" in record and "instruction" not in record:
            other = "en" if self.side == "zh" else "zh"
            for field in _FIELDS:
                if f"{self.side}_{field}" in record:
                    record[field] = record.pop(f"{self.side}_{field}")
                record.pop(f"{other}_{field}", None)
        return alpaca_example(record)
