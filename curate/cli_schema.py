"""`curate schema`: the forms of what builds leave behind, as JSON Schema."""

from __future__ import annotations

import json

import typer

app = typer.Typer(
    name="schema",
    help="Print the JSON Schema of what builds leave behind.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.callback()
def group() -> None:
    """Print the JSON Schema of what builds leave behind."""


@app.command(epilog="Example:  curate schema manifest > manifest.schema.json")
def manifest() -> None:
    """Print the JSON Schema of manifest.json."""
    from manifests.schema import manifest_schema

    _print(manifest_schema())


@app.command(epilog="Example:  curate schema ledger")
def ledger() -> None:
    """Print the JSON Schema of a row of the ledger."""
    from manifests.schema import ledger_schema

    _print(ledger_schema())


@app.command(epilog="Example:  curate schema instructions > instructions.schema.json")
def instructions() -> None:
    """Print the JSON Schema of a line of train.jsonl."""
    from curate.instructions.schema import json_schema

    _print(json_schema())


def _print(schema: object) -> None:
    print(json.dumps(schema, indent=2, ensure_ascii=False))
