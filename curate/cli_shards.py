"""`curate shards`: looking into packed rows, and handing them to other trainers."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curate.errors import CurateError, RecipeError
from curate.progress import progress
from curate.tokens.export import EXPORTS
from curate.tokens.format.index import TRAIN, Index, read_index
from curate.tokens.format.reader import Segment, Shards
from curate.tokens.format.verify import verified
from curate.tokens.tokenizer import Tokenizer, load_tokenizer
from curate.tokens.trace import traced

app = typer.Typer(
    help="Look into packed shards: show, sample, verify, trace, export.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

TokenizerOption = Annotated[
    Path, typer.Option(help="SentencePiece model, tokenizer.json, or a folder with one.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="End standard output with one JSON object.")
]
SplitOption = Annotated[str, typer.Option(help="`train`, or `validation/SOURCE`.")]
FolderArgument = Annotated[Path, typer.Argument(help="Folder that `curate pack` wrote.")]


def print_index(console: Console, folder: Path, index: Index) -> None:
    """Prints tables of what the shards hold by source and split, and what was left out."""
    table = Table(title=f"{folder}", title_justify="left")
    table.add_column("source")
    for column in ("documents", "train tokens", "validation tokens", "dropped", "dropped tokens"):
        table.add_column(column, justify="right")
    for name, facts in index.sources.items():
        table.add_row(
            name,
            f"{facts.documents:,}",
            f"{facts.train_tokens:,}",
            f"{facts.validation_tokens:,}",
            f"{facts.dropped_documents:,}",
            f"{facts.dropped_tokens:,}",
        )
    console.print(table)
    rows = Table(title="Rows", title_justify="left")
    rows.add_column("split")
    for column in ("rows", "segments", "tokens", "learnt", "full"):
        rows.add_column(column, justify="right")
    for name, split in index.splits.items():
        rows.add_row(
            name,
            f"{split.rows:,}",
            f"{split.segments:,}",
            f"{split.tokens:,}",
            f"{split.loss_tokens:,}",
            f"{split.fill:.3%}",
        )
    console.print(rows)
    if index.dropped:
        words = ", ".join(f"{reason} {count:,}" for reason, count in index.dropped.items())
        console.print(f"documents dropped, each in dropped.parquet: {words}")


@app.callback()
def group() -> None:
    """Look into packed shards."""


@app.command(epilog="[bold]Example[/bold]\n\n  curate shards show shards/corpus --json")
def show(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """What a folder of shards holds: sources, rows, tokens, how it was made."""
    index = read_index(folder)
    console = Console()
    print_index(console, folder, index)
    facts = index.model_dump(mode="json", exclude={"files", "data_files", "splits", "sources"})
    made = {**facts["options"], "seq_length": index.seq_length, "token_type": index.token_type}
    console.print("made with: " + ", ".join(f"{key} {value}" for key, value in made.items()))
    console.print(f"tokenizer: {index.tokenizer.fingerprint}", soft_wrap=True)
    for build in index.builds:
        console.print(f"build: {build.name} {build.fingerprint}", soft_wrap=True)
    if as_json:
        print(json.dumps(index.model_dump(mode="json", exclude={"files"}), ensure_ascii=False))


@app.command(
    epilog="[bold]Example[/bold]\n\n  curate shards sample shards/sft --tokenizer my-model --row 7"
)
def sample(
    folder: FolderArgument,
    tokenizer: TokenizerOption,
    row: Annotated[
        list[int] | None, typer.Option(help="Rows to show; drawn by --seed unless given.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many rows to draw.")] = 3,
    seed: Annotated[int, typer.Option(help="Decides which rows are drawn.")] = 0,
    split: SplitOption = TRAIN,
    as_json: JsonOption = False,
) -> None:
    """Print rows as text: documents apart, what is learnt in green, the rest dim."""
    shards = Shards(folder, split)
    known = load_tokenizer(tokenizer)
    shards.check_tokenizer(known.fingerprint, str(tokenizer))
    drawn = np.random.default_rng(seed).choice(len(shards), min(count, len(shards)), replace=False)
    console = Console()
    shown = []
    for number in row or sorted(drawn.tolist()):
        tokens, mask = shards.tokens(number), shards.mask(number)
        segments = shards.segments(number)
        used = segments[-1].end
        console.rule(f"row {number}: {len(segments)} segments, {used} of {len(tokens)} tokens")
        entry = []
        for segment in segments:
            document = shards.document(segment.document)
            runs = _runs(known, tokens, mask, segment)
            start = f", from token {segment.offset}" if segment.offset else ""
            console.print(
                Text(f"[{segment.begin}:{segment.end}] {document.id}{start}", style="bold cyan")
            )
            text = Text()
            for learnt, words in runs:
                text.append(words, style="green" if learnt else "dim")
            console.print(text)
            entry.append(
                {
                    "begin": segment.begin,
                    "end": segment.end,
                    "document": document.id,
                    "offset": segment.offset,
                    "runs": [{"learnt": learnt, "text": words} for learnt, words in runs],
                }
            )
        shown.append({"row": number, "segments": entry})
    if as_json:
        print(json.dumps({"rows": shown}, ensure_ascii=False))


def _runs(tokenizer: Tokenizer, tokens: Any, mask: Any, segment: Segment) -> list[tuple[bool, str]]:
    """A segment's text in runs that are learnt or not."""
    learnt = mask[segment.begin : segment.end]
    cuts = [0, *(np.flatnonzero(np.diff(learnt)) + 1).tolist(), len(learnt)]
    ids = tokens[segment.begin : segment.end].astype(np.uint32)
    return [
        (bool(learnt[a]), tokenizer.decode(ids[a:b], special=True, inner=a > 0))
        for a, b in pairwise(cuts)
    ]


@app.command(epilog="[bold]Example[/bold]\n\n  curate shards verify shards/corpus --json")
def verify(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Read every byte: checksums, counts, segments. Exit code 1 when something is wrong."""
    index = read_index(folder)
    bar = progress(Console(stderr=True))
    bar.stage("verify", sum(facts.bytes for facts in index.files.values()))
    try:
        found = verified(folder, bar.advance)
    finally:
        bar.close()
    for problem in found.problems:
        print(problem)
    if not found.problems:
        print(f"{found.files:,} files, {found.rows:,} rows, {found.tokens:,} tokens: all sound")
    if as_json:
        print(json.dumps(found.as_json(), ensure_ascii=False))
    if found.problems:
        raise CurateError(f"{folder}: {len(found.problems)} problems; pack again or copy it again")


@app.command(epilog="[bold]Example[/bold]\n\n  curate shards trace shards/corpus 17 902 --json")
def trace(
    folder: FolderArgument,
    row: Annotated[int, typer.Argument(help="Row of the split, counted from 0.")],
    token: Annotated[int, typer.Argument(help="Token of the row, counted from 0.")],
    split: SplitOption = TRAIN,
    as_json: JsonOption = False,
) -> None:
    """Follow a token to its document, its row in the build and the file it was published in."""
    found = traced(Shards(folder, split), row, token)
    for key, value in found.items():
        if key != "inputs":
            print(f"{key}: {'not known' if value is None else value}")
    if as_json:
        print(json.dumps(found, ensure_ascii=False))


@app.command(
    epilog="[bold]Example[/bold]\n\n  curate shards export shards/sft --to huggingface --out hf/sft"
)
def export(
    folder: FolderArgument,
    to: Annotated[str, typer.Option(help="megatron, tencentpretrain or huggingface.")],
    out: Annotated[Path, typer.Option(help="Folder to write; must not exist.")],
    split: SplitOption = TRAIN,
    as_json: JsonOption = False,
) -> None:
    """Write a split in the form another trainer reads."""
    if to not in EXPORTS:
        raise RecipeError(f"cannot export to {to!r}; give one of {', '.join(EXPORTS)}")
    if out.exists():
        raise RecipeError(f"{out} exists already; give another --out")
    shards = Shards(folder, split)
    bar = progress(Console(stderr=True))
    bar.stage("export", len(shards), "rows")
    try:
        facts = EXPORTS[to](shards, out, bar.advance)
    finally:
        bar.close()
    print(f"{facts['rows']:,} rows, {facts['tokens']:,} tokens for {to}: {out}")
    if as_json:
        print(json.dumps({"export": str(out), "format": to, **facts}))
