"""Seeing a run: metrics.jsonl, evaluations.jsonl and samples.jsonl, and a live line."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from curate.storage import opened_for_writing

if TYPE_CHECKING:
    from trainer.trackers import Tracker

METRICS = "metrics.jsonl"
EVALUATIONS = "evaluations.jsonl"
SAMPLES = "samples.jsonl"

PLAIN_INTERVAL = 5.0
"""Seconds between lines where there is no terminal."""

SAMPLE_CHARACTERS = 60
"""Of a sample on the terminal; samples.jsonl has all of it."""


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
            file.write(
                "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept).encode()
            )


class Watch:
    """Writes what happens in a run, in the first process only."""

    def __init__(
        self,
        folder: Path,
        steps: int,
        begin: int,
        trackers: Sequence[Tracker] = (),
        out: IO[str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, IO[str]] = {}
        for name in (METRICS, EVALUATIONS, SAMPLES):
            # What comes before the first step is done again with it.
            rewound(folder / name, begin or -1)
            if (folder / name).exists() or name != SAMPLES:
                self._files[name] = (folder / name).open("a", encoding="utf-8")
        self._folder = folder
        self._trackers = trackers
        self._out = out or sys.stderr
        self._live = self._out.isatty()
        self._steps, self._begin = steps, begin
        self._began: float | None = None
        self._said = 0.0
        self._open_line = False

    def step(self, line: dict[str, Any]) -> None:
        """A line of metrics.jsonl: at least step, loss, tokens, tokens_per_s, lr."""
        self._write(METRICS, [line])
        values = {k: v for k, v in line.items() if k not in ("step", "predicted_tokens")}
        self._track(line["step"], {f"train/{name}": value for name, value in values.items()})
        now = time.monotonic()
        if self._began is None:
            # What comes before the first step comes once: an evaluation, samples.
            self._began = now - line.get("step_s", 0.0) * (line["step"] - self._begin)
        done = line["step"] == self._steps
        if not (self._live or done or now - self._said >= PLAIN_INTERVAL):
            return
        self._said = now
        rate = (line["step"] - self._begin) / max(now - self._began, 1e-6)
        left = (self._steps - line["step"]) / rate if rate else 0.0
        words = (
            f"step {line['step']:,} of {self._steps:,}  loss {line['loss']:.4f}  "
            f"{line['tokens_per_s']:,.0f} tokens/s  {_use(line)}{_clock(left)} left"
        )
        if self._live:
            width = os.get_terminal_size(self._out.fileno()).columns - 1
            print(f"\r{words[:width]:<{width}}", end="", file=self._out, flush=True)
            self._open_line = True
        else:
            print(words, file=self._out, flush=True)

    def evaluation(self, step: int, scores: list[dict[str, Any]]) -> None:
        """Lines of evaluations.jsonl, one for each source and one for all."""
        self._write(EVALUATIONS, [{"step": step, **score} for score in scores])
        for score in scores:
            names = ("loss", "perplexity", "bits_per_character")
            values = {f"heldout/{score['source']}/{name}": score[name] for name in names}
            self._track(step, {name: v for name, v in values.items() if v is not None})
        if scores:
            last = scores[-1]
            bits = last["bits_per_character"]
            self.say(
                f"held out after step {step:,}: loss {last['loss']:.4f}, perplexity "
                f"{last['perplexity']:.1f}" + (f", {bits:.3f} bits/character" if bits else "")
            )

    def samples(self, step: int, lines: list[dict[str, Any]]) -> None:
        """Lines of samples.jsonl, one for each prompt."""
        self._write(SAMPLES, [{"step": step, **line} for line in lines])
        for tracker in self._trackers:
            tracker.texts(step, lines)
        for line in lines:
            prompt, text = (_short(line[key]) for key in ("prompt", "text"))
            self.say(f"sample after step {step:,}: {prompt} → {text}")

    def _write(self, name: str, lines: list[dict[str, Any]]) -> None:
        if name not in self._files:
            self._files[name] = (self._folder / name).open("a", encoding="utf-8")
        file = self._files[name]
        file.write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
        file.flush()

    def _track(self, step: int, values: dict[str, float]) -> None:
        for tracker in self._trackers:
            tracker.scalars(step, values)

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
        for file in self._files.values():
            file.close()
        for tracker in self._trackers:
            tracker.close()


def _use(line: dict[str, Any]) -> str:
    """How well the device is used: MFU where its peak is known, operations a second otherwise."""
    if "mfu" in line:
        return f"{line['mfu']:.1%} MFU  "
    if "tflops" not in line:
        return ""
    rate = line["tflops"]
    return f"{rate:.3g} TFLOP/s  " if rate >= 1 else f"{1000 * rate:.3g} GFLOP/s  "


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= SAMPLE_CHARACTERS else words[:SAMPLE_CHARACTERS] + "…"


def _clock(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
