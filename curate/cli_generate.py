"""`curate generate`: continue a text, answer a file of questions, or chat in the terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli_train import needs_torch
from curate.errors import CurateError, RecipeError

if TYPE_CHECKING:
    from trainer.generate import Sampling, Writer, Written

app = typer.Typer(rich_markup_mode="rich", add_completion=False)

EXAMPLES = """
[bold]Examples[/bold]

  curate generate runs/sample/checkpoints/step-200 --prompt 图书馆

  curate generate runs/sample-sft/checkpoints/step-120 --ask 三加四是多少？

  curate generate my-model --file questions.txt --out answers.jsonl

  curate generate my-model
"""


@app.command(epilog=EXAMPLES)
def generate(
    folder: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a model.")],
    prompt: Annotated[str | None, typer.Option(help="A text to continue.")] = None,
    ask: Annotated[
        str | None, typer.Option(help="A question, put in the format the model was trained with.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Questions (of a model without chat format: texts), one a line."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --file: JSON Lines to write, instead of printing.")
    ] = None,
    system: Annotated[str, typer.Option(help="System message of a question or chat.")] = "",
    chat_format: Annotated[
        str | None, typer.Option(help="alpaca, plain, chatml, llama-2-zh or template.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Most tokens to write.")] = 256,
    temperature: Annotated[
        float, typer.Option(min=0, help="0 always takes the likeliest token.")
    ] = 0.0,
    top_p: Annotated[
        float, typer.Option(min=0.01, max=1, help="Draws from the likeliest so far.")
    ] = 1.0,
    repetition_penalty: Annotated[
        float, typer.Option(min=0.1, help="Above 1 words that were used are less likely.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Decides what is drawn.")] = 0,
    device: Annotated[str, typer.Option(help="auto or cpu.")] = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="End standard output with one JSON object.")
    ] = False,
) -> None:
    """Write with a model: continue --prompt, answer --ask, go through --file, or chat."""
    if sum(value is not None for value in (prompt, ask, file)) > 1:
        raise RecipeError("give one of --prompt, --ask and --file, or none to chat")
    if out is not None and file is None:
        raise RecipeError("--out goes with --file")
    questions = _lines(file) if file is not None else []
    needs_torch()
    from trainer.generate import Sampling, Writer

    sampling = Sampling(max_tokens, temperature, top_p, repetition_penalty, seed)
    writer = Writer.from_folder(folder, device, chat_format)
    if file is not None:
        _answer_all(writer, questions, system, sampling, out, as_json)
        return
    if prompt is None and ask is None:
        _chat(writer, system, sampling)
        return
    if prompt is not None:
        print(prompt, end="", flush=True)
        written = writer.continued(prompt, sampling, _show)
    else:
        written = writer.answered(ask or "", sampling, system=system, shown=_show)
    print()
    if as_json:
        print(json.dumps(_as_json(prompt or ask or "", written), ensure_ascii=False))


def _show(piece: str) -> None:
    print(piece, end="", flush=True)


def _as_json(prompt: str, written: Written) -> dict[str, object]:
    return {
        "prompt": prompt,
        "text": written.text,
        "tokens": written.tokens,
        "ended": written.ended,
    }


def _lines(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise RecipeError(f"{file} is not UTF-8") from None
    except FileNotFoundError:
        raise RecipeError(f"there is no file {file}") from None
    found = [line for line in lines if line.strip()]
    if not found:
        raise RecipeError(f"{file} has no lines to answer")
    return found


def _answer_all(
    writer: Writer,
    questions: list[str],
    system: str,
    sampling: Sampling,
    out: Path | None,
    as_json: bool,
) -> None:
    from curate.storage import opened_for_writing

    lines = []
    for question in questions:
        if writer.chat is None:
            written = writer.continued(question, sampling)
        else:
            written = writer.answered(question, sampling, system=system)
        lines.append(json.dumps(_as_json(question, written), ensure_ascii=False))
        if out is None:
            print(lines[-1], flush=True)
    if out is not None:
        with opened_for_writing(out) as target:
            target.write("".join(f"{line}\n" for line in lines).encode())
    if as_json:
        print(json.dumps({"answers": len(lines), "out": str(out) if out else None}))


def _chat(writer: Writer, system: str, sampling: Sampling) -> None:
    """Turns from standard input until it ends; an empty line begins anew."""
    if writer.chat is None:
        raise RecipeError(
            "this model's folder names no chat format; name one with --chat-format, or continue a "
            "text with --prompt"
        )
    terminal = sys.stdin.isatty()
    if terminal:
        print(f"chat format {writer.chat_name}; an empty line begins anew, Ctrl-D ends")
    history: list[tuple[str, str]] = []
    while True:
        if terminal:
            print("> ", end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            break
        question = line.strip()
        if not question:
            history = []
            continue
        try:
            written = writer.answered(question, sampling, history, system, _show)
        except CurateError as error:
            print(f"curate: {error}", file=sys.stderr)
            continue
        print()
        history.append((question, written.text))
