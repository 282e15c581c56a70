"""The rows that the benchmarks of instruction builds read: real samples, more made of their parts.

A recombined row has, in every field, the beginning of one real row's text and the end of another's,
both from one source. So it reads, is escaped, marked up and repeated about as the real rows are,
and is a duplicate of none.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from curate.build import Options
from curate.ingest import numbered, partitions
from curate.instructions.build import InstructionBuild
from curate.instructions.recipe import InstructionRecipe
from curate.recipe import read
from curate.rowids import row_ids

ROOT = Path(__file__).resolve().parent.parent
RECIPE = ROOT / "tests" / "real" / "instructions.yaml"
_PLACE = "../../.cache/real"
_BREAK = re.compile(r"[。！？；，.!?;,\n ]+")
Row = dict[str, Any]


def write_recipe(path: Path, data: Path, more: Path | None, real: bool = True) -> None:
    """The recipe of the real samples in the folder `data`, and of the rows in the file `more`.

    real: whether the samples are read, or the rows of `more` alone. Raises OSError.
    """
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8").replace(_PLACE, str(data.resolve())))
    sources = recipe["sources"] if real else []
    if more is not None:
        sources.append({"name": "alpaca", "label": "recombined", "path": str(more.resolve())})
    recipe["sources"] = sources
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")


def rows_of(recipe: Path, work: Path) -> Iterator[tuple[str, Row]]:
    """Source and row of all that a recipe reads, with its id; rows in quarantine are left out."""
    build = InstructionBuild(read(recipe, InstructionRecipe), Options(work))
    for plan in build.plans():
        for unit in plan.units:
            for table in partitions(numbered(plan.adapter, [unit], None), plan.adapter.row_type):
                if plan.making is not None:
                    table = plan.making.made(table, [unit.name])
                numbers = [table.column("file"), table.column("row"), _part(table)]
                ids = row_ids([f"{plan.label}/{unit.name}"], *numbers)
                kept = table.column("quarantine").is_null().to_pylist()
                for key, good, row in zip(ids.to_pylist(), kept, table.to_pylist(), strict=True):
                    if good:
                        yield plan.label, {**row, "id": key}


def _part(table: pa.Table) -> pa.Array | None:
    return table.column("part") if "part" in table.column_names else None


def flattened(row: Row) -> str:
    """All that a row says as one text, for tools that know no fields."""
    said = [turn[side] for turn in row["history"] for side in ("user", "assistant")]
    texts = [row["system"], *said, row["instruction"], row["input"], row["output"]]
    return "\n".join(text for text in texts if text)


def recombined(real: list[tuple[str, Row]], seed: int) -> Iterator[Row]:
    """Rows without end, made of the real ones; the sources have the shares that they have there."""
    by_source: dict[str, list[Row]] = {}
    for source, row in real:
        by_source.setdefault(source, []).append(row)
    drawn = random.Random(seed)
    while True:
        rows = by_source[real[drawn.randrange(len(real))][0]]
        asked, answered = (
            _mixed(rows, drawn, fields) for fields in (("instruction", "input"), ("output",))
        )
        yield {**asked, **answered}


def _mixed(rows: list[Row], drawn: random.Random, fields: tuple[str, ...]) -> Row:
    first, second = drawn.choice(rows), drawn.choice(rows)
    return {field: _head(first[field]) + _tail(second[field]) for field in fields}


def _middle(text: str) -> int:
    """Where a text is cut: at the first break behind its middle, or there."""
    found = _BREAK.search(text, len(text) // 2)
    return found.end() if found and found.end() < len(text) else len(text) // 2


def _head(text: str) -> str:
    return text[: _middle(text)]


def _tail(text: str) -> str:
    return text[_middle(text) :]


def write_recombined(
    path: Path, real: list[tuple[str, Row]], seed: int, rows: int | None, size: int | None = None
) -> int:
    """Writes so many rows, or rows of so many bytes of text; returns how many there are."""
    written = total = 0
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        for row in recombined(real, seed):
            if (rows is not None and written >= rows) or (size is not None and total >= size):
                break
            written += 1
            total += sum(len(text.encode()) for text in row.values())
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    partial.replace(path)
    return written


def write_flattened(folder: Path, rows: Iterator[tuple[str, Row]], shards: int) -> tuple[int, int]:
    """Writes {"id", "text"} lines, dealt out to files; returns rows and bytes of text."""
    folder.mkdir(parents=True)
    files = [(folder / f"{n:05d}.jsonl").open("w", encoding="utf-8") for n in range(shards)]
    count = size = 0
    for _, row in rows:
        text = flattened(row)
        files[count % shards].write(
            json.dumps({"id": row["id"], "text": text}, ensure_ascii=False) + "\n"
        )
        count += 1
        size += len(text.encode())
    for file in files:
        file.close()
    return count, size
