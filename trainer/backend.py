"""Which backend a run trains with: the one place that knows them all."""

from __future__ import annotations

import os
from typing import Any

from curate.errors import RecipeError
from trainer.config import Config
from trainer.model import PackedLoss
from trainer.processes import Processes
from trainer.replicas import Replicas
from trainer.sharded import Sharded


def check_backend(config: Config) -> None:
    """Raises RecipeError where the backend's package is missing; before processes connect."""
    if config.backend == "deepspeed":
        from trainer.zero_options import needs_deepspeed

        needs_deepspeed()


def backend_for(config: Config, network: Any, processes: Processes, steps: int) -> Replicas:
    """The model with its optimizer, as the configuration wants them spread.

    steps: of the whole run. Raises RecipeError for what cannot work here.
    """
    if config.precision == "fp16" and processes.device.type == "cpu":
        raise RecipeError("precision is fp16, which needs a GPU; on a CPU set bf16 or fp32")
    hidden_size = network.config.hidden_size
    module = PackedLoss(network.train(), config.loss == "chunked")
    options, precision = config.optimizer, config.precision
    if config.backend == "deepspeed":
        # Otherwise DeepSpeed takes a GPU where there is one, whatever `device` says.
        os.environ["DS_ACCELERATOR"] = processes.device.type
        from trainer.zero_options import zero_options

        given = zero_options(config, steps, processes.world, hidden_size)
        from trainer.zero import Zero

        return Zero(module, options, precision, processes, given)
    if config.backend == "fsdp" and processes.world > 1:
        return Sharded(module, options, precision, processes)
    return Replicas(module, options, precision, processes)
