"""What the ledger knows of one row: where it is from, what was measured, what became of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manifests import ledger
from manifests.find import Found, duplicates_of, find
from manifests.opened import ManifestError, OpenedBuild, open_build

_ID_WIDTH = 9
_SHOWN = 20
"""Duplicates of a kept row that are named one by one; the others are counted."""


def trace(build: OpenedBuild, row_id: str) -> dict[str, Any]:
    """The row's life as JSON-ready values.

    Keys: `id`, `upstream` (file, row, origin, licence), `fate`, `measures` with their limits,
    `rewrites` (names of those that changed it), `duplicate_of` (the row it lost to, with its text)
    or null, `duplicates` (rows that lost to it), `ended` (file and position among the kept) or
    null, and `text` where it was kept. Raises ManifestError when the build has no such row.
    """
    row_id = padded(row_id)
    found = find(build, "ledger", row_id)
    if found is None:
        raise ManifestError(
            f"{build.folder} has no row {row_id}; ids look like {_some_id(build)}, and "
            f'`curate manifest query {build.folder} "select id from ledger"` lists them'
        )
    row = found.row
    kept = find(build, "data", row_id) if row["status"] == ledger.KEPT else None
    return {
        "id": row_id,
        "build": str(build.folder),
        "upstream": _upstream(build.manifest["sources"][row["source"]], row),
        "fate": {
            key: row[key] for key in ("status", "stage", "reason", "measure", "limit", "detail")
        },
        "measures": _measures(build.manifest["recipe"], row),
        "rewrites": (row["rewrites"] or "").split(),
        "duplicate_of": _lost_to(build, row),
        "duplicates": _won_over(build, row_id) if kept is not None else {"count": 0, "rows": []},
        "ended": _ended(build, kept) if kept is not None else None,
        "text": kept.row["text"] if kept is not None else None,
        "meta": kept.row["meta"] if kept is not None else None,
    }


def padded(row_id: str) -> str:
    """The id with its row number padded as ids are: `web/a.txt#12` is `web/a.txt#000000012`."""
    unit, sign, number = row_id.rpartition("#")
    number, dot, part = number.partition(".")  # of several rows made of one record
    known = sign and number.isdecimal()
    return f"{unit}#{number.zfill(_ID_WIDTH)}{dot}{part}" if known else row_id


def build_with(row_id: str, builds: Path) -> OpenedBuild:
    """The one build below the folder `builds` that has the row.

    Raises ManifestError when none or several have it, or one that may have it cannot be opened.
    """
    having: list[OpenedBuild] = []
    for path in sorted(builds.glob("*/manifest.json")):
        build = open_build(path.parent)
        if find(build, "ledger", padded(row_id)) is not None:
            having.append(build)
    if len(having) == 1:
        return having[0]
    if not having:
        raise ManifestError(
            f"no build in {builds} has a row {row_id}; give the build's folder before the id"
        )
    names = ", ".join(str(build.folder) for build in having)
    raise ManifestError(f"{names} all have a row {row_id}; give the one meant before the id")


def limits(recipe: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The recipe's limits by ledger column: `min`, `max`, `from_characters`, or `one_of` labels."""
    found = {
        # A bound not given is null, a limit for texts of every length is from 0 characters.
        column: {
            key: value
            for key, value in limit.items()
            if value is not None and (key, value) != ("from_characters", 0)
        }
        for column, limit in (recipe.get("quality") or {}).items()
    }
    language = recipe.get("language") or {}
    for column, key in (("lang", "keep"), ("zh_lang", "zh"), ("en_lang", "en")):
        if key in language:
            found[column] = {"one_of": list(language[key])}
    return found


def _some_id(build: OpenedBuild) -> str:
    firsts = [output.get("first") for output in build.outputs if output.get("first")]
    return str(firsts[0]) if firsts else "source/file#000000001"


def _upstream(entry: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Where the row is from: its source's facts and the published files it was read from."""
    return {
        "source": row["source"],
        "title": entry["title"],
        "homepage": entry["homepage"],
        "licence": entry["licence"],
        "non_commercial": entry["non_commercial"],
        "row_type": entry["row_type"],
        "file": row["file"],
        "row": row["row"],
        "bytes": row["bytes"],
        "inputs": _inputs(entry, row["file"]),
    }


def _inputs(entry: Mapping[str, Any], file: str) -> list[dict[str, Any]]:
    """The input files that the rows of `file` were read from; for members, their archive."""
    members = [member for member in entry["members"] if member.get("read_as", file) == file]
    inputs = [i for i in entry["inputs"] if i.get("read_as", i["file"]) == file]
    for member in members:
        parts = member["file"].split("/")
        # The archive is a leading part of the member's name; a split one has its parts' numbers.
        names = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        for candidate in entry["inputs"]:
            whole = re.sub(r"\.(?:part)?\d{2,4}$", "", candidate["file"])
            if {candidate["file"], whole} & names and candidate not in inputs:
                inputs.append(candidate)
    keys = ("file", "sha256", "bytes", "url", "revision")
    return [{key: found.get(key) for key in keys} for found in [*inputs, *members]]


def _measures(recipe: Mapping[str, Any], row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every value measured, with the limit the recipe sets for its column."""
    known = limits(recipe)
    columns = [name for name in row if name not in ledger.COLUMNS.names]
    return [
        {"column": column, "value": row[column], **known.get(column, {})}
        for column in columns
        if row[column] is not None
    ]


def _lost_to(build: OpenedBuild, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The kept row that this one duplicates, with its text."""
    if row["duplicate_of"] is None:
        return None
    winner = find(build, "data", row["duplicate_of"])
    source = winner.row["source"] if winner else None
    return {
        "id": row["duplicate_of"],
        "stage": row["stage"],
        "similarity": row["similarity"],
        "source": source,
        "licence": winner.row["licence"] if winner else None,
        "text": winner.row["text"] if winner else None,
    }


def _won_over(build: OpenedBuild, row_id: str) -> dict[str, Any]:
    """The rows that went as duplicates of this one: how many, and the first of them."""
    rows = duplicates_of(build, row_id)
    return {"count": rows.num_rows, "rows": rows.slice(0, _SHOWN).to_pylist()}


def _ended(build: OpenedBuild, kept: Found) -> dict[str, Any]:
    """Where a kept row lies: its data file and position, and its line in the text outputs."""
    shard = Path(kept.file).name.partition(".")[0]
    lines = [
        {"file": output["path"], "line": kept.position + 1}
        for output in build.outputs
        if re.match(rf"(jsonl|text)/{shard}\.", str(output["path"]))
    ]
    return {"file": kept.file, "position": kept.position, "lines": lines}
