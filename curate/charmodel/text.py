"""The text that a model is trained on, out of files of any kind the sources can read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from curate.charmodel.count import Counts
from curate.errors import CurateError, RecipeError
from curate.fingerprint import file_sha256
from curate.textbatch import TextBatch
from sources.adapter import Adapter, SourceError
from sources.inputs import open_units
from sources.reading import JSON_FORMATS
from sources.registry import adapter
from sources.sniff import content

_TABLES = {".csv", ".tsv"}
"""Only their names tell them from text with commas in it; other formats are known by content."""


def counted(
    files: Sequence[Path], field: str, order: int, advance: Callable[[int], None]
) -> tuple[Counts, list[dict[str, Any]]]:
    """Counts of all texts in the files, and what each file was: name, SHA-256, rows, rows left out.

    `advance` is told the bytes of text as they are counted. Raises RecipeError for a file that is
    not there or lacks the field.
    """
    counts = Counts(order)
    read: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="curate-model-") as unpacked:
        for path in files:
            if not path.is_file():
                raise RecipeError(f"there is no file {path}")
            rows, left_out = _add(counts, path, field, Path(unpacked), advance)
            sha256 = file_sha256(path)
            read.append({"file": path.name, "sha256": sha256, "rows": rows, "left_out": left_out})
    return counts, read


def _add(
    counts: Counts, path: Path, field: str, workdir: Path, advance: Callable[[int], None]
) -> tuple[int, int]:
    reader = _reader(path, field)
    rows = left_out = 0
    try:
        for unit in open_units(reader, path, workdir).units:
            for batch in reader.read(unit):
                rows += batch.num_rows
                left_out += batch.num_rows - batch.column("quarantine").null_count
                counts.add(TextBatch.from_arrow(batch.column("text")))
                advance(batch.column("text").nbytes)
    except SourceError as error:
        raise RecipeError(f"{path}: {error}") from None
    if left_out == rows:
        raise CurateError(f"{path}: none of its {rows} rows could be read as text")
    return rows, left_out


def _reader(path: Path, field: str) -> Adapter:
    if _TABLES & {suffix.lower() for suffix in path.suffixes}:
        return adapter("csv", {"text": field})
    found = content(path).format
    if found == "parquet" or found in JSON_FORMATS:
        return adapter("parquet" if found == "parquet" else "jsonl", {"text": field})
    return adapter("text")
