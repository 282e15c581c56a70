"""The `curate` command: its groups, and how errors reach the user."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

import curate
from curate import cli_build, cli_sources
from curate.errors import CurateError

app = typer.Typer(
    name="curate",
    help="Chinese corpora and instruction sets: cleaned, deduplicated, every row accounted for.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(cli_build.app, name="build")
app.add_typer(cli_sources.app, name="sources")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"curate {curate.__version__}")
        raise typer.Exit()


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Holds the options that come before a command."""


def run() -> None:
    """Runs the command: one sentence on standard error and an exit code instead of a traceback."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        app()
    except CurateError as error:
        errors.print(f"curate: {error}", markup=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        errors.print("curate: stopped; the same command goes on from here", markup=False)
        sys.exit(130)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        errors.print(f"curate: {error.strerror or error}{where}", markup=False)
        sys.exit(1)
