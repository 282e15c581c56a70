"""A row as its source has it: from the build's intermediates, or read from the source once more."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from curate.errors import CurateError
from curate.fingerprint import file_sha256
from curate.rows import FILE, INSTRUCTION, ROW_TYPES
from curate.storage import read_arrow, read_json
from manifests.opened import OpenedBuild
from manifests.seal import seal_holds

if TYPE_CHECKING:
    from curate.recipe import Source
    from sources.adapter import Adapter, Unit


class Unavailable(CurateError):
    """A row that cannot be had from its source any more, and why."""


@dataclass(frozen=True)
class Original:
    """The fields of one row before any rewrite."""

    fields: dict[str, str]
    """Text by field of the row type: `text`, or `zh` and `en`, and so on; of instructions with
    history also by turn."""
    meta: str | None
    read_from: str
    """Where it was found just now."""


def original(build: OpenedBuild, source: str, file: str, row: int, part: int = 1) -> Original:
    """Row `row` of `file` in `source`, as the build read it.

    part: which one of several instructions made of the record.

    Raises Unavailable when the intermediates are gone and the source's file is gone or changed.
    """
    kind = ROW_TYPES[build.manifest["sources"][source]["row_type"]]
    instructions = build.manifest["kind"] == "instructions"
    if (found := _intermediate(build, "rows", source, file, row, part)) is not None:
        table, where = found
        from_where = f"{build.folder / '.work'} (what the build read)"
    elif instructions and kind is not INSTRUCTION:
        raise Unavailable(f"it was made of a {kind.name}, and {build.folder}/.work is gone")
    else:
        table, path = _from_source(build, source, file, row)
        where, from_where = 0, str(path)
    values = table.slice(where, 1).to_pylist()[0]
    fields = said(values) if instructions else {field: values[field] for field in kind.fields}
    return Original(fields, values["meta"], from_where)


def said(values: dict[str, Any]) -> dict[str, str]:
    """The texts of an instruction by name, in the order of a conversation."""
    turns = {
        f"history {number} {side}": turn[side]
        for number, turn in enumerate(values["history"], 1)
        for side in ("user", "assistant")
    }
    last = {field: values[field] for field in ("instruction", "input", "output")}
    return {"system": values["system"], **turns, **last}


def rewritten_text(
    build: OpenedBuild, source: str, file: str, row: int, part: int = 1
) -> str | None:
    """The row's text after every rewrite, as the build has it in its intermediates; else None."""
    found = _intermediate(build, "refined", source, file, row, part)
    return None if found is None else found[0].column("text")[found[1]].as_py()


def _intermediate(
    build: OpenedBuild, what: str, source: str, file: str, row: int, part: int = 1
) -> tuple[pa.Table, int] | None:
    """The partition that holds the row, mapped, and its position in it."""
    work = build.folder / ".work"
    try:
        listing = read_json(work / "partitions.json")
    except (OSError, ValueError):
        return None
    # Builds can be moved: only the last parts of a path say where it is below .work.
    # Work of an earlier version names no `files`; its rows are read from the source again.
    paths = [
        (work / stage / Path(*Path(entry[what]).parts[-depth:]), entry["files"].index(file))
        for entry in listing
        if entry["source"] == source and file in entry.get("files", ()) and entry.get(what)
        for stage, depth in [("ingest", 2) if what == "rows" else ("refine", 1)]
    ]
    low, high = 0, len(paths) - 1
    try:
        while low <= high:
            middle = (low + high) // 2
            path, number = paths[middle]
            table = read_arrow(path)
            files, numbers = (table.column(name).to_numpy() for name in (FILE.name, "row"))
            first, last = np.searchsorted(files, [number, number + 1])
            own = numbers[first:last]
            if not len(own):
                # The file's rows are before or behind those of this partition.
                before = len(files) and files[0] > number
                low, high = (low, middle - 1) if before else (middle + 1, high)
            elif row > own[-1]:
                low = middle + 1
            elif row < own[0]:
                high = middle - 1
            else:
                at = int(np.searchsorted(own, row)) + part - 1
                return (table, int(first) + at) if at < len(own) and own[at] == row else None
    except (OSError, pa.ArrowInvalid):
        return None
    return None


def _from_source(build: OpenedBuild, source: str, file: str, row: int) -> tuple[pa.Table, Path]:
    """The row read from the source's file once more, and that file."""
    # Loaded here: most rows are found in the intermediates, and should be found fast.
    from sources.adapter import SourceError
    from sources.inputs import open_units

    entry, adapter = _adapter(build, source)
    root = _root(build, entry)
    with ExitStack() as stack:
        unpack = build.folder / ".work" / "unpacked"
        if not unpack.exists():
            unpack = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="curate-")))
        try:
            units = open_units(adapter, root, unpack).units
        except SourceError as error:
            raise Unavailable(f"the source cannot be read any more: {error}") from None
        unit = next((unit for unit in units if unit.name == file), None)
        if unit is None:
            raise Unavailable(
                f"{root} holds no {file} any more, or it was refused when it was read"
            )
        _check_unchanged(build, source, unit)
        try:
            for batch in adapter.read(unit):
                numbers = batch.column("row").to_numpy()
                at = int(np.searchsorted(numbers, row))
                if at < len(numbers) and numbers[at] == row:
                    # A copy: what was mapped or unpacked may be gone when it is looked at.
                    return pa.Table.from_pylist(
                        batch.slice(at, 1).to_pylist(), batch.schema
                    ), unit.files[0].path
        except SourceError as error:
            raise Unavailable(
                f"{unit.files[0].path} cannot be read to row {row}: {error}"
            ) from None
    raise Unavailable(f"{unit.files[0].path} has no row {row}")


def _adapter(build: OpenedBuild, source: str) -> tuple[Source, Adapter]:
    """The recipe's entry of a source and its adapter."""
    from curate.recipe import Source

    try:
        entries = [Source(**entry) for entry in build.manifest["recipe"]["sources"]]
        entry = next(entry for entry in entries if entry.id_prefix == source)
        if ":" in entry.name:
            # A build may come from anywhere; what it names is not run for the asking.
            raise Unavailable(f"{entry.name} is an adapter of someone's own, which is not run here")
        return entry, entry.adapter()
    except (StopIteration, KeyError, TypeError, ValueError):  # pydantic's are ValueErrors
        raise Unavailable("the recipe in the manifest does not say how it was read") from None


def _root(build: OpenedBuild, entry: Source) -> Path:
    """Where the build read the source, by the record of its run."""
    path = build.folder / "run.json"
    try:
        raw = path.read_bytes()
        run: dict[str, Any] = read_json(path)
    except (OSError, ValueError):
        raise Unavailable(f"{path}, which says where the source lay, is missing") from None
    if seal_holds(raw) is not True or "recipe_folder" not in run:
        raise Unavailable(f"{path} does not say, or not reliably, where the source lay")
    folder = Path(run["recipe_folder"])
    if entry.path is None:
        return Path(run["data_folder"]) / entry.name
    given = Path(entry.path).expanduser()
    return given if given.is_absolute() else folder / given


def _check_unchanged(build: OpenedBuild, source: str, unit: Unit) -> None:
    about = build.manifest["sources"][source]
    known = {f["file"]: f["sha256"] for f in [*about["inputs"], *about["members"]]}
    for file in unit.files:
        if known.get(file.name) != file_sha256(file.path):
            raise Unavailable(f"{file.path} is not the file the build read: its checksum differs")
