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
    original: dict[str, str] = field(default_factory=dict)
    """The fields before any of them, as they may be shown."""


def replayed(fields: dict[str, str], entry: dict[str, Any], changed_by: list[str]) -> Replay:
    """The rewrites named in `changed_by` applied to a row's fields.

    `entry` is what the manifest says of the row's source; the ledger says which rewrites changed
    the row, and no other has to be looked at. Personal data that the build masked is masked in
    what is shown of the row before that too.
    """
    replay = Replay(original=dict(fields))
    steps: list[Rewrite] = []
    known = True
    for about in entry["rewrites"]:
        if about["step"] in changed_by and known:
            step = _step(about, replay)
            known = step is not None
            if step is not None:
                steps.append(step)
    mask = next((at for at, step in enumerate(steps) if step.everywhere), None)
    if mask is not None:
        replay.notes.append(f"{steps[mask].name}: masked here in earlier stages as well")
        replay.original = {k: _masked(v, steps[: mask + 1]) for k, v in fields.items()}
    elif not known and _MASKING in changed_by:
        # What stands before the step that cannot be run might show what is masked after it.
        return Replay(notes=replay.notes)
    current = dict(fields)
    for at, step in enumerate(steps):
        for name, before in current.items():
            after = step.rewrite(before)
            if after == before:
                continue
            current[name] = after
            if mask is not None and at <= mask:
                before = _masked(before, steps[at : mask + 1])
                after = _masked(after, [*steps[at + 1 : mask], steps[mask]])
            replay.changes.append(Change(step.name, name, before, after))
    if not known:
        return replay
    if "instruction" in current:
        replay.text = "\n".join(text for text in current.values() if text)
        return replay
    arrays = {name: pa.array([text], pa.large_string()) for name, text in current.items()}
    replay.text = rendered(arrays, entry["render"], ROW_TYPES[entry["row_type"]])[0].as_py()
    return replay


_MASKING = "privacy"
HIDDEN = "(not shown: personal data that only a later rewrite makes plain)"


def _masked(text: str, steps: list[Rewrite]) -> str:
    """The text as it may be shown before `steps`, the last of which masks personal data."""
    *between, mask = steps
    shown = later = mask.rewrite(text)
    for step in between:
        later = step.rewrite(later)
    # Digits may have been full-width, or entities: then nothing but the end may be shown.
    return shown if mask.rewrite(later) == later else HIDDEN


def masked(meta: str | None, entry: dict[str, Any]) -> str | None:
    """A row's metadata without the personal data that its source's steps mask everywhere."""
    for about in entry["rewrites"] if meta is not None else ():
        step = _step(about, Replay())
        if step is not None and step.everywhere:
            meta = step.rewrite(str(meta))
    return meta


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
