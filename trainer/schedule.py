"""The learning rate of a step, a pure function of it."""

from __future__ import annotations

import math

from trainer.config import Schedule


def factor(schedule: Schedule, step: int, steps: int) -> float:
    """Share of the highest learning rate in step 0 .. steps - 1.

    The warmup ends at the highest rate, and the last step is at the floor. `wsd` is the
    warmup-stable-decay of Hu et al. 2024 ("MiniCPM"), going down in a line.
    """
    if step < schedule.warmup:
        return (step + 1) / schedule.warmup
    if schedule.kind == "constant":
        return 1.0
    if schedule.kind == "wsd":
        begin = max(schedule.warmup, steps - schedule.decay)
        done = (step - begin + 1) / max(1, steps - begin)
    else:
        done = (step - schedule.warmup) / max(1, steps - schedule.warmup - 1)
    done = min(1.0, max(0.0, done))
    left = 0.5 * (1 + math.cos(math.pi * done)) if schedule.kind == "cosine" else 1 - done
    return schedule.floor + (1 - schedule.floor) * left
