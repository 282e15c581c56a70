"""`curate manifest whatif | diff | report | card`: what a build could be, was, and is to others."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from curate.whatif import Prediction
    from manifests.opened import OpenedBuild

app = typer.Typer(rich_markup_mode="rich")

BuildFolder = Annotated[Path, typer.Argument(metavar="BUILD", help="Folder, as builds/NAME.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Examples = Annotated[int, typer.Option(min=0, help="About so many rows shown for every reason.")]

_WIDTH = 160
"""Characters of a text that a terminal is shown."""

WHATIF_EXAMPLES = """
[bold]Examples[/bold]

  curate manifest whatif builds/corpus --set quality.han_ratio.min=0.6

  curate manifest whatif builds/corpus --set quality.characters.min=5 --set language.keep=zh,zh-Hant

  curate manifest whatif builds/corpus --set licences.non_commercial=deny --save stricter.yaml
"""
DIFF_EXAMPLES = """
[bold]Examples[/bold]

  curate manifest diff builds/before builds/after

  curate manifest diff builds/before builds/after --json
"""


CARD_EXAMPLES = """
[bold]Examples[/bold]

  curate manifest card builds/corpus                    README.md and croissant.json beside data/

  curate manifest card builds/corpus --url https://huggingface.co/datasets/me/corpus
"""


REPORT_EXAMPLES = """
[bold]Examples[/bold]

  curate manifest report builds/corpus                       builds/corpus/report.html

  curate manifest report builds/corpus --out /tmp/corpus.html
"""


def _opened(folder: Path) -> OpenedBuild:
    """The build, with a manifest in the published form."""
    from manifests.opened import open_build
    from manifests.schema import checked

    return checked(open_build(folder))


@app.command(epilog=WHATIF_EXAMPLES)
def whatif(
    build: BuildFolder,
    settings: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A changed limit of quality, language or licences; repeatable.",
        ),
    ],
    examples: Examples = 3,
    save: Annotated[
        Path | None, typer.Option(help="Also write the build's recipe with these limits here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what other limits would keep and drop, from the ledger alone."""
    from curate import whatif as judged
    from manifests.texts import hidden, kept_texts, rewritten_texts

    opened = _opened(build)
    recipe = judged.changed_recipe(opened, settings)
    prediction = judged.predicted(opened, recipe, examples)
    ids = [one["id"] for one in prediction.examples if not hidden(one["reason"])]
    texts = kept_texts(opened, ids)
    texts |= rewritten_texts(opened, [i for i in ids if i not in texts])
    for one in prediction.examples:
        one["text"] = texts.get(one["id"])
    if save is not None:
        _save_recipe(save, recipe.model_dump(mode="json", exclude_defaults=True), opened.folder)
    if as_json:
        print(json.dumps(judged.as_json(opened, prediction), ensure_ascii=False))
        return
    console = Console(highlight=False)
    _print_prediction(console, prediction, judged.caveats(prediction))
    if save is not None:
        console.print(f"recipe with these limits: {save}", markup=False, soft_wrap=True)


def _save_recipe(path: Path, recipe: dict[str, Any], build: Path) -> None:
    """Writes a recipe that reads the same files, wherever it is put."""
    import yaml

    from curate.storage import opened_for_writing, read_json

    run = build / "run.json"
    folder = read_json(run).get("recipe_folder") if run.exists() else None
    for source in recipe["sources"]:
        if folder is not None and source.get("path"):
            source["path"] = str(Path(folder, Path(source["path"]).expanduser()))
    text = yaml.safe_dump(recipe, allow_unicode=True, sort_keys=False)
    with opened_for_writing(path) as file:
        file.write(text.encode())


def _print_prediction(console: Console, p: Prediction, caveats: list[str]) -> None:
    from curate import whatif as judged

    fates = (judged.STAYS, judged.DROPPED, judged.RETURNS, judged.FREED)
    table = Table(title="With these limits", title_justify="left")
    table.add_column("source", no_wrap=True)
    for column in ("kept now", "still kept", "newly dropped", "come back", "freed duplicates"):
        table.add_column(column, justify="right")
    rows = [(label, [counts[fate] for fate in fates]) for label, counts in p.rows.items()]
    sums = [sum(counts[i] for _, counts in rows) for i in range(len(fates))]
    for label, counts in [*rows, ("all", sums)]:
        before = counts[0] + counts[1]
        table.add_row(
            label,
            f"{before:,}",
            *[f"{count:,}" for count in counts],
            end_section=bool(rows) and label == rows[-1][0],
        )
    console.print(table)
    words = {
        judged.DROPPED: "newly dropped",
        judged.RETURNS: "come back",
        judged.FREED: "freed duplicates",
    }
    for fate, title in words.items():
        found = [(key, sums) for key, sums in p.reasons.items() if key[0] == fate]
        if not found:
            continue
        reasons = Table(title=f"{title}, by reason".capitalize(), title_justify="left")
        for column in ("reason", "source", "rows", "characters"):
            side: Any = "right" if column in ("rows", "characters") else "left"
            reasons.add_column(column, justify=side, no_wrap=column != "source")
        for (_, label, reason), (count, characters) in sorted(found, key=lambda f: -f[1][0]):
            reasons.add_row(reason, label, f"{count:,}", f"{characters:,}")
        console.print(reasons)
        for one in (one for one in p.examples if one["fate"] == fate):
            why = " ".join(filter(None, (one["measure"], one["limit"] and f"({one['limit']})")))
            why = why or f"duplicate of {one['duplicate_of']}"
            console.print(f"  [bold]{escape(one['id'])}[/bold]  {escape(why)}", soft_wrap=True)
            console.print(f"    {_shown(one.get('text'))}", markup=False, soft_wrap=True)
    certain = "No row comes back and none is freed: a build keeps exactly these."
    for sentence in caveats or [certain]:
        console.print(sentence, markup=False, soft_wrap=True)
    console.print(f"from the ledger in {p.seconds:.1f} s", markup=False)


def _shown(text: str | None) -> str:
    """The start of a text on one line; control characters never reach the terminal."""
    if text is None:
        return "(text not at hand)"
    line = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"


@app.command(epilog=DIFF_EXAMPLES)
def diff(
    build_a: Annotated[Path, typer.Argument(metavar="BUILD_A", help="The build before.")],
    build_b: Annotated[Path, typer.Argument(metavar="BUILD_B", help="The build after.")],
    examples: Examples = 3,
    memory_mb: Annotated[
        int, typer.Option(min=64, help="Memory of the comparison; beyond it goes to disk.")
    ] = 1024,
    as_json: AsJson = False,
) -> None:
    """Show which rows were gained, lost, changed or moved between two builds, and why."""
    from manifests.diff import compared

    result = compared(_opened(build_a), _opened(build_b), examples, memory_mb)
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        _print_diff(Console(highlight=False), result)


def _print_diff(console: Console, result: dict[str, Any]) -> None:
    from manifests.diff import KINDS

    if result["equal"]:
        console.print("The two builds were made alike and have the same rows and reasons.")
        return
    table = Table(title="Rows, first build to second", title_justify="left")
    table.add_column("source", no_wrap=True)
    for kind in (*KINDS, "same"):
        table.add_column(kind, justify="right")
    for label, counts in [*sorted(result["sources"].items()), ("all", result["rows"])]:
        table.add_row(label, *[f"{counts[kind]:,}" for kind in (*KINDS, "same")])
    console.print(table)
    if result["differences"]:
        made = Table(title="Made differently", title_justify="left")
        for column in ("key", "first", "second"):
            made.add_column(column, overflow="fold")
        for d in result["differences"]:
            cells = (d["key"], *(_value(d[side]) for side in ("a", "b")))
            made.add_row(*(escape(cell) for cell in cells))
        console.print(made)
    else:
        console.print("Made alike: same recipe, versions and inputs.")
    if result["groups"]:
        groups = Table(title="What changed, and why", title_justify="left")
        for column in ("", "source", "before", "after", "rows", "because"):
            side: Any = "right" if column == "rows" else "left"
            groups.add_column(column, justify=side, overflow="fold")
        for g in result["groups"]:
            keys = [key.removeprefix("recipe.") for key in g["because"]]
            because = ", ".join(keys[:3]) + (" …" if len(keys) > 3 else "")
            cells = (g["kind"], g["source"], g["before"], g["after"], f"{g['rows']:,}", because)
            groups.add_row(*(escape(cell) for cell in cells))
        console.print(groups)
    for one in result["examples"]:
        title = f"{one['kind']}: {one['before']} → {one['after']}"
        console.print(f"  [bold]{escape(one['id'])}[/bold]  {escape(title)}", soft_wrap=True)
        for text in dict.fromkeys(t for t in (one["text_a"], one["text_b"]) if t is not None):
            console.print(f"    {_shown(text)}", markup=False, soft_wrap=True)


@app.command(epilog=REPORT_EXAMPLES)
def report(
    build: BuildFolder,
    out: Annotated[
        Path | None, typer.Option(help="The page; report.html in the build's folder by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write one HTML page about a build, to read anywhere, offline."""
    from manifests.report import write_report

    path = out or build / "report.html"
    size = write_report(_opened(build), path)
    if as_json:
        print(json.dumps({"build": str(build), "report": str(path), "bytes": size}))
    else:
        print(f"{path} ({size / 1e6:.2f} MB)")


@app.command(epilog=CARD_EXAMPLES)
def card(
    build: BuildFolder,
    out: Annotated[
        Path | None, typer.Option(help="Folder for both files; the build's own by default.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Where the data will be published.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a dataset card (README.md) for the Hugging Face Hub, and Croissant metadata."""
    from manifests.card import write_card

    paths = [str(path) for path in write_card(_opened(build), out or build, url)]
    if as_json:
        print(json.dumps({"build": str(build), "card": paths[0], "croissant": paths[1]}))
    else:
        print("\n".join(paths))


def _value(value: Any) -> str:
    return "-" if value is None else textwrap.shorten(json.dumps(value, ensure_ascii=False), 60)
