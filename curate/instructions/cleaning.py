"""How the fields of instructions are rewritten where that differs from documents."""

from __future__ import annotations

from typing import Any

REWRITES: dict[str, dict[str, Any]] = {
    "spaces": {"layout": "keep"},
    "markup": {"tags": "breaks"},
    "scraps": {},
}
"""Options of rewrites by name, for whatever a recipe for instructions does not say itself: answers
hold code, tables and markup that were asked for, and the ends of fields hold what is left of
templates. `scraps` is off for documents and on here."""
