"""A process's part of a step: its rows as micro-batches of tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curate.tokens.loader import Loader
from trainer.attention import Packing


@dataclass(frozen=True)
class MicroBatch:
    """Rows that go through the model at once."""

    rows: NDArray[np.int64]
    """Their numbers in the split."""
    tokens: Tensor
    """(B, L) int64."""
    positions: Tensor
    """(B, L) int64, from 0 in every segment."""
    mask: Tensor
    """(B, L): True where the token is to be predicted."""
    packing: Packing
    valid: int
    """How many are to be predicted."""


def micro_batches(
    loader: Loader, rows: NDArray[np.int64], size: int, device: torch.device, count: int = 0
) -> list[MicroBatch]:
    """The rows in micro-batches of `size`; at least `count`, with empty ones where rows run out.

    An empty micro-batch is a row nothing of which is predicted: where parameters are spread over
    processes every one of them must take part in every pass.
    """
    result = []
    needed = max(count, -(-len(rows) // size))
    for number in range(needed):
        part = rows[number * size : (number + 1) * size]
        empty = not len(part)
        batch = loader.batch(np.zeros(1, np.int64) if empty else part)
        mask = np.zeros_like(batch.mask) if empty else batch.mask
        result.append(
            MicroBatch(
                rows=part,
                tokens=_on(batch.tokens, device).long(),
                positions=_on(batch.positions, device).long(),
                mask=_on(mask, device),
                packing=Packing(torch.from_numpy(batch.boundaries), batch.longest),
                valid=int(mask.sum()),
            )
        )
    return result


def _on(array: NDArray[Any], device: torch.device) -> Tensor:
    return torch.from_numpy(array).to(device, non_blocking=True)
