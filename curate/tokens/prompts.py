"""Prompt formats: how an example becomes pieces of text and control tokens.

A format gives pieces, never one string, so that it stays known which characters are an answer, and
that text a user wrote can never be read as a control token.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from curate.tokens.example import Example, Turn


class Part(Enum):
    """What a piece is."""

    TEXT = "text"
    """Prompt: encoded as it stands."""
    ANSWER = "answer"
    BOS = "bos"
    EOS = "eos"
    """Ends an answer, and is learnt with it."""
    CONTROL = "control"
    """A control token by its name, or its letters where the tokenizer has no such token."""
    STOP = "stop"
    """A control token that ends an answer, and is learnt with it."""


@dataclass(frozen=True)
class Piece:
    """A run of one kind in an example."""

    part: Part
    text: str = ""
    turn: int = -1
    """Number of the turn an answer or its end belongs to."""
    fresh: bool = False
    """Encoded as the beginning of a text, not as its continuation: SentencePiece models put a
    space before the first word of a text."""


Format = Callable[[Example], list[Piece]]


def _alpaca_turn(turn: Turn) -> str:
    if turn.input:
        return f"### Instruction:\n{turn.instruction}\n\n### Input:\n{turn.input}\n\n### Response:"
    return f"### Instruction:\n{turn.instruction}\n\n### Response:"


def alpaca(example: Example) -> list[Piece]:
    """Stanford Alpaca's format, word for word; later turns follow in blocks of the same headings.

    A system message takes the place of the sentence that opens the prompt.
    """
    given = (
        ", paired with an input that provides further context" if (example.turns[0].input) else ""
    )
    opening = example.system or (
        f"Below is an instruction that describes a task{given}. "
        "Write a response that appropriately completes the request."
    )
    pieces = [Piece(Part.BOS)]
    for number, turn in enumerate(example.turns):
        before = f"{opening}\n\n" if number == 0 else "\n\n"
        pieces.append(Piece(Part.TEXT, before + _alpaca_turn(turn), fresh=number == 0))
        pieces.append(Piece(Part.ANSWER, turn.answer, number))
        pieces.append(Piece(Part.EOS, turn=number))
    return pieces


def plain(example: Example) -> list[Piece]:
    """Instruction and input end to end, then the answer, as TencentPretrain's reader has it.

    Each side is encoded as a text of its own. A system message and earlier turns come before, in
    the same way, without anything in between.
    """
    pieces = [Piece(Part.BOS)]
    for number, turn in enumerate(example.turns):
        before = example.system if number == 0 else ""
        question = before + turn.instruction + turn.input
        pieces.append(Piece(Part.TEXT, question, fresh=True))
        pieces.append(Piece(Part.ANSWER, turn.answer, number, fresh=True))
    pieces.append(Piece(Part.EOS, turn=len(example.turns) - 1))
    return pieces


def chatml(example: Example) -> list[Piece]:
    """ChatML: every message between <|im_start|> with its role and <|im_end|>."""
    pieces: list[Piece] = []

    def opened(role: str, fresh: bool) -> None:
        pieces.append(Piece(Part.CONTROL, "<|im_start|>", fresh=fresh))
        pieces.append(Piece(Part.TEXT, f"{role}\n"))

    if example.system:
        opened("system", True)
        pieces.append(Piece(Part.TEXT, example.system))
        pieces.append(Piece(Part.CONTROL, "<|im_end|>"))
        pieces.append(Piece(Part.TEXT, "\n"))
    for number, turn in enumerate(example.turns):
        opened("user", not pieces)
        pieces.append(Piece(Part.TEXT, turn.question))
        pieces.append(Piece(Part.CONTROL, "<|im_end|>"))
        pieces.append(Piece(Part.TEXT, "\n"))
        opened("assistant", False)
        pieces.append(Piece(Part.ANSWER, turn.answer, number))
        pieces.append(Piece(Part.STOP, "<|im_end|>", number))
        pieces.append(Piece(Part.TEXT, "\n"))
    return pieces


def llama2_zh(example: Example) -> list[Piece]:
    """Llama 2's chat format as Chinese Llama 2 models use it: [INST] and <<SYS>>, turns in BOS/EOS.

    Without a system message the <<SYS>> block is left out.
    """
    pieces: list[Piece] = []
    for number, turn in enumerate(example.turns):
        system = (
            f"<<SYS>>\n{example.system}\n<</SYS>>\n\n" if number == 0 and example.system else ""
        )
        pieces.append(Piece(Part.BOS))
        pieces.append(Piece(Part.TEXT, f"[INST] {system}{turn.question} [/INST]", fresh=True))
        # A text of its own: the format has a space before the answer, which SentencePiece adds.
        pieces.append(Piece(Part.ANSWER, turn.answer, number, fresh=True))
        pieces.append(Piece(Part.EOS, turn=number))
    return pieces


FORMATS: dict[str, Format] = {
    "alpaca": alpaca,
    "plain": plain,
    "chatml": chatml,
    "llama-2-zh": llama2_zh,
}
"""By the name that `--prompt` takes; `template` stands for the tokenizer's own chat template."""
