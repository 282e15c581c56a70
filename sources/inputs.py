"""From a path in a recipe to an adapter's units: files found, archives unpacked, the rest named."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sources.adapter import Adapter, InputFile, SourceError, Unit
from sources.archive import Budget, Rejected, unpack
from sources.sniff import packing
from sources.stream import BOUNDS, Bounds

NESTING = 3
"""How deep archives inside archives are unpacked."""

_NOT_DATA = re.compile(
    r"(?:readme|licen[cs]e|copying|notice|changelog|authors|citation|contributing)(?:[._-].*)?"
    r"|\..*|_success|thumbs\.db|dataset_infos?\.json|dataset_dict\.json|state\.json"
    r"|.*\.(?:md|py|sh|ipynb|crc|sha256|sha1|md5|lock|incomplete|part|pdf|png|jpe?g|gif|svg|html?)",
    re.IGNORECASE,
)
_PART = re.compile(r"(?P<whole>.+\.[A-Za-z0-9]+)\.(?:part)?(?P<number>\d{2,4})")


@dataclass(frozen=True)
class Opened:
    """What there is to read, and what is not read and why; every file found is in one list."""

    units: list[Unit] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    """Archive members (or whole archives) refused; each belongs in the ledger as one quarantined
    row, `row 1` of a file of that name."""
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """Files that hold no data, with what they are; for the manifest, not the ledger."""


def is_data(name: str) -> bool:
    """Whether a file's name speaks of data; a README, a LICENSE or a hidden file does not."""
    parts = PurePosixPath(name).parts
    return not any(part == "__MACOSX" or part.startswith(".") for part in parts[:-1]) and not (
        _NOT_DATA.fullmatch(parts[-1])
    )


def input_files(path: Path | str) -> list[InputFile]:
    """The files at a path, sorted by name: one file, a folder with all below it, or a glob pattern.

    Names are relative to the folder (for a pattern: to its fixed part), so that they are the same
    on every machine. Raises SourceError if there is nothing.
    """
    path = Path(path)
    if path.is_dir():
        root = path
        found = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
    elif path.exists():
        return [InputFile(path, path.name)]
    elif glob.has_magic(str(path)):
        fixed = list(path.parts)
        while glob.has_magic(str(Path(*fixed))):
            fixed.pop()
        root = Path(*fixed) if fixed else Path()
        pattern = str(path.relative_to(root))
        found = [p for p in root.glob(pattern) if not p.is_dir()]
    else:
        raise SourceError(f"{path} does not exist; give a file, a folder or a pattern as `path:`")
    if not found:
        raise SourceError(f"no files at {path}")
    files = [InputFile(p, p.relative_to(root).as_posix()) for p in found]
    return sorted(files, key=lambda file: file.name)


def unpacked(
    files: Sequence[InputFile], into: Path, bounds: Bounds = BOUNDS
) -> tuple[list[InputFile], list[Rejected]]:
    """The files with archives replaced by their members, and what was refused.

    zip and tar (plain, gz, bz2, xz, zst), known by content, also in parts (`x.tar.gz.00`, `.01`, …)
    and inside one another; unpacked under `into/<sha256 of the archive>/`, each once.
    """
    out: list[InputFile] = []
    rejected: list[Rejected] = []
    for name, parts in _joined(files):
        kind = _packing(parts)
        if kind is None:
            out.extend(parts)
            continue
        missing = _missing(parts)
        if missing:
            rejected.append(Rejected(name, "truncated", f"part {missing} is missing"))
        paths = tuple(part.path for part in parts)
        budget = Budget(sum(path.stat().st_size for path in paths), bounds)
        _expand(name, paths, kind, into, budget, 1, out, rejected)
    return sorted(out, key=lambda file: file.name), rejected


def open_units(
    adapter: Adapter, path: Path | str, workdir: Path, bounds: Bounds = BOUNDS
) -> Opened:
    """Everything an adapter can read at a path; archives are unpacked under `workdir`.

    Raises SourceError, in words for the recipe's author, if there is nothing to read.
    """
    given = Path(path)
    files = input_files(given)
    chosen = files[0].name if given.is_file() else None
    files, rejected = unpacked(files, workdir, bounds)
    data: list[InputFile] = []
    left_out: list[tuple[str, str]] = []
    for file in files:
        if file.name != chosen and not is_data(file.name):
            left_out.append((file.name, "by its name no data"))
        else:
            data.append(file)
    units = adapter.units(data)
    read = {file.name for unit in units for file in unit.files}
    left_out += [(f.name, f"nothing for {adapter.name}") for f in data if f.name not in read]
    if not units and not rejected:
        seen = ", ".join(name for name, _ in left_out[:5]) or "no files"
        raise SourceError(f"nothing at {given} that {adapter.name} can read; found {seen}")
    return Opened(units, rejected, sorted(left_out))


def _joined(files: Sequence[InputFile]) -> list[tuple[str, list[InputFile]]]:
    """Files by name, the parts of a split one together."""
    groups: dict[str, list[InputFile]] = {}
    for file in files:
        match = _PART.fullmatch(file.name)
        groups.setdefault(match["whole"] if match else file.name, []).append(file)
    joined: list[tuple[str, list[InputFile]]] = []
    for name, parts in sorted(groups.items()):
        numbered = [part for part in parts if part.name != name]
        if numbered and len(numbered) == len(parts):
            joined.append((name, sorted(parts, key=_number)))
        else:
            joined.extend((part.name, [part]) for part in parts)
    return joined


def _number(part: InputFile) -> int:
    match = _PART.fullmatch(part.name)
    return int(match["number"]) if match else 0


def _missing(parts: list[InputFile]) -> str | None:
    numbers = [_number(part) for part in parts]
    if len(parts) == 1 and not _PART.fullmatch(parts[0].name):
        return None
    first = 1 if numbers[0] == 1 else 0
    for expected, number in enumerate(numbers, first):
        if number != expected:
            return f"{expected:02d}"
    return None


def _packing(parts: list[InputFile]) -> str | None:
    try:
        return packing(parts[0].path)
    except OSError as error:
        raise SourceError(f"cannot read {parts[0].path}: {error.strerror}") from None


def _expand(
    name: str,
    paths: tuple[Path, ...],
    kind: str,
    into: Path,
    budget: Budget,
    depth: int,
    out: list[InputFile],
    rejected: list[Rejected],
) -> None:
    members, refused = unpack(paths, kind, into, budget)
    for refusal in refused:
        full = f"{name}/{refusal.name}" if refusal.name else name
        rejected.append(Rejected(full, refusal.reason, refusal.detail))
    for member in members:
        full = f"{name}/{member.name}"
        inner = packing(member.path)
        if inner is None or not is_data(full):
            out.append(InputFile(member.path, full))
        elif depth >= NESTING:
            why = f"an archive inside {depth} others"
            rejected.append(Rejected(full, "nested_too_deep", why))
        else:
            _expand(full, (member.path,), inner, into, budget, depth + 1, out, rejected)
