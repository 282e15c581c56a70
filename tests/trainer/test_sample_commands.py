"""The commands of docs/training.md, one after the other, with few steps."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from curate.__main__ import main
from tests.conftest import ROOT

FEW = {
    "pretrain": ["--set", "steps=4", "--set", "checkpoints.every=4", "--set", "evaluation.rows=4"],
    "sft": ["--set", "steps=4", "--set", "model.path=runs/sample/checkpoints/step-4"],
}
"""What is added, so that it takes seconds."""


def commands() -> list[list[str]]:
    """The first block of commands on the page."""
    block = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/training.md").read_text(), re.DOTALL)[0]
    return [shlex.split(line, comments=True) for line in block.splitlines()]


def test_they_run_in_one_go(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    Path("recipes").symlink_to(ROOT / "recipes")
    wanted = commands()
    names = [" ".join(command[1:3]) for command in wanted]
    assert names[:2] == ["build corpus", "tokenizer train"]
    assert [name for name in names if name.startswith("train ")] == [
        "train pretrain",
        "train sft",
        "train report",
    ]
    for command in wanted:
        assert command[0] == "curate"
        arguments = [re.sub(r"step-\d+", "step-4", word) for word in command[1:]]
        if arguments[0] == "train":
            arguments += FEW.get(arguments[1], [])
        if arguments[0] == "generate":
            arguments += ["--max-tokens", "3", "--json"]
        with pytest.raises(SystemExit) as ended:
            monkeypatch.setattr("sys.argv", ["curate", *arguments])
            raise SystemExit(main())
        assert not ended.value.code, arguments
    answer = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert 0 < answer["tokens"] <= 3
    samples = Path("runs/sample-sft/samples.jsonl").read_text().splitlines()
    assert {json.loads(line)["step"] for line in samples} == {0, 4}
    assert "三加四是多少？" in Path("runs/sample-sft/report.html").read_text()
