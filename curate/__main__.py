"""Entry point of the `curate` command and of `python -m curate`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

_QUICK = {"-h", "--help", "--dry-run", "--version"}


def starts_workers(arguments: Sequence[str]) -> bool:
    """Whether a command line is a build in several processes. The command line proper is parsed
    later: what parses it takes longer to load than the workers should wait.
    """
    if arguments[:1] != ["build"] or _QUICK & set(arguments):
        return False
    asked = [
        word.partition("=")[2] if "=" in word else following
        for word, following in zip(arguments, [*arguments[1:], ""], strict=True)
        if word.partition("=")[0] == "--workers"
    ]
    if asked:
        return asked[-1] != "1"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return cores != 1


def main() -> None:
    """Runs the command line; for a build, what workers need is loaded meanwhile."""
    if starts_workers(sys.argv[1:]):
        from curate.engine.server import prepare

        prepare()
    from curate.cli import run

    run()


if __name__ == "__main__":
    main()
