"""The processes of a run: who this one is, and the few numbers they tell each other.

Started by torchrun or deepspeed, which set RANK, WORLD_SIZE and where to meet; alone otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

from curate.errors import RecipeError


@dataclass(frozen=True)
class Processes:
    """One process among those of the run."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes what the run leaves behind."""
        return self.rank == 0

    def summed(self, *values: float) -> list[float]:
        """Sums over all processes, in float64: exact for whole numbers up to 2^53."""
        if self.world == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        result: list[float] = tensor.tolist()
        return result

    def gathered(self, value: Any) -> list[Any]:
        """What every process has, by rank."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def started(device: str, rows: int, grouped: bool = False) -> Iterator[Processes]:
    """The processes, connected for as long as the block lasts.

    device: auto, cpu or cuda. rows: of a global batch; there is work for so many processes.
    grouped: whether even one alone must be a group, as DeepSpeed wants it.
    Raises RecipeError where there are more processes than rows, or no GPU as asked.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    if world > rows:
        raise RecipeError(
            f"{world} processes for batches of {rows} rows leave some without work; start fewer "
            "or raise batch.rows"
        )
    gpu = torch.cuda.is_available()
    if device == "cuda" and not gpu:
        raise RecipeError("device is cuda, and torch sees no GPU; set device to cpu or auto")
    if gpu and device != "cpu":
        where = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(where)
    else:
        where = torch.device("cpu")
    store: Any = dist.HashStore  # type: ignore[attr-defined]
    kind = "nccl" if where.type == "cuda" else "gloo"
    # A group that is there already is the caller's.
    begun = world > 1 and not dist.is_initialized()
    if begun:
        dist.init_process_group(kind)
    elif world == 1 and grouped and not dist.is_initialized():
        # It stays: DeepSpeed holds on to its first group as long as the process lives.
        dist.init_process_group(kind, store=store(), rank=0, world_size=1)
    try:
        yield Processes(rank, world, where)
    finally:
        if begun:
            dist.destroy_process_group()
