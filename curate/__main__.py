"""Entry point of the `curate` command and of `python -m curate`."""

from __future__ import annotations

import sys

_QUICK = {"-h", "--help", "--dry-run", "--version"}


def main() -> None:
    """Runs the command line; for a build, what workers need is loaded meanwhile."""
    if sys.argv[1:2] == ["build"] and not _QUICK & set(sys.argv):
        from curate.engine.server import prepare

        prepare()
    from curate.cli import run

    run()


if __name__ == "__main__":
    main()
