"""`curate build`: runs a recipe, shows how far it is, and closes with tables."""

from __future__ import annotations

import importlib.resources
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from curate.build import Build, Options, Result
from curate.engine.local import TaskFailure, usable_cores
from curate.errors import RecipeError
from curate.progress import Silent, progress
from curate.recipe import Recipe, read
from manifests.manifest import total

app = typer.Typer(
    help="Build a corpus or instruction data from a recipe.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

EXAMPLES = """
[bold]Examples[/bold]

  curate build corpus                                   the sample in recipes/, offline

  curate build corpus recipes/corpus.yaml --dry-run     what would be read and done

  curate build corpus my.yaml --limit 1000              a quick look: 1,000 rows of every file

  curate build corpus my.yaml --workers 8 --json        the real thing, for scripts
"""


INSTRUCTION_EXAMPLES = """
[bold]Examples[/bold]

  curate build instructions                                     the sample in recipes/, offline

  curate build instructions recipes/instructions.yaml --dry-run     what would be read and done

  curate build instructions my.yaml --limit 1000                a quick look

  curate build instructions my.yaml --workers 8 --json          the real thing, for scripts
"""

RecipeFile = Annotated[Path | None, typer.Argument(help="Recipe file; the sample when left out.")]
Out = Annotated[Path, typer.Option(help="Folder of builds.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Worker processes; one for each core by default.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Read at most so many rows of every file.")]
Data = Annotated[Path, typer.Option(help="Where fetched sources lie.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")]
Resume = Annotated[
    bool, typer.Option("--resume/--fresh", help="Use what earlier runs have done, or start anew.")
]
Profile = Annotated[
    bool, typer.Option("--profile", help="Print each part's share of the CPU time.")
]
AsJson = Annotated[bool, typer.Option("--json", help="End standard output with one JSON object.")]
Debug = Annotated[bool, typer.Option("--debug", help="Print tracebacks of failures.")]


def sample_recipe(name: str = "sample.yaml") -> Path:
    """A sample recipe: in the checkout one stands in, or beside the installed package."""
    here = Path(str(importlib.resources.files("recipes"))) / name
    if not here.exists():
        raise RecipeError("the sample recipe is not installed; give a recipe file")
    return here


@app.callback()
def group() -> None:
    """Build a corpus or instruction data from a recipe."""


@app.command(epilog=EXAMPLES)
def corpus(
    recipe: RecipeFile = None,
    out: Out = Path("builds"),
    workers: Workers = None,
    limit: Limit = None,
    data: Data = Path("data"),
    dry_run: DryRun = False,
    resume: Resume = True,
    profile: Profile = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Build a deduplicated corpus from the sources a recipe names."""
    path = recipe or sample_recipe()
    options = _options(path, out, workers, limit, data)
    parsed: Recipe = read(path)
    quiet = Silent() if as_json else None
    result = _run(Build(parsed, options, quiet), dry_run, resume, as_json, debug)
    if result is not None:
        print_result(Console(), result, profile)
        if as_json:
            print(json.dumps(result.summary()))


@app.command(epilog=INSTRUCTION_EXAMPLES)
def instructions(
    recipe: RecipeFile = None,
    out: Out = Path("builds"),
    workers: Workers = None,
    limit: Limit = None,
    data: Data = Path("data"),
    dry_run: DryRun = False,
    resume: Resume = True,
    profile: Profile = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Build instruction data in one schema from the sources a recipe names."""
    from curate.instructions.build import InstructionBuild
    from curate.instructions.recipe import InstructionRecipe

    path = recipe or sample_recipe("sample-instructions.yaml")
    options = _options(path, out, workers, limit, data)
    build = InstructionBuild(read(path, InstructionRecipe), options, Silent() if as_json else None)
    result = _run(build, dry_run, resume, as_json, debug)
    if result is None:
        return
    print_result(Console(), result, profile)
    training = {output["path"]: output["rows"] for output in build.training}
    Console().print(
        "training files: " + (", ".join(f"{n} {rows:,}" for n, rows in training.items()) or "none"),
        soft_wrap=True,
    )
    if as_json:
        sources = {label: account.as_json() for label, account in result.accounts.items()}
        for label, found in build.choices.items():
            sources[label]["choices"] = dict(sorted(found.items()))
        print(json.dumps({**result.summary(), "sources": sources, "training": training}))


def _options(path: Path, out: Path, workers: int | None, limit: int | None, data: Path) -> Options:
    # Steps and adapters of one's own are found beside the recipe that names them.
    sys.path.append(str(path.parent.resolve()))
    return Options(
        out=out,
        workers=workers or usable_cores(),
        limit=limit,
        recipe_folder=path.parent,
        data_folder=data,
    )


def _run(build: Build, dry_run: bool, resume: bool, as_json: bool, debug: bool) -> Result | None:
    """The result of the build, or None where only its plan was asked for."""
    if dry_run:
        _print_plan(build, as_json)
        return None
    if not resume:
        build.forget()
    console = Console(stderr=True)
    build.progress = progress(console)
    try:
        return build.run()
    except TaskFailure as failure:
        if debug:
            console.print(failure.details, markup=False)
        raise
    finally:
        build.progress.close()


def _print_plan(build: Build, as_json: bool) -> None:
    plan = build.dry_run()
    if as_json:
        print(json.dumps(plan, ensure_ascii=False))
        return
    console = Console()
    table = Table(title=f"Plan of {build.recipe.name}", title_justify="left")
    for column in ("source", "rows of", "files", "MB on disk", "done before", "licence"):
        table.add_column(column, justify="right" if column in ("files", "MB on disk") else "left")
    for entry in plan["sources"]:
        table.add_row(
            entry["source"],
            entry["row_type"],
            f"{entry['files']:,}",
            f"{entry['bytes'] / 1e6:,.1f}",
            entry["ready"],
            entry["licence"][:40] + (f" (refused: {entry['refused']})" if entry["refused"] else ""),
        )
    console.print(table)
    console.print("rewrites: " + " ".join(plan["rewrites"]))
    console.print("measures: " + " ".join(plan["measures"]))
    console.print(f"results would be in {build.folder}")


def print_result(console: Console, result: Result, profile: bool) -> None:
    """The closing table: rows by fate and source, losses by reason, speed, and where things are."""
    # Without vertical lines seven columns and a long name fit 80 characters.
    table = Table(title=f"{result.folder}", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("source", overflow="fold", min_width=16)
    for column in ("rows", "kept", "dropped", "quarantined", "duplicates", "MB read"):
        table.add_column(column, justify="right")
    rows = [(label, account.as_json()) for label, account in result.accounts.items()]
    sums = total(result.accounts) if rows else {}
    for label, r in [*rows, ("all", sums)] if len(rows) > 1 else rows:
        table.add_row(
            label,
            *[f"{r[k]:,}" for k in ("read", "kept", "dropped", "quarantined", "duplicates")],
            f"{r['bytes_read'] / 1e6:,.2f}",
            end_section=label == rows[-1][0],
        )
    console.print(table)
    reasons: dict[tuple[str, str], dict[str, int]] = {}
    for label, account in result.accounts.items():
        for stage, by_reason in account.reasons.items():
            for reason, count in by_reason.items():
                reasons.setdefault((stage, reason), {})[label] = count
    if reasons:
        lost = Table(title="Rows not kept, by reason", title_justify="left")
        lost.add_column("stage")
        lost.add_column("reason")
        lost.add_column("rows", justify="right")
        lost.add_column("most from")
        for (stage, reason), by_source in sorted(
            reasons.items(), key=lambda item: -sum(item[1].values())
        ):
            top = max(by_source, key=lambda label: by_source[label])
            lost.add_row(stage, reason, f"{sum(by_source.values()):,}", top)
        console.print(lost)
    if profile:
        _print_profile(console, result.clock)
    summary = result.summary()
    console.print(
        f"{sums.get('bytes_read', 0) / 1e6:,.1f} MB of text in {result.seconds:.1f} s with "
        f"{result.workers} workers: {summary['mb_per_s_per_core']:.2f} MB/s a core"
    )
    console.print(
        f"rows: {result.folder}/data/  every row's fate: {result.folder}/ledger/  "
        f"summary: {result.folder}/manifest.json",
        soft_wrap=True,
    )


def _print_profile(console: Console, clock: dict[str, float]) -> None:
    table = Table(title="CPU time by part", title_justify="left")
    table.add_column("part")
    table.add_column("seconds", justify="right")
    table.add_column("share", justify="right")
    every = sum(clock.values())
    for name, seconds in sorted(clock.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{seconds:.3f}", f"{seconds / every:.1%}" if every else "")
    console.print(table)
