"""Training: one curve whatever the micro-batches and processes, resuming, stopping, bad numbers."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from curate.errors import CurateError, RecipeError  # noqa: E402
from curate.tokens.tokenizer import load_tokenizer  # noqa: E402
from tests.trainer.training_files import (  # noqa: E402
    FRESH,
    begun,
    config,
    finished,
    instruction_shards,
    losses,
    text_shards,
)
from trainer import checkpoint, loop  # noqa: E402
from trainer.config import Config  # noqa: E402
from trainer.watch import EVALUATIONS, METRICS, lines_of  # noqa: E402


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Shards, and a run over them that nothing interrupted: `whole`."""
    folder = tmp_path_factory.mktemp("train")
    text_shards(folder)
    loop.train(config(folder, name="whole"), "pretrain")
    return folder


def close(found: list[float], root: Path, tolerance: float = 1e-5) -> bool:
    whole = losses(root / "runs/whole")
    assert len(found) == len(whole)
    return max(abs(a - b) for a, b in zip(found, whole, strict=True)) < tolerance


def test_it_learns(root):
    found = losses(root / "runs/whole")
    assert found[0] == pytest.approx(math.log(504), abs=0.3) and found[-1] < found[0] - 0.7
    line = lines_of(root / "runs/whole" / METRICS)[-1]
    assert {"step", "loss", "tokens", "tokens_per_s", "lr"} <= set(line)
    assert line["lr"] == pytest.approx(1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {"batch": {"rows": 6, "micro_rows": 1}},
        {"batch": {"rows": 6, "micro_rows": 4}},
        {"batch": {"rows": 6, "micro_rows": 6}, "loss": "plain"},
        {"activation_checkpointing": True},
    ],
)
def test_the_curve_is_the_same_for_any_micro_batch(root, tmp_path, changes):
    loop.train(config(root, out=str(tmp_path), **changes), "pretrain")
    assert close(losses(tmp_path / "run"), root)


def test_the_curve_can_differ(root, tmp_path):
    """With means of means it would; so it does for another size of the global batch."""
    loop.train(config(root, out=str(tmp_path), batch={"rows": 5}), "pretrain")
    assert not close(losses(tmp_path / "run"), root)


def test_bf16_stays_near(root, tmp_path):
    loop.train(config(root, out=str(tmp_path), precision="bf16"), "pretrain")
    assert close(losses(tmp_path / "run"), root, 0.05)


def test_one_two_one_processes_give_the_curve_of_one(root, tmp_path):
    """The second part runs in two processes, from the first's checkpoint, and the third in one."""

    def part(steps: int, world: int) -> Config:
        # The schedule is over all steps, so the parts end by a signal; here by a kill.
        return config(root, out=str(tmp_path), checkpoints={"every": 4, "keep_last": 9})

    class Stopped(Exception):
        pass

    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        save = loop.Run._save

        def save_and_stop(self, step):
            save(self, step)
            raise Stopped

        patch.setattr(loop.Run, "_save", save_and_stop)
        with pytest.raises(Stopped):
            loop.train(part(4, 1), "pretrain")
    assert [c.step for c in checkpoint.all_of(run)] == [4]
    for code, _, err in finished(begun(part(12, 2), world=2)):
        assert code == 0, err
    assert json.loads((run / "run.json").read_text())["processes"] == 2
    assert close(losses(run), root)
    # Back to the checkpoint that two processes wrote after step 8.
    checkpoint.folder_of(run, 12).rename(tmp_path / "gone")
    loop.train(part(12, 1), "pretrain")
    assert close(losses(run), root)
    with pytest.raises(AssertionError):
        close(losses(run)[:-1], root)


@pytest.mark.parametrize("tied", [False, True])
def test_fsdp_gives_the_curve_of_one_process_and_its_checkpoint_goes_on_there(root, tmp_path, tied):
    """Two processes with the model divided between them; a tied model, to its whole checkpoint."""
    model = {"fresh": {**FRESH, "tie_embeddings": tied}, "tokenizer": str(root / "t")}
    evaluation = {"every": 6, "rows": 3}
    value = config(
        root, out=str(tmp_path), model=model, backend="fsdp", evaluation=evaluation, steps=8
    )
    for code, _, err in finished(begun(value, world=2)):
        assert code == 0, err
    one = value.model_copy(update={"name": "one"})
    loop.train(one, "pretrain")
    two = losses(tmp_path / "run")
    wanted = losses(tmp_path / "one")
    assert max(abs(a - b) for a, b in zip(two, wanted, strict=True)) < 1e-5
    scores = [
        [line["loss"] for line in lines_of(tmp_path / name / EVALUATIONS)]
        for name in ("run", "one")
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)
    # From the checkpoint after step 4, which two processes wrote, in one.
    checkpoint.folder_of(tmp_path / "run", 8).rename(tmp_path / "gone")
    loop.train(value, "pretrain")
    assert max(abs(a - b) for a, b in zip(losses(tmp_path / "run"), wanted, strict=True)) < 1e-5
    sizes = [
        (checkpoint.folder_of(tmp_path / name, 4) / "model.safetensors").stat().st_size
        for name in ("run", "one")
    ]
    assert sizes[0] == sizes[1]


def test_a_killed_run_goes_on_as_if_nothing_had_happened(root, tmp_path):
    wanted = config(
        root, out=str(tmp_path), steps=60, checkpoints={"every": 6}, schedule={"kind": "linear"}
    )
    (process,) = begun(wanted)
    metrics = tmp_path / "run" / METRICS
    for _ in range(6000):
        if len(lines_of(metrics)) >= 8:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = len(lines_of(metrics))
    assert 8 <= done < 60
    # A crash may also cut the last line.
    with metrics.open("a") as file:
        file.write('{"step": 1')
    result = loop.train(wanted, "pretrain")
    assert result.step == 60 and not result.stopped
    # Processes of its own had one thread; sums of floats may differ in the last bit.
    resumed = losses(tmp_path / "run")
    loop.train(wanted.model_copy(update={"name": "once"}), "pretrain")
    once = losses(tmp_path / "once")
    assert max(abs(a - b) for a, b in zip(resumed, once, strict=True)) < 1e-5


def test_sigterm_saves_and_the_run_goes_on(root, tmp_path, monkeypatch):
    step = loop.Run._step

    def stepped(self, number, *rest):
        if number == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, number, *rest)

    monkeypatch.setattr(loop.Run, "_step", stepped)
    result = loop.train(config(root, out=str(tmp_path)), "pretrain")
    assert result.stopped and result.step == 6
    assert checkpoint.all_of(tmp_path / "run")[-1].step == 6
    monkeypatch.undo()
    assert not loop.train(config(root, out=str(tmp_path)), "pretrain").stopped
    # The same numbers in the same process: not one bit differs.
    assert losses(tmp_path / "run") == losses(root / "runs/whole")


def test_a_finished_run_has_nothing_to_do(root):
    before = (root / "runs/whole" / METRICS).read_bytes()
    result = loop.train(config(root, name="whole"), "pretrain")
    assert result.step == 12 and result.loss is None
    assert (root / "runs/whole" / METRICS).read_bytes() == before


def test_the_checkpoint_loads_with_transformers(root):
    folder = root / "runs/whole/checkpoints/step-12"
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert model.config.num_key_value_heads == 2 and model.dtype == torch.float32
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ours = load_tokenizer(root / "t")
    text = "镇上的图书馆 opened again，</s>"
    ids, _ = ours.encode_batch([text.removesuffix("</s>")])
    assert theirs(text.removesuffix("</s>"), add_special_tokens=False).input_ids == ids.tolist()
    assert (folder / "generation_config.json").exists()
    assert model.generation_config.eos_token_id == ours.eos_id
    assert load_tokenizer(folder).fingerprint == ours.fingerprint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 4}, "begun with seed 3, and this configuration has 4"),
        ({"batch": {"rows": 3}}, "begun with batch.rows 6"),
        (
            {"model": {"fresh": {**FRESH, "layers": 1}, "tokenizer": "T"}},
            "begun with model.fresh.layers 2, and this .* has 1",
        ),
    ],
)
def test_another_run_of_the_same_name_is_refused(root, change, words):
    if "model" in change:
        change["model"]["tokenizer"] = str(root / "t")
    with pytest.raises(RecipeError, match=words):
        loop.train(config(root, name="whole", **change), "pretrain")


def test_other_shards_are_refused_with_the_difference(root, tmp_path):
    other = text_shards(tmp_path, documents=50)
    with pytest.raises(RecipeError, match=r"begun with shards [0-9a-f]{32}, and this .* has"):
        loop.train(config(root, name="whole", shards=str(other)), "pretrain")


def test_a_loss_that_is_not_finite_names_the_documents(root, tmp_path, monkeypatch):
    from trainer.replicas import Replicas

    value = config(root, out=str(tmp_path), batch={"rows": 6, "micro_rows": 1})
    shards = loop.opened(value, "pretrain")
    order = loop.Order(shards.index.fingerprint, value.seed, len(shards), 6)
    row = int(order.batch_rows(4)[2])
    backward = Replicas.backward

    def broken(self, batch, valid, last):
        total = backward(self, batch, valid, last)
        return total * math.nan if row in batch.rows else total

    monkeypatch.setattr(Replicas, "backward", broken)
    with pytest.raises(CurateError, match=f"loss is not finite in rows {row}, documents") as caught:
        loop.train(value, "pretrain")
    names = [shards.document(s.document).id for s in shards.segments(row)]
    assert all(name in str(caught.value) for name in names)


def test_heldout_scores_by_source(root, tmp_path):
    wanted = config(root, out=str(tmp_path), evaluation={"every": 6, "rows": 3})
    loop.train(wanted, "pretrain")
    lines = lines_of(tmp_path / "run" / EVALUATIONS)
    assert [(x["step"], x["source"]) for x in lines[:3]] == [(0, "news"), (0, "wiki"), (0, "all")]
    assert sorted({x["step"] for x in lines}) == [0, 4, 6, 8, 12]
    for line in lines:
        assert line["perplexity"] == pytest.approx(math.exp(line["loss"]))
        bits = line["loss"] * line["tokens"] / math.log(2) / line["characters"]
        assert line["bits_per_character"] == pytest.approx(bits)
    assert lines[-1]["loss"] < lines[2]["loss"]
    # Loss by hand, from the model as transformers loads it, a document at a time.
    from curate.tokens.format.reader import Shards

    model = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "run/checkpoints/step-12"
    ).eval()
    split, total, tokens, text = Shards(root / "shards", "validation/wiki"), 0.0, 0, 0
    tokenizer = load_tokenizer(root / "t")
    for row in range(min(3, len(split))):
        for segment in split.segments(row):
            ids = torch.tensor(split.tokens(row)[segment.begin : segment.end].astype(int))[None]
            if ids.shape[1] > 1:
                with torch.no_grad():
                    total += model(input_ids=ids, labels=ids).loss.item() * (ids.shape[1] - 1)
            tokens += ids.shape[1] - 1
            text += len(tokenizer.decode(ids[0, 1:].numpy().astype("uint32"), inner=True))
    wiki = next(x for x in lines if x["step"] == 12 and x["source"] == "wiki")
    assert wiki["tokens"] == tokens and wiki["characters"] == text
    assert wiki["loss"] == pytest.approx(total / tokens, abs=1e-4)


def test_sft_learns_answers_and_says_how_it_was_asked(root, tmp_path):
    shards = instruction_shards(root)
    wanted = config(
        root,
        out=str(tmp_path),
        shards=str(shards),
        model={"path": str(root / "runs/whole/checkpoints/step-12")},
        batch={"rows": 4},
    )
    loop.train(wanted, "sft")
    found = losses(tmp_path / "run")
    assert found[-1] < found[0] - 0.5
    folder = tmp_path / "run/checkpoints/step-12"
    assert json.loads((folder / "chat_format.json").read_text()) == {"prompt": "chatml"}
    stops = transformers.GenerationConfig.from_pretrained(folder).eos_token_id
    tokenizer = load_tokenizer(root / "t")
    assert set(stops) == {tokenizer.eos_id, tokenizer.special_tokens["<|im_end|>"]}
    with pytest.raises(RecipeError, match="holds instructions, which `curate train sft`"):
        loop.train(wanted, "pretrain")


def test_more_processes_than_rows(root, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "7")
    with pytest.raises(RecipeError, match="7 processes for batches of 6 rows"):
        loop.train(config(root), "pretrain")


def test_two_runs_do_not_share_a_folder(root):
    from curate.lock import locked

    with locked(root / "runs/whole"):
        with pytest.raises(CurateError, match="runs/whole"):
            loop.train(config(root, name="whole"), "pretrain")
