"""Other limits on the real samples: foretold, built, compared; and the page about them."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.build import Build, Options
from curate.recipe import Recipe
from curate.whatif import DROPPED, FREED, RETURNS, changed_recipe, predicted
from manifests.diff import compared
from manifests.opened import OpenedBuild, open_build
from manifests.report import report_page
from manifests.schema import checked
from tests.real.test_corpus import recipe

# Damaged characters, and a limit on length that frees duplicates of none.
SETTINGS = ("quality.replacement_chars.max=0", "quality.characters.min=5")


def built(made: Recipe, out: Path) -> OpenedBuild:
    return open_build(Build(made, Options(out, workers=1)).run().folder)


@pytest.fixture(scope="module")
def build(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> OpenedBuild:
    return checked(built(recipe(real_data), tmp_path_factory.mktemp("whatif")))


def kept(build: OpenedBuild) -> set[str]:
    return set(pq.read_table(build.data_files, columns=["id"])["id"].to_pylist())


def test_a_build_keeps_what_was_foretold(build, tmp_path):
    changed = changed_recipe(build, SETTINGS)
    found = predicted(build, changed)
    assert found.total(RETURNS) == found.total(FREED) == 0
    after = built(changed.model_copy(update={"name": "after"}), tmp_path)
    before = kept(build)
    assert kept(after) < before
    assert len(before - kept(after)) == found.total(DROPPED) > 60
    result = compared(build, after)
    assert result["rows"]["lost"] == found.total(DROPPED)
    assert result["rows"]["gained"] == result["rows"]["changed"] == 0
    assert {key for group in result["groups"] for key in group["because"]} <= {
        "recipe.quality.replacement_chars.max",
        "recipe.quality.characters.min",
    }


def test_lists_of_countries_are_english(build):
    """What a lower `language.en_characters` would take away are nearly all sound pairs."""
    found = predicted(build, changed_recipe(build, ["language.en_characters=40"]), examples=20)
    assert 12 <= found.total(DROPPED) <= 25
    assert all(e["reason"] == "language.en" for e in found.examples)


def test_the_page_is_below_a_megabyte(build):
    assert len(report_page(build).encode()) < 1_000_000
