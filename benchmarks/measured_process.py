"""Running a command as a whole: wall time, CPU time and peak memory of it and all it starts."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Measured:
    """What a finished command took."""

    returncode: int
    wall_seconds: float
    """From the start of the process to its end, so with start-up and shut-down."""
    cpu_seconds: float
    """User and system time of the command and its descendants: what the system accounts to ended
    children, or the sum of what each process was last seen with, whichever is more. (Children of a
    fork server are missing from the first, short lives from the second.)"""
    peak_mb: float
    """Highest sum, over the processes, of the proportional set size, in 10^6 bytes: pages that
    several processes share count once. Resident size where the system has no such figure."""
    stdout: Path
    stderr: Path

    def last_line(self) -> str:
        """The last line of standard output that is not empty, or ""."""
        lines = self.stdout.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "")

    def tail(self, lines: int = 15) -> str:
        """The end of standard error, for a message about a failure."""
        text = self.stderr.read_text(encoding="utf-8", errors="replace").rstrip()
        return "\n".join(text.split("\n")[-lines:])


class _Sampler(threading.Thread):
    """Watches a process tree until told to stop."""

    def __init__(self, pid: int, interval: float) -> None:
        super().__init__(daemon=True)
        self.root = psutil.Process(pid)
        self.interval = interval
        self.finished = threading.Event()
        self.peak = 0
        self.cpu: dict[tuple[int, float], float] = {}

    def run(self) -> None:
        while not self.finished.wait(self.interval):
            self.sample()

    def sample(self) -> None:
        total = 0
        try:
            processes = [self.root, *self.root.children(recursive=True)]
        except psutil.Error:
            return
        for process in processes:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                self.cpu[process.pid, process.create_time()] = times.user + times.system
                memory = process.memory_full_info()
                total += getattr(memory, "pss", memory.rss)
        self.peak = max(self.peak, total)


def pinned_cores(count: int) -> set[int]:
    """The cores a command with `count` workers is held to, empty where none can be chosen."""
    if not hasattr(os, "sched_getaffinity"):
        return set()
    return set(sorted(os.sched_getaffinity(0))[:count])


def run_measured(
    command: Sequence[str | Path],
    logs: Path,
    *,
    cores: set[int],
    environment: Mapping[str, str] | None = None,
    interval: float = 0.5,
    timeout: float | None = None,
) -> Measured:
    """Run `command` on `cores` and measure it; output goes to files in the folder `logs`.

    environment: variables in place of one's own; None keeps those.
    interval: seconds between samples of memory and CPU time.
    timeout: seconds after which the command and all it started are killed (return code -9).
    """
    logs.mkdir(parents=True, exist_ok=True)
    stdout, stderr = logs / "stdout.txt", logs / "stderr.txt"
    before = pinned_cores(os.cpu_count() or 1)
    with stdout.open("wb") as out, stderr.open("wb") as err:
        reaped = _reaped_seconds()
        start = time.perf_counter()
        if cores:
            os.sched_setaffinity(0, cores)  # inherited by what starts now
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=None if environment is None else dict(environment),
                start_new_session=True,
            )
        finally:
            if cores:
                os.sched_setaffinity(0, before)
        sampler = _Sampler(process.pid, interval)
        sampler.start()
        try:
            returncode = process.wait(timeout)
        except subprocess.TimeoutExpired:
            err.write(f"\nstopped after {timeout:.0f} s\n".encode())
            returncode = -9
        finally:
            wall = time.perf_counter() - start
            # A helper process may outlive the command; a user's Ctrl-C must not leave any behind.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            sampler.finished.set()
            sampler.join()
    cpu = max(_reaped_seconds() - reaped, sum(sampler.cpu.values()))
    return Measured(returncode, wall, cpu, sampler.peak / 1e6, stdout, stderr)


def _reaped_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
