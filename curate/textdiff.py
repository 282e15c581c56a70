"""What differs between two texts, character by character."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_AT_ONCE = 4_000_000
"""Pairs of characters compared at once; of longer stretches without a common line, all differs."""


@dataclass(frozen=True)
class Piece:
    """A stretch that both texts have, or only the one before or the one after."""

    kind: Literal["same", "removed", "added"]
    text: str


def differences(before: str, after: str) -> list[Piece]:
    """The two texts as one run of pieces.

    The `same` and `removed` ones make `before`, the `same` and `added` ones make `after`.
    """
    start = 0
    shorter = min(len(before), len(after))
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    pieces = [Piece("same", before[:start])]
    pieces += _by_lines(before[start : len(before) - end], after[start : len(after) - end])
    pieces.append(Piece("same", before[len(before) - end :]))
    return _joined(pieces)


def _by_lines(before: str, after: str) -> Iterator[Piece]:
    """Lines first, so that long texts cost little; then characters where lines differ."""
    if len(before) * len(after) <= _AT_ONCE:
        yield from _by_characters(before, after)
        return
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for tag, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        left, right = "".join(old[i:i_end]), "".join(new[j:j_end])
        if tag == "equal":
            yield Piece("same", left)
        elif len(left) * len(right) <= _AT_ONCE:
            yield from _by_characters(left, right)
        else:
            yield Piece("removed", left)
            yield Piece("added", right)


def _by_characters(before: str, after: str) -> Iterator[Piece]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            yield Piece("same", before[i:i_end])
        else:
            yield Piece("removed", before[i:i_end])
            yield Piece("added", after[j:j_end])


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Without empty pieces; neighbours of a kind made one."""
    joined: list[Piece] = []
    for piece in pieces:
        if not piece.text:
            continue
        if joined and joined[-1].kind == piece.kind:
            joined[-1] = Piece(piece.kind, joined[-1].text + piece.text)
        else:
            joined.append(piece)
    return joined
