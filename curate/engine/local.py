"""Runs tasks in worker processes of this machine.

Workers come from a fork server that has imported the pipeline and loaded its compiled code once, so
that a worker costs milliseconds. With one worker everything runs in the calling process.
"""

from __future__ import annotations

import heapq
import itertools
import multiprocessing.connection
import os
import signal
import time
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from curate.engine.memory import give_back
from curate.engine.server import context, prepare
from curate.engine.task import Report, Task, reports
from curate.errors import CurateError

_IDLE_SECONDS = 0.1
"""A worker that has waited so long for a task may have seen the end of a stage."""


class Engine(Protocol):
    """What a build needs of an engine."""

    def submit(self, task: Task, priority: int = 0) -> None:
        """Takes a task; among those waiting, lower priorities start first."""
        ...

    def reports(self) -> Iterator[Report]:
        """Reports as they come, until no submitted task is left; tasks may be submitted meanwhile.

        Raises CurateError when a task failed.
        """
        ...

    def close(self) -> None:
        """Stops whatever still runs."""
        ...


class TaskFailure(CurateError):
    """A task that raised; `details` holds the worker's traceback for --debug."""

    def __init__(self, message: str, details: str) -> None:
        super().__init__(message)
        self.details = details


def _failure(task: Task, kind: str, message: str, errno: int | None, details: str) -> CurateError:
    where = task.label or task.function
    if errno == 28:
        return CurateError(
            f"no space left on the device while working on {where}; "
            "free some and run the same command: it goes on where it stopped"
        )
    if kind in ("CurateError", "RecipeError", "SourceError"):
        return CurateError(message)
    return TaskFailure(f"{where}: {kind}: {message}", details)


class SerialEngine:
    """Everything in the calling process, one task at a time."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Task]] = []
        self._count = itertools.count()

    def submit(self, task: Task, priority: int = 0) -> None:
        heapq.heappush(self._waiting, (priority, next(self._count), task))

    def reports(self) -> Iterator[Report]:
        while self._waiting:
            _, _, task = heapq.heappop(self._waiting)
            iterator = reports(task)
            began = time.process_time()
            value = None
            started = False
            while True:
                try:
                    following = next(iterator)
                except StopIteration:
                    break
                except CurateError:
                    raise
                except Exception as error:
                    raise _failure(
                        task,
                        type(error).__name__,
                        str(error),
                        getattr(error, "errno", None),
                        traceback.format_exc(),
                    ) from error
                if started:
                    yield Report(task, value, last=False)
                value, started = following, True
            yield Report(task, value, last=True, cpu_seconds=time.process_time() - began)
        give_back()

    def close(self) -> None:
        self._waiting.clear()


def _serve(connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            if not connection.poll(_IDLE_SECONDS):
                give_back()
            task = connection.recv()
        except EOFError:
            return
        began = time.process_time()
        try:
            for value in reports(task):
                connection.send(("value", value))
            connection.send(("done", time.process_time() - began))
        except BrokenPipeError:
            return
        except Exception as error:
            connection.send(
                (
                    "error",
                    (
                        type(error).__name__,
                        str(error),
                        getattr(error, "errno", None),
                        traceback.format_exc(),
                    ),
                )
            )


class _Worker:
    def __init__(self) -> None:
        self.connection, theirs = context().Pipe()
        self.process: BaseProcess = context().Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.task: Task | None = None
        self.pending: list[Any] = []


class ProcessEngine:
    """Tasks in `workers` processes."""

    def __init__(self, workers: int) -> None:
        prepare()
        self._workers = [_Worker() for _ in range(workers)]
        self._waiting: list[tuple[int, int, Task]] = []
        self._count = itertools.count()

    def submit(self, task: Task, priority: int = 0) -> None:
        heapq.heappush(self._waiting, (priority, next(self._count), task))

    def _start_waiting(self) -> None:
        for worker in self._workers:
            if worker.task is None and self._waiting:
                _, _, worker.task = heapq.heappop(self._waiting)
                worker.connection.send(worker.task)

    def reports(self) -> Iterator[Report]:
        self._start_waiting()
        while any(worker.task for worker in self._workers):
            busy = {w.connection: w for w in self._workers if w.task is not None}
            for connection in multiprocessing.connection.wait(list(busy)):
                worker = busy[connection]
                task = worker.task
                assert task is not None
                try:
                    kind, value = worker.connection.recv()
                except (EOFError, ConnectionResetError):
                    raise CurateError(
                        f"a worker process died while working on {task.label or task.function} "
                        "(killed, or out of memory); run the same command to go on, "
                        "with fewer --workers if memory was short"
                    ) from None
                if kind == "error":
                    raise _failure(task, *value)
                # One value is held back, so that the last one can be marked.
                if kind == "value":
                    worker.pending.append(value)
                    if len(worker.pending) > 1:
                        yield Report(task, worker.pending.pop(0), last=False)
                else:
                    final = worker.pending.pop() if worker.pending else None
                    worker.task = None
                    yield Report(task, final, last=True, cpu_seconds=value)
            self._start_waiting()

    def close(self) -> None:
        self._waiting.clear()
        for worker in self._workers:
            worker.connection.close()
            if worker.process.is_alive():
                worker.process.terminate()
        for worker in self._workers:
            worker.process.join()


def engine(workers: int) -> Engine:
    """The engine for so many workers."""
    return SerialEngine() if workers == 1 else ProcessEngine(workers)


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
