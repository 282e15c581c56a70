"""`curate sources`: what can be had, from where, under which licence; and fetching it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.errors import CurateError, RecipeError
from sources.check import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from sources.catalogue import Source
    from sources.folder import Fetched

app = typer.Typer(
    name="sources",
    help="Published sets: list them, show their facts, fetch them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs, nothing else.")]


@app.command(
    "list",
    epilog="Example:  curate sources list",
)
def list_sources(as_json: AsJson = False) -> None:
    """List every source of the catalogue with its licence and how it is had."""
    with _plainly():
        from sources.catalogue import catalogue

        known = list(catalogue().values())
        if as_json:
            _print_json([_facts(source) for source in known])
        elif sys.stdout.isatty():
            _print_table(known)
        else:
            for source in known:
                cells = (source.name, source.kind, _ways(source), _licence(source), source.title)
                print("\t".join(cells))


@app.command(
    epilog="Examples:  curate sources show wmt18   |   curate sources show csl --json",
)
def show(
    name: Annotated[str, typer.Argument(help="A name from `curate sources list`.")],
    as_json: AsJson = False,
) -> None:
    """Show what is known of one source: files, licence, citation, defects, how to get it."""
    with _plainly():
        from sources.catalogue import find_source

        source = find_source(name)
        if as_json:
            _print_json(_facts(source))
        else:
            print(_described(source))


@app.command(
    epilog="Examples:  curate sources fetch wmt18 --only '*nc-v13*'   |   "
    "curate sources fetch csl --to corpora/csl   |   "
    "curate sources fetch wmt18 --from hub   |   curate sources fetch belle --mirror /mnt/sets",
)
def fetch(
    name: Annotated[str, typer.Argument(help="A name from `curate sources list`.")],
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder to fetch into; data/NAME if left out.")
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(
            "--mirror",
            metavar="DIR_OR_URL",
            help="Take the files from this folder or URL instead, in NAME/ under it or directly.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PATTERN", help="Fetch only matching files; repeatable."),
    ] = None,
    way: Annotated[
        str | None,
        typer.Option("--from", help="files, hub or by-hand; the first that a source has."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a source's files, go on where an earlier run stopped, check and record them.

    Run again, it checks what is there and fetches only what is missing. fetch.json in the folder
    says where every file came from. HF_ENDPOINT and HF_TOKEN are honoured for the Hub.
    """
    with _plainly():
        from sources.catalogue import find_source

        source = find_source(name)
        destination = to or Path("data") / source.name
        started = time.monotonic()
        shown: ProgressLines | ProgressBars = (
            ProgressBars() if sys.stderr.isatty() else ProgressLines()
        )
        with shown:
            fetched = _fetcher(source, way)(
                source, destination, mirror=mirror, only=only or (), progress=shown
            )
        seconds = time.monotonic() - started
        if as_json:
            _print_json(_result(fetched, seconds))
        else:
            total = _size(sum(file.bytes for file in fetched.files))
            print(
                f"{source.name}: {len(fetched.files)} files, {total} in {destination}; "
                f"{_size(fetched.received)} transferred in {seconds:.1f} s"
            )


def _fetcher(source: Source, way: str | None) -> Callable[..., Fetched]:
    """The function that fetches a source in the way asked for, or in its first way."""
    from sources.fetch import fetch_by_hand, fetch_files
    from sources.hub import fetch_hub

    fetchers = {"files": fetch_files, "hub": fetch_hub, "by-hand": fetch_by_hand}
    chosen = way or source.ways[0]
    if chosen not in source.ways:
        raise RecipeError(
            f"{source.name} cannot be had with --from {chosen}; it can with: "
            f"{', '.join(source.ways)}."
        )
    return fetchers[chosen]


class ProgressLines(Progress):
    """Plain lines on standard error, one at the start and end of a file and every few seconds."""

    interval = 10.0
    """Seconds between two lines about the same file."""

    def __enter__(self) -> ProgressLines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def begin(self, name: str, done: int, total: int | None) -> None:
        self.name, self.done, self.total = name, done, total
        self.first, self.started = done, time.monotonic()
        self.spoken = self.started
        whole = f" of {_size(total)}" if total else ""
        self._say(f"{name}: from {_size(done)}{whole}" if done else f"{name}: fetching{whole}")

    def advance(self, count: int) -> None:
        self.done += count
        moment = time.monotonic()
        if moment - self.spoken < self.interval:
            return
        self.spoken = moment
        rate = (self.done - self.first) / max(moment - self.started, 1e-9)
        line = f"{self.name}: {_size(self.done)}"
        if self.total:
            left = (self.total - self.done) / max(rate, 1.0)
            line += f" of {_size(self.total)} ({self.done / self.total:.0%}), {left:,.0f} s left"
        self._say(f"{line}, {_size(rate)}/s")

    def wait(self, seconds: float, reason: str) -> None:
        self._say(f"{reason}; next try in {seconds:.1f} s")

    def end(self, name: str, outcome: str) -> None:
        self._say(f"{name}: {outcome}")

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class ProgressBars(Progress):
    """A bar for each file with rate and time left, on a terminal."""

    def __enter__(self) -> ProgressBars:
        from rich import progress as parts
        from rich.console import Console

        self.bars: RichProgress = parts.Progress(
            parts.TextColumn("{task.description}"),
            parts.BarColumn(),
            parts.DownloadColumn(),
            parts.TransferSpeedColumn(),
            parts.TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self.tasks: dict[str, parts.TaskID] = {}
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def begin(self, name: str, done: int, total: int | None) -> None:
        from rich.markup import escape

        if name not in self.tasks:
            self.tasks[name] = self.bars.add_task(escape(name), total=total)
        self.current = self.tasks[name]
        self.bars.update(self.current, completed=done, total=total)

    def advance(self, count: int) -> None:
        self.bars.advance(self.current, count)

    def wait(self, seconds: float, reason: str) -> None:
        from rich.markup import escape

        self.bars.console.print(f"{escape(reason)}; next try in {seconds:.1f} s")

    def end(self, name: str, outcome: str) -> None:
        from rich.markup import escape

        self.bars.console.print(f"{escape(name)}: {outcome}")


class _plainly:
    """Turns errors into one message on standard error and the exit code."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CurateError):
            print(f"curate: {error}", file=sys.stderr)
            raise typer.Exit(error.exit_code) from None
        if isinstance(error, KeyboardInterrupt):
            print("curate: stopped; run the same command again to go on.", file=sys.stderr)
            raise typer.Exit(1) from None


def _facts(source: Source) -> dict[str, object]:
    return {**source.model_dump(mode="json"), "ways": list(source.ways)}


def _result(fetched: Fetched, seconds: float) -> dict[str, object]:
    return {
        "source": fetched.source,
        "to": str(fetched.destination),
        "files": [vars(file) for file in fetched.files],
        "revisions": fetched.revisions,
        "bytes": sum(file.bytes for file in fetched.files),
        "bytes_transferred": fetched.received,
        "seconds": round(seconds, 3),
    }


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False))


def _print_table(known: list[Source]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("name", "kind", "had from", "licence", "what it is"):
        table.add_column(title, no_wrap=title == "name")
    for source in known:
        cells = (source.name, source.kind, _ways(source), _licence(source), source.title)
        table.add_row(*(escape(cell) for cell in cells))
    Console().print(table)


def _described(source: Source) -> str:
    """Everything known of a source, as plain text."""
    lines = [
        f"{source.name}: {source.title}",
        f"homepage    {source.homepage}",
        f"kind        {source.kind}, read by adapter {source.adapter or '(none of its own yet)'}",
        f"languages   {', '.join(source.languages)}",
        f"size        {source.size}",
        f"licence     {_licence(source)}; rows carry {source.terms.licence}",
    ]
    if source.files:
        lines.append("files")
        for file in source.files:
            size = _size(file.bytes) if file.bytes else "size unknown"
            sha256 = f"sha256 {file.sha256}" if file.sha256 else "checksum recorded when fetched"
            lines.append(f"  {file.name} ({size}; {sha256})")
            lines += [f"    {url}" for url in ([file.url] if file.url else file.parts)]
            lines += [f"    {file.note}"] if file.note else []
    for repository in source.hub:
        at = repository.revision or "newest commit at the first fetch, then kept"
        size = f", {_size(repository.bytes)}" if repository.bytes else ""
        lines.append(
            f"hub         {repository.repo} ({at}{size}): {', '.join(repository.patterns)}"
        )
        lines += [f"    {repository.note}"] if repository.note else []
    if source.how_to_obtain:
        how = source.how_to_obtain
        lines += [f"by hand     ask {how.ask}", *(f"  - {step}" for step in how.steps)]
        lines += [f"  put into data/{source.name}:", *(f"  - {what}" for what in how.put)]
    if source.notes:
        lines += ["known defects", *(f"  - {note}" for note in source.notes)]
    lines += ["citation", *(f"  {line}" for line in source.citation.splitlines())]
    return "\n".join(lines)


def _ways(source: Source) -> str:
    words = {"files": "download", "hub": "Hub", "by-hand": "by hand"}
    return ", ".join(words[way] for way in source.ways)


def _licence(source: Source) -> str:
    return f"{source.licence} (non-commercial)" if source.non_commercial else source.licence


def _size(count: float) -> str:
    """Bytes in the largest unit that keeps the number above one, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
