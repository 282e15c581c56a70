"""`curate train` and `curate generate` as a person or a script meets them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from typer.testing import CliRunner

from curate import cli, cli_generate, cli_train
from curate.errors import CurateError
from curate.tokens.format.reader import Shards
from tests.trainer.training_files import (
    begun,
    config,
    finished,
    instruction_shards,
    text_shards,
)
from trainer.trace import spikes


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with shards and a run that was begun from the command line."""
    root = tmp_path_factory.mktemp("cli")
    text_shards(root)
    value = config(root, name="run", evaluation={"every": 6, "rows": 4})
    ((code, out, err),) = finished(begun(value))
    assert code == 0, err
    summary = json.loads(out.splitlines()[-1])
    assert summary["step"] == 12 and Path(summary["checkpoint"]).is_dir()
    assert "step 12 of 12" in err and "tokens/s" in err and "\x1b" not in err + out
    return root


def ran(app, *arguments: str | Path, given: str | None = None) -> tuple[str, dict]:
    """(standard output, its closing JSON object)."""
    done = CliRunner().invoke(app, [*map(str, arguments)], input=given, catch_exceptions=False)
    lines = done.stdout.splitlines()
    last = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return done.stdout, last


def test_the_commands_are_there():
    assert cli.GROUPS["train"] == "curate.cli_train"
    assert cli.COMMANDS["generate"] == "curate.cli_generate"
    assert "--dry-run" in ran(cli_train.app, "pretrain", "--help")[0]


def test_a_trace_names_every_document_of_a_step_down_to_its_file(place):
    _, found = ran(cli_train.app, "trace", place / "runs/run", "--step", "3", "--json")
    assert found["step"] == 3 and len(found["rows"]) == 6
    shards = Shards(place / "shards")
    for row in found["rows"]:
        segments = shards.segments(row["row_in_split"])
        assert [(d["begin"], d["end"]) for d in row["documents"]] == [
            (s.begin, s.end) for s in segments
        ]
        for entry, segment in zip(row["documents"], segments, strict=True):
            assert entry["document"] == shards.document(segment.document).id
            assert entry["source"] in ("wiki", "news") and entry["file"] == "part.txt"
            assert entry["row"] == int(entry["document"][-9:])
            assert entry["url"] == f"https://example.org/{entry['source']}/part.txt"


def test_a_trace_is_of_the_rows_that_were_trained_on(place, monkeypatch):
    """The rows that the loop hands to the model are those the trace lists."""
    from trainer import loop

    seen: dict[int, list[int]] = {}
    step = loop.Run._step

    def noted(self, number, batches, *rest):
        seen[number + 1] = sorted(row for batch in batches for row in batch.rows.tolist())
        return step(self, number, batches, *rest)

    monkeypatch.setattr(loop.Run, "_step", noted)
    loop.train(config(place, name="noted", steps=4), "pretrain")
    for number in range(1, 5):
        _, found = ran(cli_train.app, "trace", place / "runs/noted", "--step", number, "--json")
        assert sorted(row["row_in_split"] for row in found["rows"]) == seen[number]


def test_a_jump_of_the_loss_is_found_and_shown(place, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    facts = json.loads((place / "runs/run/run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "steps": 40}))
    losses = [5 - 0.02 * i + 0.01 * (i % 3) for i in range(40)]
    losses[29] += 2
    lines = [json.dumps({"step": i + 1, "loss": x}) for i, x in enumerate(losses)]
    (run / "metrics.jsonl").write_text("\n".join(lines))
    assert [jump["step"] for jump in spikes(run)] == [30]
    out, found = ran(cli_train.app, "trace", run, "--spike", "--json")
    (jump,) = found["spikes"]
    entry = jump["rows"][0]["documents"][0]
    assert entry["text"] and entry["document"] in out


def test_a_dry_run_counts_and_trains_nothing(place):
    wanted = config(place, name="dry")
    path = place / "dry.yaml"
    path.write_text(wanted.model_dump_json(exclude_none=True))
    out, size = ran(cli_train.app, "pretrain", path, "--dry-run", "--json")
    # By hand: embeddings and output, then two blocks of q, k, v, o, three of the MLP, two norms.
    block = 16 * (16 + 8 + 8 + 16) + 3 * 16 * 32 + 2 * 16
    assert size["parameters"] == 2 * 504 * 16 + 2 * block + 16
    assert size["steps"] == 12 and not (place / "runs/dry").exists()
    assert size["weights_bytes"] == 16 * size["parameters"]
    assert size["seconds"] > 0 and size["measured"]["device"] == "cpu" and "time, about" in out
    two = ["--processes", "2", "--set", "backend=fsdp", "--no-measure"]
    out, divided = ran(cli_train.app, "pretrain", path, "--dry-run", "--json", *two)
    assert divided["seconds"] is None and "not measured: not asked for" in out
    assert "in each of 2 processes (fsdp)" in " ".join(out.split())
    gathered = 4 * (2 * block + 2 * 504 * 16 + 16) + 4 * (block + 2 * 504 * 16 + 16)
    assert divided["weights_bytes"] == 8 * size["parameters"] + gathered


def test_a_report_is_written_beside_the_run_or_elsewhere(place, tmp_path):
    run = place / "runs/run"
    _, told = ran(cli_train.app, "report", run, "--json")
    assert told["out"] == str(run / "report.html") and told["step"] == told["steps"] == 12
    page = (run / "report.html").read_bytes()
    assert told["bytes"] == len(page) and told["loss"] > 0 and told["heldout"]["loss"] > 0
    other = tmp_path / "two.html"
    shutil.copytree(run, tmp_path / "copy")
    compare = ["--compare", tmp_path / "copy", "--compare", run]
    _, told = ran(cli_train.app, "report", run, "-o", other, *compare, "--json")
    assert other.stat().st_size == told["bytes"] > len(page)
    assert other.read_text().count('<td class="n">12 of 12</td>') == 2


def test_a_finished_run_prints_its_end(place):
    path = place / "runs/run.yaml"
    _, summary = ran(cli_train.app, "pretrain", path, "--json")
    assert summary["step"] == 12 and summary["loss"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["pretrain", "none.yaml"], 2, "there is no training configuration"),
        (["pretrain", "{run}.yaml", "--set", "optimizer.l=1"], 2, "did you mean 'lr'"),
        (["pretrain", "{run}.yaml", "--set", "device=cuda"], 2, "torch sees no GPU"),
        (
            ["pretrain", "{run}.yaml", "--set", "model.tokenizer=none", "--set", "name=x"],
            1,
            "no such tokenizer",
        ),
        (["sft", "{run}.yaml"], 2, "holds text, which `curate train pretrain` learns from"),
        (["trace", "{run}", "--step", "13"], 1, "there is no step 13; steps are 1 to 12"),
        (["trace", "{run}"], 2, "give --step N or --spike"),
        (["trace", "none", "--step", "1"], 2, "is no training run"),
        (["report", "none"], 2, "is no training run"),
        (["report", "{run}", "--compare", "none"], 2, "is no training run"),
        (["pretrain", "{run}.yaml", "--dry-run", "--processes", "9"], 2, "9 processes for batches"),
        (["pretrain", "{run}.yaml", "--set", "samples.every=5"], 2, "give `prompts`, or a `file`"),
        (["pretrain", "{run}.yaml", "--set", "samples.prompt=x"], 2, "did you mean 'prompts'"),
    ],
)
def test_errors_are_one_sentence(place, arguments, code, words):
    filled = [str(a).format(run=place / "runs/run") for a in arguments]
    with pytest.raises(CurateError) as caught:
        ran(cli_train.app, *filled)
    assert caught.value.exit_code == code and words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_generate_prompt_file_and_chat(place):
    base = place / "runs/run/checkpoints/step-12"
    shards = instruction_shards(place)
    from trainer.loop import train

    train(config(place, name="sft", shards=str(shards), model={"path": str(base)}), "sft")
    folder = place / "runs/sft/checkpoints/step-12"
    out, one = ran(cli_generate.app, base, "--prompt", "图书馆", "--max-tokens", "5", "--json")
    assert out.startswith("图书馆" + one["text"]) and one["tokens"] <= 5
    (place / "q.txt").write_text("1加1是多少？\n\n2加2是多少？\n", encoding="utf-8")
    short = ["--max-tokens", "6"]
    ran(cli_generate.app, folder, "--file", place / "q.txt", "--out", place / "a.jsonl", *short)
    answers = [json.loads(x) for x in (place / "a.jsonl").read_text().splitlines()]
    assert [x["prompt"] for x in answers] == ["1加1是多少？", "2加2是多少？"]
    out, _ = ran(cli_generate.app, folder, *short, given="1加1是多少？\n再说一遍\n")
    assert out.splitlines()[0] == answers[0]["text"].splitlines()[0]
    with pytest.raises(CurateError, match="names no chat format"):
        ran(cli_generate.app, base, given="1\n")
    with pytest.raises(CurateError, match="give one of --prompt, --ask and --file"):
        ran(cli_generate.app, base, "--prompt", "a", "--ask", "b")
