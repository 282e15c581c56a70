"""How fast a run goes: tokens and operations a second, and the share spent on loading data."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from curate.tokens.format.index import END
from curate.tokens.format.reader import Shards
from trainer.flops import flops_per_token, mean_attended, peak_flops
from trainer.processes import Processes


def document_lengths(shards: Shards, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tokens of every segment in these rows; padding is none."""
    per_part = shards.split.rows_per_part
    found = []
    for row in rows.tolist():
        part, at = shards.parts[row // per_part], row % per_part
        ends = part.segments[part.rows[at] : part.rows[at + 1], END]
        found.append(np.diff(ends.astype(np.int64), prepend=0))
    return np.concatenate(found) if found else np.zeros(0, np.int64)


class Operations:
    """Operations of training on documents of given lengths: linear in their tokens and pairs."""

    def __init__(self, facts: Any, trained: int | None = None) -> None:
        """facts: the model's configuration (transformers). trained: see `flops_per_token`."""
        self._token = flops_per_token(facts, 0.0, trained)
        self._pair = flops_per_token(facts, 1.0, trained) - self._token
        self._window: int | None = getattr(facts.get_text_config(), "sliding_window", None)

    def of(self, lengths: NDArray[np.int64]) -> float:
        """Forward and backward pass over documents of so many tokens each."""
        tokens = float(lengths.sum())
        return tokens * (self._token + self._pair * mean_attended(lengths, self._window))


def device_peak(processes: Processes, precision: str) -> float | None:
    """Operations a second that one of the processes' devices could do; None where not known."""
    if processes.device.type != "cuda":
        return None
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    return peak_flops(torch.cuda.get_device_name(processes.device), kind)


class Throughput:
    """Counts between two lines of metrics.jsonl; time spent on other things is left out."""

    def __init__(self, world: int, peak: float | None) -> None:
        """peak: operations a second of one device, None where not known."""
        self._world, self._peak = world, peak
        self.restart()

    def restart(self) -> None:
        """Begins to count again from now on."""
        self._since = time.perf_counter()
        self._tokens, self._flops, self._steps, self._loading = 0, 0.0, 0, 0.0

    @contextmanager
    def loading(self) -> Iterator[None]:
        """The time of this block is spent on data."""
        before = time.perf_counter()
        yield
        self._loading += time.perf_counter() - before

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The time of this block is not counted."""
        before = time.perf_counter()
        yield
        self._since += time.perf_counter() - before

    def step(self, tokens: int, flops: float) -> None:
        """A step of the global batch is done."""
        self._tokens += tokens
        self._flops += flops
        self._steps += 1

    def measured(self) -> dict[str, float]:
        """What was counted, and counting begins again.

        `tokens_per_s` of all processes; `step_s` and, within it, `data_s` in seconds a step;
        `tflops`: 10^12 operations a second and device; `mfu`, where the device's peak is known.
        """
        seconds = max(time.perf_counter() - self._since, 1e-9)
        steps = max(self._steps, 1)
        rate = self._flops / seconds / self._world
        result = {
            "tokens_per_s": self._tokens / seconds,
            "step_s": seconds / steps,
            "data_s": self._loading / steps,
            "tflops": rate / 1e12,
        }
        if self._peak is not None:
            result["mfu"] = rate / self._peak
        self.restart()
        return result
