"""Held-out loss, perplexity and bits per character, by source, on the shards' validation splits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from curate.tokens.format.index import VALIDATION
from curate.tokens.format.reader import Shards
from curate.tokens.loader import Loader
from curate.tokens.tokenizer import Tokenizer
from trainer.batches import micro_batches
from trainer.config import Config
from trainer.processes import Processes
from trainer.replicas import Replicas


@dataclass(frozen=True)
class Score:
    """How well held-out text of one source is predicted."""

    source: str
    loss: float
    """Sum over the tokens, in nats."""
    tokens: int
    """Predicted tokens."""
    characters: int
    """Code points that these tokens stand for; control tokens stand for none."""

    def as_json(self) -> dict[str, Any]:
        """Loss a token, perplexity, and bits a character: the last compares across tokenizers."""
        mean = self.loss / max(self.tokens, 1)
        bits = self.loss / math.log(2) / self.characters if self.characters else None
        return {
            "source": self.source,
            "loss": mean,
            "perplexity": math.exp(min(mean, 700.0)),
            "bits_per_character": bits,
            "tokens": self.tokens,
            "characters": self.characters,
        }


class Heldout:
    """The validation splits of some shards, their first rows."""

    def __init__(self, shards: Shards, tokenizer: Tokenizer, rows: int) -> None:
        names = [n for n in shards.index.splits if n.partition("/")[0] == VALIDATION]
        self._tokenizer = tokenizer
        self._splits = {
            name.partition("/")[2]: Shards(shards.folder, name)
            for name in names
            if shards.index.splits[name].rows
        }
        self._loaders = {source: Loader(split) for source, split in self._splits.items()}
        self._rows = {s: np.arange(min(rows, len(split))) for s, split in self._splits.items()}

    @cached_property
    def characters(self) -> dict[str, int]:
        """Code points of what is predicted, by source."""
        return {
            source: sum(characters(split, int(row), self._tokenizer) for row in self._rows[source])
            for source, split in self._splits.items()
        }

    def scores(self, backend: Replicas, config: Config, processes: Processes) -> list[Score]:
        """One for each source that has validation rows, divided among the processes."""
        result = []
        for source, loader in self._loaders.items():
            rows, size = self._rows[source], config.batch.micro_rows
            mine = rows[processes.rank :: processes.world]
            most = -(-len(rows) // processes.world)
            count = -(-most // size)
            loss = tokens = 0.0
            for batch in micro_batches(loader, mine, size, processes.device, count):
                loss += backend.heldout_loss(batch)
                tokens += batch.valid
            loss, tokens = processes.summed(loss, tokens)
            result.append(Score(source, loss, int(tokens), self.characters[source]))
        return result


def characters(split: Shards, row: int, tokenizer: Tokenizer) -> int:
    """Code points of a row's predicted tokens."""
    mask = split.mask(row)
    ids = split.tokens(row).astype(np.uint32)
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return sum(
        len(tokenizer.decode(ids[a:b], inner=True)) for a, b in edges.reshape(-1, 2).tolist()
    )


def whole(scores: list[Score]) -> Score | None:
    """All sources together; None where there are none."""
    if not scores:
        return None
    return Score(
        "all",
        sum(s.loss for s in scores),
        sum(s.tokens for s in scores),
        sum(s.characters for s in scores),
    )
