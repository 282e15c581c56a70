"""How large a run is, foretold from its configuration: parameters, memory, tokens, operations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from curate.errors import RecipeError
from curate.tokens.format.reader import Shards
from curate.tokens.tokenizer import load_tokenizer
from trainer import lora, model
from trainer.config import Config
from trainer.loss import CHUNK_CELLS, CHUNK_TOKENS
from trainer.memory import FLOAT, Parts, parts_of, state_bytes
from trainer.throughput import Operations, document_lengths
from trainer.zero_options import stage_of

LOOKED_AT = 1000
"""Rows whose documents' lengths stand for all."""


@dataclass(frozen=True)
class Size:
    """What a run will be, before it starts."""

    parameters: int
    trained: int
    """Parameters that change: all, or LoRA's."""
    processes: int
    """Among which the work, and with fsdp the model, is divided."""
    steps: int
    rows_per_step: int
    tokens: int
    """Tokens of documents in all steps."""
    weights_bytes: int
    """Weights, gradients and both moments in a process, see `trainer.memory`."""
    activations_bytes: int
    """An estimate: what a micro-batch keeps for the backward pass, and a chunk of logits."""
    flops_per_token: float
    """Of documents as long as the first rows' are, see `trainer.flops`."""

    def as_json(self) -> dict[str, Any]:
        """The closing JSON object that others rely on."""
        return {
            **vars(self),
            "memory_bytes_per_process": self.weights_bytes + self.activations_bytes,
            "flops": self.flops_per_token * self.tokens,
        }


def foretold(config: Config, shards: Shards, processes: int = 1) -> Size:
    """The size of a run in so many processes; nothing is loaded but the model's configuration.

    Raises RecipeError where there are more processes than rows in a batch.
    """
    if processes > config.batch.rows:
        raise RecipeError(
            f"{processes} processes for batches of {config.batch.rows} rows leave some without "
            "work; start fewer or raise batch.rows"
        )
    path = config.tokenizer_path()
    tokenizer = load_tokenizer(path)
    shards.check_tokenizer(tokenizer.fingerprint, str(path))
    network = _shape(config, tokenizer.vocab_size)
    facts = network.config
    count = sum(p.numel() for p in network.parameters())
    added, opened = (0, count) if config.lora is None else lora.counted(network, config.lora)
    split = shards.split
    steps = config.steps_for(split.rows)
    parts = parts_of(network)
    if config.lora is not None:
        parts = Parts(added + opened, count - opened, parts.block, parts.root)
    narrow = 2 if config.lora is not None and config.precision == "bf16" else FLOAT
    lengths = document_lengths(shards, np.arange(min(len(shards), LOOKED_AT)))
    return Size(
        parameters=count + added,
        trained=parts.trained,
        processes=processes,
        steps=steps,
        rows_per_step=config.batch.rows,
        tokens=round(steps * config.batch.rows * split.tokens / max(split.rows, 1)),
        weights_bytes=state_bytes(parts, config.backend, processes, narrow, stage_of(config)),
        activations_bytes=_activations(config, facts, shards.index.seq_length),
        flops_per_token=Operations(facts, parts.trained).of(lengths) / max(int(lengths.sum()), 1),
    )


def _shape(config: Config, vocabulary: int) -> Any:
    """The model without its weights."""
    options = config.model
    if options.fresh is not None:
        facts: Any = model.fresh_config(options, options.fresh, vocabulary)
    elif Path(options.path or "").suffix == ".bin":
        network = model.from_folder(Path(options.path or ""))
        if options.base_tokenizer is not None:
            network.resize_token_embeddings(vocabulary, mean_resizing=False)
        return network
    else:
        try:
            facts = AutoConfig.from_pretrained(
                options.path or "", local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RecipeError(f"{options.path} holds no model: {reason}") from None
        if options.base_tokenizer is not None:
            facts.vocab_size = vocabulary
    build: Any = AutoModelForCausalLM.from_config
    with torch.device("meta"):
        return build(facts)


def _activations(config: Config, facts: Any, seq_length: int) -> int:
    """Bytes kept for the backward pass of a micro-batch.

    A block keeps about eight tensors of its width (inputs of norms and projections, queries, keys,
    values, output) and four of its feed-forward width; with activation checkpointing only its
    input, and those of one block.
    """
    tokens = config.batch.micro_rows * seq_length
    size = 4 if config.precision == "fp32" else 2
    block = tokens * size * (8 * facts.hidden_size + 4 * facts.intermediate_size)
    if config.activation_checkpointing:
        kept = tokens * size * facts.hidden_size * facts.num_hidden_layers + block
    else:
        kept = block * facts.num_hidden_layers
    whole = tokens * facts.vocab_size
    # A dry run is often done elsewhere than the run: the larger chunks, those of a GPU.
    kind = "cpu" if config.device == "cpu" else "cuda"
    chunk = min(CHUNK_CELLS[kind], CHUNK_TOKENS[kind] * facts.vocab_size)
    cells = min(chunk, whole) if config.loss == "chunked" else whole
    return kept + 2 * 4 * cells
