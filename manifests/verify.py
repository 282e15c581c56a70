"""Every file of a build against its checksum, every count against every other.

First the bytes: manifest.json and run.json against the checksums in them, every output against the
manifest. What is whole is then read, a row group at a time: ids, fates, duplicates and sums must be
what the manifest says and what data and ledger say of each other.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from curate.fingerprint import file_sha256
from manifests import ledger
from manifests.crosscheck import Crosscheck
from manifests.opened import MANIFEST, ManifestError, OpenedBuild, misfit, read_manifest
from manifests.seal import seal_holds

KINDS = ("data", "ledger", "jsonl", "text")
"""Folders of a build that hold outputs and nothing else."""


def problems(folder: Path, advance: Callable[[int], None] = lambda size: None) -> list[str]:
    """Everything that is wrong with the build in `folder`, a sentence each, the file named first.

    An empty list: the build is what it was when it was written, and it adds up. `advance` is told
    of the bytes done, twice those of the outputs in all. Raises ManifestError when the folder holds
    no build.
    """
    if not (folder / MANIFEST).is_file():
        read_manifest(folder)  # says so
    try:
        build = OpenedBuild(folder, read_manifest(folder))
    except ManifestError as error:
        return [str(error)]
    found = [*_run_problems(build), *_stray_files(build), *_sums_problems(build.manifest)]
    whole = True
    for output in build.outputs:
        path = folder / str(output["path"])
        problem = misfit(folder, output)
        if problem is None and file_sha256(path) != output["sha256"]:
            problem = (
                f"{path} is not as it was written: its SHA-256 differs from the manifest's; "
                "delete it and run the same build again"
            )
        if problem is not None:
            whole = False
            found.append(problem)
        advance(int(output["bytes"]))
    if whole:
        # Of files that are not what they were nothing more is worth saying.
        found += Crosscheck(build).problems(advance)
    return found


def size(folder: Path) -> int:
    """Bytes of all outputs of a build; 0 when its manifest cannot be read."""
    try:
        return sum(int(output["bytes"]) for output in read_manifest(folder)["outputs"])
    except ManifestError:
        return 0


def _run_problems(build: OpenedBuild) -> Iterator[str]:
    """run.json, which may be missing but must be as it was written."""
    path = build.folder / "run.json"
    if not path.exists():
        return
    holds = seal_holds(path.read_bytes())
    if holds is False or (holds is None and build.manifest["schema_version"] >= 2):
        yield (
            f"{path} is not as it was written: its checksum does not fit its content; "
            "run the same build again to write it anew"
        )


def _stray_files(build: OpenedBuild) -> Iterator[str]:
    """Files that a reader of the folders would take for the build's."""
    listed = {str(output["path"]) for output in build.outputs}
    for kind in KINDS:
        for path in sorted((build.folder / kind).rglob("*")):
            name = path.relative_to(build.folder).as_posix()
            if path.is_file() and name not in listed:
                yield f"{path} is not in the manifest; delete it, or readers take it for a part"


def _sums_problems(manifest: dict[str, Any]) -> Iterator[str]:
    """Counts of the manifest that do not add up among themselves."""
    totals: Counter[str] = Counter()
    for label, entry in manifest["sources"].items():
        counts = entry["counts"]
        if counts is None:
            continue
        totals.update({key: value for key, value in counts.items() if isinstance(value, int)})
        reasons = {stage: sum(by.values()) for stage, by in counts["reasons"].items()}
        ended = counts["kept"] + counts["dropped"] + counts["quarantined"]
        lost = counts["dropped"] + counts["quarantined"]
        duplicates = sum(reasons.get(stage, 0) for stage in ledger.DUPLICATE_STAGES)
        yield from _unequal(
            f"{MANIFEST}, source {label}",
            ("rows read", counts["read"], "kept + dropped + quarantined", ended),
            ("rows lost", lost, "rows by reason", sum(reasons.values())),
            ("duplicates", counts["duplicates"], "rows lost as duplicates", duplicates),
        )
        if "lost" not in counts:
            continue
        rows = {stage: amount["rows"] for stage, amount in counts["lost"].items()}
        characters = sum(amount["characters"] for amount in counts["lost"].values())
        yield from _unequal(
            f"{MANIFEST}, source {label}",
            ("rows lost by stage", rows, "rows by reason", reasons),
            (
                "characters read",
                counts["characters_read"],
                "characters kept and lost",
                counts["characters_kept"] + characters,
            ),
        )
    totals = Counter({key: totals[key] for key in manifest["counts"]})
    yield from _unequal(
        MANIFEST, ("counts", manifest["counts"], "the sums over the sources", dict(totals))
    )


def _unequal(where: str, *pairs: tuple[str, Any, str, Any]) -> Iterator[str]:
    for name, value, other, expected in pairs:
        if value != expected:
            yield f"{where}: {name} {_shown(value)}, but {other} {_shown(expected)}"


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else json.dumps(value, ensure_ascii=False)
