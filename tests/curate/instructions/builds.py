"""Small instruction builds, for the tests beside."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from curate.build import Options, Result
from curate.instructions.build import InstructionBuild
from curate.instructions.recipe import InstructionRecipe
from curate.recipe import parsed
from tests.curate.corpus import sentence

Row = dict[str, Any]


def row(asked: str, answer: str, given: str = "", **more: Any) -> Row:
    """A record of the published schema."""
    return {"instruction": asked, "input": given, "output": answer, **more}


def different(count: int, first: int = 0) -> list[Row]:
    """Rows that are no duplicates of each other."""
    return [row(sentence(i), sentence(i + 50_000)) for i in range(first, first + count)]


def write(path: Path, rows: Iterable[Row]) -> None:
    """A file of JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), "utf-8")


def recipe(root: Path, extra: str = "", *sources: str) -> InstructionRecipe:
    """A recipe of `root`/*.jsonl as source `own`, with more sources and more lines of YAML."""
    lines = [
        "name: small",
        "sources:",
        *[
            f"  - {source}"
            for source in sources or (f"{{name: instructions, label: own, path: {root}}}",)
        ],
        "output: {shard_mb: 1}" if "output:" not in extra else "",
        extra,
    ]
    return parsed("\n".join(lines), kind=InstructionRecipe)


def built(out: Path, asked: InstructionRecipe, workers: int = 1) -> Result:
    """The result of building into `out`."""
    return InstructionBuild(asked, Options(out=out, workers=workers)).run()


def ledger(result: Result) -> dict[str, Row]:
    """Ledger rows by id."""
    return {r["id"]: r for r in pq.read_table(result.folder / "ledger").to_pylist()}


def data(result: Result) -> list[Row]:
    """Kept rows."""
    rows: list[Row] = pq.read_table(result.folder / "data").to_pylist()
    return rows


def lines(path: Path) -> list[Row]:
    """The records of a file of JSON Lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
