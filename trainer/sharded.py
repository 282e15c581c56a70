"""Training with the model's parts spread over the processes: FSDP2 (`fully_shard`).

Weights, gradients and moments are divided among the processes and a block's weights are gathered
when it is their turn. It has the public part of `Replicas`, and the same curve.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor

from trainer.batches import MicroBatch
from trainer.config import Optimizer
from trainer.model import PackedLoss
from trainer.processes import Processes
from trainer.replicas import Replicas


class Sharded(Replicas):
    """As `Replicas`, with every parameter divided among the processes."""

    def __init__(
        self, module: PackedLoss, options: Optimizer, precision: str, processes: Processes
    ) -> None:
        for block in module.model.base_model.layers:
            fully_shard(block)
        fully_shard(module)
        register_fsdp_forward_method(module, "last_logits")
        super().__init__(module, options, precision, processes)

    def _wrap(self) -> Any:
        return self.module

    def backward(self, batch: MicroBatch, valid: float, last: bool) -> Tensor:
        """As in `Replicas`."""
        # fully_shard made the module one of its own class, which has this method.
        wrapped: Any = self.module
        wrapped.set_requires_gradient_sync(last)
        return self._backward(batch, valid)

    def _norm(self) -> float:
        total: Any = self._clipped()
        return float(total.full_tensor() if isinstance(total, DTensor) else total)

    def weights(self) -> dict[str, Tensor] | None:
        """All weights, gathered; every process must call it. Tied ones stay one tensor."""
        seen: dict[int, Tensor] = {}
        found = {}
        for name, value in self.module.model.state_dict().items():
            key = value.to_local().data_ptr() if isinstance(value, DTensor) else value.data_ptr()
            if key not in seen or not key:
                seen[key] = self._whole(value)
            found[name] = seen[key]
        return found

    def _whole(self, value: Tensor) -> Tensor:
        whole = value.full_tensor() if isinstance(value, DTensor) else value
        return whole.detach().cpu().contiguous()

    def _placed(self, value: Tensor, like: torch.nn.Parameter) -> Tensor:
        assert isinstance(like, DTensor)
        return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)
