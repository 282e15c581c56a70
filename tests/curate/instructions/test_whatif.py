"""What other limits and policies would make of a build of instructions, against that build."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.errors import RecipeError
from curate.whatif import DROPPED, FREED, LEFT, RETURNS, caveats, changed_recipe, predicted
from manifests.opened import open_build
from tests.curate.corpus import sentence
from tests.curate.instructions.builds import built, data, different, recipe, row, write

FLAGGED = "我是ChatGPT，由OpenAI训练的语言模型。"
EXTRA = "dedup: {near: false}\nmixture: {valid: 0}\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whatif")
    rows = different(30)
    rows += [row(sentence(400 + i), FLAGGED + sentence(500 + i)) for i in range(5)]
    rows += [row(sentence(600 + i), sentence(700 + i)[: 4 + i]) for i in range(10)]
    rows += [row(sentence(601), sentence(800))]
    write(root / "in/a.jsonl", rows)
    return root


@pytest.mark.parametrize(
    ("setting", "extra"),
    [
        ("quality.output_characters.min=8", "quality: {output_characters: {min: 8}}"),
        ("policies.self_identified=keep", "policies: {self_identified: keep}"),
        ("policies.self_identified=tag", "policies: {self_identified: tag}"),
        ("language.keep=en", "language: {keep: [en]}"),
    ],
)
def test_prediction_is_what_a_build_makes(root, tmp_path, setting, extra):
    before = open_build(built(tmp_path / "a", recipe(root / "in", EXTRA)).folder)
    found = predicted(before, changed_recipe(before, [setting]))
    after = data(built(tmp_path / "b", recipe(root / "in", EXTRA + extra)))
    kept = found.total("stays") + found.total(RETURNS) + found.total(FREED)
    assert len(after) == kept != len(data_of(before))
    assert found.total(RETURNS) + found.total(DROPPED) > 0


def data_of(build) -> list[object]:
    with build.connection() as database:
        return database.execute("SELECT id FROM data").fetchall()


def test_made_rows_are_instructions_and_not_their_records(tmp_path):
    (tmp_path / "in").mkdir()
    pairs = [f"The lamp on pier {i} is lit at dusk.\t{sentence(i)}\n" for i in range(9)]
    (tmp_path / "in/pairs.tsv").write_text("".join(pairs))
    asked = recipe(tmp_path, EXTRA, f"{{name: wmt18, label: p, path: {tmp_path}/in}}")
    build = open_build(built(tmp_path / "out", asked).folder)
    found = predicted(build, changed_recipe(build, ["quality.output_characters.min=5000"]))
    assert found.total(DROPPED) == 9


def test_what_budgets_leave_out_is_said(root, tmp_path):
    extra = EXTRA.replace("valid: 0", "valid: 0, rows: 20")
    build = open_build(built(tmp_path / "out", recipe(root / "in", extra)).folder)
    found = predicted(build, changed_recipe(build, ["policies.self_identified=keep"]))
    assert found.total(LEFT) > 0
    assert any("caps and budget" in sentence for sentence in caveats(found))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("policies.self_identifed=keep", "self_identified"),
        ("policies.refused=discard", "policies"),
        ("mixture.rows=5", "policies"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(root, tmp_path, setting, words):
    build = open_build(built(tmp_path / "out", recipe(root / "in", EXTRA)).folder)
    with pytest.raises(RecipeError, match=words):
        changed_recipe(build, [setting])
