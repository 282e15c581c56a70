"""What measures that look for the phrases of one list have in common."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from curate.measure.base import MeasureStep
from curate.measure.instruction.phrases import Phrases, lines_in, phrases, shipped


class PhraseList(MeasureStep):
    """A step with the option `phrases`."""

    list_name: ClassVar[str]
    """The project's own list, a file of `wordlists/`."""
    libraries: ClassVar[tuple[str, ...]] = ("opencc",)
    files: ClassVar[tuple[str, ...]] = ("phrases",)

    phrases: str | bool = True
    """A file with a phrase a line, relative to the recipe; true for the project's own list, false
    for none."""

    def located(self, folder: Path) -> Self:
        """Also reads the list, so that one that cannot be used is known before work starts."""
        found = super().located(folder)
        path = found._path()
        if path:
            lines_in(path)
        return found

    def listed(self) -> Phrases | None:
        """The phrases, compiled when first asked for; None where there are none."""
        path = self._path()
        return phrases(path) if path else None

    def _path(self) -> Path | None:
        if isinstance(self.phrases, str):
            return Path(self.phrases)
        return shipped(self.list_name) if self.phrases else None

    def _named_files(self) -> dict[str, str]:
        # The project's list too: a build is done again when it has changed.
        path = self._path()
        return {"phrases": str(path)} if path else {}
