"""A user's own conversations: lists of messages, turns or pairs, in any JSON form or Parquet."""

from __future__ import annotations

from typing import Any, ClassVar

from curate.instructions.dialogue import ROLES, messages_turns
from sources.instructionrows import Example, InstructionAdapter, list_example
from sources.stream import Bad

LIST_KEYS = ("messages", "conversations", "conversation", "dialogue", "dialog", "chat", "turns",
             "history", "对话")  # fmt: skip
"""Keys under which the turns are looked for, in this order."""


def chat_example(
    record: dict[str, Any],
    messages: str | None = None,
    role: str | None = None,
    text: str | None = None,
    system: str | None = None,
    roles: dict[str, str] = ROLES,
) -> Example | Bad:
    """The conversation of a record. The keys are those given, or else found among the known ones;
    `system` is the key of a system text beside the turns.
    """
    key = messages or next((key for key in LIST_KEYS if type(record.get(key)) is list), None)
    if key is None or key not in record:
        wanted = messages or "list of turns"
        return Bad("missing_field", f"no {wanted}; keys: {', '.join(record) or 'none'}")
    turns = messages_turns(record.pop(key), role, text, roles)
    beside = record.pop(system or "system", "") or ""
    if type(beside) is not str:
        return Bad("not_text", f"{system or 'system'!r} is no text")
    return list_example(turns, record, beside)


class Chat(InstructionAdapter):
    """Conversations as lists: OpenAI's messages, ChatML, ShareGPT, pairs of question and answer."""

    name = "chat"
    version: ClassVar[int] = 1

    messages: str | None = None
    """The key of the list; `messages`, `conversations` and the like unless given."""
    role: str | None = None
    """The key of a message's role; `role` or `from` unless given."""
    text: str | None = None
    """The key of a message's text; `content` or `value` unless given."""
    system: str | None = None
    """The key of a system text beside the list; `system` unless given."""
    user_role: str | None = None
    """What the user is called, besides the known names."""
    assistant_role: str | None = None
    """What the assistant is called, besides the known names."""

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """The conversation under the options."""
        roles = dict(ROLES)
        if self.user_role is not None:
            roles[self.user_role] = "user"
        if self.assistant_role is not None:
            roles[self.assistant_role] = "assistant"
        return chat_example(record, self.messages, self.role, self.text, self.system, roles)
