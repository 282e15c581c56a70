"""A few rows to look at, drawn by chance and the same for every reader."""

from __future__ import annotations

import difflib
from typing import Any

from manifests.opened import ManifestError, OpenedBuild
from manifests.story import losses

KEPT = "kept"


def sample(
    build: OpenedBuild, reason: str, source: str | None = None, count: int = 10, seed: int = 1
) -> list[dict[str, Any]]:
    """`count` rows with this reason (or `kept`), in order of id, as the ledger has them.

    A reason may end in `*`. Which rows are drawn depends on their ids and the seed alone. Raises
    ManifestError for a reason or source of which the build has no rows, naming the nearest one.
    """
    if source is not None and source not in build.manifest["sources"]:
        known = list(build.manifest["sources"])
        raise ManifestError(f"the build has no source {source!r}{_nearest(source, known)}")
    reasons = {loss["reason"]: loss["rows"] for loss in losses(build.manifest)}
    kept = reason == KEPT
    chosen = [r for r in reasons if r == reason or _matches(reason, r)]
    if not chosen and not kept:
        raise ManifestError(
            f"no row went for the reason {reason!r}{_nearest(reason, [KEPT, *reasons])}"
        )
    where = "status = 'kept'" if kept else "list_contains(?, reason)"
    values: list[Any] = [] if kept else [chosen]
    if source is not None:
        where, values = f"{where} AND source = ?", [*values, source]
    database = build.connection()
    drawn = database.execute(
        f"SELECT id FROM ledger WHERE {where} ORDER BY md5(concat(?, id)), id LIMIT ?",
        [*values, f"{seed}:", count],
    ).fetchall()
    rows = database.execute(
        "SELECT * FROM ledger WHERE list_contains(?, id) ORDER BY id", [[id for (id,) in drawn]]
    )
    names = [column[0] for column in rows.description]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def _matches(pattern: str, reason: str) -> bool:
    return pattern.endswith("*") and reason.startswith(pattern[:-1])


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(sorted(known))}"
