"""ShareGPT, Chinese and English: lists of messages or turns, and turns between `<s>` and `</s>`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pyarrow as pa

from curate.instructions.dialogue import S_TAGS
from sources.adapter import InputFile
from sources.chat import chat_example
from sources.delimited import sample_records
from sources.instructionrows import Example, InstructionAdapter, with_hidden_turns
from sources.sniff import Content
from sources.stream import Bad


class ShareGpt(InstructionAdapter):
    """Records with `conversations` of from and value, or `conversation` of human and assistant; or
    a column `text` with `<s>Human: …</s><s>Assistant: …</s>`.
    """

    name = "sharegpt"
    version: ClassVar[int] = 1

    def rows(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        """A record a row. A table of one column, `text`, has no delimiter to be known by."""
        if found.format == "text" and sample_records(found.sample, ",", True)[:1] == [["text"]]:
            found = replace(found, format="csv", delimiter=",")
        return super().rows(file, found)

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """A list of turns, or the turns of a text."""
        if type(record.get("text")) is str and "conversations" not in record:
            example = Example(record.pop("text"), "", "", record)
            return with_hidden_turns(example, (S_TAGS,), certain=True)
        return chat_example(record)
