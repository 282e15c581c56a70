"""Samples on the way: they repeat, every process writes the same, and training does not notice."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from curate.errors import RecipeError  # noqa: E402
from tests.trainer.training_files import (  # noqa: E402
    begun,
    config,
    finished,
    instruction_shards,
    losses,
    text_shards,
)
from trainer import checkpoint, loop  # noqa: E402
from trainer.generate import Sampling, Writer  # noqa: E402
from trainer.watch import SAMPLES, lines_of  # noqa: E402

PROMPTS = ["图书馆", "The road"]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Shards, and a run over them without samples: `plain`."""
    folder = tmp_path_factory.mktemp("samples")
    text_shards(folder)
    loop.train(config(folder, name="plain", steps=8), "pretrain")
    return folder


def written(run: Path) -> list[tuple[int, str, str]]:
    return [(x["step"], x["prompt"], x["text"]) for x in lines_of(run / SAMPLES)]


@pytest.mark.parametrize("temperature", [0.0, 0.2])
def test_training_does_not_notice_and_samples_are_the_checkpoints(root, tmp_path, temperature):
    samples = {"every": 3, "prompts": PROMPTS, "tokens": 8, "temperature": temperature, "seed": 5}
    wanted = config(
        root, out=str(tmp_path), steps=8, samples=samples, activation_checkpointing=True
    )
    state = torch.random.get_rng_state()
    loop.train(wanted, "pretrain")
    assert torch.equal(torch.random.get_rng_state(), state)
    plain = config(root, out=str(tmp_path), name="plain", steps=8, activation_checkpointing=True)
    loop.train(plain, "pretrain")
    assert losses(tmp_path / "run") == losses(tmp_path / "plain")
    found = written(tmp_path / "run")
    assert [(step, prompt) for step, prompt, _ in found] == [
        (step, prompt) for step in (0, 3, 6, 8) for prompt in PROMPTS
    ]
    writer = Writer.from_folder(checkpoint.folder_of(tmp_path / "run", 8), "cpu")
    sampling = Sampling(max_tokens=8, temperature=temperature, seed=5)
    assert [text for _, _, text in found[-2:]] == [
        writer.continued(prompt, sampling).text for prompt in PROMPTS
    ]
    assert len({text for _, _, text in found}) > 2


def test_a_run_that_goes_on_has_every_sample_once(root, tmp_path):
    wanted = config(root, out=str(tmp_path), steps=8, samples={"every": 2, "prompts": PROMPTS[:1]})
    loop.train(wanted, "pretrain")
    whole = written(tmp_path / "run")
    checkpoint.folder_of(tmp_path / "run", 8).rename(tmp_path / "gone")
    loop.train(wanted, "pretrain")
    assert written(tmp_path / "run") == whole and [x[0] for x in whole] == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("backend", ["ddp", "fsdp"])
def test_two_processes_write_what_one_writes(root, tmp_path, backend):
    (tmp_path / "prompts.txt").write_text("\n".join([*PROMPTS, "", "水"]), encoding="utf-8")
    samples = {"every": 4, "file": str(tmp_path / "prompts.txt"), "tokens": 6}
    wanted = config(root, out=str(tmp_path), steps=8, samples=samples, backend=backend)
    for code, out, err in finished(begun(wanted, world=2)):
        assert code == 0, err
        assert "sample after" not in out
    loop.train(wanted.model_copy(update={"name": "one"}), "pretrain")
    assert written(tmp_path / "run") == written(tmp_path / "one")
    assert [x[1] for x in written(tmp_path / "run")[:3]] == [*PROMPTS, "水"]
    without = losses(root / "runs/plain")
    assert max(abs(a - b) for a, b in zip(losses(tmp_path / "run"), without, strict=True)) < 1e-5


def test_questions_are_put_in_the_chat_format(root, tmp_path):
    shards = instruction_shards(root)
    wanted = config(
        root,
        out=str(tmp_path),
        shards=str(shards),
        model={"path": str(root / "runs/plain/checkpoints/step-8")},
        batch={"rows": 4},
        samples={"every": 6, "prompts": ["1加1是多少？"], "tokens": 10},
    )
    loop.train(wanted, "sft")
    writer = Writer.from_folder(checkpoint.folder_of(tmp_path / "run", 12), "cpu")
    answer = writer.answered("1加1是多少？", Sampling(max_tokens=10)).text
    assert written(tmp_path / "run")[-1] == (12, "1加1是多少？", answer)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ({"file": "none.txt"}, "samples: cannot read none.txt"),
        ({"prompts": ["水" * 5000]}, "tokens and the model reads"),
    ],
)
def test_prompts_that_cannot_be_used_are_refused_before_any_step(root, tmp_path, samples, words):
    with pytest.raises(RecipeError, match=words):
        loop.train(config(root, out=str(tmp_path), samples=samples), "pretrain")
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
