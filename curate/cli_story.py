"""How the story of a build and its funnel are printed."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curate.visible import harmless
from manifests.funnel import Amount, Funnel


def share(part: float, whole: float) -> str:
    """A part in per cent, with no more digits than say something."""
    if not whole:
        return "-"
    percent = 100 * part / whole
    return f"{percent:.0f}%" if percent >= 99.95 or percent == 0 else f"{percent:.1f}%"


def print_story(console: Console, story: dict[str, Any]) -> None:
    """Prints `manifests.story.story`."""
    run = story["run"] or {}
    made = [f"curate {story['curate_version']}"]
    made += [run["finished"]] if run.get("finished") else []
    made += [f"only the first {story['limit']:,} rows of every file"] if story["limit"] else []
    console.print(Text.assemble((harmless(story["name"]), "bold"), "  ", ", ".join(made)))
    _print_sources(console, story)
    _print_losses(console, story["losses"])
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="bold cyan")
    grid.add_column(overflow="fold")
    kept = story["counts"]["kept"]
    for name in ("languages", "scripts"):
        if story[name]:
            words = [
                f"{label or 'not measured'} {numbers['rows']:,} ({share(numbers['rows'], kept)})"
                for label, numbers in story[name].items()
            ]
            grid.add_row(name, ", ".join(words))
    licences = sorted(story["licences"].items(), key=lambda item: -item[1]["rows"])
    grid.add_row(
        "licences",
        "\n".join(f"{numbers['rows']:,} rows  {harmless(name)}" for name, numbers in licences),
    )
    if run.get("seconds"):
        grid.add_row(
            "speed",
            f"{run['seconds']:,.1f} s with {run['workers']} workers in the run that finished it, "
            f"{run['mb_per_s_per_core']:.2f} MB/s a core",
        )
    for kind, numbers in story["outputs"].items():
        amount = f"{numbers['rows']:,} rows in {numbers['files']:,} files"
        grid.add_row(kind, f"{story['build']}/{kind}/  {amount}, {numbers['bytes'] / 1e6:,.1f} MB")
    console.print(grid)


def _print_sources(console: Console, story: dict[str, Any]) -> None:
    table = Table()
    table.add_column("source", overflow="fold")
    for column in ("rows", "kept", "", "dropped", "quar.", "dupl.", "characters"):
        table.add_column(column, justify="right", no_wrap=True)
    rows = [*story["sources"], {"source": "all", **story["counts"]}]
    for number, row in enumerate(rows if len(rows) > 2 else rows[:1]):
        if "read" not in row:
            continue
        table.add_row(
            harmless(row["source"]),
            f"{row['read']:,}",
            f"{row['kept']:,}",
            share(row["kept"], row["read"]),
            *[f"{row[key]:,}" for key in ("dropped", "quarantined", "duplicates")],
            f"{row['characters_kept']:,}" if "characters_kept" in row else "-",
            end_section=number == len(rows) - 2,
        )
    console.print(table)


def _print_losses(console: Console, losses: list[dict[str, Any]]) -> None:
    if not losses:
        return
    table = Table()
    table.add_column("lost at")
    table.add_column("reason", overflow="fold")
    table.add_column("rows", justify="right")
    table.add_column("most from", overflow="fold")
    for loss in losses:
        top = sorted(loss["by_source"].items(), key=lambda item: -item[1])
        words = ", ".join(f"{harmless(label)} {rows:,}" for label, rows in top[:2])
        more = f", {len(top) - 2} more" if len(top) > 2 else ""
        table.add_row(loss["stage"], loss["reason"], f"{loss['rows']:,}", words + more)
    console.print(table)


def print_funnels(console: Console, every: dict[str, Funnel]) -> None:
    """Prints `manifests.funnel.funnels`: what is left after each stage."""
    if not every:
        console.print("no source was read")
        return
    stages = list(next(iter(every.values())).lost)
    table = Table(title="Left after each stage", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("source", overflow="fold")
    table.add_column("")
    for column in ("read", *stages, "kept"):
        table.add_column(column, justify="right", no_wrap=True)
    funnels = dict(every)
    if len(funnels) > 1:
        first, *rest = every.values()
        funnels["all"] = sum(rest, first)
    for label, funnel in funnels.items():
        left = [funnel.left(stage) for stage in stages]
        table.add_row(harmless(label), "rows", *_cells(funnel, left, "rows"))
        table.add_row("", "chars", *_cells(funnel, left, "characters"), end_section=True)
    console.print(table)
    console.print("chars: of the text after every rewrite; rows that could not be read have none")


def _cells(funnel: Funnel, left: list[Amount], unit: str) -> list[str]:
    read, kept = getattr(funnel.read, unit), getattr(funnel.kept, unit)
    return [f"{read:,}", *[f"{getattr(amount, unit):,}" for amount in left], share(kept, read)]
