"""`curate model`: trains the small character model that the fluency measure uses, and shows it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from curate.errors import RecipeError
from curate.progress import Silent, progress

app = typer.Typer(
    help="Train and show the character model of the fluency measure.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

TRAIN_EXAMPLES = """
[bold]Examples[/bold]

  curate model train builds/wiki/data/*.parquet --out clean.model     from a build of clean sources

  curate model train news.jsonl.zst books.txt --out clean.model --text body

A recipe then says  [bold]measure: {fluency: {model: clean.model}}[/bold]
"""


@app.command(epilog=TRAIN_EXAMPLES)
def train(
    files: Annotated[
        list[Path],
        typer.Argument(help="Parquet, JSON, CSV or text files, packed or not; clean text only."),
    ],
    out: Annotated[Path, typer.Option(help="File to write.")],
    text: Annotated[str, typer.Option(help="Field or column that holds the text.")] = "text",
    order: Annotated[int, typer.Option(min=2, max=4, help="Characters of an n-gram.")] = 4,
    min_count: Annotated[
        int, typer.Option(min=1, help="N-grams of three and more that occur less are left out.")
    ] = 2,
    as_json: Annotated[
        bool, typer.Option("--json", help="End standard output with one JSON object.")
    ] = False,
) -> None:
    """Train a character model. The same files give the same bytes, in whatever order they come."""
    from curate.charmodel.model import save, trained
    from curate.charmodel.text import counted

    if not out.parent.is_dir():
        raise RecipeError(f"there is no folder {out.parent} to write the model to")
    started = time.monotonic()
    reporting = Silent() if as_json else progress(Console(stderr=True))
    try:
        size = sum(path.stat().st_size for path in files if path.is_file())
        reporting.stage("count", size)
        counts, read = counted(files, text, order, reporting.advance)
        reporting.stage("estimate")
        model = trained(counts, min_count, read)
        reporting.stage("write")
        save(model, out)
    finally:
        reporting.close()
    facts = {
        "model": str(out),
        "bytes": out.stat().st_size,
        **_facts(model.header),
        "seconds": round(time.monotonic() - started, 3),
    }
    _print(facts, as_json)


@app.command(epilog="Example:  curate model show clean.model --json")
def show(
    model: Annotated[Path, typer.Argument(help="File that `curate model train` wrote.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="End standard output with one JSON object.")
    ] = False,
) -> None:
    """Show what a model was trained on and how large it is; its checksum is compared."""
    from curate.charmodel.model import load

    loaded = load(model)
    facts = {"model": str(model), "bytes": model.stat().st_size, **_facts(loaded.header)}
    _print(facts, as_json)


def _facts(header: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in header.items() if key != "format"}


def _print(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
        return
    table = Table(show_header=False, box=None)
    for key, value in facts.items():
        if key == "trained_on":
            for entry in value:
                left = f", {entry['left_out']:,} left out" if entry["left_out"] else ""
                table.add_row("trained on", f"{entry['file']}: {entry['rows']:,} rows{left}")
            continue
        shown = " ".join(f"{n:,}" for n in value) if isinstance(value, list) else value
        table.add_row(
            {"ngrams": "n-grams", "min_count": "least count"}.get(key, key),
            f"{shown:,}" if isinstance(shown, int) else str(shown),
        )
    Console().print(table)
