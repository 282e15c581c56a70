"""Lookup tables that take a while to build, kept in a file of the user's cache folder.

The cache only saves time: what it holds is what the builder returns. A file that is missing, cut,
damaged or made by other code or other libraries is ignored and written anew; a folder that cannot
be written is no error.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tables = dict[str, NDArray[Any]]


def cache_folder() -> Path | None:
    """Where this user's caches of ours belong, whether or not it exists; None without a home."""
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "curate"
    if sys.platform == "win32" and (base := os.environ.get("LOCALAPPDATA")):
        return Path(base) / "curate" / "cache"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "curate"


def stored(
    name: str,
    build: Callable[[], Tables],
    sources: Sequence[str | Path],
    versions: Mapping[str, str],
) -> Tables:
    """What `build()` returns, from the cache file where there is a sound one.

    sources: the files whose code decides the result (most often `[__file__]`).
    versions: of everything else that decides it. Both are part of the file's name.
    The arrays are read-only.
    """
    path = _path(name, sources, versions)
    tables = _read(path) if path else None
    if tables is None:
        tables = build()
        if path:
            _write(path, tables)
    for table in tables.values():
        table.flags.writeable = False
    return tables


def _path(name: str, sources: Sequence[str | Path], versions: Mapping[str, str]) -> Path | None:
    folder = cache_folder()
    if folder is None:
        return None
    digest = hashlib.blake2b(digest_size=12)
    try:
        for source in sources:
            digest.update(Path(source).read_bytes())
    except OSError:  # code without readable files, as in a zip: nothing to key a cache by
        return None
    for key, value in sorted({**versions, "byteorder": sys.byteorder}.items()):
        digest.update(f"\0{key}={value}".encode())
    return folder / f"{name}-{digest.hexdigest()}.npz"


def _read(path: Path) -> Tables | None:
    try:
        # Members of an npz carry a checksum that is compared as they are read.
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write(path: Path, tables: Tables) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **tables)  # type: ignore[arg-type]
        os.replace(partial, path)
    except OSError:
        Path(partial).unlink(missing_ok=True)
