"""Small shards and configurations that the tests of training share."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.curate.tokens.packing_files import byte_level, packed, texts, write_build
from trainer.config import Config
from trainer.watch import METRICS, lines_of

FRESH = {"hidden_size": 16, "layers": 2, "heads": 4, "kv_heads": 2, "intermediate_size": 32}


def text_shards(root: Path, seq_length: int = 64, documents: int = 60) -> Path:
    """Shards of text from two sources, with validation rows, and their tokenizer in `t`."""
    byte_level(root / "t")
    write_build(root / "build", {"wiki": texts(documents), "news": texts(documents, 2)})
    packed(root / "shards", root / "t", [root / "build"], seq_length=seq_length, validation=0.2)
    return root / "shards"


def instruction_shards(
    root: Path, prompt: str = "chatml", name: str = "sft", seq_length: int = 64
) -> Path:
    """Shards of sixty sums."""
    byte_level(root / "t")
    rows = [
        {"instruction": f"{i}加{i}是多少？", "input": "", "output": f"答案：{2 * i}。"}
        for i in range(60)
    ]
    (root / f"{name}.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    packed(
        root / name, root / "t", [root / f"{name}.jsonl"], seq_length=seq_length, prompt=prompt,
        validation=0.1,
    )  # fmt: skip
    return root / name


def config(root: Path, **changes: Any) -> Config:
    """Twelve steps of six rows on `shards`, with a fresh model."""
    values: dict[str, Any] = {
        "name": "run",
        "shards": str(root / "shards"),
        "model": {"fresh": FRESH, "tokenizer": str(root / "t")},
        "batch": {"rows": 6, "micro_rows": 3},
        "steps": 12,
        "optimizer": {"lr": 1e-2},
        "schedule": {"warmup": 3},
        "checkpoints": {"every": 4},
        "evaluation": False,
        "device": "cpu",
        "seed": 3,
        "out": str(root / "runs"),
    }
    return Config(**{**values, **changes})


def losses(run: Path) -> list[float]:
    """The loss of every step, from metrics.jsonl."""
    lines = lines_of(run / METRICS)
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    return [line["loss"] for line in lines]


def written(value: Config) -> str:
    """A configuration as a file says it."""
    found = value.model_dump(mode="json", exclude_none=True)
    return json.dumps({"evaluation": False, **found})


def begun(value: Config, stage: str = "pretrain", world: int = 1) -> list[subprocess.Popen[str]]:
    """`curate train` in processes of its own, as torchrun would start them."""
    path = Path(value.out) / f"{value.name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(written(value))
    return _started([sys.executable, "-m", "curate", "train", stage, str(path), "--json"], world)


def _started(command: list[str], world: int) -> list[subprocess.Popen[str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(world):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        if world > 1:
            environment |= {
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(world),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            }
        started.append(
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
            )
        )
    return started


SEVERAL = """
import json, shutil, sys
from pathlib import Path
import torch.distributed as dist
from trainer import checkpoint, loop
from trainer.config import read

dist.init_process_group("gloo")
for name, steps in json.loads(Path(sys.argv[1]).read_text()):
    config = read(Path(name))
    dist.barrier()
    if dist.get_rank() == 0:
        for step in steps:
            shutil.rmtree(checkpoint.folder_of(config.folder, step))
    dist.barrier()
    loop.train(config, "pretrain")
dist.barrier()
dist.destroy_process_group()
"""


def begun_together(
    values: list[tuple[Config, list[int]]], world: int = 2
) -> list[subprocess.Popen[str]]:
    """Runs of pretraining one after another in the same processes.

    Before each the checkpoints of some of its steps are removed.
    """
    folder = Path(values[0][0].out)
    folder.mkdir(parents=True, exist_ok=True)
    plan = []
    for number, (value, steps) in enumerate(values):
        path = folder / f"{number}-{value.name}.yaml"
        path.write_text(written(value))
        plan.append([str(path), steps])
    path = folder / "plan.json"
    path.write_text(json.dumps(plan))
    return _started([sys.executable, "-c", SEVERAL, str(path)], world)


def finished(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """(exit code, standard output, standard error) of each."""
    result = []
    for process in processes:
        out, err = process.communicate(timeout=300)
        result.append((process.returncode, out, err))
    return result
