"""One build in a folder at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from curate.errors import CurateError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder's lock; the system releases it however the process ends.

    Raises CurateError when another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CurateError(
                f"another build is at work in {folder}; wait for it or give another --out"
            ) from None
        yield
    finally:
        os.close(handle)
