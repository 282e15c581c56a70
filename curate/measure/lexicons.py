"""Terms of gambling, pornography, spam and page furniture, counted by lists that users replace."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import field_validator

from curate.measure.base import Measure
from curate.measure.wordlist import WordLists, compiled, shipped, terms_in
from curate.scan import CharClass, Scan
from curate.textbatch import TextBatch

CATEGORIES = ("gambling", "porn", "spam", "boilerplate", "own")
"""Lists, in this order: a term that is in two of them counts for the first."""


class Lexicons(Measure):
    """Different terms of each list found in a text, and the share of its characters they cover.

    Different terms say more than how often one occurs: an article on gambling says the same few
    words again and again, a page that advertises it has all of them. Not on by default: which
    words are unwanted is the user's decision.
    """

    name: ClassVar[str] = "lexicons"
    order: ClassVar[int] = 50
    default: ClassVar[bool] = False
    libraries: ClassVar[tuple[str, ...]] = ("opencc",)
    files: ClassVar[tuple[str, ...]] = CATEGORIES
    columns: ClassVar[dict[str, pa.DataType]] = {
        column: kind
        for category in CATEGORIES
        for column, kind in (
            (f"{category}_terms", pa.int32()),
            (f"{category}_text", pa.float32()),
        )
    }

    gambling: str | bool = True
    """A file with a term a line, relative to the recipe; true for the project's starter list, false
    for none."""
    porn: str | bool = True
    """The same for pornography."""
    spam: str | bool = True
    """The same for advertising and search-engine spam."""
    boilerplate: str | bool = True
    """The same for what pages say around their text: 上一篇, 版权所有."""
    own: str | bool = False
    """A list of your own, for what none of the others is about."""

    @field_validator("own")
    @classmethod
    def _no_starter_list(cls, value: str | bool) -> str | bool:
        if value is True:
            raise ValueError("there is no starter list for it; name a file")
        return value

    def paths(self) -> tuple[Path | None, ...]:
        """The file of each category, in their order; None where a category is off."""
        values = [getattr(self, category) for category in CATEGORIES]
        return tuple(
            Path(value) if isinstance(value, str) else shipped(category) if value else None
            for category, value in zip(CATEGORIES, values, strict=True)
        )

    def located(self, folder: Path) -> Self:
        """Also reads the lists, so that one that cannot be used is known before work starts."""
        found = super().located(folder)
        for path in found.paths():
            if path is not None:
                terms_in(path)
        return found

    def _named_files(self) -> dict[str, str]:
        # The starter lists too: a build is done again when they have changed.
        return {c: str(p) for c, p in zip(CATEGORIES, self.paths(), strict=True) if p is not None}

    def measure_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> dict[str, NDArray[np.generic] | pa.Array]:
        paths = self.paths()
        stamps = tuple(p.stat().st_mtime_ns if p else 0 for p in paths)
        terms, covered = _lists(paths, stamps).found(batch, len(CATEGORIES))
        blanks = scanned.counts[:, [CharClass.SPACE, CharClass.NEWLINE]].sum(axis=1)
        filled = np.maximum(batch.lengths() - blanks, 1)
        columns: dict[str, NDArray[np.generic] | pa.Array] = {}
        for i, category in enumerate(CATEGORIES):
            columns[f"{category}_terms"] = terms[i]
            columns[f"{category}_text"] = (covered[i] / filled).astype(np.float32)
        return columns


@cache
def _lists(paths: tuple[Path | None, ...], stamps: tuple[int, ...]) -> WordLists:
    return compiled([terms_in(path) if path else [] for path in paths])
