"""Rows of a refused licence end in the ledger, and the manifest says what the rest allows."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.build import Build, Options, Result
from curate.errors import RecipeError
from curate.recipe import parsed
from curate.storage import read_json
from tests.curate.corpus import sentence

RECIPE = """
name: mixed
sources:
  - {name: text, label: free, path: free.txt, licence: CC0-1.0}
  - {name: text, label: research, path: research.txt, licence: cc-by-nc-sa-4.0}
  - {name: text, label: words, path: words.txt, licence: for our readers}
  - {name: text, label: silent, path: silent.txt}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate(["free", "research", "words", "silent"]):
        rows = [sentence(100 * i + j) for j in range(3)]
        (tmp_path / f"{name}.txt").write_text("\n".join(rows) + "\n")
    # A row of the refused source is also in the free one: there it must stay.
    with (tmp_path / "silent.txt").open("a") as file:
        file.write(sentence(100) + "\n")
    return tmp_path


def options(folder: Path) -> Options:
    return Options(folder / "out", workers=1, recipe_folder=folder)


def built(folder: Path, policy: str = "") -> Result:
    return Build(parsed(RECIPE + policy), options(folder)).run()


def test_refused_rows_are_dropped_with_licence_and_rule(folder):
    result = built(folder, "licences: {deny: ['*-NC-*']}\n")
    rows = pq.read_table(result.folder / "ledger").to_pylist()
    refused = [row for row in rows if row["source"] == "research"]
    assert len(refused) == 3
    for row in refused:
        assert (row["status"], row["stage"], row["reason"]) == ("dropped", "decide", "licence")
        assert row["measure"] == "licence=CC-BY-NC-SA-4.0"
        assert row["limit"] == "deny *-NC-*"
        assert row["characters"] > 40
    assert {row["status"] for row in rows if row["source"] != "research"} == {"kept"}


def test_another_policy_reruns_only_decisions(folder):
    first = built(folder)
    assert first.accounts["silent"].duplicates + first.accounts["research"].duplicates == 1
    again = built(folder, "licences: {allow: [CC0-1.0, unstated]}\n")
    assert "read partitions" not in again.clock
    kept = {label: account.kept for label, account in again.accounts.items()}
    assert kept == {"free": 3, "research": 0, "words": 0, "silent": 4}


def test_every_kept_row_carries_its_licence(folder):
    result = built(folder)
    rows = pq.read_table(result.folder / "data").to_pylist()
    assert {(row["source"], row["licence"]) for row in rows} == {
        ("free", "CC0-1.0"),
        ("research", "CC-BY-NC-SA-4.0"),
        ("words", "for our readers"),
        ("silent", "unstated"),
    }


def test_the_manifest_says_what_the_result_may_be_used_for(folder):
    use = read_json(built(folder).folder / "manifest.json")["use"]
    assert (use["commercial"], use["share_alike"], use["attribution"]) == (False, True, True)
    by_licence = {part["licence"]: part for part in use["licences"]}
    assert by_licence["CC0-1.0"]["rows"] == 3 and by_licence["CC0-1.0"]["commercial"] is True
    assert by_licence["unstated"]["sources"] == ["silent"]
    text = "".join(sentence(j) for j in range(3))
    assert by_licence["CC0-1.0"]["characters"] == len(text)
    policy = "licences: {non_commercial: deny, unknown: deny}\n"
    use = read_json(built(folder, policy).folder / "manifest.json")["use"]
    assert (use["commercial"], use["share_alike"], use["attribution"]) == (True, False, False)


def test_the_plan_shows_what_would_be_refused(folder):
    recipe = parsed(RECIPE + "licences: {non_commercial: deny, unknown: deny}\n")
    plan = Build(recipe, options(folder)).dry_run()
    assert {entry["source"]: (entry["licence"], entry["refused"]) for entry in plan["sources"]} == {
        "free": ("CC0-1.0", None),
        "research": ("CC-BY-NC-SA-4.0", "non_commercial deny"),
        "words": ("for our readers", "unknown deny"),
        "silent": ("unstated", "unknown deny"),
    }


def test_a_licence_given_in_the_recipe_replaces_the_catalogues_facts():
    base = "name: x\nsources: [{name: csl, path: .%s}]\n"
    assert parsed(base % "").sources[0].terms.licence == "Apache-2.0"
    given = parsed(base % ", licence: CC-BY-NC-4.0").sources[0].terms
    assert (given.licence, given.commercial) == ("CC-BY-NC-4.0", False)
    words = parsed(base % ", licence: ask the library, non_commercial: true").sources[0].terms
    assert (words.licence, words.commercial) == ("ask the library", False)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("licences: {alow: [MIT]}", "did you mean 'allow'"),
        ("licences: {allow: [CC-BY-4]}", "licences.allow: 'CC-BY-4' fits no SPDX identifier"),
        ("licences: {allow: [Apache-2]}", "did you mean 'Apache-2.0'"),
        ("licences: {deny: ['CC-BZ-*']}", "licences.deny: 'CC-BZ-.' fits no"),
        ("licences: {non_commercial: no}", "licences.non_commercial"),
    ],
)
def test_a_policy_that_would_do_nothing_is_an_error(policy, words):
    with pytest.raises(RecipeError, match=words):
        parsed(RECIPE + policy + "\n")


def test_words_of_a_source_may_be_named():
    recipe = parsed(RECIPE + "licences: {deny: ['*readers', LicenseRef-WMT18-research]}\n")
    assert recipe.licences.refusal(recipe.sources[2].terms) == "deny *readers"
