"""How far a build is: live bars on a terminal, plain lines elsewhere, nothing when not wanted."""

from __future__ import annotations

import sys
import time
from typing import IO, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

PLAIN_INTERVAL = 5.0
"""Seconds between plain lines of one stage."""


class Progress(Protocol):
    """What a build reports to."""

    def stage(self, name: str, total: int = 0, unit: str = "MB") -> None:
        """A stage begins; `total` in bytes for unit MB, else in units (0: not known)."""
        ...

    def advance(self, amount: int, total: int | None = None) -> None:
        """So much more of the stage is done; `total` corrects what was announced."""
        ...

    def close(self) -> None:
        """The last stage ended."""
        ...


class Silent:
    """Reports nothing."""

    def stage(self, name: str, total: int = 0, unit: str = "MB") -> None:
        pass

    def advance(self, amount: int, total: int | None = None) -> None:
        pass

    def close(self) -> None:
        pass


def _amount(value: float, unit: str) -> str:
    return f"{value / 1e6:,.1f} MB" if unit == "MB" else f"{value:,.0f} {unit}"


class Plain:
    """A line when a stage begins, every few seconds while it lasts, and when it ends."""

    def __init__(self, out: IO[str] | None = None) -> None:
        self._out = out or sys.stderr
        self._name = ""

    def stage(self, name: str, total: int = 0, unit: str = "MB") -> None:
        self._end()
        self._name, self._total, self._unit, self._done = name, total, unit, 0
        self._began = self._said = time.monotonic()

    def advance(self, amount: int, total: int | None = None) -> None:
        self._done += amount
        self._total = self._total if total is None else total
        now = time.monotonic()
        if now - self._said >= PLAIN_INTERVAL:
            self._said = now
            rate = self._done / (now - self._began)
            left = max(self._total - self._done, 0) / rate if rate else 0.0
            of = f" of {_amount(self._total, self._unit)}" if self._total else ""
            self._say(
                f"{_amount(self._done, self._unit)}{of}, {_amount(rate, self._unit)}/s"
                + (f", {left:.0f} s left" if self._total else "")
            )

    def close(self) -> None:
        self._end()

    def _end(self) -> None:
        if self._name:
            took = time.monotonic() - self._began
            amount = f"{_amount(self._done, self._unit)} in " if self._done else ""
            self._say(f"done, {amount}{took:.1f} s")
        self._name = ""

    def _say(self, words: str) -> None:
        print(f"{self._name}: {words}", file=self._out, flush=True)


class Live:
    """One bar a stage, with rate and time left."""

    def __init__(self, console: Console) -> None:
        self._rich = RichProgress(
            TextColumn("{task.description:<12}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[shown]:>28}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: int | None = None
        self._unit = "MB"
        self._rich.start()

    def stage(self, name: str, total: int = 0, unit: str = "MB") -> None:
        self._end()
        self._unit, self._began = unit, time.monotonic()
        self._task = self._rich.add_task(name, total=total or None, shown="")

    def advance(self, amount: int, total: int | None = None) -> None:
        assert self._task is not None
        task = self._rich.tasks[self._task]
        done = task.completed + amount
        rate = done / max(time.monotonic() - self._began, 1e-3)
        shown = f"{_amount(done, self._unit)}  {_amount(rate, self._unit)}/s"
        self._rich.update(self._task, advance=amount, shown=shown)  # type: ignore[arg-type]
        if total is not None:
            self._rich.update(self._task, total=total)  # type: ignore[arg-type]

    def close(self) -> None:
        self._end()
        self._rich.stop()

    def _end(self) -> None:
        if self._task is not None:
            task = self._rich.tasks[self._task]
            done = max(task.completed, 1)
            self._rich.update(self._task, total=done, completed=done)  # type: ignore[arg-type]
        self._task = None


def progress(console: Console) -> Progress:
    """Live bars when the console is a terminal, plain lines when not."""
    return Live(console) if console.is_terminal else Plain(console.file)
