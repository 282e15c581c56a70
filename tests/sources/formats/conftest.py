"""Reading with an adapter in one line, every batch checked against the contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sources.adapter import Adapter, InputFile, Unit
from sources.inputs import open_units
from sources.registry import adapter

Rows = list[dict[str, Any]]


def checked_rows(reader: Adapter, unit: Unit) -> Rows:
    """All rows of a unit; schema, numbering, quarantine and detail as the contract has them."""
    rows: Rows = []
    for batch in reader.read(unit):
        assert batch.schema == reader.row_type.schema
        batch.validate(full=True)
        rows += batch.to_pylist()
    assert [row["row"] for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        if row["quarantine"] is not None:
            assert row["detail"] and len(row["detail"]) <= 200
            assert not any(row[field] for field in reader.row_type.fields)
        if row["meta"] is not None:
            row["meta"] = json.loads(row["meta"])
    return rows


@pytest.fixture
def rows_of(tmp_path: Path) -> Callable[..., Rows]:
    """`rows_of(adapter name, content, file name, **options)`: the rows of one file."""

    def read(name: str, content: bytes | str, file: str = "data", **options: Any) -> Rows:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        reader = adapter(name, options)
        (unit,) = reader.units([InputFile(path, file)])
        return checked_rows(reader, unit)

    return read


@pytest.fixture
def units_of(tmp_path: Path) -> Callable[..., dict[str, Rows]]:
    """`units_of(adapter name, {file name: content}, **options)`: the rows of every unit."""

    def read(name: str, tree: dict[str, bytes | str], **options: Any) -> dict[str, Rows]:
        root = tmp_path / "source"
        for file, content in tree.items():
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        reader = adapter(name, options)
        opened = open_units(reader, root, tmp_path / "work")
        return {unit.name: checked_rows(reader, unit) for unit in opened.units}

    return read
