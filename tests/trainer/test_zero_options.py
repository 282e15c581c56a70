"""DeepSpeed's JSON: "auto" is filled, a contradiction is one sentence with both values."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from curate.errors import RecipeError
from tests.conftest import ROOT
from trainer.config import Config, parsed, read
from trainer.memory import Parts, state_bytes
from trainer.zero_options import micro_batches_of, needs_deepspeed, stage_of, zero_options

GOOD = """
name: x
shards: shards/x
model: {fresh: {hidden_size: 16, layers: 1, heads: 2}, tokenizer: t}
batch: {rows: 24, micro_rows: 2}
optimizer: {lr: 1.0e-4}
schedule: {kind: linear, warmup: 10}
backend: deepspeed
"""


def configured(tmp_path: Path, options: dict | str, changes: list[str] | None = None) -> Config:
    path = tmp_path / "z.json"
    path.write_text(options if isinstance(options, str) else json.dumps(options))
    return parsed(GOOD, "c.yaml", [f"deepspeed={path}", *(changes or ())])


def filled(tmp_path: Path, options: dict | str, changes: list[str] | None = None) -> dict:
    return zero_options(configured(tmp_path, options, changes), 100, 4, 2048)


STAGE = {"zero_optimization": {"stage": 2}}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"train_batch_size": 32}, "train_batch_size is 32, and the configuration has batch.rows "),
        ({"train_micro_batch_size_per_gpu": 1}, "is 1, and the configuration has batch.micro_rows"),
        ({"gradient_accumulation_steps": 1}, "is 1, and the configuration has batch.rows 24 in 4 "),
        ({"gradient_clipping": 0.5}, "is 0.5, and the configuration has optimizer.clip 1.0"),
        ({"optimizer": {"type": "Lamb"}}, 'optimizer.type is "Lamb", and training here is with Ad'),
        ({"optimizer": {"params": {"lr": 1e-5}}}, "params.lr is 1e-05, and the configuration has "),
        ({"optimizer": {"params": {"betas": [0.9, 0.999]}}}, "[0.9, 0.999], and the configuration"),
        ({"optimizer": {"params": {"weight_decay": 0}}}, "is 0, and the configuration has optimiz"),
        ({"optimizer": {"params": {"wieght_decay": 0}}}, "did you mean 'weight_decay'?"),
        ({"optimizer": {"params": {"adam_w_mode": False}}}, "adam_w_mode is false, and"),
        ({"scheduler": {"type": "WarmupLR"}}, '"WarmupLR", and the configuration has schedule.kin'),
        ({"scheduler": {"params": {"warmup_num_steps": 9}}}, "is 9, and the configuration has sch"),
        ({"scheduler": {"params": {"total_num_steps": 9}}}, "is 9, and the configuration has step"),
        ({"scheduler": {"params": {"warmup_min_lr": 0.1}}}, "has schedule.floor 0.1"),
        ({"fp16": {"enabled": True}}, "fp16.enabled is true, and the configuration has precision "),
        ({"bf16": {"enabled": True}}, "bf16.enabled is true, and the configuration has precision "),
        ({"bfloat16": {"enabled": True}}, "bf16.enabled is true, and the configuration has precis"),
        ({"wall_clock_breakdown": True}, "wall_clock_breakdown is true, which waits for the devic"),
        ({"activation_checkpointing": {"cpu_checkpointing": True}}, "set `activation_checkpointin"),
        ({"amp": {"enabled": True}}, "amp is not supported here; remove it"),
        ({"gradient_cliping": 1.0}, "unknown key 'gradient_cliping'; did you mean 'gradient_clipp"),
        ({"zero_optimization": {"stage": 3, "ofload_param": {}}}, "did you mean 'offload_param'?"),
        ({"zero_optimization": {"stage": 0}}, "zero_optimization.stage is 0; set it to 1, 2 or 3"),
        ({"zero_optimization": {}}, "zero_optimization.stage is 0; set it to 1, 2 or 3"),
        ({"zero_optimization": {"stage": 3, "reduce_bucket_size": -1}}, "reduce_bucket_size: Inpu"),
        ({"zero_optimization": {"stage": 2, "offload_param": {"device": "cpu"}}}, "needs stage 3"),
        (
            {"zero_optimization": {"stage": 3, "offload_optimizer": {"device": "nvme"}}},
            'offload_optimizer.device is "nvme"; set it to "cpu" or "none"',
        ),
        ("{", "z.json is not valid JSON at line 1"),
        ("[]", "z.json must be a JSON object"),
        ('{"fp16": {}, "fp16": {}}', "fp16 is given twice"),
    ],
)  # fmt: skip
def test_what_contradicts_is_said(tmp_path, options, words):
    pytest.importorskip("deepspeed")
    with pytest.raises(RecipeError) as caught:
        filled(tmp_path, {**STAGE, **options} if isinstance(options, dict) else options)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_what_agrees_is_filled(tmp_path):
    pytest.importorskip("deepspeed")
    said = {
        "train_batch_size": 24,
        "gradient_accumulation_steps": 3,
        "gradient_clipping": 1,
        "optimizer": {"type": "AdamW", "params": {"lr": 1e-4, "betas": "auto", "eps": 1e-8}},
        "scheduler": {"type": "WarmupDecayLR", "params": {"warmup_num_steps": 10}},
        "bf16": {"enabled": "auto"},
        "fp16": {"enabled": "auto", "loss_scale": 0, "initial_scale_power": 12},
        "amp": {"enabled": False},
        "zero_optimization": {"stage": 3, "reduce_bucket_size": "auto", "overlap_comm": "auto"},
    }
    found = filled(tmp_path, said, ["precision=bf16"])
    assert found["zero_optimization"] == {"stage": 3, "reduce_bucket_size": 2048**2}
    assert found["bf16"]["enabled"] and found["fp16"] == {"enabled": False}
    assert found["gradient_clipping"] == 1.0 and found["train_batch_size"] == 2 * 3 * 4
    assert not {"optimizer", "scheduler", "amp"} & set(found)
    assert not found["zero_force_ds_cpu_optimizer"] and found["zero_allow_untested_optimizer"]
    half = filled(tmp_path, said, ["precision=fp16"])["fp16"]
    assert half == {"enabled": True, "loss_scale": 0, "initial_scale_power": 12}


def test_memory_of_a_process_by_stage(tmp_path):
    parts = Parts(trained=100, frozen=0, block=10, root=20)
    found = [state_bytes(parts, "deepspeed", 4, stage=stage) for stage in (1, 2, 3)]
    # Weights, gradients and two moments of four bytes each.
    assert found[:2] == [800 + 800 // 4, 400 + 1200 // 4]
    assert found[2] == state_bytes(parts, "fsdp", 4)
    assert stage_of(configured(tmp_path, STAGE)) == 2


def test_micro_batches_of_a_process(tmp_path):
    counts = [micro_batches_of(configured(tmp_path, STAGE), world) for world in (1, 5, 24)]
    assert counts == [12, 3, 1]


def test_a_missing_file_and_a_missing_package(tmp_path, monkeypatch):
    value = configured(tmp_path, STAGE, ["deepspeed=none.json"])
    with pytest.raises(RecipeError, match=r"no DeepSpeed JSON none.json; .*zero3.json"):
        zero_options(value, 100, 1, 16)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "deepspeed" else found(name)
    )
    with pytest.raises(RecipeError, match="needs the package deepspeed; install it with"):
        needs_deepspeed()
    # Before the model, the shards or other processes are looked for.
    pytest.importorskip("transformers")
    from trainer.loop import train

    with pytest.raises(RecipeError, match="needs the package deepspeed"):
        train(value, "pretrain")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["deepspeed=null"], "backend deepspeed needs `deepspeed`, its JSON"),
        (["compile=true"], "`compile` goes with `backend: ddp` or fsdp, not with deepspeed"),
        (["model.path=m", "model.fresh=null", "lora={}"], "are not divided by deepspeed"),
        (["backend=ddp"], "`deepspeed` is a file for backend deepspeed, not ddp"),
        (["backend=fsdp", "deepspeed=null", "precision=fp16"], "fp16 is for backend deepspeed"),
    ],
)
def test_keys_of_a_configuration_that_belong_together(tmp_path, changes, words):
    with pytest.raises(RecipeError) as caught:
        configured(tmp_path, STAGE, changes)
    assert words in str(caught.value)


def test_fp16_needs_a_gpu(tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from trainer.backend import backend_for
    from trainer.processes import Processes

    value = configured(tmp_path, STAGE, ["precision=fp16"])
    with pytest.raises(RecipeError, match="fp16, which needs a GPU; on a CPU set bf16 or fp32"):
        backend_for(value, None, Processes(0, 1, torch.device("cpu")), 100)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "recipes/train").glob("*.json")), ids=lambda p: p.name
)
def test_ready_files_fit_the_7b_run(path: Path, monkeypatch):
    pytest.importorskip("deepspeed")
    monkeypatch.chdir(ROOT)
    value = read(ROOT / "recipes/train/7b.yaml")
    assert value.backend == "deepspeed" and (value.steps, value.batch.rows) == (300_000, 24)
    found = zero_options(value.model_copy(update={"deepspeed": str(path)}), 300_000, 8, 4096)
    assert found["train_batch_size"] == 24 and found["bf16"]["enabled"]
