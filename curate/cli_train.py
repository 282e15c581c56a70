"""`curate train`: pretraining and instruction tuning from packed shards, and what a step saw."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from curate.errors import RecipeError

app = typer.Typer(
    help="Train on packed shards: pretrain, sft; trace the documents of a step.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

ConfigArgument = Annotated[Path, typer.Argument(help="Training configuration, a YAML file.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Changes a key, such as optimizer.lr=1e-4; may be given again."),
]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Print parameters, memory, tokens, steps and time; train nothing."
    ),
]
MeasureOption = Annotated[
    bool,
    typer.Option(
        "--measure/--no-measure", help="With --dry-run: try some micro-batches, to tell the time."
    ),
]
ProcessesOption = Annotated[
    int,
    typer.Option(
        min=1, envvar="WORLD_SIZE", show_envvar=False, help="With --dry-run: so many will work."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="End standard output with one JSON object.")
]


def needs_torch() -> None:
    """Raises RecipeError where the extra with torch and transformers is not installed."""
    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            raise RecipeError(
                f"training needs {name}; install it with `pip install curate-zh[train]`"
            )


@app.callback()
def group() -> None:
    """Train on packed shards."""


@app.command(
    epilog="[bold]Examples[/bold]\n\n  curate train pretrain recipes/train/sample.yaml\n\n"
    "  curate train pretrain my.yaml --set optimizer.lr=1e-4 --set batch.micro_rows=2\n\n"
    "  curate train pretrain my.yaml --dry-run --processes 8\n\n"
    "  torchrun --nproc-per-node 2 -m curate train pretrain my.yaml"
)
def pretrain(
    config: ConfigArgument,
    change: SetOption = None,
    dry_run: DryRunOption = False,
    measure: MeasureOption = True,
    processes: ProcessesOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Pretrain on shards of text, from scratch or from a model; goes on where it was stopped."""
    if dry_run:
        _foretell(config, change, "pretrain", measure, processes, as_json)
    else:
        _run(config, change, "pretrain", as_json)


@app.command(
    epilog="[bold]Examples[/bold]\n\n  curate train sft recipes/train/sample-sft.yaml\n\n"
    "  curate train sft my.yaml --set model.path=runs/base/checkpoints/step-1000"
)
def sft(
    config: ConfigArgument,
    change: SetOption = None,
    dry_run: DryRunOption = False,
    measure: MeasureOption = True,
    processes: ProcessesOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Tune a model on shards of instructions; only answers are learnt."""
    if dry_run:
        _foretell(config, change, "sft", measure, processes, as_json)
    else:
        _run(config, change, "sft", as_json)


def _foretell(
    path: Path, change: list[str] | None, stage: Any, measure: bool, processes: int, as_json: bool
) -> None:
    needs_torch()
    from trainer.config import read
    from trainer.loop import opened
    from trainer.size import foretold
    from trainer.timing import Timing, measured

    config = read(path, change)
    shards = opened(config, stage)
    size = foretold(config, shards, processes)
    timing = measured(config, shards, size) if measure else "not asked for"
    told: dict[str, Any] = {**size.as_json(), "backend": config.backend}
    if isinstance(timing, Timing):
        told |= {"seconds": timing.seconds(size, config), "measured": vars(timing)}
    else:
        told |= {"seconds": None, "measured": None, "not_measured": timing}
    _print_size(told)
    if as_json:
        print(json.dumps(told))


def _run(path: Path, change: list[str] | None, stage: Any, as_json: bool) -> None:
    needs_torch()
    from trainer.config import read

    config = read(path, change)
    from trainer.loop import train

    result = train(config, stage)
    if int(os.environ.get("RANK", "0")) == 0:
        print(f"{result.step:,} of {result.steps:,} steps: {result.folder}")
        if as_json:
            print(json.dumps(result.as_json()))


def _print_size(size: dict[str, Any]) -> None:
    table = Table(show_header=False)
    gib = 1 << 30
    many = size["processes"]
    whose = f"in each of {many:,} processes ({size['backend']})" if many > 1 else "in one process"
    timing = size["measured"]
    rows = [
        ("parameters", f"{size['parameters']:,}"),
        ("steps", f"{size['steps']:,} of {size['rows_per_step']:,} rows"),
        ("tokens", f"{size['tokens']:,}"),
        ("weights, gradients, optimizer", f"{size['weights_bytes'] / gib:,.2f} GiB {whose}"),
        ("activations, about", f"{size['activations_bytes'] / gib:,.2f} GiB"),
        ("operations", f"{size['flops']:.3g} ({size['flops_per_token']:.3g} a token)"),
        (
            "hours at 1 / 100 TFLOP/s",
            f"{size['flops'] / 3.6e15:,.2f} / {size['flops'] / 3.6e17:,.2f}",
        ),
    ]
    if timing is None:
        rows.append(("time", f"not measured: {size['not_measured']}"))
    else:
        use = f", {timing['mfu']:.1%} MFU" if timing["mfu"] is not None else ""
        rows += [
            (
                f"measured on {timing['device']}",
                f"{timing['tokens_per_s']:,.0f} tokens/s, {timing['tflops']:.3g} TFLOP/s{use}, "
                f"{timing['rows']} rows at once",
            ),
            (
                "time, about",
                f"{clock(size['seconds'])} (without evaluations, checkpoints and waiting)",
            ),
        ]
        if timing["peak_bytes"] is not None:
            rows.append(("memory measured", f"{timing['peak_bytes'] / gib:,.2f} GiB"))
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours:,}:{rest // 60:02d}:{rest % 60:02d}"


@app.command(
    epilog="[bold]Examples[/bold]\n\n  curate train trace runs/sample --step 40 --json\n\n"
    "  curate train trace runs/sample --spike"
)
def trace(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    step: Annotated[
        int | None, typer.Option(help="Step, counted from 1 as in metrics.jsonl.")
    ] = None,
    spike: Annotated[
        bool,
        typer.Option("--spike", help="Find the steps where the loss jumped and show their text."),
    ] = False,
    shards: Annotated[
        Path | None, typer.Option(help="Where the shards are now, if they were moved.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the documents that a step saw, with their sources down to the published files."""
    needs_torch()
    from trainer.trace import traced_step

    if (step is None) != spike:
        raise RecipeError("give --step N or --spike")
    if step is not None:
        found = traced_step(run, step, shards)
        _print_step(found)
        if as_json:
            print(json.dumps(found, ensure_ascii=False))
        return
    jumps = _spikes(run, shards)
    if as_json:
        print(json.dumps({"run": str(run), "spikes": jumps}, ensure_ascii=False))


def _print_step(found: dict[str, Any]) -> None:
    table = Table(title=f"step {found['step']} of {found['run']}", title_justify="left")
    for column in ("row", "tokens", "document", "source", "licence", "published at"):
        table.add_column(column, overflow="fold")
    for row in found["rows"]:
        for entry in row["documents"]:
            table.add_row(
                str(row["row_in_split"]),
                f"{entry['begin']}:{entry['end']}",
                entry["document"],
                entry["source"],
                entry["licence"] or "not known",
                entry["url"] or "not known",
            )
    Console().print(table)


SHOWN_CHARACTERS = 300


def _spikes(run: Path, shards: Path | None) -> list[dict[str, Any]]:
    from curate.tokens.tokenizer import load_tokenizer
    from trainer.trace import opened, run_facts, spikes, traced_step

    facts = run_facts(run)
    data = opened(run, facts, shards)
    options = facts["config"]["model"]
    tokenizer = load_tokenizer(Path(options["tokenizer"] or options["path"]))
    data.check_tokenizer(tokenizer.fingerprint, str(tokenizer.path))
    console = Console()
    result = []
    for jump in spikes(run):
        console.rule(
            f"step {jump['step']}: loss {jump['loss']:.4f}, {jump['median']:.4f} before it"
        )
        found = traced_step(run, jump["step"], shards)
        for row in found["rows"]:
            tokens = data.tokens(row["row_in_split"])
            for entry in row["documents"]:
                ids = tokens[entry["begin"] : entry["end"]].astype("uint32")
                entry["text"] = tokenizer.decode(ids, inner=entry["offset"] > 0)
                console.print(f"{entry['document']}", style="bold cyan", markup=False)
                console.print(entry["text"][:SHOWN_CHARACTERS], markup=False, highlight=False)
        result.append({**jump, "rows": found["rows"]})
    if not result:
        console.print("the loss did not jump")
    return result


@app.command(
    epilog="[bold]Examples[/bold]\n\n  curate train report runs/sample\n\n"
    "  curate train report runs/new --compare runs/old --compare runs/older -o new.html"
)
def report(
    run: Annotated[Path, typer.Argument(help="Folder of a run; it may still be going on.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; RUN/report.html.")
    ] = None,
    compare: Annotated[
        list[Path] | None,
        typer.Option(help="Another run to draw over it; may be given again."),
    ] = None,
    shards: Annotated[
        Path | None, typer.Option(help="Where the shards are now, if they were moved.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw a run on one HTML page: curves, held-out text, samples, jumps, data, checkpoints."""
    needs_torch()
    from trainer.recorded import Recorded
    from trainer.report import report_page, summary, write_report

    path = out or run / "report.html"
    size = write_report(report_page(run, compare, shards), path)
    print(f"{path}: {size:,} bytes")
    if as_json:
        told = summary(Recorded(run))
        print(json.dumps({"out": str(path), "bytes": size, **told}, ensure_ascii=False))


@app.command(
    "import",
    epilog="[bold]Example[/bold]\n\n  curate train import tp/tencentpretrain_model.bin "
    "--config tp/config.json --eps 1e-5 --tokenizer tokenizer.model --out models/from-tp",
)
def import_(
    weights: Annotated[
        Path,
        typer.Argument(help="TencentPretrain's weights: a .bin, or the .index.json of several."),
    ],
    config: Annotated[Path, typer.Option(help="The model's configuration there, JSON.")],
    eps: Annotated[
        float, typer.Option(min=0, help="Of its norms: 1e-6 for LLaMA, 1e-5 for Llama 2.")
    ],
    tokenizer: Annotated[Path, typer.Option(help="The model's tokenizer, copied beside it.")],
    out: Annotated[Path, typer.Option(help="Folder to write; must not exist.")],
    as_json: JsonOption = False,
) -> None:
    """Read a LLaMA checkpoint of TencentPretrain into a folder that transformers loads."""
    needs_torch()
    from curate.tokens.tokenizer import load_tokenizer
    from trainer import attention, tencentpretrain
    from trainer.checkpoint import copy_tokenizer

    _must_be_free(out)
    attention.register()
    load_tokenizer(tokenizer)
    model = tencentpretrain.read(weights, config, eps)
    # Under another name until it is whole.
    partial = out.with_name(f".{out.name}.partial")
    model.save_pretrained(partial)
    copy_tokenizer(tokenizer, partial)
    os.replace(partial, out)
    _print_converted(out, model, as_json)


@app.command(
    epilog="[bold]Example[/bold]\n\n  curate train export runs/sample/checkpoints/step-120 --out tp"
)
def export(
    folder: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a Llama model.")],
    out: Annotated[Path, typer.Option(help="Folder to write; must not exist.")],
    full: Annotated[bool, typer.Option("--fp32", help="float32 instead of float16.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a Llama model as a checkpoint of TencentPretrain."""
    needs_torch()
    import torch

    from trainer import model, tencentpretrain

    _must_be_free(out)
    found = model.from_folder(folder)
    tencentpretrain.write(found, out, torch.float32 if full else torch.float16)
    _print_converted(out, found, as_json)


@app.command(
    epilog="[bold]Example[/bold]\n\n  curate train merge runs/lora/checkpoints/step-500 -o merged"
)
def merge(
    folder: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="Folder with adapters.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; must not exist.")],
    base: Annotated[
        Path | None, typer.Option(help="The model they belong to, if it was moved.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--fp32", help="float32 instead of the base's type.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a LoRA checkpoint as a plain model: adapters added to the weights."""
    needs_torch()
    from trainer import attention, lora, model

    _must_be_free(out)
    attention.register()
    if not (folder / model.ADAPTER).is_file():
        raise RecipeError(f"{folder} holds no adapters: there is no {model.ADAPTER}")
    found = lora.write_merged(folder, out, base, full)
    _print_converted(out, found, as_json)


def _must_be_free(out: Path) -> None:
    if out.exists():
        raise RecipeError(f"{out} exists already; give another --out")


def _print_converted(out: Path, model: Any, as_json: bool) -> None:
    count = sum(p.numel() for p in model.parameters())
    print(f"{count:,} parameters: {out}")
    if as_json:
        print(json.dumps({"out": str(out), "parameters": count}))
