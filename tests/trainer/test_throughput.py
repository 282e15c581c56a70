"""Operations and seconds of a run, and the size and time that a dry run foretells."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from curate.errors import RecipeError  # noqa: E402
from curate.tokens.format.reader import Shards  # noqa: E402
from tests.trainer.training_files import config, text_shards  # noqa: E402
from trainer import loop, throughput, timing  # noqa: E402
from trainer.memory import Parts, parts_of, state_bytes  # noqa: E402
from trainer.order import Order  # noqa: E402
from trainer.size import foretold  # noqa: E402
from trainer.throughput import Operations, Throughput, document_lengths  # noqa: E402
from trainer.watch import METRICS, Watch, lines_of  # noqa: E402


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("throughput")
    text_shards(folder)
    return folder


def test_lengths_are_those_of_the_segments(root):
    shards = Shards(root / "shards")
    rows = np.array([3, 0, 5])
    wanted = [s.end - s.begin for row in rows for s in shards.segments(int(row))]
    assert document_lengths(shards, rows).tolist() == wanted
    assert document_lengths(shards, rows[:0]).tolist() == []


def test_operations_are_counted_by_hand():
    facts = transformers.LlamaConfig(
        vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2,
    )  # fmt: skip
    block = 16 * (16 + 8 + 8 + 16) + 3 * 16 * 32 + 2 * 16
    multiplied = 2 * block + 16 + 50 * 16
    # Documents of 1, 2 and 4 tokens: 7 tokens, 1 + 3 + 10 pairs.
    wanted = 6 * multiplied * 7 + 12 * 2 * 16 * 14
    assert Operations(facts).of(np.array([1, 2, 4])) == pytest.approx(wanted)
    assert Operations(facts).of(np.array([], np.int64)) == 0


def test_rates_leave_out_what_is_not_training(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: now[0])
    speed = Throughput(world=2, peak=1e12)
    with speed.loading():
        now[0] += 1
    now[0] += 3
    speed.step(800, 1.6e12)
    with speed.paused():
        now[0] += 50
    now[0] += 4
    speed.step(800, 1.6e12)
    found = speed.measured()
    assert found == {
        "tokens_per_s": 200.0,
        "step_s": 4.0,
        "data_s": 0.5,
        "tflops": pytest.approx(0.2),
        "mfu": pytest.approx(0.2),
    }
    now[0] += 2
    assert speed.measured()["tokens_per_s"] == 0


def test_metrics_have_operations_and_seconds(root, tmp_path):
    loop.train(config(root, out=str(tmp_path), steps=3), "pretrain")
    shards = Shards(root / "shards")
    order = Order(shards.index.fingerprint, 3, len(shards), 6)
    facts = transformers.AutoConfig.from_pretrained(tmp_path / "run/checkpoints/step-3")
    for step, line in enumerate(lines_of(tmp_path / "run" / METRICS)):
        flops = Operations(facts).of(document_lengths(shards, order.batch_rows(step)))
        assert line["tflops"] * 1e12 * line["step_s"] == pytest.approx(flops)
        assert 0 < line["data_s"] < line["step_s"] and "mfu" not in line


def test_the_live_line_says_mfu_or_operations(tmp_path):
    line = {"step": 2, "loss": 1.5, "tokens": 10, "tokens_per_s": 1234.0, "lr": 1e-3}
    for more, words in (
        ({"tflops": 412.0, "mfu": 0.4163}, "1,234 tokens/s  41.6% MFU  0:00:00 left"),
        ({"tflops": 0.0123}, "1,234 tokens/s  12.3 GFLOP/s  0:00:00 left"),
    ):
        out = io.StringIO()
        watch = Watch(tmp_path, 2, 0, out=out)
        watch.step({**line, **more})
        watch.close()
        assert words in out.getvalue()


def test_memory_of_each_way_to_divide():
    parts = Parts(trained=1000, frozen=200, block=100, root=50)
    assert state_bytes(parts, "ddp", 1) == state_bytes(parts, "fsdp", 1) == 16_800
    assert state_bytes(parts, "ddp", 4) == 16_800 + 4_000
    assert state_bytes(parts, "fsdp", 4) == 4_200 + 4 * (2 * 100 + 50) + 4 * (100 + 50)


def test_parts_are_those_of_the_model():
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=3,
            num_attention_heads=4,
        )
    )  # fmt: skip
    model.lm_head.weight.requires_grad_(False)
    block = sum(p.numel() for p in model.model.layers[0].parameters())
    assert parts_of(model) == Parts(3 * block + 50 * 16 + 16, 50 * 16, block, 2 * 50 * 16 + 16)


def test_the_time_is_measured_and_scales_with_the_work(root):
    wanted = config(root)
    shards = Shards(root / "shards")
    size = foretold(wanted, shards)
    found = timing.measured(wanted, shards, size)
    assert isinstance(found, timing.Timing) and found.device == "cpu" and found.rows == 3
    assert found.row_s > 0 and found.update_s > 0 and found.mfu is None
    one = found.seconds(size, wanted)
    assert one == pytest.approx(12 * (6 * found.row_s + found.update_s))
    two = found.seconds(foretold(wanted, shards, 2), wanted)
    assert two == pytest.approx(12 * (3 * found.row_s + found.update_s))
    assert not (root / "runs").exists()


def test_what_is_too_large_to_try_is_said(root, monkeypatch):
    shards = Shards(root / "shards")
    size = foretold(config(root), shards)
    monkeypatch.setattr(timing, "CPU_OPERATIONS", 10.0)
    assert "too many to try on a CPU" in timing.measured(config(root), shards, size)
    monkeypatch.undo()
    monkeypatch.setattr(timing, "_memory", lambda _: 1000)
    assert "do not fit this machine's memory" in timing.measured(config(root), shards, size)


def test_more_processes_than_rows_are_refused(root):
    with pytest.raises(RecipeError, match="7 processes for batches of 6 rows"):
        foretold(config(root), Shards(root / "shards"), 7)


def test_time_left_counts_steps_alone(tmp_path):
    """Not the evaluation before the first of them."""
    said = io.StringIO()
    seen = Watch(tmp_path, 11, 0, out=said)
    line = {"loss": 1.0, "tokens": 1, "tokens_per_s": 1.0, "lr": 1.0, "tflops": 0.0}
    seen.step({"step": 1, "step_s": 60.0, **line})
    seen.close()
    assert said.getvalue().endswith("0:10:00 left\n")
