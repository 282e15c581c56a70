"""Writing with a trained model: continuing a text, or answering in its chat format."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import DynamicCache

from curate.errors import RecipeError
from curate.storage import read_json
from curate.tokens.tokenizer import Tokenizer, load_tokenizer
from trainer import model
from trainer.chat import ChatFormat, chat_format_for
from trainer.checkpoint import CHAT_FORMAT


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn."""

    max_tokens: int = 256
    temperature: float = 0.0
    """0 takes the likeliest token every time."""
    top_p: float = 1.0
    """Draws from the likeliest tokens that together have this probability."""
    repetition_penalty: float = 1.0
    """Divides the logits of tokens that were used already (Keskar et al. 2019)."""
    seed: int = 0


@dataclass(frozen=True)
class Written:
    """What a model wrote."""

    text: str
    tokens: int
    ended: bool
    """Whether it ended by itself, and not at `max_tokens`."""


class Writer:
    """A model with its tokenizer and chat format."""

    def __init__(self, model: Any, tokenizer: Tokenizer, chat_name: str | None = None) -> None:
        """A model that is in eval mode and where it is to run.

        Raises RecipeError where the tokenizer lacks what the chat format needs.
        """
        self.model = model
        self.tokenizer = tokenizer
        self.chat_name = chat_name
        self.chat: ChatFormat | None = chat_format_for(tokenizer, chat_name) if chat_name else None

    @classmethod
    def from_folder(cls, folder: Path, device: str = "auto", chat: str | None = None) -> Writer:
        """A model's folder; `chat` names a format in place of the one it was trained with.

        Raises RecipeError where the folder holds no model or no tokenizer.
        """
        found = model.from_folder(folder).eval()
        tokenizer = load_tokenizer(folder)
        cuda = torch.cuda.is_available() and device != "cpu"
        return cls(found.to("cuda" if cuda else "cpu"), tokenizer, chat or trained_format(folder))

    def continued(
        self, text: str, sampling: Sampling, shown: Callable[[str], None] = lambda _: None
    ) -> Written:
        """What follows a text; `shown` is called with pieces of it as they come."""
        stops = () if self.tokenizer.eos_id is None else (self.tokenizer.eos_id,)
        return self._written(self.text_ids(text), stops, None, sampling, shown)

    def text_ids(self, text: str) -> list[int]:
        """Ids of a text that is to be continued, after BOS where there is one."""
        ids, _ = self.tokenizer.encode_batch([text])
        bos = [] if self.tokenizer.bos_id is None else [self.tokenizer.bos_id]
        return [*bos, *ids.tolist()]

    def answered(
        self,
        question: str,
        sampling: Sampling,
        history: Sequence[tuple[str, str]] = (),
        system: str = "",
        shown: Callable[[str], None] = lambda _: None,
    ) -> Written:
        """The answer to a question after earlier ones, (question, answer) each.

        Raises RecipeError where the model was not trained to answer.
        """
        if self.chat is None:
            raise RecipeError(
                "this model's folder names no chat format; name one with --chat-format, or "
                "continue a text with --prompt"
            )
        ids = self.chat.prompt(question, history, system)
        return self._written(ids, self.chat.stop_ids, self.chat.stop_text, sampling, shown)

    @torch.no_grad()
    def _written(
        self,
        ids: list[int],
        stops: Sequence[int],
        stop_text: str | None,
        sampling: Sampling,
        shown: Callable[[str], None],
    ) -> Written:
        room = min(sampling.max_tokens, self.room(ids))
        draw = torch.Generator().manual_seed(sampling.seed)
        given = torch.tensor([ids])
        cache = DynamicCache()
        written: list[int] = []
        told = ""
        ended = False
        while len(written) < room:
            logits = self.last_logits(given, len(ids) + len(written), cache).float().cpu()
            # Rows that round the vocabulary up stand for nothing.
            logits[self.tokenizer.vocab_size :] = -torch.inf
            token = drawn(logits, [*ids, *written], sampling, draw)
            if token in stops:
                ended = True
                break
            written.append(token)
            text = self._text(written)
            if stop_text and stop_text in text:
                told_now = text.partition(stop_text)[0]
                shown(told_now[len(told) :])
                return Written(told_now, len(written), True)
            # A character whose bytes are not all there yet is waited for.
            if not text.endswith("\ufffd") and not (stop_text and _may_begin(text, stop_text)):
                shown(text[len(told) :])
                told = text
            given = torch.tensor([[token]])
        text = self._text(written)
        shown(text[len(told) :])
        return Written(text, len(written), ended)

    def room(self, ids: list[int]) -> int:
        """Tokens that can be written after a prompt. Raises RecipeError where there are none."""
        if not ids:
            raise RecipeError("the prompt is empty, and the tokenizer has no BOS to begin with")
        limit = int(getattr(self.model.config, "max_position_embeddings", 0) or 1 << 30)
        if len(ids) >= limit:
            raise RecipeError(
                f"the prompt has {len(ids):,} tokens and the model reads {limit:,}; shorten it"
            )
        return limit - len(ids)

    def last_logits(self, tokens: torch.Tensor, end: int, cache: DynamicCache) -> torch.Tensor:
        """(V,): logits after the last of some tokens, (1, T), that end at position `end`.

        What came before them is in the cache, and they are when it returns.
        """
        return last_logits(self.model, tokens.to(self.model.device), end, cache)

    def _text(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, inner=True)


def last_logits(model: Any, tokens: torch.Tensor, end: int, cache: DynamicCache) -> torch.Tensor:
    """As `Writer.last_logits`, of a causal language model; the tokens are where it is."""
    # What the cache is called changed within transformers 5.
    names = inspect.signature(model.forward).parameters
    out = model(
        input_ids=tokens,
        position_ids=torch.arange(end - tokens.shape[1], end, device=tokens.device)[None],
        use_cache=True,
        **{"cache" if "cache" in names else "past_key_values": cache},
    )
    logits: torch.Tensor = out.logits[0, -1]
    return logits


def _may_begin(text: str, stop: str) -> bool:
    """Whether the text ends with a beginning of what would stop it."""
    return any(text.endswith(stop[:n]) for n in range(1, len(stop)))


def drawn(
    logits: torch.Tensor, used: Sequence[int], sampling: Sampling, draw: torch.Generator
) -> int:
    """The next token from logits of shape (V,), which are changed."""
    if sampling.repetition_penalty != 1.0:
        seen = torch.tensor(sorted(set(used)))
        values = logits[seen]
        penalty = sampling.repetition_penalty
        logits[seen] = torch.where(values > 0, values / penalty, values * penalty)
    if sampling.temperature <= 0:
        return int(logits.argmax())
    shares = torch.softmax(logits / sampling.temperature, 0)
    if sampling.top_p < 1:
        ordered, index = shares.sort(descending=True, stable=True)
        # A token stays where those before it have not reached the probability yet.
        ordered[ordered.cumsum(0) - ordered >= sampling.top_p] = 0
        shares = torch.zeros_like(shares).scatter_(0, index, ordered)
    return int(torch.multinomial(shares, 1, generator=draw))


def trained_format(folder: Path) -> str | None:
    """The prompt format a model was trained with, None where its folder does not say."""
    try:
        return str(read_json(folder / CHAT_FORMAT)["prompt"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
