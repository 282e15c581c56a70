"""What each rewrite did to one row, by doing it again."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from curate.render import rendered
from curate.rows import ROW_TYPES

if TYPE_CHECKING:
    from curate.rewrite.base import Rewrite


@dataclass(frozen=True)
class Change:
    """One rewrite of one field."""

    step: str
    field: str
    before: str
    after: str


@dataclass
class Replay:
    """A row's way from what was read to what was judged."""

    changes: list[Change] = field(default_factory=list)
    text: str | None = None
    """The text after all of them; None when a step could not be run."""
    notes: list[str] = field(default_factory=list)
    """Where it may differ from what the build did, in words."""


def replayed(fields: dict[str, str], entry: dict[str, Any], changed_by: list[str]) -> Replay:
    """The rewrites named in `changed_by` applied to a row's fields.

    `entry` is what the manifest says of the row's source; the ledger says which rewrites changed
    the row, and no other has to be looked at.
    """
    replay = Replay()
    current = dict(fields)
    for about in entry["rewrites"]:
        if about["step"] not in changed_by:
            continue
        step = _step(about, replay)
        if step is None:
            return replay
        for name, before in current.items():
            after = step.rewrite(before)
            if after != before:
                replay.changes.append(Change(about["step"], name, before, after))
                current[name] = after
    if "instruction" in current:
        replay.text = "\n".join(text for text in current.values() if text)
        return replay
    arrays = {name: pa.array([text], pa.large_string()) for name, text in current.items()}
    replay.text = rendered(arrays, entry["render"], ROW_TYPES[entry["row_type"]])[0].as_py()
    return replay


def _step(about: dict[str, Any], replay: Replay) -> Rewrite | None:
    """The step as the manifest describes it, or None with a note why not."""
    module, _, name = about["class"].partition(":")
    if not module.startswith("curate.rewrite."):
        # A build may come from anywhere; what it names is not run for the asking.
        replay.notes.append(f"{about['class']} is a step of someone's own, which is not run here")
        return None
    try:
        kind: type[Rewrite] = getattr(importlib.import_module(module), name)
        step = kind(**about["options"])
    except (ImportError, AttributeError, ValueError):  # pydantic's are ValueErrors
        replay.notes.append(f"this curate has no step {about['step']} with the build's options")
        return None
    if kind.version != about["version"]:
        replay.notes.append(
            f"the build used version {about['version']} of {about['step']}, "
            f"this curate has {kind.version}"
        )
    return step
