"""MOSS 003: conversations with marks around every turn, some with tools."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from curate.instructions.dialogue import ASSISTANT, MOSS, USER, Turn
from sources.instructionrows import (
    Example,
    InstructionAdapter,
    alpaca_example,
    list_example,
    with_hidden_turns,
)
from sources.stream import Bad

_SPOKEN = {"Human": (USER, "<|Human|>:", ("<eoh>",)), "MOSS": (ASSISTANT, "<|MOSS|>:", ("<eom>",))}
_TOOLS = ("Inner Thoughts", "Commands", "Tool Responses")
_NOTHING = re.compile(r"(?:<\|[^|]*\|>:)?\s*(?:None)?\s*(?:<eo[tcr]>)?\s*")


class Moss(InstructionAdapter):
    """Records with `meta_instruction` and a `chat` of turn_1, turn_2, …, or with the conversation
    in `plain_text`. What the model thought, called and got back stands in `meta` under `unspoken`,
    the number of turns that called a tool under `tool_turns`.
    """

    name = "moss"
    version: ClassVar[int] = 1

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """The turns in the order of their numbers."""
        if type(record.get("plain_text")) is str and "chat" not in record:
            return self._plain(record)
        chat = record.get("chat")
        if type(chat) is not dict:
            return with_hidden_turns(alpaca_example(record), (MOSS,), certain=True)
        turns: list[Turn] = []
        unspoken = []
        tool_turns = 0
        for number in range(1, len(chat) + 1):
            turn = chat.get(f"turn_{number}")
            if type(turn) is not dict:
                return Bad("not_turns", f"no turn_{number} among {len(chat)} turns")
            for key, (role, opening, closing) in _SPOKEN.items():
                text = turn.get(key)
                if type(text) is not str:
                    return Bad("not_text", f"{key} of turn_{number} is no text")
                turns.append(Turn(role, _bare(text, opening, closing)))
            used = {k: turn[k] for k in _TOOLS if _says_something(turn.get(k))}
            tool_turns += "Commands" in used
            if used:
                unspoken.append({"turn": number, **used})
        del record["chat"]
        system = record.pop("meta_instruction", "")
        if type(system) is not str:
            return Bad("not_text", "meta_instruction is no text")
        if unspoken:
            record |= {"unspoken": unspoken, "tool_turns": tool_turns}
        return list_example(turns, record, system.strip("\n"))

    def _plain(self, record: dict[str, Any]) -> Example | Bad:
        system = record.pop("prefix", "")
        if type(system) is not str:
            return Bad("not_text", "prefix is no text")
        example = Example(record.pop("plain_text"), "", "", record, system)
        return with_hidden_turns(example, (MOSS,), certain=True)


def _bare(text: str, opening: str, closing: tuple[str, ...]) -> str:
    text = text.strip(" \r\n").removeprefix(opening)
    for mark in closing:
        text = text.removesuffix(mark)
    return text.strip(" \r\n")


def _says_something(text: Any) -> bool:
    return type(text) is str and _NOTHING.fullmatch(text) is None
