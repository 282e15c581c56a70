"""Fits a model's embeddings to another vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray


class Vocabulary(Protocol):
    """What is needed of a tokenizer; `curate.tokens.tokenizer.Tokenizer` has it."""

    vocab_size: int
    bos_id: int | None
    eos_id: int | None
    pad_id: int | None

    def piece(self, token_id: int) -> str:
        """The vocabulary entry as the tokenizer spells it."""
        ...

    def id_of(self, piece: str) -> int | None:
        """The id of a vocabulary entry."""
        ...

    def text_of(self, token_id: int) -> str | None:
        """The text a token stands for; None where that is less than a character."""
        ...

    def encode_batch(
        self, texts: Sequence[str], *, inner: bool
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Ids end to end and the offsets of texts; `inner` adds no space before them."""
        ...


@dataclass(frozen=True)
class Origins:
    """Where each row of the new vocabulary comes from: the mean of some old rows."""

    ids: NDArray[np.int64]
    """Old ids, end to end."""
    offsets: NDArray[np.int64]
    """Row i is the mean of old rows ids[offsets[i] : offsets[i + 1]]; none: the mean of all."""
    copied: int
    """Rows that are an old row: the piece was in the base vocabulary."""
    averaged: int
    """Rows that are a mean of several."""


def origins(base: Vocabulary, new: Vocabulary) -> Origins:
    """For every new id, the base ids whose rows it starts from.

    A piece that the base has keeps its row. Any other stands for a text, which the base encodes.
    """
    parts: list[NDArray[np.int64]] = [np.zeros(0, np.int64)] * new.vocab_size
    spelled: list[int] = []
    texts: list[str] = []
    for i in range(new.vocab_size):
        if (old := base.id_of(new.piece(i))) is not None:
            parts[i] = np.array([old], np.int64)
        elif text := new.text_of(i):
            spelled.append(i)
            texts.append(text)
    copied = sum(map(len, parts))
    ids, bounds = base.encode_batch(texts, inner=True)
    for k, i in enumerate(spelled):
        parts[i] = ids[bounds[k] : bounds[k + 1]].astype(np.int64)
    offsets = np.zeros(new.vocab_size + 1, np.int64)
    np.cumsum([len(p) for p in parts], out=offsets[1:])
    return Origins(np.concatenate(parts), offsets, copied, len(spelled))


def resize_embeddings(
    model: Any, base_tokenizer: Vocabulary, new_tokenizer: Vocabulary, pad_to_multiple: int = 1
) -> Origins:
    """Gives a transformers model the new vocabulary, in place; returns where its rows came from.

    Every new row starts as the mean of the rows of the pieces that the base tokenizer gave the new
    piece's text, in the input embedding and, where it is a matrix of its own, the output one. So
    the model reads a new piece much as it read the old ones. (The mean of all rows, as in Hewitt
    2021, "Initializing New Word Embeddings for Pretrained Language Models", knows nothing of the
    piece.) Rows added to reach a multiple of `pad_to_multiple` start as the mean of all old rows.
    Sets bos, eos and pad ids of the configuration to the new tokenizer's.
    Raises ValueError where the model has fewer rows than the base tokenizer has ids.
    """
    rows = model.get_input_embeddings().weight.shape[0]
    if rows < base_tokenizer.vocab_size:
        raise ValueError(
            f"the model has {rows:,} embedding rows and the base tokenizer "
            f"{base_tokenizer.vocab_size:,} ids: it was not trained with this tokenizer"
        )
    found = origins(base_tokenizer, new_tokenizer)
    size = -(-new_tokenizer.vocab_size // pad_to_multiple) * pad_to_multiple
    output = model.get_output_embeddings()
    tied = output is None or output.weight is model.get_input_embeddings().weight
    used = base_tokenizer.vocab_size
    inputs = _rows(model.get_input_embeddings().weight, found, size, used)
    outputs = None if tied else _rows(output.weight, found, size, used)
    model.resize_token_embeddings(size, mean_resizing=False)
    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(inputs)
        if outputs is not None:
            model.get_output_embeddings().weight.copy_(outputs)
    model.config.bos_token_id = new_tokenizer.bos_id
    model.config.eos_token_id = new_tokenizer.eos_id
    model.config.pad_token_id = new_tokenizer.pad_id
    return found


@torch.no_grad()
def _rows(weight: torch.Tensor, found: Origins, size: int, used: int) -> torch.Tensor:
    """The new matrix in the old one's type, summed in float32."""
    old = weight[:used].float()
    counts = np.diff(found.offsets)
    target = torch.from_numpy(np.repeat(np.arange(len(counts)), counts)).to(old.device)
    result = torch.zeros(size, old.shape[1], dtype=torch.float32, device=old.device)
    result.index_add_(0, target, old[torch.from_numpy(found.ids).to(old.device)])
    divisor = torch.ones(size, 1, device=old.device)
    divisor[: len(counts), 0] = torch.from_numpy(np.maximum(counts, 1)).to(old.device).float()
    result /= divisor
    empty = np.concatenate([counts == 0, np.ones(size - len(counts), bool)])
    result[torch.from_numpy(np.flatnonzero(empty)).to(old.device)] = old.mean(0)
    return result.to(weight.dtype)
