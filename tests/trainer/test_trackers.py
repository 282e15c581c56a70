"""TensorBoard's and Weights & Biases' own libraries read what a run wrote for them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from curate.errors import RecipeError
from tests.trainer.training_files import config, losses, text_shards
from trainer import checkpoint, loop
from trainer.watch import METRICS, SAMPLES, lines_of


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trackers")
    text_shards(folder)
    return folder


def interrupted(wanted, run: Path, monkeypatch, before: int) -> None:
    """A run that dies, without a word, before a step."""

    class Died(BaseException):
        pass

    step = loop.Run._step

    def dies(self, number, *rest):
        if number == before:
            raise Died
        return step(self, number, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Run, "_step", dies)
        with pytest.raises(Died):
            loop.train(wanted, "pretrain")
    assert lines_of(run / METRICS)[-1]["step"] == before


@pytest.mark.parametrize("before", [3, 7])
def test_tensorboard_has_every_step_once_after_a_crash(root, tmp_path, monkeypatch, before):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = tmp_path / "run"
    wanted = config(
        root,
        out=str(tmp_path),
        tensorboard=True,
        evaluation={"every": 4, "rows": 2},
        samples={"every": 4, "prompts": ["水"], "tokens": 4},
    )
    interrupted(wanted, run, monkeypatch, before)
    loop.train(wanted, "pretrain")

    def read(folder: Path):
        events = accumulator.EventAccumulator(
            str(folder), size_guidance={"scalars": 0, "tensors": 0}
        )
        return events.Reload()

    events = read(run / "tensorboard")
    found = events.Scalars("train/loss")
    assert [event.step for event in found] == list(range(1, 13))
    assert [event.value for event in found] == pytest.approx(losses(run), abs=1e-5)
    names = set(events.Tags()["scalars"])
    assert {"train/lr", "train/tokens_per_s", "train/gradient_norm", "train/tflops"} <= names
    assert "heldout/wiki/bits_per_character" in names
    assert [event.step for event in events.Scalars("heldout/all/loss")] == [0, 4, 8, 12]
    texts = read(run / "tensorboard/samples").Tensors("samples/1/text_summary")
    assert [event.step for event in texts] == [0, 4, 8, 12]
    last = lines_of(run / SAMPLES)[-1]
    assert last["text"].splitlines()[0] in texts[-1].tensor_proto.string_val[0].decode()


def test_wandb_has_the_run_in_its_offline_files(root, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = tmp_path / "run"
    wanted = config(root, out=str(tmp_path), wandb={"project": "zh", "mode": "offline"}, steps=8)
    interrupted(wanted, run, monkeypatch, 6)
    wandb.teardown()
    name = (run / "wandb-id").read_text()
    loop.train(wanted, "pretrain")
    files = sorted(run.glob(f"wandb/offline-run-*-{name}/run-{name}.wandb"))
    assert files
    history: dict[int, float] = {}
    for file in files:
        history |= _history(file)
    assert sorted(history) == list(range(1, 9))
    assert [history[step] for step in sorted(history)] == pytest.approx(losses(run))


def _history(file: Path) -> dict[int, float]:
    """Loss by step in a file that `wandb sync` would send."""
    from wandb.proto import wandb_internal_pb2

    found = {}
    for data in _records(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            values = {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in items}
            if "train/loss" in values:
                found[values["_step"]] = values["train/loss"]
    return found


def _records(data: bytes) -> Iterator[bytes]:
    """Records of LevelDB's log format, which follows seven bytes of the library's own.

    Blocks of 32 KiB; in each records of checksum (4), length (2), kind (1: whole, 2, 3, 4: first,
    middle and last piece). https://github.com/google/leveldb/blob/main/doc/log_format.md
    """
    at, whole = 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield whole
            whole = b""


@pytest.mark.parametrize(
    ("changes", "name"),
    [({"tensorboard": True}, "tensorboard"), ({"wandb": {"project": "x"}}, "wandb")],
)
def test_a_missing_package_is_one_sentence_before_any_step(
    root, tmp_path, monkeypatch, changes, name
):
    find = importlib.util.find_spec

    def hidden(wanted, *rest):
        return None if wanted == name else find(wanted, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", hidden)
    with pytest.raises(RecipeError, match=rf"`{name}` needs the package {name}; install"):
        loop.train(config(root, out=str(tmp_path), **changes), "pretrain")
    assert not (tmp_path / "run").exists()


def test_wandb_that_refuses_is_one_sentence(root, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")

    def refuses(**_):
        raise wandb.errors.UsageError("api_key not\nconfigured")

    monkeypatch.setattr(wandb, "init", refuses)
    with pytest.raises(RecipeError, match="did not begin: api_key not configured; `wandb"):
        loop.train(config(root, out=str(tmp_path), wandb={"project": "x"}), "pretrain")
    assert not checkpoint.all_of(tmp_path / "run")
