"""Real pairs with equal sides: the figures of docs/parallel.md."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.build import Build, Options
from curate.recipe import parsed
from manifests.opened import OpenedBuild, open_build
from manifests.verify import problems

SOURCES = """
name: pairs
sources:
  - {{name: wmt18, label: wmt18-nc13, path: {root}/wmt18/training-parallel-nc-v13, priority: 75}}
  - {{name: wmt18, label: news-commentary, path: {root}/news_commentary, priority: 70}}
  - {{name: wmt18, label: un, path: {root}/un_pc, priority: 65}}
  - {{name: wmt18, label: iwslt2017, path: {root}/iwslt2017}}
  - {{name: wmt18, label: ted, path: {root}/ted_parallel}}
"""


def built(real_data: Path, out: Path, sides: str) -> OpenedBuild:
    recipe = parsed(SOURCES.format(root=real_data) + f"dedup: {{sides: {sides}}}\n")
    return open_build(Build(recipe, Options(out)).run().folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sides")


def lost(build: OpenedBuild) -> list[dict]:
    """The rows that went for equal sides, each with `kept`, the row it names."""
    columns = ["id", "status", "stage", "reason", "duplicate_of", "pair_score", "zh_characters"]
    table = pq.read_table(build.folder / "ledger", columns=columns)
    rows = {row["id"]: row for row in table.to_pylist()}
    found = [row for row in rows.values() if row["stage"] == "sides"]
    return [row | {"kept": rows[row["duplicate_of"]]} for row in found]


def test_the_better_translation_stays(real_data: Path, folder: Path) -> None:
    build = built(real_data, folder, "true")
    assert problems(build.folder) == []
    rows = lost(build)
    assert {row["reason"] for row in rows} == {"same_zh", "same_en"} and 20 < len(rows) < 60
    for row in rows:
        assert row["kept"]["status"] == "kept"
        assert row["pair_score"] <= row["kept"]["pair_score"]
    # Half sentences beside a whole one are what most of these are: the other half has no score.
    assert sum(row["pair_score"] < 0.1 for row in rows) > len(rows) / 4
    assert not any(row["kept"]["pair_score"] < 0.1 for row in rows)


def test_short_sides_hold_most_of_the_groups(real_data: Path, folder: Path) -> None:
    """`谢谢。` and its like: with no least length these go too, and lose good translations."""
    everything = "{zh_characters: 0, en_characters: 0}"
    rows = lost(built(real_data, folder, everything))
    assert sum(row["zh_characters"] < 12 for row in rows) > len(rows) / 2
