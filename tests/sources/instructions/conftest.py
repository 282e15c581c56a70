"""Reading a file with an adapter of an instruction set, its rows in a short form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from tests.sources.formats.conftest import Rows, rows_of  # noqa: F401


class Row(NamedTuple):
    """A row that was kept."""

    instruction: str
    input: str
    output: str
    history: Sequence[tuple[str, str]] = ()
    system: str = ""
    meta: dict[str, Any] | None = None


def short(row: dict[str, Any]) -> Row | tuple[str, str]:
    """The row, or reason and detail of one that is quarantined."""
    history = [(turn["user"], turn["assistant"]) for turn in row["history"]] or ()
    if row["quarantine"] is not None:
        assert history == ()
        return row["quarantine"], row["detail"]
    return Row(row["instruction"], row["input"], row["output"], history, row["system"], row["meta"])


@pytest.fixture
def read(rows_of: Callable[..., Rows]) -> Callable[..., list[Row | tuple[str, str]]]:  # noqa: F811
    """`read(adapter name, content, **options)`: every row of one file in short form."""

    def rows(name: str, content: bytes | str, **options: Any) -> list[Row | tuple[str, str]]:
        return [short(row) for row in rows_of(name, content, **options)]

    return rows
