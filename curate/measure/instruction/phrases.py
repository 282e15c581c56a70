"""Lists of phrases in files, and where in a text they stand.

A file has a phrase a line; lines that begin with # are comments. `{a,b,}` in a line stands for a, b
or nothing, so `作为{一个,}AI` is two phrases. They are found in both scripts, in full-width and
half-width letters, in any case and with blanks inside (see `curate.measure.wordlist`).
"""

from __future__ import annotations

import importlib.resources
import itertools
import math
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.errors import RecipeError
from curate.measure.wordlist import LONGEST, WordLists, compiled, folded
from curate.textbatch import TextBatch

_CHOICE = re.compile(r"\{([^{}]*)\}")
MOST = 8_000
"""Phrases that a file may come to."""


class Phrases:
    """The phrases of one file: a compiled search of batches, and their places in one text."""

    def __init__(self, lines: list[str]) -> None:
        self._lists: WordLists = compiled([[p for line in lines for p in written_out(line)]])
        plain = [plain_form(line) for line in lines]
        begins = {phrase.lstrip(" ")[0] for line in plain for phrase in written_out(line)}
        # What may begin one is looked at first: to try every line at every place takes far longer.
        first = re.escape("".join(sorted(begins)))
        pattern = f"(?=[{first}])(?:{'|'.join(map(_line_pattern, plain))})"
        self._pattern = re.compile(pattern if lines else r"(?!)")

    def holders(self, batch: TextBatch) -> NDArray[np.int64]:
        """Indices of the texts that hold a phrase."""
        distinct, _ = self._lists.found(batch, 1)
        return np.flatnonzero(distinct[0])

    def places(self, plain: str) -> list[tuple[int, int]]:
        """Where phrases stand in a text that `plain_form` made, longest first, not overlapping."""
        return [match.span() for match in self._pattern.finditer(plain)]


def plain_form(text: str) -> str:
    """A text as phrases are looked for in it: simplified, half-width, lower case; blanks stay."""
    return _simplified(text).translate(_HALF_WIDTH).lower()


def shipped(name: str) -> Path:
    """One of the project's own lists."""
    folder = Path(str(importlib.resources.files("curate.measure.instruction")))
    return folder / "wordlists" / f"{name}.txt"


def lines_in(path: Path) -> list[str]:
    """The lines of a file that are phrases. Raises RecipeError when it cannot be used."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read phrases {path}: {error}; save it as UTF-8 text") from None
    found: list[str] = []
    total = 0
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        total += math.prod(len(part.split(",")) for part in _CHOICE.findall(line))
        if total > MOST:
            raise RecipeError(f"phrases {path}, line {number}: more than {MOST:,} phrases")
        every = written_out(line.strip())
        longest = max(every, key=lambda phrase: len(folded(phrase)))
        if not all(map(folded, every)):
            raise RecipeError(f"phrases {path}, line {number}: may be empty, and would be anywhere")
        if len(folded(longest)) > LONGEST:
            raise RecipeError(
                f"phrases {path}, line {number}: {longest!r} is longer than {LONGEST} characters"
            )
        found.append(line.strip())
    return found


def written_out(line: str) -> list[str]:
    """The phrases that a line with choices stands for."""
    parts = _CHOICE.split(line)
    choices = [part.split(",") if i % 2 else [part] for i, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


def phrases(path: Path) -> Phrases:
    """The phrases of a file, compiled once for as long as the file does not change."""
    return _compiled(path, path.stat().st_mtime_ns)


@cache
def _compiled(path: Path, changed: int) -> Phrases:
    return Phrases(lines_in(path))


_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF10, 0xFF5B) if chr(code).isalnum()}


_EITHER_WIDTH = {
    c: f"[{a}{b}]" for a, b in zip("，！？：；（）", ",!?:;()", strict=True) for c in (a, b)
}


def _line_pattern(line: str) -> str:
    """Pattern of a line in its plain form, with blanks allowed between characters.

    As in the compiled search, what begins or ends in a Latin letter or a digit is a word.
    """
    parts = _CHOICE.split(line)
    pattern = ""
    for i, part in enumerate(parts):
        # The longest first: an alternation takes what comes first.
        options = sorted(part.split(","), key=len, reverse=True) if i % 2 else [part]
        spaced = [
            "".join(_EITHER_WIDTH.get(c, re.escape(c)) + r"\s*" for c in option if c != " ")
            for option in options
        ]
        pattern += f"(?:{'|'.join(spaced)})" if len(spaced) > 1 else spaced[0]
    return rf"(?<![a-z0-9](?=[a-z0-9])){pattern}(?<![a-z0-9](?=[a-z0-9]))"


def _simplified(text: str) -> str:
    return _converter()(text)


@cache
def _converter() -> Callable[[str], str]:
    import opencc

    convert: Callable[[str], str] = opencc.OpenCC("t2s").convert
    return convert
