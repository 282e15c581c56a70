"""`curate manifest`: questions to a finished build, answered from what it left behind."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console

from curate import cli_report
from curate.errors import CurateError

if TYPE_CHECKING:
    import pyarrow as pa

app = typer.Typer(
    name="manifest",
    help="Questions to a finished build: what is in it, what became of each row, is it whole.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.add_typer(cli_report.app)

BuildFolder = Annotated[Path, typer.Argument(help="Folder of a finished build: builds/NAME.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Full = Annotated[bool, typer.Option("--full", help="Show texts whole, however long.")]


def _console() -> Console:
    # What is printed comes from anyone's files: no [markup] and no :emoji: in it means anything.
    return Console(highlight=False, markup=False, emoji=False)


def _print_json(value: Any) -> None:
    """One line of JSON; what JSON has no number for becomes null, what it has no type for words."""
    print(orjson.dumps(value, default=_plain).decode())


def _print_csv(result: pa.RecordBatchReader) -> None:
    from pyarrow import ArrowInvalid, csv

    try:
        with csv.CSVWriter(sys.stdout.buffer, result.schema) as writer:
            for batch in result:
                writer.write_batch(batch)
    except ArrowInvalid as error:
        raise CurateError(f"the result cannot be CSV ({error}); use --json") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == int(value) and abs(value) < 2**53 else float(value)
    return str(value)


@app.callback()
def group() -> None:
    """Questions to a finished build: what is in it, what became of each row, is it whole."""


@app.command(epilog="Example:  curate manifest show builds/sample")
def show(build: BuildFolder, as_json: AsJson = False) -> None:
    """Show the story of a build on one screen: sources, losses, languages, licences, speed."""
    from curate.cli_story import print_story
    from manifests.opened import open_build
    from manifests.story import story

    found = story(open_build(build))
    if as_json:
        _print_json(found)
    else:
        print_story(_console(), found)


@app.command(epilog="Example:  curate manifest funnel builds/sample")
def funnel(build: BuildFolder, as_json: AsJson = False) -> None:
    """Show rows and characters left after each stage, by source."""
    from curate.cli_story import print_funnels
    from manifests.funnel import funnels
    from manifests.opened import open_build

    found = funnels(open_build(build))
    if as_json:
        _print_json({label: own.as_json() for label, own in found.items()})
    else:
        print_funnels(_console(), found)


@app.command(
    epilog="""[bold]Examples[/bold]

  curate manifest query builds/sample "select stage, reason, count(*) from ledger group by all"

  curate manifest query builds/sample "from ledger where han_ratio < 0.4" --csv > low.csv

  curate manifest query builds/sample "from data join ledger using (id) where similarity > 0.9"
"""
)
def query(
    build: BuildFolder,
    sql: Annotated[str, typer.Argument(help="One SELECT over `ledger` and `data`; - reads it.")],
    rows: Annotated[int, typer.Option("--rows", "-n", min=1, help="Rows shown as a table.")] = 50,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print all rows as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the build in SQL (DuckDB). It can read the ledger and the data, and nothing else."""
    from manifests.opened import open_build
    from manifests.query import selected

    result = selected(open_build(build), sys.stdin.read() if sql == "-" else sql)
    if as_csv:
        _print_csv(result)
    elif as_json:
        found = [row for batch in result for row in batch.to_pylist()]
        _print_json({"columns": result.schema.names, "rows": found})
    else:
        from curate.cli_rows import print_rows

        print_rows(_console(), result, rows)


@app.command(
    epilog="""[bold]Examples[/bold]

  curate manifest trace builds/sample "csl/csl.tsv#12"

  curate manifest trace "csl/csl.tsv#12"      the build in builds/ that has the row

  curate manifest trace builds/zh "csl/csl.tsv#12" --shards shards/zh      down to its tokens
"""
)
def trace(
    build: Annotated[str, typer.Argument(help="Folder of a build; may be left out.")],
    row: Annotated[str | None, typer.Argument(metavar="ID", help="Id: source/file#row.")] = None,
    shards: Annotated[
        Path | None, typer.Option(help="Packed shards, to see where its tokens lie.")
    ] = None,
    full: Full = False,
    as_json: AsJson = False,
) -> None:
    """Show a row's whole life: origin, rewrites, measures, decision, duplicates, where it ended."""
    from curate.history import history
    from manifests.opened import open_build
    from manifests.trace import build_with
    from manifests.trace import trace as traced

    if row is None:
        row = build
        opened = build_with(row, Path("builds"))
    else:
        opened = open_build(Path(build))
    life = traced(opened, row)
    life |= history(opened, life)
    if shards is not None:
        from curate.tokens.trace import places

        life["packed"] = {"folder": str(shards), "places": places(shards, life["id"])}
    if as_json:
        _print_json(life)
    else:
        from curate.cli_trace import print_trace

        print_trace(_console(), life, full)


@app.command(
    epilog="""[bold]Examples[/bold]

  curate manifest sample builds/sample --reason near_duplicate

  curate manifest sample builds/sample --reason "quality.*" --source csl -n 20

  curate manifest sample builds/sample --reason kept --seed 7
"""
)
def sample(
    build: BuildFolder,
    reason: Annotated[str, typer.Option("--reason", help="A reason, one ending in *, or `kept`.")],
    source: Annotated[str | None, typer.Option("--source", help="Only rows of it.")] = None,
    count: Annotated[int, typer.Option("-n", min=1, max=1000, help="So many rows.")] = 10,
    seed: Annotated[int, typer.Option("--seed", help="Another seed draws other rows.")] = 1,
    full: Full = False,
    as_json: AsJson = False,
) -> None:
    """Show some rows with a reason, drawn by chance, with their text; the same every time."""
    from curate.history import with_texts
    from manifests.opened import open_build
    from manifests.sample import sample as sampled

    opened = open_build(build)
    found = with_texts(opened, sampled(opened, reason, source, count, seed))
    if as_json:
        _print_json({"reason": reason, "rows": found})
    else:
        from curate.cli_rows import print_sample

        print_sample(_console(), found, full)


@app.command(
    epilog="""[bold]Examples[/bold]

  curate manifest duplicates builds/sample --largest

  curate manifest duplicates builds/sample 30 --loosest      those nearest to the threshold
"""
)
def duplicates(
    build: BuildFolder,
    count: Annotated[int, typer.Argument(min=1, help="So many clusters.")] = 10,
    largest: Annotated[
        bool,
        typer.Option("--largest/--loosest", help="Those with most rows, or the least similar."),
    ] = True,
    full: Full = False,
    as_json: AsJson = False,
) -> None:
    """Show clusters of duplicates: the row kept, those that went for it, how similar they are."""
    from manifests.clusters import clusters
    from manifests.opened import open_build

    opened = open_build(build)
    found = clusters(opened, "largest" if largest else "loosest", count)
    if as_json:
        _print_json(found)
    else:
        from curate.cli_rows import print_clusters

        print_clusters(_console(), found, full)


class Damaged(CurateError):
    """A build that is not what it was."""


@app.command(epilog="Example:  curate manifest verify builds/sample --json")
def verify(build: BuildFolder, as_json: AsJson = False) -> None:
    """Check every file against its checksum and every count against every other.

    Exit code 1 when something is wrong.
    """
    from curate.progress import Silent, progress
    from manifests.verify import problems, size

    errors = Console(stderr=True)
    shown = Silent() if as_json else progress(errors)
    shown.stage("verify", 2 * size(build))
    found = problems(build, shown.advance)
    shown.close()
    if as_json:
        _print_json({"ok": not found, "problems": found})
    else:
        for problem in found:
            print(problem)
    if found:
        if as_json:
            raise typer.Exit(1)
        raise Damaged(f"{len(found)} problem{'s' if len(found) > 1 else ''} in {build}")
    if not as_json:
        print(f"{build} is what it was when it was written, and adds up")
