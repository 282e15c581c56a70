"""Rows to look at: some of every source and fate, with their texts."""

from __future__ import annotations

import difflib
import unicodedata
from dataclasses import dataclass
from typing import Any

from manifests import ledger
from manifests.opened import OpenedBuild
from manifests.texts import hidden, kept_texts, rewritten_texts

_SHOWN = 400
"""Characters of a text that are shown."""

Piece = tuple[str, str]
"""A part of a text, and "same", "gone" or "new"."""


@dataclass(frozen=True)
class Example:
    """A row with what the ledger says of it and what it reads like."""

    row: dict[str, Any]
    text: str | None
    """Its start; None when it is not at hand or must not be shown."""
    withheld: bool = False
    """Whether it must not be shown: it went for what it says about a person."""
    other: str | None = None
    """The start of the text it duplicates."""
    parts: tuple[list[Piece], list[Piece]] | None = None
    """Both texts in pieces, where they differ a little."""

    @property
    def fate(self) -> str:
        """kept, merged, dropped or quarantined."""
        merged = self.row["duplicate_of"] is not None
        return "merged" if merged else str(self.row["status"])


def examples(build: OpenedBuild, each: int = 3, most: int = 400) -> list[Example]:
    """About `each` rows for every source and reason, kept ones included; at most `most`."""
    with build.connection() as database:
        groups = database.execute(
            "SELECT arg_min(id, hash(id), $each) FROM ledger "
            "GROUP BY source, status, reason ORDER BY status, reason, source",
            {"each": each},
        ).fetchall()
        chosen = _alternating([ids for (ids,) in groups], most)
        names = {row[0] for row in database.execute("DESCRIBE ledger").fetchall()}
        wanted = [n for n in (*ledger.COLUMNS.names, "lang", "characters") if n in names]
        listed = ", ".join(f'"{name}"' for name in wanted)
        rows = database.execute(
            f"SELECT {listed} FROM ledger WHERE id IN (SELECT unnest($ids)) ORDER BY id",
            {"ids": chosen},
        ).fetchall()
    records = [dict(zip(wanted, row, strict=True)) for row in rows]
    kept = [r["id"] for r in records if r["status"] == ledger.KEPT]
    partners = [r["duplicate_of"] for r in records if r["duplicate_of"] is not None]
    texts = kept_texts(build, [*kept, *partners])
    rest = [r for r in records if r["id"] not in texts and r["status"] != ledger.QUARANTINED]
    texts |= rewritten_texts(build, [r["id"] for r in rest if not hidden(r["reason"])])
    return [_example(record, texts) for record in records]


def _alternating(groups: list[list[str]], most: int) -> list[str]:
    """The first of every group, then the second of every group, until there are enough."""
    longest = max(map(len, groups), default=0)
    return [group[i] for i in range(longest) for group in groups if i < len(group)][:most]


def _example(record: dict[str, Any], texts: dict[str, str]) -> Example:
    if hidden(record["reason"]):
        return Example(record, None, withheld=True)
    whole = record["detail"] if record["status"] == ledger.QUARANTINED else texts.get(record["id"])
    text = None if whole is None else shown(whole)
    if record["duplicate_of"] is None:
        return Example(record, text)
    partner = texts.get(record["duplicate_of"])
    other = None if partner is None else shown(partner)
    if text is None or other is None or text == other:
        return Example(record, text, other=other)
    return Example(record, text, other=other, parts=_pieces(text, other))


def _pieces(text: str, other: str) -> tuple[list[Piece], list[Piece]]:
    left: list[Piece] = []
    right: list[Piece] = []
    matcher = difflib.SequenceMatcher(None, text, other, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        left.append((text[a:b], "same" if tag == "equal" else "gone"))
        right.append((other[c:d], "same" if tag == "equal" else "new"))
    return [p for p in left if p[0]], [p for p in right if p[0]]


def shown(text: str, most: int = _SHOWN) -> str:
    """The start of a text with what cannot be seen written out, so that nothing hides or reorders.

    Control characters, bidirectional overrides and zero-width characters become `[U+202E]`.
    """
    start = text[:most] + ("…" if len(text) > most else "")
    return "".join(
        c
        if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs", "Cn")
        else f"[U+{ord(c):04X}]"
        for c in start
    )
