"""The `curate` command: its groups, and how errors reach the user."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup
from typer.main import get_command, get_group

import curate
from curate.errors import CurateError

GROUPS = {
    "build": "curate.cli_build",
    "sources": "curate.cli_sources",
    "manifest": "curate.cli_manifest",
    "model": "curate.cli_model",
    "tokenizer": "curate.cli_tokenizer",
    "schema": "curate.cli_schema",
    "shards": "curate.cli_shards",
    "train": "curate.cli_train",
}
"""Module of each command group, with its Typer `app`. One that is not asked for is not imported:
what a build needs takes longer to load than a question to its manifest takes to answer."""

COMMANDS = {"pack": "curate.cli_pack", "generate": "curate.cli_generate"}
"""Module of each command that is no group."""


class _Groups(TyperGroup):
    """The groups above, imported when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*GROUPS, *COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in COMMANDS:
            return get_command(importlib.import_module(COMMANDS[cmd_name]).app)
        if cmd_name not in GROUPS:
            return super().get_command(ctx, cmd_name)
        group = get_group(importlib.import_module(GROUPS[cmd_name]).app)
        group.name = cmd_name
        return group


app = typer.Typer(
    name="curate",
    cls=_Groups,
    help="Chinese corpora and instruction sets: cleaned, deduplicated, every row accounted for.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


@app.command(epilog="Example:  curate validate builds/mine/train.jsonl --json")
def validate(
    file: Annotated[
        Path, typer.Argument(help="JSON Lines, a JSON array or Parquet, packed or not.")
    ],
    show: Annotated[int, typer.Option(min=0, help="Faults to list.")] = 20,
    as_json: Annotated[
        bool, typer.Option("--json", help="End standard output with one JSON object.")
    ] = False,
) -> None:
    """Check a file of instructions against the published schema, row by row."""
    from curate.cli_validate import report

    report(file, show, as_json)


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
