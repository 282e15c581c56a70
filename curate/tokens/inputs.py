"""What a mixture's members are: finished builds, or JSON Lines files of instructions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from curate.errors import RecipeError
from curate.fingerprint import file_sha256
from curate.storage import read_json
from curate.tokens.datafile import DataFile, stretches
from curate.tokens.documents import INSTRUCTIONS, TEXT
from curate.tokens.mixture import Member
from manifests.opened import named_inside

LINES = (".jsonl", ".json")


@dataclass(frozen=True)
class Input:
    """A member's files, ready to be tokenised."""

    name: str
    fingerprint: str
    kind: str
    manifest: Path | None
    files: tuple[DataFile, ...]


def opened(member: Member) -> Input:
    """The input of a member. Raises RecipeError when it is not there, not finished or empty."""
    path = Path(member.build).expanduser()
    if path.is_dir():
        return _build(path)
    if path.is_file() and path.suffix in LINES:
        return _lines(path)
    if path.exists():
        raise RecipeError(
            f"{path} is neither a build's folder nor a JSON Lines file ({' or '.join(LINES)})"
        )
    raise RecipeError(f"there is no build or file {path}; `curate build` makes one")


def _build(folder: Path) -> Input:
    path = folder / "manifest.json"
    if not path.exists():
        raise RecipeError(
            f"{folder} is no finished build: it has no manifest.json; run `curate build` to its end"
            f"{named_inside(folder)}"
        )
    try:
        manifest: dict[str, Any] = read_json(path)
        outputs = [o for o in manifest["outputs"] if str(o["path"]).startswith("data/")]
        files = tuple(
            DataFile(str(folder / o["path"]), o["path"], o["sha256"], "")
            for o in outputs
            if o["rows"]
        )
        name = str(manifest["name"])
    except (ValueError, KeyError, TypeError):
        raise RecipeError(f"{path} is not the manifest of a build; run `curate build`") from None
    if not files:
        raise RecipeError(f"build {folder} kept no rows, so there is nothing to pack")
    for file, output in zip(files, (o for o in outputs if o["rows"]), strict=True):
        where = Path(file.path)
        if not where.exists() or where.stat().st_size != output["bytes"]:
            raise RecipeError(
                f"{where} is missing or cut; run `curate build` again to write it anew"
            )
    columns = pq.read_schema(files[0].path).names
    if not {"text", "instruction"} & set(columns):
        raise RecipeError(f"{files[0].path} has neither a column `text` nor `instruction`")
    kind = INSTRUCTIONS if "instruction" in columns else TEXT
    return Input(name, file_sha256(path), kind, path, files)


def _lines(path: Path) -> Input:
    with path.open("rb") as file:
        first = file.readline(1 << 26).strip().removeprefix(b"\xef\xbb\xbf")
    if not first and path.stat().st_size == 0:
        raise RecipeError(f"{path} is empty, so there is nothing to pack")
    try:
        is_object = isinstance(orjson.loads(first), dict) if first else True
    except orjson.JSONDecodeError:
        is_object = False
    if not is_object:
        raise RecipeError(
            f"{path} is no JSON Lines file: its first line is not a JSON object; "
            "the published schema has one object a line (instruction, input, output)"
        )
    sha256 = file_sha256(path)
    return Input(path.stem, sha256, INSTRUCTIONS, None, tuple(stretches(path, sha256, path.stem)))


def opened_all(members: Sequence[Member]) -> tuple[list[Input], str]:
    """(inputs, their kind). Raises RecipeError when text and instructions are mixed."""
    inputs = [opened(member) for member in members]
    kinds = {value.kind for value in inputs}
    if len(kinds) > 1:
        text = next(i.name for i in inputs if i.kind == TEXT)
        other = next(i.name for i in inputs if i.kind == INSTRUCTIONS)
        raise RecipeError(
            f"{text} holds text and {other} instructions; pack them apart, "
            "since only instructions have answers to learn"
        )
    return inputs, kinds.pop()
