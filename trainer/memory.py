"""Memory that weights, gradients and optimizer take in each process, by how they are divided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FLOAT = 4
"""Bytes of a weight, a gradient, and each of the two moments: all are float32."""


@dataclass(frozen=True)
class Parts:
    """Parameters of a model, by what is gathered at once where they are divided."""

    trained: int
    frozen: int
    block: int
    """Of the largest transformer block."""
    root: int
    """Of what is in no block: embeddings, last norm, output."""


def parts_of(model: Any) -> Parts:
    """Those of a model in transformers' shape; its weights need not be there."""
    parameters = list(model.parameters())
    blocks = [sum(p.numel() for p in block.parameters()) for block in model.base_model.layers]
    whole = sum(p.numel() for p in parameters)
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    return Parts(trained, whole - trained, max(blocks, default=0), whole - sum(blocks))


def state_bytes(
    parts: Parts, backend: str, processes: int, frozen_bytes: int = FLOAT, stage: int = 0
) -> int:
    """Bytes a process needs beside activations.

    A trained parameter has a weight, a gradient and two moments, 16 bytes; a frozen one its
    weight, of `frozen_bytes`.
    ddp holds all of it in every process, and a second copy of the gradients to sum them in
    (torch's `gradient_as_bucket_view` is off). fsdp divides all of it; then a block that is at work
    has its weights whole, the next one's are being gathered, and those outside of blocks stay; in
    the backward pass the gradients of the block and of the outside are whole as well. So does
    DeepSpeed's stage 3 of ZeRO; stage 1 divides the moments, 2 the gradients too. What it offloads
    is counted, on whichever side it lies; in 16-bit types the weights for the passes and the
    float32 ones, gradients and moments are 16 bytes again.
    """
    held = 4 * FLOAT * parts.trained + frozen_bytes * parts.frozen
    if processes == 1:
        return held
    if stage in (1, 2):
        divided = FLOAT * (2 if stage == 1 else 3) * parts.trained
        return held - divided + -(-divided // processes)
    if backend == "fsdp" or stage == 3:
        gathered = FLOAT * (2 * parts.block + parts.root) + FLOAT * (parts.block + parts.root)
        return -(-held // processes) + gathered
    return held + FLOAT * parts.trained
