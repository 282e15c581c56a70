"""The before/after tables of docs/cleaning/text.md say what the rewrites do."""

import re
from pathlib import Path

import pytest

import curate.rewrite
from curate.rewrite.base import Rewrite
from curate.step import discovered

PAGE = Path(__file__).parents[3] / "docs" / "cleaning" / "text.md"


def examples() -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    name = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## (\w+)$", line):
            name = heading[1]
        row = re.fullmatch(r"\| (.*?) \| (.*?) \|", line.replace(r"\|", "\0"))
        if name and row and row[1] not in ("before", "---"):
            before, after = (
                cell.replace("`", "").replace("⏎", "\n").replace("\0", "|") for cell in row.groups()
            )
            rows.append((name, before, after))
    return rows


def test_every_rewrite_has_examples() -> None:
    names = {name for name, _, _ in examples()}
    assert names == {"escapes", "markup", "leftovers", "punctuation", "lines"}


@pytest.mark.parametrize(("name", "before", "after"), examples())
def test_example(name: str, before: str, after: str) -> None:
    assert discovered(curate.rewrite, Rewrite)[name]().rewrite(before) == after
