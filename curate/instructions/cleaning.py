"""How the fields of instructions are rewritten where that differs from documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REWRITES: dict[str, dict[str, Any]] = {
    "spaces": {"layout": "keep"},
    "markup": {"tags": "breaks"},
    "scraps": {},
    "script": {"code": "keep"},
}
"""Options of rewrites by name, for whatever a recipe for instructions does not say itself: answers
hold code, tables and markup that were asked for, and the ends of fields hold what is left of
templates. `scraps` is off for documents and on here."""


def with_usual(rewrite: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's `rewrite:` section with the options above where it is silent.

    rewrite: by step, as a recipe has it: options, true or false.
    """
    merged: dict[str, Any] = {**REWRITES, **rewrite}
    for name, usual in REWRITES.items():
        given = merged[name]
        if given in (True, None):
            merged[name] = usual
        elif isinstance(given, Mapping):
            merged[name] = {**usual, **given}
    return merged
