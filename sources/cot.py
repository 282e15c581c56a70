"""Chain-of-Thought of Alpaca-CoT, and the tables it was made of."""

from __future__ import annotations

from typing import Any, ClassVar

from sources.flatjson import FlatKeys
from sources.instructionrows import ALPACA, Example, InstructionAdapter, alpaca_example
from sources.stream import Bad


class Cot(InstructionAdapter):
    """Records with instruction, input and output; or lines of question, answer and rationale, whose
    output is the rationale with the answer after it.
    """

    name = "cot"
    version: ClassVar[int] = 1
    flat: ClassVar[FlatKeys | None] = ALPACA
    columns: ClassVar[tuple[str, ...]] = ("question", "answer", "rationale")

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """A line of a table has nothing but its three columns."""
        if record.keys() == {"question", "answer", "rationale"}:
            answer = record["answer"].strip()
            output = f"{record['rationale']}\nThe answer is {answer.removesuffix('.')}."
            return Example(record["question"], "", output, {"answer": answer})
        return alpaca_example(record)
