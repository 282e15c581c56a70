"""Rows by id, without reading what lies elsewhere.

Rows are sorted by id in every file and from file to file. The manifest says which ids a file holds,
the file's footer which a row group holds; only that row group is read.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests import ledger
from manifests.kept import text_of
from manifests.opened import ManifestError, OpenedBuild


@dataclass(frozen=True)
class Found:
    """A row and where it lies."""

    row: dict[str, Any]
    file: str
    """Path relative to the build's folder."""
    position: int
    """Which row of the file, from 0."""


_DUPLICATES = pa.schema([ledger.COLUMNS.field(name) for name in ("id", "stage", "similarity")])


def find(build: OpenedBuild, kind: str, row_id: str) -> Found | None:
    """The row with this id in the build's `data` or `ledger`, or None.

    A row of data has a `text`, also where it is an instruction (`manifests.kept.text_of`).
    Raises ManifestError when a file cannot be read.
    """
    for output in build.outputs:
        name = str(output["path"])
        if not name.startswith(f"{kind}/"):
            continue
        # Builds of version 1 do not say which ids a file holds; their footers do.
        first, last = output.get("first", ""), output.get("last", "\U0010ffff")
        if first is not None and first <= row_id <= last:
            found = _in_file(build.folder / name, row_id)
            if found is not None:
                row = found[0] if kind != "data" else {**found[0], "text": text_of(found[0])}
                return Found(row, name, found[1])
    return None


def _in_file(path: Path, row_id: str) -> tuple[dict[str, Any], int] | None:
    with opened_parquet(path) as file:
        start = 0
        for group in range(file.num_row_groups):
            about = file.metadata.row_group(group)
            if _may_hold(about.column(0), row_id):
                ids = file.read_row_group(group, columns=["id"]).column("id")
                at = pc.index(ids, row_id).as_py()
                if at >= 0:
                    row = file.read_row_group(group).slice(at, 1).to_pylist()[0]
                    return row, start + at
            start += about.num_rows
    return None


def duplicates_of(build: OpenedBuild, row_id: str) -> pa.Table:
    """The rows that went as duplicates of this one: id, stage and similarity, in order of id."""
    # Few rows name any other: reading this one column of every file is cheap.
    with ThreadPoolExecutor() as threads:
        parts = threads.map(lambda path: _duplicates_in(path, row_id), build.ledger_files)
        found = pa.concat_tables([_DUPLICATES.empty_table(), *parts])
    return found.unify_dictionaries().combine_chunks()


def _duplicates_in(path: Path, row_id: str) -> pa.Table:
    with opened_parquet(path) as file:
        column = file.schema_arrow.get_field_index("duplicate_of")
        groups = [
            group
            for group in range(file.num_row_groups)
            if _may_hold(file.metadata.row_group(group).column(column), row_id)
        ]
        if not groups:
            return _DUPLICATES.empty_table()
        names = file.read_row_groups(groups, columns=["duplicate_of"], use_threads=False).column(0)
        rows = pc.indices_nonzero(pc.fill_null(pc.equal(names, row_id), False))
        if not len(rows):
            return _DUPLICATES.empty_table()
        return file.read_row_groups(groups, columns=_DUPLICATES.names).take(rows)


def _may_hold(column: pq.ColumnChunkMetaData, value: str) -> bool:
    """Whether a column of a row group may hold the value, by its least and greatest."""
    known = column.statistics
    return known is None or not known.has_min_max or known.min <= value <= known.max


def opened_parquet(path: Path) -> pq.ParquetFile:
    """A Parquet file of a build; raises ManifestError when it is none."""
    try:
        return pq.ParquetFile(path, memory_map=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise ManifestError(
            f"{path} cannot be read ({str(error).splitlines()[0]}); delete it and run the same "
            "build again to write it anew"
        ) from None
