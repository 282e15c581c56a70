"""A tokenizer's own chat template (Jinja) as a prompt format.

The template is rendered once for the whole dialogue and twice for every answer: up to the point
where the model would begin to write, and up to the answer's end. What lies between is what is
learnt. The template runs in Jinja's sandbox; it sees the messages and the names of the tokenizer's
control tokens, and neither files, nor the clock, nor Python.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from curate.errors import RecipeError
from curate.tokens.example import BadExample, Example
from curate.tokens.prompts import Part, Piece

# Noncharacters: never part of a text (Unicode 23.7), so they can stand for a control token's
# name that someone wrote into a message.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_QUOTED = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


class _Generation(Extension):
    """`{% generation %}` marks answers for transformers; here its content is all that matters."""

    tags = {"generation"}  # noqa: RUF012 (jinja2's own attribute)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)


class ChatTemplate:
    """A prompt format from the source text of a chat template.

    controls: names of the tokenizer's control tokens. Raises RecipeError for a template that does
    not compile.
    """

    def __init__(
        self, source: str, controls: Sequence[str], bos: str | None, eos: str | None
    ) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
        )
        environment.filters["tojson"] = lambda value, **options: json.dumps(
            value, ensure_ascii=False, indent=options.get("indent")
        )
        environment.globals["raise_exception"] = _raise
        try:
            self._template = environment.from_string(source)
        except jinja2.TemplateError as error:
            raise RecipeError(f"the tokenizer's chat template does not compile: {error}") from None
        self._controls = sorted((name for name in controls if name), key=lambda n: (-len(n), n))
        names = "|".join(re.escape(name) for name in self._controls)
        self._split = re.compile(f"({names})") if names else None
        self._bos, self._eos = bos or "", eos or ""

    def __call__(self, example: Example) -> list[Piece]:
        """The pieces of an example.

        Raises BadExample where the template refuses the dialogue, or renders its beginning
        otherwise once more has been said, so that it cannot be known what the model is to write.
        """
        messages: list[dict[str, str]] = []
        if example.system:
            messages.append({"role": "system", "content": self._quoted(example.system)})
        spans: list[tuple[int, int, int]] = []
        text = ""
        for number, turn in enumerate(example.turns):
            messages.append({"role": "user", "content": self._quoted(turn.question)})
            begun = self._rendered(messages, prompt=True)
            messages.append({"role": "assistant", "content": self._quoted(turn.answer)})
            text_now = self._rendered(messages, prompt=False)
            if not (text_now.startswith(begun) and begun.startswith(text)):
                raise BadExample("template_rewrites_turns")
            spans.append((len(begun), len(text_now), number))
            text = text_now
        pieces: list[Piece] = []
        done = 0
        for begin, end, number in spans:
            pieces += self._prompt(text[done:begin], first=not pieces)
            pieces += self._answer(text[begin:end], number)
            done = end
        return pieces

    def _rendered(self, messages: list[dict[str, str]], prompt: bool) -> str:
        values: dict[str, Any] = {
            "messages": [dict(message) for message in messages],
            "add_generation_prompt": prompt,
            "bos_token": self._bos,
            "eos_token": self._eos,
        }
        try:
            return self._template.render(values)
        except (jinja2.TemplateError, TypeError, ValueError, KeyError, OverflowError):
            raise BadExample("template_refuses") from None

    def _quoted(self, text: str) -> str:
        if _OPEN in text or _CLOSE in text:
            raise BadExample("noncharacter")
        if self._split is None:
            return text
        numbers = {name: i for i, name in enumerate(self._controls)}
        return self._split.sub(lambda found: f"{_OPEN}{numbers[found[1]]}{_CLOSE}", text)

    def _runs(self, text: str) -> list[tuple[bool, str]]:
        """(is a control token, text), what people wrote put back."""
        runs = self._split.split(text) if self._split is not None else [text]
        return [
            (i % 2 == 1, _QUOTED.sub(lambda found: self._controls[int(found[1])], run))
            for i, run in enumerate(runs)
            if run
        ]

    def _prompt(self, text: str, first: bool) -> list[Piece]:
        pieces = []
        fresh = first
        for control, run in self._runs(text):
            if control:
                pieces.append(Piece(Part.CONTROL, run))
                fresh = run == self._bos
            else:
                pieces.append(Piece(Part.TEXT, run, fresh=fresh))
                fresh = False
        return pieces

    def _answer(self, text: str, turn: int) -> list[Piece]:
        """The answer and the control token that ends it; the model writes nothing of the rest."""
        pieces = []
        ended = False
        for control, run in self._runs(text):
            if ended:
                pieces.append(Piece(Part.CONTROL if control else Part.TEXT, run))
            elif control:
                pieces.append(Piece(Part.STOP, run, turn))
                ended = True
            else:
                pieces.append(Piece(Part.ANSWER, run, turn))
        return pieces
