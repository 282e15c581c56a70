"""Work as data: a task names a function and its arguments, so that any engine can carry it out.

A task function is pure: it reads and writes storage and returns (or yields) small plain values. A
generator's values reach the scheduler as it runs, which lets later stages begin before a long file
is read to its end.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Task:
    """A call to be made somewhere."""

    function: str
    """`package.module:function`."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments; plain picklable values."""
    label: str = ""
    """What the task works on, for messages."""


@dataclass(frozen=True)
class Report:
    """One value a task returned or yielded. `last` marks the task's end."""

    task: Task
    value: Any
    last: bool
    cpu_seconds: float = 0.0
    """CPU time of the whole task, told with its last value."""


def reports(task: Task) -> Iterator[Any]:
    """Carries a task out here and now, yielding its values."""
    module, _, name = task.function.partition(":")
    result = getattr(importlib.import_module(module), name)(**task.arguments)
    if isinstance(result, Iterator):
        yield from result
    else:
        yield result
