"""Training with DeepSpeed: ZeRO (Rajbhandari et al. 2020), stages 1 to 3, on GPUs or CPUs.

Stage 1 divides the optimizer's state among the processes, 2 the gradients too, 3 the weights too;
each may lie in the CPU's memory. It has the public part of `Replicas`, and the same curve.

16-bit precision is DeepSpeed's: weights in that type for the passes, and float32 ones, which the
optimizer steps and checkpoints hold, beside them.
"""

from __future__ import annotations

import logging
import math
import os
import warnings
from contextlib import nullcontext
from typing import Any

import deepspeed
import torch
from deepspeed.utils import (
    safe_get_full_fp32_param,
    safe_get_full_optimizer_state,
    safe_set_full_fp32_param,
    safe_set_full_optimizer_state,
)
from torch import Tensor, nn

from trainer.batches import MicroBatch
from trainer.config import Optimizer
from trainer.model import PackedLoss
from trainer.processes import Processes
from trainer.replicas import MOMENTS, Replicas

SHARED_MEMORY = "deepspeed_shm_comm"


class Zero(Replicas):
    """As `Replicas`, with what DeepSpeed's options say divided among the processes."""

    def __init__(
        self,
        module: PackedLoss,
        options: Optimizer,
        precision: str,
        processes: Processes,
        deepspeed_options: dict[str, Any],
    ) -> None:
        self._deepspeed_options = deepspeed_options
        super().__init__(module, options, precision, processes)

    def _on_device(self, module: PackedLoss) -> PackedLoss:
        # DeepSpeed puts every part where it belongs.
        return module

    def _wrap(self) -> Any:
        _quiet()
        os.environ.setdefault("LOCAL_RANK", "0")
        # It is for inference, and is compiled for minutes when processes first meet on a CPU.
        deepspeed.ops.__compatible_ops__[SHARED_MEMORY] = False
        deepspeed.init_distributed(auto_mpi_discovery=False, verbose=False)
        reduced = self._precision != "fp32"
        masters = {n: p.data for n, p in self._named.items()} if reduced else {}
        engine, *_ = deepspeed.initialize(
            model=self.module, optimizer=self.optimizer, config=self._deepspeed_options
        )
        self._zero: Any = engine.optimizer
        self._fill_moments()
        # DeepSpeed's float32 weights were made of 16-bit ones.
        for name, value in masters.items():
            parameter = self._named[name]
            safe_set_full_fp32_param(parameter, value.to(self.processes.device))
        return engine

    def _autocast(self) -> Any:
        return nullcontext()

    def backward(self, batch: MicroBatch, valid: float, last: bool) -> Tensor:
        """As in `Replicas`."""
        self._wrapped.set_gradient_accumulation_boundary(last)
        total = self.loss(batch)
        # The mean over processes is taken, and the sum is wanted; micro-batches are summed as is.
        scaled = total * (self.processes.world / max(valid, 1.0))
        self._wrapped.backward(scaled, scale_wrt_gas=False)
        return total.detach()

    def update(self, lr: float) -> float:
        """As in `Replicas`."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self._wrapped.step()
        if not self._wrapped.was_step_applied():
            return math.inf
        return float(self._wrapped.get_global_grad_norm())

    def weights(self) -> dict[str, Tensor] | None:
        """All weights in float32, gathered, in the first process; every one must call it."""
        found: dict[str, Tensor] = {}
        seen: dict[int, Tensor] = {}
        network = self.module.model
        state = network.state_dict(keep_vars=True)
        for name, value in state.items():
            if id(value) not in seen:
                seen[id(value)] = self._gathered(value)
            if self.processes.first:
                found[name] = seen[id(value)]
        return found

    def _gathered(self, value: Tensor) -> Tensor:
        if not isinstance(value, nn.Parameter):
            return self._whole(value)
        if value.requires_grad:
            whole = safe_get_full_fp32_param(value)
            if whole is not None:
                return self._kept(whole)
        with deepspeed.zero.GatheredParameters([value]):
            return self._kept(value.data.float())

    def _kept(self, whole: Tensor) -> Tensor:
        """A gathered value on the CPU, in the process that writes it; a scrap in the others."""
        return self._whole(whole.clone()) if self.processes.first else torch.empty(0)

    def moments(self) -> dict[str, Tensor]:
        """As in `Replicas`, in the first process; empty in the others."""
        found: dict[str, Tensor] = {}
        for name, parameter in self._named.items():
            for moment in MOMENTS:
                whole = self._kept(safe_get_full_optimizer_state(parameter, moment))
                if self.processes.first:
                    found[f"{moment}/{name}"] = whole
        return found

    def _fill_moments(self) -> None:
        """Moments of zeros, as before the first step.

        DeepSpeed links a parameter to its moments once, after the first group's first step, and
        would miss those of the other groups.
        """
        for flat in self._flat():
            self.optimizer.state[flat] = {
                # torch's fused AdamW wants it beside the weights, the others take it there too.
                "step": torch.tensor(0.0, device=flat.device),
                **{moment: torch.zeros_like(flat) for moment in MOMENTS},
            }
        if hasattr(self._zero, "_lazy_init_hp_params_optimizer_state"):
            self._zero._lazy_init_hp_params_optimizer_state()

    def _set_moments(self, found: dict[str, Tensor], steps: int) -> None:
        # In place: DeepSpeed has linked the tensors.
        for state in self.optimizer.state.values():
            state["step"].fill_(float(steps))
        for name, parameter in self._named.items():
            for moment in MOMENTS:
                value = found[f"{moment}/{name}"].to(self.processes.device)
                safe_set_full_optimizer_state(parameter, value, moment)

    def _flat(self) -> list[Tensor]:
        """The float32 weights that this process steps, as DeepSpeed lays them out."""
        if self._deepspeed_options["zero_optimization"]["stage"] == 3:
            return list(self._zero.fp32_partitioned_groups_flat)
        return list(self._zero.single_partition_of_fp32_groups)


def _quiet() -> None:
    """Keeps DeepSpeed's log off standard output, where what a command found is, and to warnings."""
    log = logging.getLogger("DeepSpeed")
    log.setLevel(logging.WARNING)
    log.handlers.clear()
    log.propagate = True
    # What torch says of DeepSpeed's calls, a dozen times a run.
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")
