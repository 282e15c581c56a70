"""The chat format a model was trained with: from a question to the ids it answers from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curate.errors import RecipeError
from curate.tokens.documents import prompt_format
from curate.tokens.encode import PieceEncoder
from curate.tokens.example import BadExample, Example, Turn
from curate.tokens.prompts import FORMATS, Format, Part
from curate.tokens.tokenizer import Tokenizer

_ANSWER = "好"
"""Stands where the model is to write; what comes before it does not depend on it."""


@dataclass(frozen=True)
class ChatFormat:
    """A prompt format with its tokenizer."""

    format: Format
    encoder: PieceEncoder
    stop_ids: tuple[int, ...]
    """Tokens that end an answer."""
    stop_text: str | None
    """What ends it where the tokenizer has no such token."""

    def prompt(
        self, question: str, history: Sequence[tuple[str, str]] = (), system: str = ""
    ) -> list[int]:
        """Ids up to where the answer begins, as the shards had them.

        Raises RecipeError where the format refuses the dialogue.
        """
        turns = [Turn(asked, "", answered) for asked, answered in history]
        example = Example(system, (*turns, Turn(question, "", _ANSWER)))
        try:
            pieces = self.format(example)
        except BadExample as error:
            raise RecipeError(f"the chat format refuses this dialogue ({error.reason})") from None
        last = len(turns)
        end = next(i for i, piece in enumerate(pieces) if piece.turn == last)
        ids: list[int] = self.encoder.encode([pieces[:end]], "all").ids.tolist()
        return ids


def chat_format_for(tokenizer: Tokenizer, name: str) -> ChatFormat:
    """The format of that name, as `curate pack --prompt` takes it.

    Raises RecipeError where it is unknown or the tokenizer lacks what it needs.
    """
    if name == "template" and not tokenizer.chat_template:
        raise RecipeError(f"{tokenizer.path} has no chat template, with which it was trained")
    if name not in (*FORMATS, "template"):
        known = ", ".join([*FORMATS, "template"])
        raise RecipeError(f"there is no chat format {name!r}; known: {known}")
    shape = prompt_format(tokenizer, name)
    ids: list[int] = [] if tokenizer.eos_id is None else [tokenizer.eos_id]
    text: str | None = None
    try:
        pieces = shape(Example("", (Turn("问", "", _ANSWER),)))
    except BadExample as error:
        raise RecipeError(f"the chat template refuses a plain question ({error.reason})") from None
    for piece in pieces:
        if piece.part is Part.STOP:
            known_id = tokenizer.special_tokens.get(piece.text)
            if known_id is None:
                text = piece.text
            elif known_id not in ids:
                ids.append(known_id)
    return ChatFormat(shape, PieceEncoder(tokenizer), tuple(ids), text)
