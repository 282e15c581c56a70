"""The texts of single rows: kept ones from a build's data, others from its intermediates."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from curate.storage import column_array, read_arrow, read_json
from manifests.kept import text_sql
from manifests.opened import OpenedBuild

HIDDEN_STAGES = ("privacy",)
"""First parts of reasons for which a text is never shown."""


def hidden(reason: str | None) -> bool:
    """Whether a row that went for this reason must not be shown in the clear."""
    return reason is not None and reason.partition(".")[0] in HIDDEN_STAGES


def kept_texts(build: OpenedBuild, ids: Iterable[str]) -> dict[str, str]:
    """Texts of kept rows by id; ids that are not there are left out."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    with build.connection() as database:
        text = text_sql(build.manifest["kind"])
        found = database.execute(
            f"SELECT id, {text} FROM data WHERE id IN (SELECT unnest($ids))", {"ids": wanted}
        ).fetchall()
    return dict(found)


def rewritten_texts(build: OpenedBuild, ids: Iterable[str]) -> dict[str, str]:
    """Texts after rewriting of any rows, by id, from `.work/`.

    Rows whose intermediate is gone (`.work/` is safe to delete, and the next build cleans it) are
    left out.
    """
    by_unit: dict[str, dict[str, list[int]]] = {}
    for row_id in ids:
        unit, _, place = row_id.rpartition("#")
        row, _, digits = place.partition(".")
        if row.isdecimal() and (not digits or digits.isdecimal()):
            by_unit.setdefault(unit, {})[row_id] = [int(row), int(digits or 1)]
    listing = build.folder / ".work" / "partitions.json"
    if not by_unit or not listing.exists():
        return {}
    texts: dict[str, str] = {}
    for entry in read_json(listing):
        # Work of an earlier version names no `files`.
        units = [f"{entry['source']}/{file}" for file in entry.get("files", ())]
        # By its name alone: a build may have been moved, or come from anywhere.
        path = build.folder / ".work" / "refine" / Path(entry["refined"]).name
        if not any(unit in by_unit for unit in units) or not path.exists():
            continue
        table = read_arrow(path)
        rows, text = column_array(table, "row").to_numpy(), column_array(table, "text")
        files = column_array(table, "file").to_numpy()
        # Several rows made of one record are numbered; others are the first of theirs.
        parts = np.ones(len(rows), np.int64)
        if "part" in table.column_names:
            parts = column_array(table, "part").to_numpy()
        for file, unit in enumerate(units):
            begin, end = np.searchsorted(files, [file, file + 1])
            for row_id, (number, part) in by_unit.get(unit, {}).items():
                # Rows of a file ascend, and so do the parts of one.
                first, last = begin + np.searchsorted(rows[begin:end], [number, number + 1])
                found = first + np.flatnonzero(parts[first:last] == part)
                if len(found):
                    texts[row_id] = text[int(found[0])].as_py()
    return texts
