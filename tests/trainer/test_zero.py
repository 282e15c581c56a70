"""DeepSpeed: ZeRO-1, 2 and 3 in two processes train as one process does, and go on from any other.

The two processes start once and train one run after another: starting is what takes time.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip(
    "deepspeed", reason="needs deepspeed: pip install --no-build-isolation -e '.[deepspeed]'"
)

from curate.errors import CurateError  # noqa: E402
from tests.trainer.training_files import (  # noqa: E402
    FRESH,
    begun_together,
    config,
    finished,
    losses,
    text_shards,
)
from trainer import checkpoint, loop  # noqa: E402
from trainer.config import Config  # noqa: E402
from trainer.watch import EVALUATIONS, SAMPLES, lines_of  # noqa: E402

OFFLOADED = {"device": "cpu", "pin_memory": True}

SAMPLED = {"every": 4, "prompts": ["图书馆里有"], "tokens": 6}

JSON = {
    "1": {"zero_optimization": {"stage": 1}},
    "2": {"zero_optimization": {"stage": 2, "offload_optimizer": OFFLOADED}},
    "3": {"zero_optimization": {"stage": 3, "stage3_param_persistence_threshold": 300}},
    # As people have them: everything said, much of it "auto", all in the CPU's memory.
    "full": {
        "train_batch_size": 5,
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "optimizer": {"type": "Adam", "params": {"lr": 1e-2, "weight_decay": "auto"}},
        "fp16": {"enabled": "auto", "loss_scale": 0},
        "bf16": {"enabled": "auto"},
        "zero_optimization": {
            "stage": 3,
            "offload_optimizer": OFFLOADED,
            "offload_param": OFFLOADED,
            "reduce_bucket_size": "auto",
            "stage3_prefetch_bucket_size": "auto",
            "stage3_param_persistence_threshold": "auto",
        },
        "activation_checkpointing": {"partition_activations": False},
        "zero_allow_untested_optimizer": True,
        "steps_per_print": 1,
    },
}


def zero(root: Path, name: str, options: str, **changes) -> Config:
    """A run in `zero` with one of the JSON files."""
    path = root / f"{options}.json"
    path.write_text(json.dumps(JSON[options]))
    given = {
        # Three rows and two: one process has an empty micro-batch.
        "batch": {"rows": 5, "micro_rows": 2},
        "steps": 8,
        "checkpoints": {"every": 4, "keep_last": 9},
        "evaluation": {"every": 6, "rows": 3},
        "out": str(root / "zero"),
        "backend": "deepspeed",
        "deepspeed": str(path),
        **changes,
    }
    return config(root, name=name, **given)


def plain(value: Config, **changes) -> Config:
    return value.model_copy(update={"backend": "ddp", "deepspeed": None, **changes})


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Runs in one process without DeepSpeed in `runs`, those in two processes in `zero`."""
    folder = tmp_path_factory.mktemp("zero")
    text_shards(folder)
    one = plain(zero(folder, "whole", "1", samples=SAMPLED), out=str(folder / "runs"))
    loop.train(one, "pretrain")
    tied = {"fresh": {**FRESH, "tie_embeddings": True}, "tokenizer": str(folder / "t")}
    short = {"evaluation": False, "batch": {"rows": 5, "micro_rows": 3}}
    one = plain(zero(folder, "tied", "1", model=tied, **short), out=str(folder / "runs"))
    loop.train(one, "pretrain")
    for name in ("from-one", "to-fsdp"):
        shutil.copytree(folder / "runs/whole", folder / "zero" / name)
    often = {"evaluation": False, "checkpoints": {"every": 2, "keep_last": 9}}
    bf16 = {"precision": "bf16", **short}
    values = [
        (zero(folder, "zero-1", "1"), []),
        (zero(folder, "zero-2", "2"), []),
        (zero(folder, "zero-3", "3", samples=SAMPLED), []),
        (zero(folder, "offloaded", "full", **short), []),
        (zero(folder, "tied", "3", model=tied, activation_checkpointing=True, **short), []),
        *[(zero(folder, f"bf16-{stage}", stage, **bf16), []) for stage in "123"],
        (zero(folder, "bf16-3", "3", **bf16), [8]),
        # From one process to ZeRO-3 in two, after step 4; to ZeRO-2, and after step 6 to FSDP2.
        (zero(folder, "from-one", "3", evaluation=False), [8]),
        (zero(folder, "to-fsdp", "2", **often), [8]),
        (plain(zero(folder, "to-fsdp", "2", **often), backend="fsdp"), [8]),
    ]
    for code, _, err in finished(begun_together(values)):
        assert code == 0, err
    return folder


def distance(one: Path, other: Path) -> float:
    pairs = zip(losses(one), losses(other), strict=True)
    return max(abs(a - b) for a, b in pairs)


NAMES = ["zero-1", "zero-2", "zero-3", "offloaded", "from-one", "to-fsdp"]


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_give_the_curve_of_one(root, name):
    assert distance(root / "zero" / name, root / "runs/whole") < 1e-5


@pytest.mark.parametrize("name", ["zero-1", "zero-2", "zero-3"])
def test_heldout_losses_and_gradient_norms_are_those_of_one_process(root, name):
    for file, key in ((EVALUATIONS, "loss"), ("metrics.jsonl", "gradient_norm")):
        found, wanted = (
            [line[key] for line in lines_of(folder / file)]
            for folder in (root / "zero" / name, root / "runs/whole")
        )
        assert found == pytest.approx(wanted, abs=1e-5)


def test_samples_are_those_of_one_process(root):
    found, wanted = (lines_of(root / name / SAMPLES) for name in ("zero/zero-3", "runs/whole"))
    assert found == wanted and [line["step"] for line in wanted] == [0, 4, 8]


@pytest.mark.parametrize("stage", "123")
def test_bf16_stays_near_and_goes_on_with_float32_weights(root, stage):
    name = f"bf16-{stage}"
    assert 1e-5 < distance(root / "zero" / name, root / "runs/whole") < 0.05
    # 16-bit weights between the steps would be their own roundings.
    from safetensors.torch import load_file

    saved = load_file(root / "zero" / name / "checkpoints/step-8/model.safetensors")
    weight = saved["model.layers.0.mlp.up_proj.weight"]
    assert weight.dtype == torch.float32 and (weight != weight.bfloat16().float()).any()


def test_checkpoints_are_those_of_one_process(root):
    from safetensors.torch import load_file

    for name in ("zero-1", "zero-3", "offloaded"):
        for file in ("model.safetensors", "trainer/optimizer.safetensors"):
            found, wanted = (
                load_file(checkpoint.folder_of(folder, 8) / file)
                for folder in (root / "zero" / name, root / "runs/whole")
            )
            assert found.keys() == wanted.keys()
            for key, value in wanted.items():
                assert torch.allclose(found[key], value, atol=1e-4), (name, key)
    tied = root / "zero/tied/checkpoints/step-8"
    assert distance(root / "zero/tied", root / "runs/tied") < 1e-5
    assert "lm_head.weight" not in load_file(tied / "model.safetensors")
    transformers.AutoModelForCausalLM.from_pretrained(tied)


@pytest.mark.parametrize("name", ["zero-1", "zero-2", "zero-3"])
def test_it_goes_on_in_one_process_without_deepspeed(root, tmp_path, name):
    run = shutil.copytree(root / "zero" / name, tmp_path / name)
    shutil.rmtree(checkpoint.folder_of(run, 8))
    value = plain(zero(root, name, "1", evaluation=False), out=str(tmp_path))
    assert loop.train(value, "pretrain").step == 8
    assert distance(run, root / "runs/whole") < 1e-5


@pytest.mark.parametrize("options", ["1", "full"])
def test_alone_it_goes_on_from_two_processes(root, tmp_path, options):
    run = shutil.copytree(root / "zero/zero-2", tmp_path / "zero-2")
    shutil.rmtree(checkpoint.folder_of(run, 8))
    loop.train(zero(root, "zero-2", options, out=str(tmp_path), evaluation=False), "pretrain")
    assert distance(run, root / "runs/whole") < 1e-5


@pytest.mark.parametrize("options", ["1", "full"])
def test_a_gradient_that_is_not_finite_stops_and_leaves_the_weights(
    root, tmp_path, monkeypatch, options
):
    from trainer.zero import Zero

    value = zero(root, "run", options, out=str(tmp_path), evaluation=False)
    before: list[dict] = []
    loss, update = Zero.loss, Zero.update

    def broken(self, batch):
        total = loss(self, batch)
        if len(before) == 3:
            total.register_hook(lambda gradient: gradient * math.nan)
        return total

    def watched(self, lr):
        before.append(self.weights())
        norm = update(self, lr)
        same = [torch.equal(w, before[-1][name]) for name, w in self.weights().items()]
        assert all(same) if len(before) == 4 else not any(same)
        return norm

    monkeypatch.setattr(Zero, "loss", broken)
    monkeypatch.setattr(Zero, "update", watched)
    with pytest.raises(CurateError, match="step 4: the gradient is not finite"):
        loop.train(value, "pretrain")


def test_out_of_memory_is_one_sentence(root, tmp_path, monkeypatch):
    from trainer.zero import Zero

    def full(*_, **__):
        raise torch.OutOfMemoryError("tried to allocate 20.00 GiB")

    monkeypatch.setattr(Zero, "backward", full)
    with pytest.raises(CurateError, match=r"memory ran out with 2 rows .* zero_optimization"):
        loop.train(zero(root, "run", "3", out=str(tmp_path)), "pretrain")
