"""SHA-256 of input files, remembered while a file's size and modification time stay the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from curate.fingerprint import file_sha256
from curate.storage import read_json, write_json


class FileHashes(Mapping[Path, str]):
    """Hashes by path; `of` computes what is not known."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._known: dict[str, list[object]] = {}
        self._current: dict[Path, str] = {}
        with contextlib.suppress(FileNotFoundError, ValueError):
            self._known = read_json(store)

    def of(self, path: Path) -> str:
        """The file's SHA-256 as hex."""
        state = path.stat()
        stamp = [state.st_size, state.st_mtime_ns]
        known = self._known.get(str(path))
        if known is None or known[:2] != stamp:
            known = [*stamp, file_sha256(path)]
            self._known[str(path)] = known
        self._current[path] = str(known[2])
        return self._current[path]

    def save(self) -> None:
        """Remembers the hashes of the files asked for."""
        write_json(self._store, {str(p): self._known[str(p)] for p in sorted(self._current)})

    def __getitem__(self, path: Path) -> str:
        return self._current[path]

    def __iter__(self) -> Iterator[Path]:
        return iter(self._current)

    def __len__(self) -> int:
        return len(self._current)
