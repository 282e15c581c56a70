"""A ledger's prediction against the build that it predicts."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from curate.build import Build, Options
from curate.errors import RecipeError
from curate.recipe import Recipe, parsed
from curate.whatif import (
    DROPPED,
    DUPLICATE,
    FREED,
    RETURNS,
    STAYS,
    Prediction,
    as_json,
    caveats,
    changed_recipe,
    predicted,
)
from manifests.opened import OpenedBuild, open_build
from tests.curate.corpus import sentence, write_corpus


def ledger(folder: Path) -> dict[str, dict]:
    return {row["id"]: row for row in pq.read_table(folder / "ledger").to_pylist()}


def kept(folder: Path) -> set[str]:
    return {row_id for row_id, row in ledger(folder).items() if row["status"] == "kept"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents and pairs of all fates, lengths between 5 and 120 characters, in two licences."""
    root = tmp_path_factory.mktemp("whatif")
    write_corpus(root / "web", files=3)
    short = [sentence(7_000 + i)[: 5 + 3 * (i % 20)] + f"{i}号" for i in range(40)]
    # These are rows of `web` too, and here they stay: `short` comes before it.
    shared = [sentence(i) for i in range(10)]
    (root / "short.txt").write_text("\n".join([*short, *shared, "买五送一" * 9]) + "\n")
    pairs = [
        f"The lamp on pier number {i} is lit at dusk by its {i} keepers.\t{sentence(i)}"
        for i in range(9_000, 9_020)
    ]
    pairs.append(f"Der Leuchtturm wird am Abend von vier Leuten angezuendet.\t{sentence(1)}")
    (root / "pairs.tsv").write_text("\n".join(pairs) + "\n")
    return root


RECIPE = """
name: {name}
sources:
  - {{name: jsonl, label: web, path: {root}/web, licence: CC-BY-4.0}}
  - {{name: text, label: short, path: {root}/short.txt, licence: CC-BY-NC-4.0, priority: 60}}
  - {{name: wmt18, label: pairs, path: {root}/pairs.tsv}}
"""


def rebuilt(recipe: Recipe, root: Path, name: str) -> Path:
    renamed = recipe.model_copy(update={"name": name})
    return Build(renamed, Options(out=root / "builds", workers=1)).run().folder


@pytest.fixture(scope="module")
def build(root: Path) -> OpenedBuild:
    recipe = Recipe(**yaml.safe_load(RECIPE.format(name="base", root=root)))
    return open_build(rebuilt(recipe, root, "base"))


def prediction(build: OpenedBuild, *settings: str) -> Prediction:
    return predicted(build, changed_recipe(build, settings))


def test_the_same_limits_change_nothing(build):
    found = prediction(build, "quality.characters.min=1")
    assert found.total(STAYS) == len(kept(build.folder))
    assert found.total(DROPPED) == found.total(RETURNS) == found.total(FREED) == 0
    assert found.total(DUPLICATE) > 0 and not found.moved
    assert as_json(build, found)["exact"] is True and caveats(found) == []


TIGHTER = [
    ("quality.characters.min=30",),
    ("quality.characters.max=70",),
    ("quality.han_ratio.min=0.75", "quality.characters.min=12"),
    ("quality.han_ratio.min=0.82", "quality.han_ratio.from_characters=40"),
    ("language.keep=zh",),
    ("language.en=",),
    ("licences.deny=*-NC-*",),
    ("licences.allow=CC-BY-4.0", "quality.characters.max=90"),
]


@pytest.mark.parametrize("settings", TIGHTER, ids=" ".join)
def test_tighter_limits_are_predicted_as_a_build_decides(build, root, settings):
    recipe = changed_recipe(build, settings)
    found = predicted(build, recipe)
    before, after = ledger(build.folder), ledger(rebuilt(recipe, root, "tight"))
    # Every decision is the build's, reason by reason.
    reasons: dict[tuple[str, str], int] = {}
    for row_id, row in after.items():
        if before[row_id]["status"] == "kept" and row["stage"] == "decide":
            key = (row["source"], row["reason"])
            reasons[key] = reasons.get(key, 0) + 1
    assert reasons == {
        (label, reason): rows
        for (fate, label, reason), (rows, _) in found.reasons.items()
        if fate == DROPPED
    }
    assert found.total(RETURNS) == 0
    now = {row_id for row_id, row in after.items() if row["status"] == "kept"}
    freed = {
        row_id
        for row_id, row in before.items()
        if row["duplicate_of"]
        and after[row_id]["stage"] != "decide"
        and after[row["duplicate_of"]]["stage"] == "decide"
    }
    assert found.total(FREED) == len(freed)
    stays = {i for i, row in before.items() if row["status"] == "kept"} - {
        i for i, row in after.items() if row["stage"] == "decide"
    }
    assert found.total(STAYS) == len(stays)
    if not freed:
        assert as_json(build, found)["exact"] is True
        assert now == stays
    else:
        # Whatever differs is a freed row that stays, or went for one.
        assert now - stays <= freed
        assert all(after[i]["duplicate_of"] in freed for i in stays - now)
        assert "freed" in caveats(found)[0]


def test_some_of_these_free_duplicates_and_some_do_not(build):
    freed = [prediction(build, *settings).total(FREED) for settings in TIGHTER]
    assert any(freed) and not all(freed)


def test_looser_limits_tell_what_may_come_back(build, root):
    settings = ("language=false",)
    recipe = changed_recipe(build, settings)
    found = predicted(build, recipe)
    before, after = ledger(build.folder), ledger(rebuilt(recipe, root, "loose"))
    back = {i for i, row in before.items() if row["stage"] == "decide"} - {
        i for i, row in after.items() if row["stage"] == "decide"
    }
    assert found.total(RETURNS) == len(back) > 0
    assert found.total(STAYS) == len(kept(build.folder))
    # The English rows of every file are the same: a build finds the duplicates among them.
    assert any(after[i]["stage"] == "exact" for i in back)
    assert "come back" in caveats(found)[0]
    assert as_json(build, found)["kept_at_most"] >= len(
        [i for i, row in after.items() if row["status"] == "kept"]
    )


def test_rows_out_for_another_reason_are_reported_as_moved(build):
    found = prediction(build, "quality.characters.min=200")
    moved = {(old, new) for _, old, new in found.moved}
    assert ("exact_duplicate", "quality.characters.min") in moved


def test_examples_name_measure_and_limit(build):
    found = prediction(build, "quality.characters.min=30")
    one = next(e for e in found.examples if e["source"] == "short")
    assert one["measure"].startswith("characters=") and one["limit"] == "min 30"
    assert int(one["measure"].split("=")[1]) < 30


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("dedup.near.threshold=0.7", "only quality, language, licences can be judged"),
        ("qualty.characters.min=3", "did you mean 'quality'"),
        ("quality.charcters.min=3", "did you mean 'characters'"),
        ("quality.characters.mim=3", "did you mean 'min'"),
        ("quality.characters.min=many", "quality.characters.min"),
        ("quality.han_ratio.mim=3", "did you mean 'min'"),
        ("quality.han_ratio=5", "quality.han_ratio"),
        ("quality=5", "write it as"),
        ("quality.characters.from_characters=-1", "from_characters"),
        ("quality.characters.min", "write it as"),
        ("licences.deny=CC-BZ", "fits no SPDX identifier"),
        ("quality.characters.min={", "is no value"),
    ],
)
def test_settings_that_cannot_be_judged_are_refused(build, setting, words):
    with pytest.raises(RecipeError, match=words):
        changed_recipe(build, [setting])


def test_null_takes_a_limit_away(build, root):
    tight = changed_recipe(build, ["quality.han_ratio.min=0.5"])
    folder = rebuilt(tight, root, "limited")
    recipe = changed_recipe(open_build(folder), ["quality.han_ratio.min=null"])
    assert "han_ratio" not in recipe.quality


def test_rows_that_go_for_a_person_are_foretold_as_such(root):
    """What rewrites found and the recipe does not tolerate is decided as in a build."""
    (root / "calls.txt").write_text(f"{sentence(1)}电话：13812345678。\n{sentence(2)}\n")
    recipe = parsed(
        f"name: calls\nsources: [{{name: text, path: {root}/calls.txt}}]\n"
        "rewrite: {privacy: {phone: drop}}\n"
    )
    opened = open_build(rebuilt(recipe, root, "calls"))
    assert {row["reason"] for row in ledger(opened.folder).values()} == {None, "privacy.phone"}
    found = prediction(opened, "quality.characters.min=2")
    assert (found.total(STAYS), found.total(RETURNS)) == (1, 0) and not found.moved
