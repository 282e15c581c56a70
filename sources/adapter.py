"""The contract between upstream formats and the pipeline.

An adapter turns published files into record batches of one row type (curate/rows.py). It groups the
files it is given into units (one file, or the two files of a line-aligned pair) and reads a unit
from beginning to end. It knows nothing of cleaning, limits or duplicates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from curate.rows import RowType


@dataclass(frozen=True)
class InputFile:
    """A file on disk and what it is called upstream."""

    path: Path
    name: str
    """Path relative to the source's root, `/`-separated; members of an archive are
    `archive.tgz/member`. It becomes the `file` of every id, so it must not depend on the machine.
    """


@dataclass(frozen=True)
class Unit:
    """One independent stream of rows: most often a file; for aligned text a file per side."""

    name: str
    """The `file` part of the ids: the file's name, or for a pair of files the common stem."""
    files: tuple[InputFile, ...]


class Adapter(BaseModel):
    """Base of every adapter; its fields are the options a recipe's source entry may give."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    version: ClassVar[int] = 1

    @property
    def row_type(self) -> RowType:
        """The kind of rows this adapter yields under its options."""
        raise NotImplementedError

    def units(self, files: Sequence[InputFile]) -> list[Unit]:
        """The units in the files, sorted by name. Raises SourceError when they do not fit.

        Files that are not data (a LICENSE, a README) are left out and must not raise.
        """
        return sorted((Unit(f.name, (f,)) for f in files), key=lambda unit: unit.name)

    def read(self, unit: Unit) -> Iterator[pa.RecordBatch]:
        """Every row of the unit, in order, as batches of at most a few MB in `row_type.schema`."""
        raise NotImplementedError


class SourceError(Exception):
    """A source that cannot be read at all; the message says what, where and what to do."""
