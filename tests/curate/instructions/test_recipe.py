"""Instruction sets in recipes: found by the names of the catalogue, refused by a corpus build."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.errors import RecipeError
from curate.plan import planned_source
from curate.recipe import parsed


@pytest.mark.parametrize(
    ("name", "adapter"),
    [("alpaca_zh", "alpaca"), ("sharegpt_zh", "sharegpt"), ("belle", "belle"), ("chat", "chat")],
)
def test_a_set_is_read_by_its_adapter(name: str, adapter: str) -> None:
    recipe = parsed(f"name: x\nsources:\n  - name: {name}", "x.yaml")
    assert type(recipe.sources[0].adapter()).name == adapter


def test_a_corpus_does_not_take_instructions(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]", "utf-8")
    recipe = parsed("name: x\nsources:\n  - {name: alpaca, path: a.json}", "x.yaml")
    with pytest.raises(RecipeError, match="'alpaca' holds instruction rows; a corpus build takes"):
        planned_source(recipe, recipe.sources[0], tmp_path, tmp_path, tmp_path)
