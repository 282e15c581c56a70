"""Configurations: what is wrong is said in one sentence, and the schedule is what it promises."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from curate.errors import RecipeError
from tests.conftest import ROOT
from trainer.config import Config, Schedule, parsed, read
from trainer.schedule import factor

GOOD = """
name: x
shards: shards/x
model: {fresh: {hidden_size: 16, layers: 1, heads: 2}, tokenizer: t}
"""


def test_changes_from_the_command_line():
    found = parsed(GOOD, "c.yaml", ["optimizer.lr=1e-5", "batch.rows=3", "model.fresh.layers=2"])
    assert found.optimizer.lr == 1e-5 and found.batch.rows == 3
    assert found.model.fresh is not None and found.model.fresh.layers == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + "stepps: 3", "c.yaml: unknown key 'stepps'; did you mean 'steps'?"),
        (GOOD + "optimizer: {learning_rate: 1}", "unknown key 'optimizer.learning_rate'"),
        (GOOD + "batch: {micro_row: 1}", "did you mean 'micro_rows'"),
        (GOOD + "steps: 0", "steps: Input should be greater than or equal to 1"),
        (GOOD + "steps: 1\nepochs: 1", "give `steps` or `epochs`, not both"),
        (GOOD + "schedule: {kind: wsd}", "needs `decay`"),
        (GOOD + "name: [", "is not valid YAML at line"),
        ("- 1", "must be a mapping"),
        ("name: x\nshards: s\nmodel: {}", "give either `path` or `fresh`"),
        ("name: x\nshards: s\nmodel: {path: a, fresh: {}}", "model.fresh.hidden_size is missing"),
        (GOOD.replace("heads: 2", "heads: 3"), "hidden_size must be an even multiple of heads"),
        (GOOD.replace(", tokenizer: t", ""), "a fresh model needs `tokenizer`"),
        ("name: a/b\nshards: s\nmodel: {path: a}", "name: String should match pattern"),
    ],
)
def test_what_is_wrong_is_said(text, words):
    with pytest.raises(RecipeError) as caught:
        parsed(text, "c.yaml")
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_change_must_be_a_key_and_a_value(tmp_path):
    with pytest.raises(RecipeError, match="write KEY=VALUE"):
        parsed(GOOD, "c.yaml", ["optimizer.lr"])
    with pytest.raises(RecipeError, match="shards is not a mapping"):
        parsed(GOOD, "c.yaml", ["shards.x=1"])
    with pytest.raises(RecipeError, match="there is no training configuration"):
        read(tmp_path / "none.yaml")


def test_steps_from_epochs():
    assert parsed(GOOD, "c").steps_for(320) == 10
    assert parsed(GOOD + "epochs: 2.5", "c").steps_for(320) == 25
    assert parsed(GOOD, "c").steps_for(3) == 1


def test_every_key_is_documented():
    page = (ROOT / "docs/training.md").read_text()
    models = [Config]
    for model in models:
        for name, field in model.model_fields.items():
            assert f"`{name}`" in page, name
            for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
                if hasattr(part, "model_fields"):
                    models.append(part)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "recipes/train").glob("*.yaml")), ids=lambda p: p.name
)
def test_ready_configurations_are_valid(path: Path):
    assert read(path).name == yaml.safe_load(path.read_text())["name"]


@pytest.mark.parametrize("kind", ["cosine", "linear", "wsd", "constant"])
def test_schedules(kind):
    schedule = Schedule(kind=kind, warmup=4, decay=5, floor=0.1)
    rates = [factor(schedule, step, 20) for step in range(20)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0] and max(rates) == 1.0
    assert all(a >= b for a, b in pairwise(rates[4:]))
    assert rates[-1] == pytest.approx(1.0 if kind == "constant" else 0.1)
    if kind == "wsd":
        assert rates[4:15] == [1.0] * 11
        assert rates[15:] == pytest.approx([0.82, 0.64, 0.46, 0.28, 0.1])
    if kind == "linear":
        assert rates[4:] == pytest.approx([1 - 0.9 * i / 15 for i in range(16)])
    if kind == "cosine":
        assert rates[11] + rates[12] == pytest.approx(1.1)
