"""Training with a whole copy of the model in every process: one process, or several with DDP.

What the loop needs of a backend is this class's public part: `backward`, `update`, and the
optimizer's state by parameter name, whole, so that another backend or number of processes goes on.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from curate.errors import CurateError
from trainer.batches import MicroBatch
from trainer.config import Optimizer
from trainer.model import PackedLoss
from trainer.processes import Processes

MOMENTS = ("exp_avg", "exp_avg_sq")


class Replicas:
    """A model, its optimizer, and the sum of gradients over micro-batches and processes."""

    def __init__(
        self, module: PackedLoss, options: Optimizer, precision: str, processes: Processes
    ) -> None:
        self.processes = processes
        self.module = self._on_device(module)
        self._named = {n: p for n, p in module.model.named_parameters() if p.requires_grad}
        # DeepSpeed leaves empty tensors where it divides weights.
        self._shapes = {n: p.shape for n, p in self._named.items()}
        self._clip = options.clip
        self._precision = precision
        self.optimizer = torch.optim.AdamW(
            decay_groups(self._named, options.weight_decay),
            lr=options.lr,
            betas=options.betas,
            eps=options.eps,
        )
        self._wrapped = self._wrap()

    attempts = 1
    """How often a step is tried whose gradient is not finite."""

    def _on_device(self, module: PackedLoss) -> PackedLoss:
        return module.to(self.processes.device)

    def _wrap(self) -> Any:
        """The module as it is called in training."""
        if self.processes.world == 1:
            return self.module
        return nn.parallel.DistributedDataParallel(self.module)

    def loss(self, batch: MicroBatch) -> Tensor:
        """Sum of the losses of a micro-batch."""
        with self._autocast():
            total: Tensor = self._wrapped(batch.tokens, batch.positions, batch.mask, batch.packing)
        return total

    @torch.no_grad()
    def heldout_loss(self, batch: MicroBatch) -> float:
        """The same without gradients; every process must call it equally often."""
        self.module.eval()
        with self._autocast():
            total = self.module(batch.tokens, batch.positions, batch.mask, batch.packing)
        self.module.train()
        return float(total)

    @torch.no_grad()
    def last_logits(self, tokens: Tensor, end: int, cache: Any) -> Tensor:
        """(V,) as `trainer.generate.last_logits`; every process must call it equally often."""
        self.module.eval()
        with self._autocast():
            logits = self.module.last_logits(tokens.to(self.processes.device), end, cache)
        self.module.train()
        return logits

    def _autocast(self) -> Any:
        kind = self.processes.device.type
        return torch.autocast(kind, torch.bfloat16, enabled=self._precision == "bf16")

    def backward(self, batch: MicroBatch, valid: float, last: bool) -> Tensor:
        """Adds a micro-batch's gradients; returns the sum of its losses.

        valid: tokens predicted in the whole global batch. The last call of a step sums over the
        processes.
        """
        quiet = self.processes.world > 1 and not last
        with self._wrapped.no_sync() if quiet else nullcontext():
            return self._backward(batch, valid)

    def _backward(self, batch: MicroBatch, valid: float) -> Tensor:
        total = self.loss(batch)
        # Backends take the mean over processes, and the sum is what is wanted.
        scaled: Any = total * (self.processes.world / max(valid, 1.0))
        scaled.backward()
        return total.detach()

    def _norm(self) -> float:
        """Norm of the gradient, which is clipped here."""
        return float(self._clipped())

    def _clipped(self) -> Tensor:
        limit = self._clip or float("inf")
        return nn.utils.clip_grad_norm_(self._named.values(), limit)

    def update(self, lr: float) -> float:
        """One step of the optimizer with this learning rate; returns the norm of the gradient.

        Gradients are gone afterwards. Where the norm is not finite nothing else has changed.
        """
        norm = self._norm()
        if math.isfinite(norm):
            for group in self.optimizer.param_groups:
                group["lr"] = lr
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return norm

    def weights(self) -> dict[str, Tensor] | None:
        """All weights, where they must be gathered; None where the model has them as they are."""
        return None

    def _whole(self, value: Tensor) -> Tensor:
        """A value of the optimizer's, all of it and on the CPU."""
        return value.detach().cpu().contiguous()

    def _placed(self, value: Tensor, like: nn.Parameter) -> Tensor:
        """Where a parameter is, a whole value of its shape."""
        return value.to(like.device).clone()

    def moments(self) -> dict[str, Tensor]:
        """The optimizer's state as `moment/parameter`, on the CPU; empty before the first step.

        Every process must call it.
        """
        found = {}
        for name, parameter in self._named.items():
            for moment in MOMENTS:
                if parameter in self.optimizer.state:
                    value = self.optimizer.state[parameter][moment]
                    found[f"{moment}/{name}"] = self._whole(value)
        return found

    def set_moments(self, found: dict[str, Tensor], steps: int) -> None:
        """Takes over such a state after so many steps. Raises CurateError where it does not fit."""
        for name, shape in self._shapes.items():
            values = [found.get(f"{moment}/{name}") for moment in MOMENTS]
            if any(v is None or v.shape != shape for v in values):
                raise CurateError(
                    f"the optimizer's state has nothing that fits {name}; it is of another model"
                )
        self._set_moments(found, steps)

    def _set_moments(self, found: dict[str, Tensor], steps: int) -> None:
        for name, parameter in self._named.items():
            self.optimizer.state[parameter] = {
                "step": torch.tensor(float(steps)),
                **{m: self._placed(found[f"{m}/{name}"], parameter) for m in MOMENTS},
            }


def decay_groups(named: dict[str, nn.Parameter], decay: float) -> list[dict[str, Any]]:
    """Parameters with weight decay (matrices, embeddings) and without (norms, biases)."""
    matrices = [p for p in named.values() if p.ndim >= 2]
    vectors = [p for p in named.values() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
