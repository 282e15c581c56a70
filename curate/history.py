"""A row's text on its way through a build: as its source has it, after each rewrite, as judged."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from curate.original import Unavailable, original, rewritten_text
from curate.replay import Replay, masked, replayed
from curate.rowids import part_in
from manifests import ledger
from manifests.find import find
from manifests.opened import OpenedBuild


def history(build: OpenedBuild, trace: dict[str, Any]) -> dict[str, Any]:
    """What a trace (`manifests.trace`) leaves open, as JSON-ready values.

    Keys: `original` (the fields before any rewrite, where they were found; or null), `changes` (one
    for each rewrite that changed a field: step, field, before, after), `text` (as it was judged;
    null when it cannot be had) and `notes` (what is missing or may differ, in words).
    """
    upstream = trace["upstream"]
    where = (upstream["source"], upstream["file"], upstream["row"], part_in(trace["id"]))
    text = trace["text"] if trace["text"] is not None else rewritten_text(build, *where)
    notes: list[str] = []
    if trace["fate"]["status"] == ledger.QUARANTINED:
        return {"original": None, "changes": [], "text": None, "notes": notes}
    try:
        found = original(build, *where)
    except Unavailable as error:
        notes.append(f"as it was before rewriting cannot be shown: {error}")
        return {"original": None, "changes": [], "text": text, "notes": notes}
    replay: Replay = replayed(
        found.fields, build.manifest["sources"][upstream["source"]], trace["rewrites"]
    )
    notes += replay.notes
    if text is None:
        text = replay.text
    elif replay.text is not None and replay.text != text:
        notes.append("the rewrites of this curate make another text of it than the build has")
    entry = build.manifest["sources"][upstream["source"]]
    return {
        "original": {**asdict(found), "fields": replay.original, "meta": masked(found.meta, entry)},
        "changes": [asdict(change) for change in replay.changes],
        "text": text,
        "notes": notes,
    }


def with_texts(build: OpenedBuild, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the ledger with a `text` each: as kept or judged, null where it cannot be had."""
    return [{**row, "text": _text(build, row)} for row in rows]


def _text(build: OpenedBuild, row: dict[str, Any]) -> str | None:
    if row["status"] == ledger.KEPT:
        kept = find(build, "data", row["id"])
        return kept.row["text"] if kept else None
    if row["status"] == ledger.QUARANTINED:
        return None
    where = (row["source"], row["file"], row["row"], part_in(row["id"]))
    text = rewritten_text(build, *where)
    if text is not None:
        return text
    try:
        fields = original(build, *where).fields
    except Unavailable:
        return None
    entry = build.manifest["sources"][row["source"]]
    return replayed(fields, entry, (row["rewrites"] or "").split()).text
