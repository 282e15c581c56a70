"""Folders that appear whole or not at all, and a split part by part."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.tokens.format.reader import PartArrays


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes `folder` when the block ends without an error."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def begins(part: PartArrays) -> NDArray[np.int64]:
    """Where each segment of a part begins in its row."""
    result = np.zeros(len(part.segments), np.int64)
    result[1:] = part.segments[:-1, 0]
    result[part.rows[:-1]] = 0
    return result


def used(part: PartArrays) -> NDArray[np.int64]:
    """Tokens of each row of a part that are not padding."""
    return part.segments[part.rows[1:] - 1, 0].astype(np.int64)
