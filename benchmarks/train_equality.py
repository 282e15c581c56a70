"""One curve whatever trains it: one process, DDP, FSDP2, ZeRO-1, 2 and 3 in two, and kills between.

    python benchmarks/train_equality.py --json

All start from the same weights, float32. The last two runs are killed (SIGKILL) after some steps,
go on in one process, are killed again, and end in two: once with ZeRO-2 all through, once with
another backend each time. The sample's documents unless shards are given.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from train_vs_hf import prepared

from curate.tokens.format.reader import Shards
from trainer.watch import METRICS, lines_of

FRESH = {"hidden_size": 128, "layers": 4, "heads": 4, "kv_heads": 2, "max_positions": 4096}

PLAIN = ("one process", "ddp", 0, 1)
WAYS = (
    ("DDP x2", "ddp", 0, 2),
    ("FSDP2 x2", "fsdp", 0, 2),
    ("ZeRO-1 x2", "deepspeed", 1, 2),
    ("ZeRO-2 x2", "deepspeed", 2, 2),
    ("ZeRO-3 x2", "deepspeed", 3, 2),
)
"""Name, backend, stage, processes."""

KILLED = {
    "ZeRO-2, killed, 2 > 1 > 2": (WAYS[3], ("", "deepspeed", 2, 1), WAYS[3]),
    "FSDP2 > one > ZeRO-3, killed": (WAYS[1], PLAIN, WAYS[4]),
}


def begun(config: dict[str, Any], way: tuple[str, str, int, int]) -> list[subprocess.Popen[str]]:
    """The processes of a run, as torchrun would start them."""
    _, backend, stage, world = way
    place = Path(config["out"])
    value = {**config, "backend": backend}
    if backend == "deepspeed":
        options = place / f"zero{stage}.json"
        # Nothing stays whole in a process.
        zero = {"stage": stage, **({"stage3_param_persistence_threshold": 0} if stage == 3 else {})}
        options.write_text(json.dumps({"zero_optimization": zero}))
        value["deepspeed"] = str(options)
    path = place / f"{config['name']}.yaml"
    path.write_text(yaml.safe_dump(value))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    result = []
    for rank in range(world):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        if world > 1:
            environment |= {
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(world),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": port,
            }
        command = [sys.executable, "-m", "curate", "train", "pretrain", str(path)]
        result.append(
            subprocess.Popen(
                command,
                env=environment,
                text=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        )
    return result


def finished(processes: list[subprocess.Popen[str]]) -> None:
    """Waits; ends this program where one failed."""
    for process in processes:
        _, said = process.communicate()
        if process.returncode:
            raise SystemExit(said)


def killed(config: dict[str, Any], processes: list[subprocess.Popen[str]], steps: int) -> int:
    """Kills a run when it has done so many steps; returns how many it had done."""
    metrics = Path(config["out"]) / config["name"] / METRICS
    while len(lines_of(metrics)) < steps:
        if any(process.poll() for process in processes):
            finished(processes)
        time.sleep(0.05)
    for process in processes:
        process.send_signal(signal.SIGKILL)
    for process in processes:
        process.communicate()
    return len(lines_of(metrics))


def curve(config: dict[str, Any]) -> list[float]:
    """The losses of a run."""
    return [line["loss"] for line in lines_of(Path(config["out"]) / config["name"] / METRICS)]


def main() -> None:
    """Trains in every way and compares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shards", type=Path)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--rows", type=int, default=5, help="of a global batch")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if given.shards is None:
            prepared(place, 256)
            given.shards, given.tokenizer = place / "text", place / "t"
        config = {
            "shards": str(given.shards),
            "model": {"fresh": FRESH, "tokenizer": str(given.tokenizer)},
            "batch": {"rows": given.rows, "micro_rows": 2},
            "steps": given.steps,
            "optimizer": {"lr": 3e-3},
            "schedule": {"warmup": 3},
            "checkpoints": {"every": max(1, given.steps // 6), "keep_last": 9},
            "evaluation": False,
            "device": "cpu",
            "out": str(place / "runs"),
        }
        Path(config["out"]).mkdir()
        found: dict[str, list[float]] = {}
        for number, way in enumerate((PLAIN, *WAYS)):
            run = {**config, "name": f"run-{number}"}
            finished(begun(run, way))
            found[way[0]] = curve(run)
            print(f"{way[0]}: {found[way[0]][-1]:.6f}", file=sys.stderr)
        kills = {}
        for number, (name, parts) in enumerate(KILLED.items()):
            run = {**config, "name": f"killed-{number}"}
            third = given.steps // 3
            kills[name] = [
                killed(run, begun(run, part), third * (at + 1) + 1)
                for at, part in enumerate(parts[:2])
            ]
            finished(begun(run, parts[2]))
            found[name] = curve(run)
            print(f"{name}: {found[name][-1]:.6f}, killed after {kills[name]}", file=sys.stderr)
        whole = found[PLAIN[0]]
        shown = sorted({1, given.steps // 3, 2 * given.steps // 3, given.steps})
        most = {
            name: max(abs(a - b) for a, b in zip(losses, whole, strict=True))
            for name, losses in found.items()
        }
        head = [f"step {step}" for step in shown]
        print("| | " + " | ".join([*head, "largest difference"]) + " |")
        print("|---" * (len(shown) + 2) + "|")
        for name, losses in found.items():
            cells = [f"{losses[step - 1]:.7f}" for step in shown]
            print(f"| {name} | {' | '.join(cells)} | {most[name]:.1e} |")
        if given.json:
            result = {
                "shards": Shards(given.shards).index.fingerprint,
                "steps": given.steps,
                "losses": {n: [x[step - 1] for step in shown] for n, x in found.items()},
                "largest_difference": most,
                "killed_after": kills,
            }
            print(json.dumps(result))


if __name__ == "__main__":
    main()
