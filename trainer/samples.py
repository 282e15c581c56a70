"""What the model writes while it is trained: the same prompts at several steps.

Nothing of the training changes by it: no random number is drawn outside a generator of its own, and
the model goes back into the mode it was in. Every process takes part, so that a model whose weights
are divided among them can write as well; the logits are the first's, so all write the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch import Tensor
from transformers import DynamicCache

from curate.errors import RecipeError
from curate.tokens.tokenizer import Tokenizer
from trainer.config import Samples
from trainer.generate import Sampling, Writer
from trainer.replicas import Replicas


class Sampler:
    """Prompts, and how they are answered.

    Raises RecipeError where a prompt cannot be used: the file is missing, or the chat format or the
    model's length refuses it.
    """

    def __init__(
        self, options: Samples, backend: Replicas, tokenizer: Tokenizer, chat_name: str | None
    ) -> None:
        self._prompts = [*options.prompts, *_of_file(options.file)]
        self._writer = _InTraining(backend, tokenizer, chat_name)
        self._sampling = Sampling(
            max_tokens=options.tokens,
            temperature=options.temperature,
            top_p=options.top_p,
            seed=options.seed,
        )
        for prompt in self._prompts:
            try:
                chat = self._writer.chat
                self._writer.room(chat.prompt(prompt) if chat else self._writer.text_ids(prompt))
            except RecipeError as error:
                raise RecipeError(f"samples: {prompt[:40]!r}: {error}") from None

    def written(self) -> list[dict[str, Any]]:
        """A line for each prompt: `prompt`, `text`, `tokens`, `ended` (by itself).

        Every process must call it.
        """
        writer = self._writer
        lines = []
        for prompt in self._prompts:
            write = writer.answered if writer.chat else writer.continued
            found = write(prompt, self._sampling)
            lines.append(
                {
                    "prompt": prompt,
                    "text": found.text,
                    "tokens": found.tokens,
                    "ended": found.ended,
                }
            )
        return lines


class _InTraining(Writer):
    """Writes with the model as the backend has it."""

    def __init__(self, backend: Replicas, tokenizer: Tokenizer, chat_name: str | None) -> None:
        super().__init__(backend.module.model, tokenizer, chat_name)
        self._backend = backend

    def last_logits(self, tokens: Tensor, end: int, cache: DynamicCache) -> Tensor:
        """As in `Writer`; the same in all processes."""
        logits = self._backend.last_logits(tokens, end, cache).float().contiguous()
        if self._backend.processes.world > 1:
            # One that chose another token would wait for the others for ever.
            dist.broadcast(logits, 0)
        return logits


def _of_file(path: str | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"samples: cannot read {path}: {error}") from None
    found = [line for line in lines if line.strip()]
    if not found:
        raise RecipeError(f"samples: {path} holds no prompt")
    return found
