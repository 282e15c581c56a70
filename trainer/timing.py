"""How long a run will take, from a few micro-batches that are really computed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import torch

from curate.tokens.format.reader import Shards
from curate.tokens.loader import Loader
from trainer import model
from trainer.batches import MicroBatch, micro_batches
from trainer.config import Config
from trainer.order import Order
from trainer.processes import Processes
from trainer.replicas import decay_groups
from trainer.size import Size
from trainer.throughput import device_peak, document_lengths

SECONDS = 5.0
"""Time spent on micro-batches, after one that is not counted."""
MOST = 8
"""Micro-batches at most."""
CPU_OPERATIONS = 1e12
"""Operations of a micro-batch that are tried on a CPU: half a minute on a slow one."""


@dataclass(frozen=True)
class Timing:
    """What was measured on this machine, in one process."""

    device: str
    rows: int
    """Rows of the micro-batches that were tried."""
    row_s: float
    """Seconds a row takes forward and backward."""
    update_s: float
    """Seconds of the optimizer's step."""
    tokens_per_s: float
    """Tokens of documents, in the passes."""
    tflops: float
    mfu: float | None
    """None where the device's peak is not known."""
    peak_bytes: int | None
    """Most memory in use on a GPU; None on a CPU."""

    def seconds(self, size: Size, config: Config) -> float:
        """All steps, where every process is as fast and they wait for nothing.

        Evaluations, samples, checkpoints and what processes tell each other are left out.
        """
        rows = -(-config.batch.rows // size.processes)
        divided = size.processes if config.backend != "ddp" else 1
        return size.steps * (rows * self.row_s + self.update_s / divided)


def measured(config: Config, shards: Shards, size: Size) -> Timing | str:
    """The timing, or in words why there is none. The model is loaded, and thrown away."""
    cuda = torch.cuda.is_available() and config.device != "cpu"
    device = torch.device("cuda" if cuda else "cpu")
    rows = min(config.batch.micro_rows, config.batch.rows, len(shards))
    row = size.flops_per_token * shards.index.seq_length
    if not cuda and row * rows > CPU_OPERATIONS:
        rows = max(1, int(CPU_OPERATIONS / row))
        if row > CPU_OPERATIONS:
            return f"a row takes {row:.2g} operations, too many to try on a CPU"
    needed = 16 * size.parameters + size.activations_bytes
    if needed > _memory(device):
        return "the model and one micro-batch do not fit this machine's memory"
    order = Order(shards.index.fingerprint, config.seed, len(shards), config.batch.rows)
    wanted = order.batch_rows(0)
    # A batch may be larger than the split; its first rows are as good as any.
    batches = micro_batches(Loader(shards), wanted, rows, device)[:MOST]
    network, _ = model.loaded(config, shards)
    network.config.use_cache = False
    if config.activation_checkpointing:
        network.activation_checkpointing_enable({"use_reentrant": False})
    packed = model.PackedLoss(network.train(), config.loss == "chunked").to(device)
    try:
        return _timed(packed, batches, config, shards, size, device)
    except torch.OutOfMemoryError:
        return f"memory ran out with {rows} rows at once; set batch.micro_rows lower"


def _timed(
    packed: model.PackedLoss,
    batches: list[MicroBatch],
    config: Config,
    shards: Shards,
    size: Size,
    device: torch.device,
) -> Timing:
    rows = tokens = 0
    spent = 0.0
    _passed(packed, batches[0], config.precision)
    for batch in batches:
        spent += _passed(packed, batch, config.precision)
        rows += len(batch.rows)
        tokens += int(document_lengths(shards, batch.rows).sum())
        if spent > SECONDS:
            break
    named = {n: p for n, p in packed.model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(decay_groups(named, config.optimizer.weight_decay), lr=0.0)
    # The first step makes the moments.
    optimizer.step()
    before = _now(device)
    optimizer.step()
    update = _now(device) - before
    rate = size.flops_per_token * tokens / spent
    peak = device_peak(Processes(0, 1, device), config.precision)
    cuda = device.type == "cuda"
    return Timing(
        device=torch.cuda.get_device_name(device) if cuda else "cpu",
        rows=len(batches[0].rows),
        row_s=spent / rows,
        update_s=update,
        tokens_per_s=tokens / spent,
        tflops=rate / 1e12,
        mfu=rate / peak if peak is not None else None,
        peak_bytes=torch.cuda.max_memory_allocated(device) if cuda else None,
    )


def _passed(packed: model.PackedLoss, batch: MicroBatch, precision: str) -> float:
    """Seconds of a forward and a backward pass."""
    kind: Any = batch.tokens.device.type
    before = _now(batch.tokens.device)
    with torch.autocast(kind, torch.bfloat16, enabled=precision == "bf16"):
        loss = packed(batch.tokens, batch.positions, batch.mask, batch.packing)
    (loss / max(batch.valid, 1)).backward()
    return _now(batch.tokens.device) - before


def _now(device: torch.device) -> float:
    """Seconds, after all that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
