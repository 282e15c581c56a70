"""The model's file, its scores against the probabilities, and the command that makes it."""

from __future__ import annotations

import gzip
import json
import math
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from curate.charmodel.count import Counts
from curate.charmodel.estimate import estimated
from curate.charmodel.model import STEP, CharModel, load, save, trained
from curate.charmodel.score import WINDOW, Scores, scored
from curate.charmodel.text import counted
from curate.cli import app
from curate.errors import CurateError, RecipeError
from curate.textbatch import TextBatch
from tests.curate.charmodel.test_estimate import asked, corpus


def model_of(texts: list[str], order: int = 4, min_count: int = 1) -> CharModel:
    counts = Counts(order)
    counts.add(TextBatch.from_strings(texts))
    return trained(counts, min_count, [])


def scores(model: CharModel, *texts: str, considered: int = 1000) -> Scores:
    return scored(TextBatch.from_strings(list(texts)), model, considered)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_scores_are_those_of_the_estimate(order: int) -> None:
    text = corpus(order, 80)
    counts = Counts(order)
    counts.add(TextBatch.from_strings(text))
    estimate = estimated(counts.tallies(), 2)
    model = trained(counts, 2, [])
    asked_for = [*corpus(order, 90)[80:], "天天天天天", "龘", "天龘地"]
    got = scores(model, *asked_for)
    for i, line in enumerate(asked_for):
        seen = (1, *map(ord, line))
        grams = [seen[max(0, k - order + 1) : k + 1] for k in range(1, len(seen))]
        likely = [math.log2(asked(estimate, gram)) for gram in grams]
        alone = [math.log2(asked(estimate, gram[-1:])) for gram in grams]
        assert got.characters[i] == len(line)
        assert got.likelihood[i] == pytest.approx(np.mean(likely), abs=order * STEP)
        gain = np.mean(np.subtract(likely, alone))
        assert got.fluency[i] == pytest.approx(gain, abs=(order + 1) * STEP)


def test_word_salad_is_told_from_text() -> None:
    text = corpus(1, 400)
    model = model_of(text[:300])
    held = ["，".join(text[i : i + 5]) for i in range(300, 400, 5)]
    chance = random.Random(1)
    mixed = ["".join(chance.sample(line, len(line))) for line in held]
    assert scores(model, *held).fluency.min() > scores(model, *mixed).fluency.max()


def test_only_han_characters_are_judged_and_lines_alone() -> None:
    model = model_of(corpus(1, 50))
    got = scores(model, "", "abc 123, ok", "天地", "天 地", "天地\n\n天地", "天地天地", "天1地")
    assert got.characters.tolist() == [0, 0, 2, 2, 4, 4, 2]
    assert got.fluency[:2].tolist() == got.likelihood[:2].tolist() == [0, 0]
    assert got.fluency[2] == got.fluency[3] == got.fluency[4] != got.fluency[5]


def test_both_scripts_score_the_same() -> None:
    model = model_of(["我们开会讨论这个问题。", "他们还没来开会，时间过了。"] * 3)
    got = scores(model, "我们还没开会", "我們還沒開會", "「开会」,", "“开会”，")
    assert got.fluency[0] == got.fluency[1]
    assert got.fluency[2] == got.fluency[3]


def test_the_worst_passage() -> None:
    text = corpus(1, 300)
    model = model_of(text)
    good = "".join(text[:40])
    salad = "".join(random.Random(1).sample("龘靐齉爩" * 16, WINDOW))
    whole, mixed, short = scores(model, good, good + salad + good, "天地", considered=10_000).worst
    alone = scores(model, salad).fluency[0]
    assert short == scores(model, "天地").fluency[0]
    assert mixed < whole
    assert mixed == pytest.approx(alone, abs=0.2)


def test_only_the_start_of_a_long_text_is_judged() -> None:
    model = model_of(corpus(1, 50))
    assert scores(model, "天" * 500, considered=100).characters[0] == 100


def test_a_file_comes_back_as_it_was(tmp_path: Path) -> None:
    model = model_of(corpus(1, 50))
    save(model, tmp_path / "a.model")
    back = load(tmp_path / "a.model")
    assert back.header == model.header
    for name in ("slots", "single", "fold"):
        assert getattr(back, name).tolist() == getattr(model, name).tolist()


def test_damage_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.model"
    save(model_of(corpus(1, 50)), path)
    whole = path.read_bytes()
    # The arrays make up nearly all of the file; its frame has checks of its own.
    for at in range(2000, len(whole) - 4000, len(whole) // 12):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(RecipeError, match=r"damaged|not a model"):
            load(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecipeError, match="is not a model"):
        load(path)
    path.write_bytes(b"")
    with pytest.raises(RecipeError, match="is not a model"):
        load(path)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, pa.schema([])):
        pass
    with pytest.raises(RecipeError, match="is not a model"):
        load(path)
    with pytest.raises(RecipeError, match="curate model train"):
        load(tmp_path / "nowhere.model")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    lines = corpus(1, 90)
    rows = [json.dumps({"text": line, "body": line[::-1]}, ensure_ascii=False) for line in lines]
    (tmp_path / "a.jsonl").write_text("\n".join(rows[:30]))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress("\n".join(rows[30:60]).encode()))
    (tmp_path / "c.txt").write_text("\n".join(lines[60:]))
    return [tmp_path / name for name in ("a.jsonl", "b.jsonl.gz", "c.txt")]


def run(*arguments: object) -> dict[str, object]:
    done = CliRunner().invoke(
        app, ["model", *map(str, arguments), "--json"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_the_same_files_in_any_order_give_the_same_bytes(files: list[Path], tmp_path: Path) -> None:
    said = run("train", *files, "--out", tmp_path / "a.model")
    run("train", *files[::-1], "--out", tmp_path / "b.model")
    assert (tmp_path / "a.model").read_bytes() == (tmp_path / "b.model").read_bytes()
    shown = run("show", tmp_path / "a.model")
    assert shown == {key: value for key, value in said.items() if key != "seconds"}
    assert [entry["rows"] for entry in shown["trained_on"]] == [30, 30, 30]  # type: ignore[attr-defined]


def test_a_field_is_chosen(files: list[Path], tmp_path: Path) -> None:
    run("train", files[0], "--out", tmp_path / "a.model")
    run("train", files[0], "--out", tmp_path / "b.model", "--text", "body")
    assert (tmp_path / "a.model").read_bytes() != (tmp_path / "b.model").read_bytes()


def test_what_cannot_be_trained_on(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"title": "甲"}\n')
    (tmp_path / "e.txt").write_text("   \n\n")
    with pytest.raises(CurateError, match=r"a\.jsonl"):
        counted([tmp_path / "a.jsonl"], "text", 3, lambda _: None)
    with pytest.raises(RecipeError, match="there is no file"):
        counted([tmp_path / "nowhere"], "text", 3, lambda _: None)
    with pytest.raises(CurateError, match=r"no text to train on|could be read"):
        counts, read = counted([tmp_path / "e.txt"], "text", 3, lambda _: None)
        trained(counts, 1, read)
