"""`curate pack`: from builds to rows of tokens that trainers map into memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from curate.cli_shards import JsonOption, TokenizerOption, print_index
from curate.engine.local import TaskFailure, usable_cores
from curate.errors import RecipeError
from curate.progress import progress
from curate.tokens import mixture as mixtures
from curate.tokens.pack import Packing, PackResult

app = typer.Typer(rich_markup_mode="rich", add_completion=False)

EXAMPLES = """
[bold]Examples[/bold]

  curate pack builds/corpus --tokenizer llama/tokenizer.model --out shards/corpus

  curate pack builds/wiki=3 builds/web=7 --tokenizer my-model --validation 0.01 --out shards/mix

  curate pack sft.jsonl --tokenizer my-model --prompt template --seq-length 2048 --out shards/sft

  curate pack mixture.yaml --tokenizer my-model --out shards/mix --workers 8 --json
"""


@app.command(no_args_is_help=True, epilog=EXAMPLES)
def pack(
    build: Annotated[
        list[str],
        typer.Argument(
            help="Builds, JSON Lines files of instructions, or one mixture in YAML; "
            "PATH=WEIGHT gives a build its share of the tokens."
        ),
    ],
    tokenizer: TokenizerOption,
    out: Annotated[Path, typer.Option(help="Folder to write; replaced if it holds shards.")],
    seq_length: Annotated[
        int | None, typer.Option(help="Tokens of a row; 4096 unless given.")
    ] = None,
    bos: Annotated[
        bool | None, typer.Option("--bos/--no-bos", help="Text: BOS before every document.")
    ] = None,
    eos: Annotated[
        bool | None, typer.Option("--eos/--no-eos", help="Text: EOS after every document.")
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            help="Instructions: alpaca, plain, chatml, llama-2-zh, or template (the tokenizer's)."
        ),
    ] = None,
    loss: Annotated[
        str | None, typer.Option(help="Instructions: what is learnt: answers, last or all.")
    ] = None,
    packing: Annotated[
        str | None, typer.Option(help="best-fit, or concatenate (cuts documents; to compare).")
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            help="Share of documents held out, by source; of a build with a split of its own, that."
        ),
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(help="How often each document is taken; with weights, at most.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Decides the order of the rows.")] = None,
    token_type: Annotated[
        str | None, typer.Option(help="uint16 or uint32; by the vocabulary unless given.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Where tokenised documents are kept; `.tokens` beside --out by default."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; one for each core by default.")
    ] = None,
    as_json: JsonOption = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print tracebacks of failures.")] = False,
) -> None:
    """Pack builds into rows of tokens that trainers map into memory."""
    console = Console(stderr=True)
    values, where = _given(build)
    options = {
        "seq_length": seq_length,
        "bos": bos,
        "eos": eos,
        "prompt": prompt,
        "loss": loss,
        "packing": packing,
        "validation": validation,
        "seed": seed,
        "token_type": token_type,
    }
    values |= {key: value for key, value in options.items() if value is not None}
    if epochs is not None:
        values["builds"] = [
            {**member, "epochs": epochs} if isinstance(member, dict) else member
            for member in values["builds"]
        ]
    work = Packing(
        mixtures.checked(values, where),
        tokenizer,
        out,
        workers or usable_cores(),
        cache,
        progress(console),
    )
    try:
        result = work.run()
    except TaskFailure as failure:
        if debug:
            console.print(failure.details, markup=False)
        raise
    finally:
        work.progress.close()
    _print_result(Console(), result)
    if as_json:
        print(json.dumps(result.summary()))


def _given(builds: list[str]) -> tuple[dict[str, Any], str]:
    """The mixture's plain values, and what to call where they stand."""
    if len(builds) == 1 and builds[0].endswith((".yaml", ".yml")):
        return mixtures.read(Path(builds[0])), builds[0]
    members: list[dict[str, Any]] = []
    for given in builds:
        path, equals, weight = given.rpartition("=")
        if not equals or Path(given).exists():
            members.append({"build": given})
            continue
        try:
            members.append({"build": path, "weight": float(weight)})
        except ValueError:
            raise RecipeError(
                f"{given}: the weight after `=` is no number; write PATH=WEIGHT"
            ) from None
    return {"builds": members}, "curate pack"


def _print_result(console: Console, result: PackResult) -> None:
    print_index(console, result.folder, result.index)
    if result.unknown:
        console.print(
            f"{result.unknown:,} tokens are the tokenizer's unknown token: it cannot express the "
            "text they stand for; use one with byte fallback"
        )
    summary = result.summary()
    console.print(
        f"{summary['tokens_packed']:,} tokens in {summary['rows']:,} rows, "
        f"{summary['fill']:.3%} full, in {result.seconds:.1f} s: {result.folder}",
        soft_wrap=True,
    )
