"""Compiled blocks: the same curve, without new code for rows with other segments."""

from __future__ import annotations

import shutil

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from curate.errors import CurateError  # noqa: E402
from tests.trainer.training_files import config, losses, text_shards  # noqa: E402
from trainer import compiled, loop  # noqa: E402


@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling needs a C++ compiler")
def test_the_curve_is_the_same_and_code_is_made_once(tmp_path):
    text_shards(tmp_path)
    loop.train(config(tmp_path, name="plain", steps=6), "pretrain")
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    loop.train(config(tmp_path, name="one", steps=1, compile=True), "pretrain")
    once = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert once > 0
    loop.train(config(tmp_path, name="compiled", steps=6, compile=True), "pretrain")
    assert losses(tmp_path / "runs/compiled") == pytest.approx(
        losses(tmp_path / "runs/plain"), abs=1e-5
    )
    # A second network may have its own; six steps of other segments have no more than one step.
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 2 * once


def test_no_compiler_is_said_before_any_step(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CurateError, match="needs a C\\+\\+ compiler, and there is no g"):
        compiled.check()
