"""Checkpoints: folders that transformers loads, with what a run needs to go on beside the weights.

    step-400/
      config.json  model.safetensors  generation_config.json    as `save_pretrained` writes them
      tokenizer.json  tokenizer.model  ...                      copies of the tokenizer's files
      chat_format.json                                          how instructions were put
      trainer/optimizer.safetensors                             moments by parameter name
      trainer/state.json                                        step, data, sizes of all files

A checkpoint is written under another name, brought to disk and renamed, so a folder called step-N
is whole; one that was being written when the process died stays hidden and is removed by the next.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from curate.errors import CurateError
from curate.storage import read_json, write_json
from trainer.config import Checkpoints

STATE = "trainer/state.json"
MOMENTS = "trainer/optimizer.safetensors"
CHAT_FORMAT = "chat_format.json"

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "tokenizer_manifest.json",
)

_NAME = re.compile(r"step-(\d+)")


@dataclass(frozen=True)
class Checkpoint:
    """One that is whole."""

    path: Path
    step: int
    """Steps done."""
    state: dict[str, Any]
    """`data`, `tokens` and `heldout`, the held-out loss or None."""


def folder_of(run: Path, step: int) -> Path:
    """Where the checkpoint after so many steps lies."""
    return run / "checkpoints" / f"step-{step}"


def all_of(run: Path) -> list[Checkpoint]:
    """The checkpoints of a run by step. Raises CurateError for one whose state cannot be read."""
    found = []
    for path in (run / "checkpoints").glob("step-*"):
        match = _NAME.fullmatch(path.name)
        if match:
            found.append(Checkpoint(path, int(match[1]), _state(path)))
    return sorted(found, key=lambda checkpoint: checkpoint.step)


def _state(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = read_json(path / STATE)
        files: dict[str, int] = state["files"]
    except (OSError, ValueError, KeyError, TypeError):
        raise CurateError(
            f"{path} is cut short: {STATE} is missing or damaged; remove the folder, and the run "
            "goes on from the checkpoint before it"
        ) from None
    for name, size in files.items():
        file = path / name
        if not file.is_file() or file.stat().st_size != size:
            raise CurateError(
                f"{path} is cut short: {name} is missing or has another size; remove the folder, "
                "and the run goes on from the checkpoint before it"
            )
    return state


def save(
    run: Path,
    step: int,
    model: Any,
    weights: dict[str, Tensor] | None,
    moments: dict[str, Tensor],
    state: dict[str, Any],
    tokenizer: Path,
    chat: dict[str, Any] | None,
) -> Path:
    """Writes a checkpoint and gives it its name when it is whole; returns its folder."""
    final = folder_of(run, step)
    partial = final.with_name(f".{final.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "trainer").mkdir(parents=True)
    model.save_pretrained(partial, state_dict=weights)
    copy_tokenizer(tokenizer, partial)
    if chat is not None:
        write_json(partial / CHAT_FORMAT, chat)
    save_file(moments, partial / MOMENTS)
    files = {
        str(path.relative_to(partial)): path.stat().st_size
        for path in sorted(partial.rglob("*"))
        if path.is_file()
    }
    write_json(partial / STATE, {"step": step, **state, "files": files})
    _to_disk(partial)
    # A checkpoint of this step can only be there from a run that died before it removed others.
    shutil.rmtree(final, ignore_errors=True)
    os.replace(partial, final)
    _sync(final.parent)
    return final


def copy_tokenizer(source: Path, target: Path) -> None:
    """Puts a tokenizer's files beside a model, so that AutoTokenizer finds them."""
    if source.is_file():
        name = "tokenizer.json" if source.suffix == ".json" else "tokenizer.model"
        shutil.copyfile(source, target / name)
    else:
        for name in TOKENIZER_FILES:
            if (source / name).is_file():
                shutil.copyfile(source / name, target / name)
        models = sorted(source.glob("*.model"))
        if not (target / "tokenizer.json").exists() and len(models) == 1:
            shutil.copyfile(models[0], target / "tokenizer.model")
    path = target / "tokenizer_config.json"
    facts = read_json(path) if path.exists() else {}
    if (target / "tokenizer.json").exists() and "tokenizer_class" not in facts:
        # Otherwise transformers takes the class of the model's kind, which rebuilds the tokenizer
        # from its vocabulary with a way of splitting of its own.
        write_json(path, {**facts, "tokenizer_class": "PreTrainedTokenizerFast"})


def _to_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def moments_of(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The optimizer's state. Raises CurateError where the file is damaged."""
    try:
        return load_file(checkpoint.path / MOMENTS)
    except (OSError, SafetensorError):
        raise CurateError(
            f"{checkpoint.path / MOMENTS} is damaged; remove the folder, and the run goes on from "
            "the checkpoint before it"
        ) from None


def best_of(checkpoints: list[Checkpoint]) -> Checkpoint | None:
    """The one with the lowest held-out loss, the earliest of equals; None where none has any."""
    judged = [c for c in checkpoints if c.state.get("heldout") is not None]
    return min(judged, key=lambda c: (c.state["heldout"], c.step), default=None)


def remove_old(run: Path, options: Checkpoints) -> None:
    """Removes what is not among the last or the best, and what was never finished."""
    checkpoints = all_of(run)
    kept = {c.path for c in checkpoints[-options.keep_last :]}
    best = best_of(checkpoints)
    if options.keep_best and best is not None:
        kept.add(best.path)
    for checkpoint in checkpoints:
        if checkpoint.path not in kept:
            # Renamed first: a folder that is half removed must not look like a checkpoint.
            hidden = checkpoint.path.with_name(f".{checkpoint.path.name}.removed")
            os.replace(checkpoint.path, hidden)
    for pattern in (".step-*.removed", ".step-*.partial"):
        for path in (run / "checkpoints").glob(pattern):
            shutil.rmtree(path, ignore_errors=True)
