"""A mirror: a folder or a URL base that holds a source's files by name."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from curate.errors import RecipeError
from sources.catalogue import OWN_FILES
from sources.download import DownloadError, NotThere, download
from sources.folder import Folder, data_files


class Mirror:
    """Where a source's files lie instead of upstream: in BASE/NAME or directly in BASE."""

    def __init__(self, folder: Folder, base: str, source: str) -> None:
        self.local: Path | None = None
        if re.match(r"^https?://", base):
            self.urls = [f"{base.rstrip('/')}/{source}", base.rstrip("/")]
        else:
            self.local = Path(unquote(urlsplit(base).path) if base.startswith("file:") else base)
            if not self.local.is_dir():
                raise RecipeError(
                    f"The mirror {base} is not a folder; give a folder, or a URL with http:// or "
                    "https://."
                )
            own = self.local / source
            self.folders = [own, self.local] if own.is_dir() else [self.local]
        self.sums = self._read_sums(folder)

    def places(self, name: str) -> list[str | Path]:
        """Where the file may be, the most particular place first."""
        if self.local is not None:
            return [base / name for base in self.folders if (base / name).is_file()]
        return [f"{base}/{quote(name)}" for base in self.urls]

    def names(self) -> list[str]:
        """The files of the mirror: those in its SHA256SUMS, or in the folder."""
        if self.sums or self.local is None:
            if not self.sums:
                raise DownloadError(
                    f"{self.urls[-1]} has no SHA256SUMS, so its files cannot be listed; put one "
                    "there, or copy the files and pass the folder."
                )
            return sorted(self.sums)
        return data_files(self.folders[0])

    def _read_sums(self, folder: Folder) -> dict[str, str]:
        if self.local is not None:
            for base in self.folders:
                if (path := base / "SHA256SUMS").is_file():
                    return parse_sums(path.read_text(encoding="utf-8", errors="replace"), str(path))
            return {}
        for url in self.places("SHA256SUMS"):
            target = folder.path / ".SHA256SUMS"
            try:
                got = download(folder.client, str(url), target, patience=folder.patience)
            except NotThere:
                continue
            text = got.partial.read_text(encoding="utf-8", errors="replace")
            got.partial.unlink()
            got.partial.with_name(got.partial.name + ".json").unlink(missing_ok=True)
            return parse_sums(text, str(url))
        return {}


def parse_sums(text: str, where: str) -> dict[str, str]:
    """SHA256SUMS as `sha256sum` writes it: checksum, blank, `*` or blank, name."""
    sums: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"([0-9a-fA-F]{64}) [ *](?:\./)?(.+)", line)
        if match is None:
            raise DownloadError(f"{where}, line {number}: not a checksum and a file name.")
        sums[match[2]] = match[1].lower()
    return {name: sums[name] for name in sorted(sums) if name not in OWN_FILES}
