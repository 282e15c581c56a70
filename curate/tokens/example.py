"""One instruction example as training sees it: a system message and turns of user and answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson


class BadExample(Exception):
    """A row that is no example; `reason` is the word for the ledger."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Turn:
    """What was asked, and what is to be learnt."""

    instruction: str
    input: str
    """Further context of the instruction; only the last turn of an example has one."""
    answer: str

    @property
    def question(self) -> str:
        """Instruction and input as one text, for formats that have one place for both."""
        return "\n".join(part for part in (self.instruction, self.input) if part)


@dataclass(frozen=True)
class Example:
    """A dialogue; a plain instruction is one of a single turn."""

    system: str
    turns: tuple[Turn, ...]


def _exchange(value: Any) -> Turn:
    """A past turn: `[question, answer]` or a mapping with user and assistant."""
    if isinstance(value, Mapping):
        pair = (value.get("user"), value.get("assistant"))
    elif isinstance(value, (list, tuple)) and len(value) == 2:
        pair = (value[0], value[1])
    else:
        raise BadExample("bad_history")
    if not all(isinstance(side, str) for side in pair):
        raise BadExample("bad_history")
    return Turn(str(pair[0]), "", str(pair[1]))


def example(row: Mapping[str, Any]) -> Example:
    """An example from a row of the published instruction schema.

    `history` may be a list of exchanges, such a list as JSON text, or absent.
    Raises BadExample where a key is missing, is not a string, or there is nothing to ask or answer.
    """
    words = {}
    for key in ("instruction", "input", "output", "system"):
        value = row.get(key)
        if value is None and key in ("input", "system"):
            value = ""
        if not isinstance(value, str):
            raise BadExample(f"no_{key}")
        words[key] = value
    if not words["output"].strip():
        raise BadExample("empty_output")
    if not (words["instruction"] or words["input"]).strip():
        raise BadExample("empty_instruction")
    history = row.get("history") or []
    if isinstance(history, str):
        try:
            history = orjson.loads(history)
        except orjson.JSONDecodeError:
            raise BadExample("bad_history") from None
    if not isinstance(history, (list, tuple)):
        raise BadExample("bad_history")
    last = Turn(words["instruction"], words["input"], words["output"])
    return Example(words["system"], (*(_exchange(value) for value in history), last))
