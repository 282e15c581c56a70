"""pCLUE: nine Chinese tasks as prompts, with their choices beside them."""

from __future__ import annotations

from typing import Any, ClassVar

from sources.instructionrows import Example, InstructionAdapter, text_of
from sources.rowbatch import not_text
from sources.stream import Bad


class Pclue(InstructionAdapter):
    """Records with input, target, type and, for questions with a choice, answer_choices."""

    name = "pclue"
    version: ClassVar[int] = 1

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """The prompt is the instruction; type and choices go to `meta`."""
        return pclue_example(record)


def pclue_example(record: dict[str, Any]) -> Example | Bad:
    """A record of pCLUE. One whose label nobody gave (`-` among other choices) is bad."""
    texts = []
    for key in ("input", "target"):
        if key not in record:
            return Bad("missing_field", f"no {key!r}; keys: {', '.join(record) or 'none'}")
        text = text_of(record[key], key, record)
        if isinstance(text, Bad):
            return text
        texts.append(text)
    choices = record.get("answer_choices")
    if choices and not (type(choices) is list and all(type(choice) is str for choice in choices)):
        return not_text("answer_choices", choices, record)
    if choices and texts[1] == "-" and "-" not in choices:
        return Bad("unlabelled", "the target is '-', which is none of the choices")
    del record["input"], record["target"]
    return Example(texts[0], "", texts[1], record)
