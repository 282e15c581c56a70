"""Seeing a run: metrics.jsonl and evaluations.jsonl, and a live line on the terminal."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import IO, Any

from curate.storage import opened_for_writing

METRICS = "metrics.jsonl"
EVALUATIONS = "evaluations.jsonl"

PLAIN_INTERVAL = 5.0
"""Seconds between lines where there is no terminal."""


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines of a metrics file that are whole; one cut by a crash is left out."""
    if not path.exists():
        return []
    result = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            result.append(json.loads(line))
        except ValueError:
            break
    return result


def rewound(path: Path, step: int) -> None:
    """Takes the lines after a step out of a metrics file: the run goes on from there."""
    kept = [line for line in lines_of(path) if line["step"] <= step]
    if path.exists():
        with opened_for_writing(path) as file:
            file.write("".join(json.dumps(line) + "\n" for line in kept).encode())


class Watch:
    """Writes what happens in a run, in the first process only."""

    def __init__(self, folder: Path, steps: int, begin: int, out: IO[str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (METRICS, EVALUATIONS):
            rewound(folder / name, begin)
        self._metrics = (folder / METRICS).open("a", encoding="utf-8")
        self._evaluations = (folder / EVALUATIONS).open("a", encoding="utf-8")
        self._out = out or sys.stderr
        self._live = self._out.isatty()
        self._steps, self._begin = steps, begin
        self._began = time.monotonic()
        self._said = 0.0
        self._open_line = False

    def step(self, line: dict[str, Any]) -> None:
        """A line of metrics.jsonl: at least step, loss, tokens, tokens_per_s, lr."""
        self._metrics.write(json.dumps(line) + "\n")
        self._metrics.flush()
        now = time.monotonic()
        done = line["step"] == self._steps
        if not (self._live or done or now - self._said >= PLAIN_INTERVAL):
            return
        self._said = now
        rate = (line["step"] - self._begin) / max(now - self._began, 1e-6)
        left = (self._steps - line["step"]) / rate if rate else 0.0
        words = (
            f"step {line['step']:,} of {self._steps:,}  loss {line['loss']:.4f}  "
            f"{line['tokens_per_s']:,.0f} tokens/s  {_clock(left)} left"
        )
        if self._live:
            width = os.get_terminal_size(self._out.fileno()).columns - 1
            print(f"\r{words[:width]:<{width}}", end="", file=self._out, flush=True)
            self._open_line = True
        else:
            print(words, file=self._out, flush=True)

    def evaluation(self, step: int, scores: list[dict[str, Any]]) -> None:
        """Lines of evaluations.jsonl, one for each source and one for all."""
        for score in scores:
            self._evaluations.write(json.dumps({"step": step, **score}, ensure_ascii=False) + "\n")
        self._evaluations.flush()
        if scores:
            last = scores[-1]
            bits = last["bits_per_character"]
            self.say(
                f"held out after step {step:,}: loss {last['loss']:.4f}, perplexity "
                f"{last['perplexity']:.1f}" + (f", {bits:.3f} bits/character" if bits else "")
            )

    def say(self, words: str) -> None:
        """A line of its own."""
        if self._open_line:
            print(file=self._out)
            self._open_line = False
        print(words, file=self._out, flush=True)

    def close(self) -> None:
        """The run ended."""
        if self._open_line:
            print(file=self._out)
        self._metrics.close()
        self._evaluations.close()


def _clock(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
