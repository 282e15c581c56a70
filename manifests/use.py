"""What the result of a build may be used for: the strictest terms among the licences in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sources.licences import terms

if TYPE_CHECKING:
    from manifests.funnel import Amount
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
    return _use(
        [
            (label, entry["licence"], entry["terms"], account.kept, account.characters_kept)
            for label, entry in sources.items()
            if (account := every.get(label)) is not None
        ]
    )


def stated_use(manifest: Mapping[str, Any], kept: Mapping[str, Amount]) -> dict[str, Any]:
    """`use` of a manifest; for version 1, which has none, from the licences it states."""
    if "use" in manifest:
        use: dict[str, Any] = manifest["use"]
        return use
    parts = []
    for label, entry in manifest["sources"].items():
        found = terms(entry["licence"], entry["non_commercial"])
        amount = kept[label]
        parts.append((label, found.licence, found.as_json(), amount.rows, amount.characters))
    return _use(parts)


def _use(sources: Sequence[tuple[str, str, Mapping[str, Any], int, int]]) -> dict[str, Any]:
    parts: dict[str, dict[str, Any]] = {}
    for label, licence, entry_terms, rows, characters in sources:
        if not rows:
            continue
        part = parts.setdefault(
            licence, {"licence": licence, **entry_terms, "rows": 0, "characters": 0, "sources": []}
        )
        part["rows"] += rows
        part["characters"] += characters
        part["sources"].append(label)
        # The same words may stand for different terms where a recipe says so: the strictest counts.
        for key in ALLOWED:
            part[key] = _least([part[key], entry_terms[key]])
        for key in REQUIRED:
            part[key] = _most([part[key], entry_terms[key]])
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
