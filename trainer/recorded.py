"""What a run has on file: read for reports, while it is still going on, too."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from curate.storage import read_json
from trainer.checkpoint import STATE
from trainer.trace import run_facts
from trainer.watch import EVALUATIONS, METRICS, SAMPLES, lines_of


@dataclass(frozen=True)
class KeptCheckpoint:
    """A checkpoint of the run, as far as its folder says."""

    folder: str
    step: int
    heldout: float | None
    bytes: int | None
    """None where it is cut short."""


class Recorded:
    """A run's files; lines that a crash cut are left out.

    Raises RecipeError where the folder is no run's, CurateError where its run.json is damaged.
    """

    def __init__(self, folder: Path, label: str | None = None) -> None:
        self.folder = folder
        self.facts = run_facts(folder)
        self.label: str = label or self.facts["config"]["name"]
        self.metrics = _by_step(lines_of(folder / METRICS))
        self.evaluations = [x for x in lines_of(folder / EVALUATIONS) if "source" in x]
        self.samples = [x for x in lines_of(folder / SAMPLES) if "prompt" in x and "text" in x]

    @property
    def steps(self) -> int:
        """Steps that the configuration asks for."""
        return int(self.facts["steps"])

    @property
    def step(self) -> int:
        """Steps done, as far as they are on file."""
        return int(self.metrics[-1]["step"]) if self.metrics else 0

    def values(self, name: str) -> tuple[list[float], list[float]]:
        """Steps, and a number of metrics.jsonl at them; lines without it are passed over."""
        pairs = [
            (float(line["step"]), float(line[name]))
            for line in self.metrics
            if _is_number(line.get(name))
        ]
        return [x for x, _ in pairs], [y for _, y in pairs]

    def heldout(self, source: str, name: str) -> tuple[list[float], list[float]]:
        """Steps, and a score of a source at them."""
        pairs = [
            (float(line["step"]), float(line[name]))
            for line in self.evaluations
            if line["source"] == source and _is_number(line.get(name))
        ]
        return [x for x, _ in pairs], [y for _, y in pairs]

    @cached_property
    def sources(self) -> list[str]:
        """Sources of held-out text, those with most tokens first; without `all`."""
        tokens = {line["source"]: line.get("tokens", 0) for line in self.evaluations}
        tokens.pop("all", None)
        return sorted(tokens, key=lambda source: (-tokens[source], source))

    @cached_property
    def seconds(self) -> float:
        """Time spent in steps, without evaluations and checkpoints."""
        total, before = 0.0, 0.0
        for line in self.metrics:
            if line.get("tokens_per_s"):
                total += (line["tokens"] - before) / line["tokens_per_s"]
            before = line.get("tokens", before)
        return total

    @cached_property
    def checkpoints(self) -> list[KeptCheckpoint]:
        """Those in the folder, by step; one that is cut short has no size."""
        found = []
        for path in (self.folder / "checkpoints").glob("step-*"):
            match = re.fullmatch(r"step-(\d+)", path.name)
            if match is None:
                continue
            try:
                state = read_json(path / STATE)
                size, heldout = sum(state["files"].values()), state.get("heldout")
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                size = heldout = None
            found.append(KeptCheckpoint(str(path), int(match[1]), heldout, size))
        return sorted(found, key=lambda c: c.step)


def _by_step(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line a step, the last one written, in order."""
    kept = {line["step"]: line for line in lines if isinstance(line.get("step"), int)}
    return [kept[step] for step in sorted(kept)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
