"""The fluency measure in a recipe: its model is found, checked, and part of the fingerprint."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.build import Build, Options
from curate.charmodel.count import Counts
from curate.charmodel.model import save, trained
from curate.errors import RecipeError
from curate.measure.fluency import Fluency
from curate.recipe import parsed
from curate.scan import scan
from curate.textbatch import TextBatch

LINES = [
    "今天下午三点在二楼开会。",
    "请各位准时出席会议，不要迟到。",
    "会议讨论明年的工作安排。",
] * 4


def model(path: Path, lines: list[str] = LINES) -> Path:
    counts = Counts(3)
    counts.add(TextBatch.from_strings(lines))
    save(trained(counts, 1, []), path)
    return path


RECIPE = """
name: judged
sources: [{name: jsonl, path: in.jsonl}]
language: false
dedup: false
measure: {fluency: {model: MODEL}}
quality:
  fluency: {min: 0, from_characters: 8}
"""


def test_a_recipe_drops_word_salad_and_keeps_short_text(tmp_path: Path) -> None:
    model(tmp_path / "clean.model")
    texts = ["请各位准时出席下午会议。", "会席午请位准时三要年迟下。", "会开"]
    rows = (json.dumps({"text": text}, ensure_ascii=False) for text in texts)
    (tmp_path / "in.jsonl").write_text("\n".join(rows))
    recipe = parsed(RECIPE.replace("MODEL", "clean.model"))
    result = Build(recipe, Options(tmp_path / "out", recipe_folder=tmp_path)).run()
    ledger = pq.read_table(result.folder / "ledger").to_pylist()
    assert [row["reason"] for row in ledger] == [None, "quality.fluency.min", None]
    assert ledger[1]["limit"] == "min 0 from 8 characters"
    assert ledger[0]["fluency_characters"] == 11


def test_a_missing_or_damaged_model_is_known_before_work_starts(tmp_path: Path) -> None:
    recipe = parsed(RECIPE.replace("MODEL", "clean.model"))
    with pytest.raises(RecipeError, match=r"fluency\.model: there is no file"):
        Build(recipe, Options(tmp_path / "out", recipe_folder=tmp_path))
    (tmp_path / "clean.model").write_bytes(b"no model at all")
    with pytest.raises(RecipeError, match="is not a model"):
        Build(recipe, Options(tmp_path / "out", recipe_folder=tmp_path))


def test_the_fingerprint_is_of_the_models_content(tmp_path: Path) -> None:
    model(tmp_path / "a.model")
    model(tmp_path / "b.model")
    model(tmp_path / "c.model", LINES[:3])
    a, b, c = (Fluency(model=f"{n}.model").located(tmp_path).fingerprint() for n in "abc")
    assert a == b != c
    assert str(tmp_path) not in str(a)


def test_columns(tmp_path: Path) -> None:
    measure = Fluency(model=str(model(tmp_path / "a.model")))
    batch = TextBatch.from_strings(["今天下午开会。", "", "hello"])
    columns = measure.measure_batch(batch, scan(batch))
    assert list(columns) == list(Fluency.columns)
    assert columns["fluency_characters"].tolist() == [6, 0, 0]
    assert columns["fluency"][0] > 0 > columns["likelihood"][0]
    assert columns["fluency"][1:].tolist() == columns["fluency_worst"][1:].tolist() == [0, 0]
