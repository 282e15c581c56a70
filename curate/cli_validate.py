"""`curate validate`: whether a file keeps to the published schema of instructions."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console

from curate.instructions.schema import checked_file


def report(file: Path, show: int, as_json: bool) -> None:
    """Prints what is wrong in a file. Raises typer.Exit(1) if anything is."""
    found = checked_file(file, show)
    if as_json:
        # The first faults by row; `errors` counts the rows with any.
        faults = [asdict(fault) for fault in found.faults]
        numbers = {"ok": found.ok, "rows": found.rows, "errors": found.errors}
        print(json.dumps({**numbers, "faults": faults}, ensure_ascii=False))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for fault in found.faults:
            console.print(f"row {fault.row}: {fault.problem}", markup=False)
        if found.errors:
            console.print(f"{found.errors:,} of {found.rows:,} rows are against the schema")
        else:
            console.print(f"all {found.rows:,} rows keep to the schema")
    if not found.ok:
        raise typer.Exit(1)
