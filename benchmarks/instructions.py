"""An instruction build here and data-juicer's nearest equivalent, on the same rows.

The rows are all instruction samples of `.cache/real`, and as many recombined ones as --rows asks
for besides. This project builds them with every default step, from the published files to training
files and ledger. data-juicer, which knows no instructions, gets every row as one text and does what
it has of the same steps: repair Unicode, traditional to simplified, white space, addresses;
language and repetition measured and not dropped by; exact and near duplicates.

    python benchmarks/instructions.py --json
    python benchmarks/instructions.py --only ours --rows 1000000     # start-up hardly counts
    python benchmarks/instructions.py --only ours --memory 100 1000  # peak memory

A run counts from the start of its process to the end, imports and loading of compiled code with
it, on both sides. The figures are by CPU time of all its processes, which on a free machine is the
wall time of one worker and which other work on the machine disturbs least; wall times stand beside.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpus_vs_rivals import ROOT, ContenderFailed, lid_model, machine
from instruction_rows import rows_of, write_flattened, write_recipe, write_recombined
from measured_process import Measured, pinned_cores, run_measured
from rivals.environment import InstallError, environment, own_environment

CONTENDERS = ("ours", "data_juicer")


@dataclass
class Input:
    """What both read: a recipe of files, and the same rows as texts."""

    recipe: Path
    shards: Path
    rows: int
    """Rows of text; rows in quarantine are in the files and not in here."""
    mb: float
    """UTF-8 bytes of the texts, in 10^6."""


@dataclass
class Run:
    """One run of one contender."""

    name: str
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    rows: int
    kept: int
    stages: dict[str, float] = field(default_factory=dict)
    """CPU seconds by part, where the contender tells."""

    @property
    def rows_per_s_core(self) -> float:
        """Rows a CPU second."""
        return self.rows / self.cpu_seconds


def prepared(options: argparse.Namespace) -> Input:
    """The rows, written to the cache anew. Raises OSError when the samples are not there."""
    folder: Path = options.cache / "input" / f"instructions-{options.rows}-seed{options.seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    recipe, more = folder / "recipe.yaml", folder / "recombined.jsonl"
    write_recipe(recipe, options.data, None)
    real = list(rows_of(recipe, folder))
    if options.rows > len(real):
        write_recombined(more, real, options.seed, options.rows - len(real))
        write_recipe(recipe, options.data, more)
    del real
    count, size = write_flattened(folder / "shards", rows_of(recipe, folder), options.workers)
    return Input(recipe, folder / "shards", count, size / 1e6)


def run_ours(recipe: Path, work: Path, options: argparse.Namespace) -> Measured:
    """One build from nothing in a folder `out` of `work`."""
    command: list[str | Path] = [own_environment(options.cache), "-m", "curate", "build"]
    command += ["instructions", recipe, "--out", work / "out"]
    return run_measured(
        [*command, "--workers", str(options.workers), "--json"],
        work / "logs",
        cores=pinned_cores(options.workers),
        environment={**os.environ, "PYTHONPATH": str(ROOT)},
        interval=0.05 if options.memory else 0.5,
        timeout=options.timeout,
    )


def run_rival(text: Input, work: Path, options: argparse.Namespace) -> Measured:
    """data-juicer in its own environment, without network."""
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    variables |= {"HF_HUB_OFFLINE": "1", "PIP_NO_INDEX": "1", "UV_OFFLINE": "1"}
    variables |= {"HF_HOME": str(work / "huggingface"), "TMPDIR": str(work)}
    script = ROOT / "benchmarks" / "rivals" / "data_juicer_run.py"
    command: list[str | Path] = [environment("data_juicer", options.cache), script]
    command += ["--shards", text.shards, "--lid-model", lid_model(), "--steps", "instructions"]
    command += ["--workers", str(options.workers), "--out", work / "out", "--work", work / "work"]
    return run_measured(
        command,
        work / "logs",
        cores=pinned_cores(options.workers),
        environment=variables,
        timeout=options.timeout,
    )


def fresh(options: argparse.Namespace, name: str) -> Path:
    """A new folder for a run."""
    work: Path = options.cache / "runs" / name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    return work


def closing(name: str, measured: Measured, work: Path) -> dict[str, Any]:
    """The JSON object that a run ended with. Raises ContenderFailed."""
    if measured.returncode:
        raise ContenderFailed(
            f"{name} ended with {measured.returncode}; its output is in {work / 'logs'}\n"
            + measured.tail()
        )
    try:
        said: dict[str, Any] = json.loads(measured.last_line())
    except ValueError:
        raise ContenderFailed(f"{name} did not end with a line of JSON ({work / 'logs'})") from None
    return said


def run(name: str, turn: int, text: Input, options: argparse.Namespace) -> Run:
    """One run of a contender. Raises ContenderFailed."""
    work = fresh(options, f"instructions-{name}-{turn}")
    ours = name == "ours"
    measured = run_ours(text.recipe, work, options) if ours else run_rival(text, work, options)
    said = closing(name, measured, work)
    stages: dict[str, float] = {}
    if ours:
        record = json.loads((Path(said["build"]) / "run.json").read_text(encoding="utf-8"))
        stages = record["cpu_seconds"]
    elif said["rows_read"] != text.rows:
        raise ContenderFailed(f"{name} read {said['rows_read']:,} rows of {text.rows:,}")
    if not options.keep:
        shutil.rmtree(work)
    return Run(
        name=name,
        wall_seconds=measured.wall_seconds,
        cpu_seconds=measured.cpu_seconds,
        peak_mb=measured.peak_mb,
        rows=said["rows_read"],
        kept=said["kept"],
        stages=stages,
    )


def print_profile(run: Run) -> None:
    """Our CPU time by stage, start-up and planning as what no stage has."""
    rest = run.cpu_seconds - sum(run.stages.values())
    parts = [("start-up, plan, manifest", rest), *run.stages.items()]
    print(f"{'part':32}{'CPU s':>8}{'share':>8}{'us a row':>10}")
    for part, seconds in sorted(parts, key=lambda item: -item[1]):
        share = seconds / run.cpu_seconds
        if share >= 0.002:
            print(f"{part:32}{seconds:8.2f}{share:8.1%}{seconds / run.rows * 1e6:10.2f}")


def summary(runs: list[Run], text: Input, workers: int) -> dict[str, Any]:
    """The figures of the last line, ours by the median run."""
    ours = [r for r in runs if r.name == "ours"]
    rival = next((r for r in runs if r.name == "data_juicer"), None)
    result: dict[str, Any] = {"rows_per_s_core": None, "data_juicer_ratio": None}
    if ours:
        median = statistics.median(r.cpu_seconds for r in ours)
        inside = statistics.median(sum(r.stages.values()) for r in ours)
        result["rows_per_s_core"] = round(ours[0].rows / median)
        result["rows_per_s_core_without_start_up"] = round(ours[0].rows / inside)
        result["ours_cpu_seconds"] = [round(r.cpu_seconds, 2) for r in ours]
    if rival is not None:
        result["data_juicer_rows_per_s_core"] = round(rival.rows_per_s_core)
        if ours:
            result["data_juicer_ratio"] = round(
                result["rows_per_s_core"] / rival.rows_per_s_core, 1
            )
            wall = statistics.median(r.wall_seconds for r in ours)
            result["data_juicer_wall_ratio"] = round(rival.wall_seconds / wall, 1)
    return {**result, "rows": text.rows, "text_mb": round(text.mb, 1), "workers": workers}


def memory(options: argparse.Namespace) -> dict[str, Any]:
    """Peak memory of builds of two sizes of recombined rows. Raises ContenderFailed."""
    folder: Path = options.cache / "input" / "instructions-memory"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    recipe, more = folder / "recipe.yaml", folder / "recombined.jsonl"
    write_recipe(recipe, options.data, None)
    real = list(rows_of(recipe, folder))
    builds = []
    print(f"{'text MB':>10}{'rows':>12}{'kept':>12}{'wall s':>10}{'CPU s':>10}{'peak MB':>10}")
    for mb in options.memory:
        write_recombined(more, real, options.seed, None, mb * 1_000_000)
        write_recipe(recipe, options.data, more, real=False)
        work = fresh(options, f"instructions-memory-{mb}")
        measured = run_ours(recipe, work, options)
        said = closing("ours", measured, work)
        shutil.rmtree(work)
        builds.append(
            {
                "mb": mb,
                "rows": said["rows_read"],
                "kept": said["kept"],
                "wall_seconds": round(measured.wall_seconds, 1),
                "cpu_seconds": round(measured.cpu_seconds, 1),
                "peak_mb": round(measured.peak_mb),
            }
        )
        b = builds[-1]
        print(
            f"{mb:>10}{b['rows']:>12,}{b['kept']:>12,}{b['wall_seconds']:>10.1f}"
            f"{b['cpu_seconds']:>10.1f}{b['peak_mb']:>10,}",
            flush=True,
        )
    growth = round(builds[1]["peak_mb"] / builds[0]["peak_mb"], 3)
    return {"peak_ratio": growth, "workers": options.workers, "builds": builds}


def main() -> int:
    """Run the contenders; 0 when all of them finished, 1 when one failed, 2 for wrong usage."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--only", action="append", choices=CONTENDERS, help="may be repeated")
    parser.add_argument("--rows", type=int, default=200_000, help="real and recombined (200,000)")
    parser.add_argument("--data", type=Path, default=ROOT / ".cache" / "real")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="worker processes (1)")
    parser.add_argument("--repeats", type=int, default=2, help="runs of this project (2)")
    parser.add_argument("--timeout", type=float, default=7200, help="seconds for a run (7200)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "rivals")
    parser.add_argument(
        "--memory", type=int, nargs=2, metavar="MB", help="peak memory at two sizes instead"
    )
    parser.add_argument("--keep", action="store_true", help="keep what the runs wrote")
    options = parser.parse_args()
    options.cache = options.cache.resolve()
    chosen = [name for name in CONTENDERS if not options.only or name in options.only]
    if not options.data.is_dir():
        print(
            f"the samples are not in {options.data}; give their folder with --data", file=sys.stderr
        )
        return 2
    try:
        if "ours" in chosen or options.memory:
            own_environment(options.cache)
        if "data_juicer" in chosen and not options.memory:
            environment("data_juicer", options.cache)
        if options.memory:
            result = memory(options)
            print(json.dumps(result) if options.json else result["peak_ratio"])
            return 0
        text = prepared(options)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 2
    except (ContenderFailed, OSError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{text.rows:,} rows, {text.mb:.1f} MB of text, {options.workers} worker processes")
    turns = [("ours", n) for n in range(1, options.repeats + 1)] if "ours" in chosen else []
    if "data_juicer" in chosen:
        turns.insert(min(1, len(turns)), ("data_juicer", 1))
    runs: list[Run] = []
    failed = False
    print(f"{'':14}{'wall s':>9}{'CPU s':>9}{'rows/s/core':>13}{'peak MB':>9}{'kept':>10}")
    for name, turn in turns:
        try:
            r = run(name, turn, text, options)
        except ContenderFailed as failure:
            print(failure, file=sys.stderr)
            failed = True
            continue
        runs.append(r)
        print(
            f"{name:14}{r.wall_seconds:9.1f}{r.cpu_seconds:9.1f}{r.rows_per_s_core:13,.0f}"
            f"{r.peak_mb:9,.0f}{r.kept:10,}",
            flush=True,
        )
    ours = [r for r in runs if r.name == "ours"]
    if ours:
        print_profile(min(ours, key=lambda r: r.cpu_seconds))
    result = {**summary(runs, text, options.workers), "machine": machine()}
    if options.json:
        print(json.dumps(result))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
