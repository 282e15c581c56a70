"""A user's own instructions: records with fields of any name, in any JSON form, CSV or Parquet."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from curate.instructions.dialogue import GENERAL, STYLES
from sources.chat import LIST_KEYS, chat_example
from sources.instructionrows import (
    Example,
    InstructionAdapter,
    Names,
    alpaca_example,
    field_keys,
    with_hidden_turns,
)
from sources.stream import Bad


class Instructions(InstructionAdapter):
    """Records with an instruction and an answer under usual or given keys; records of one file may
    differ in form, and those that hold a list of turns are conversations.
    """

    name = "instructions"
    version: ClassVar[int] = 1

    instruction: str | None = None
    """The key of the instruction; `instruction`, `指令`, `prompt`, … unless given."""
    input: str | None = None
    """The key of the input; `input`, `输入`, `context`, … unless given."""
    output: str | None = None
    """The key of the answer; `output`, `输出`, `response`, … unless given."""
    system: str | None = None
    """The key of the system text."""
    history: str | None = None
    """The key of earlier turns."""
    dialogue: Literal["auto", "off"] | list[str] = Field(default="auto")
    """Whether turns hidden in texts are looked for: `auto` believes only texts with both sides, a
    list of styles means that the set is known to use them."""

    @field_validator("dialogue")
    @classmethod
    def _known_styles(cls, value: str | list[str]) -> str | list[str]:
        for name in value if isinstance(value, list) else ():
            if name not in STYLES:
                raise ValueError(f"no style {name!r}; there are {', '.join(STYLES)}")
        return value

    @property
    def names(self) -> Names:
        """The keys that were given."""
        fields = ("instruction", "input", "output", "system", "history")
        return tuple((f, getattr(self, f)) for f in fields if getattr(self, f) is not None)

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """Fields where the record has them, else its list of turns."""
        names = self.names
        keys = field_keys(tuple(record), names)
        if isinstance(keys, Bad) and any(type(record.get(key)) is list for key in LIST_KEYS):
            return chat_example(record)
        example = alpaca_example(record, names)
        if self.dialogue == "off":
            return example
        if self.dialogue == "auto":
            return with_hidden_turns(example, GENERAL)
        return with_hidden_turns(example, [STYLES[n] for n in self.dialogue], certain=True)
