"""What the result of a build may be used for: the strictest terms among the licences in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from manifests.manifest import Account

ALLOWED = ("commercial", "derivatives")
"""Terms that hold for the whole where they hold for every part."""
REQUIRED = ("attribution", "share_alike")
"""Terms that hold for the whole where they hold for one part."""


def allowed_use(
    sources: Mapping[str, Mapping[str, Any]], every: Mapping[str, Account]
) -> dict[str, Any]:
    """The manifest's `use`: each term for the whole, and rows and characters by licence.

    Only sources with rows kept count. None: nobody has said, for at least one licence that decides.
    """
    parts: dict[str, dict[str, Any]] = {}
    for label, entry in sources.items():
        account = every.get(label)
        if account is None or not account.kept:
            continue
        part = parts.setdefault(
            entry["licence"],
            {"licence": entry["licence"], **entry["terms"], "rows": 0, "characters": 0},
        )
        part["rows"] += account.kept
        part["characters"] += account.characters_kept
        part.setdefault("sources", []).append(label)
        # The same words may stand for different terms where a recipe says so: the strictest counts.
        for key in ALLOWED:
            part[key] = _least([part[key], entry["terms"][key]])
        for key in REQUIRED:
            part[key] = _most([part[key], entry["terms"][key]])
    licences = sorted(parts.values(), key=lambda part: (-part["characters"], part["licence"]))
    return {
        **{key: _least([part[key] for part in licences]) for key in ALLOWED},
        **{key: _most([part[key] for part in licences]) for key in REQUIRED},
        "licences": licences,
    }


def _least(values: list[bool | None]) -> bool | None:
    return False if False in values else None if None in values else True


def _most(values: list[bool | None]) -> bool | None:
    return True if True in values else None if None in values else False
