"""How long a build takes to answer, from 10^5 to 10^7 rows.

For each size a build is made up (`synthetic_build.py`) and asked: the function in a process that
has loaded what it needs (median of 20 rows, of every fate), and the whole command from the start of
its process to its end (median of 5). Beside wall time (`_s`) stands CPU time of all threads
(`_cpu_s`), which other work on the machine changes less.

    python benchmarks/manifest.py --json
    python benchmarks/manifest.py --sizes 100000 1000000 --folder /tmp/builds
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from synthetic_build import synthetic_build

from curate.history import history
from manifests.clusters import clusters
from manifests.funnel import funnels
from manifests.opened import OpenedBuild, open_build
from manifests.query import selected
from manifests.sample import sample
from manifests.story import story
from manifests.trace import trace
from manifests.verify import problems

SIZES = (100_000, 1_000_000, 10_000_000)
ROWS = 20
COMMANDS = 5
QUERY = "select source, stage, reason, count(*), avg(han_ratio) from ledger group by all"


def some_ids(build: OpenedBuild) -> list[str]:
    """Ids of rows kept, dropped, quarantined and duplicated, from all over the ledger."""
    draw = np.random.default_rng(3)
    found: list[str] = []
    for path in build.ledger_files:
        table = pq.read_table(path, columns=["id", "duplicate_of"])
        rows = draw.integers(0, table.num_rows, 4)
        found += table.column("id").take(rows).to_pylist()
        winners = table.column("duplicate_of").drop_null()
        found += winners.take(draw.integers(0, len(winners), 2)).to_pylist()
    return [found[i] for i in draw.choice(len(found), ROWS, replace=len(found) < ROWS)]


def seconds(function: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def cpu_seconds(function: Callable[[], object]) -> float:
    """CPU time of one call, all threads."""
    started = time.process_time()
    function()
    return time.process_time() - started


def command_times(name: str, *arguments: str) -> dict[str, float]:
    """Median wall and CPU time of `curate manifest NAME` from start to end of its process."""
    command = [sys.executable, "-m", "curate", "manifest", name, *arguments]
    wall, cpu = [], []
    for _ in range(COMMANDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run = partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
        wall.append(seconds(run))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {
        f"{name}_command_s": statistics.median(wall),
        f"{name}_command_cpu_s": statistics.median(cpu),
    }


def measured(folder: Path, rows: int) -> dict[str, Any]:
    """Seconds of every question to a build of so many rows."""
    build = open_build(synthetic_build(folder, rows))
    ids = some_ids(build)

    def life(row_id: str) -> None:
        opened = open_build(folder)
        found = trace(opened, row_id)
        history(opened, found)

    life(ids[0])
    return {
        "rows": rows,
        "trace_s": statistics.median(seconds(lambda i=i: life(i)) for i in ids),
        "trace_slowest_s": max(seconds(lambda i=i: life(i)) for i in ids),
        "trace_cpu_s": statistics.median(cpu_seconds(lambda i=i: life(i)) for i in ids),
        **command_times("trace", str(folder), ids[0]),
        "show_s": statistics.median(seconds(lambda: story(open_build(folder))) for _ in range(9)),
        **command_times("show", str(folder)),
        "funnel_s": seconds(lambda: funnels(open_build(folder))),
        "query_s": seconds(lambda: selected(build, QUERY).read_all()),
        "sample_s": seconds(lambda: sample(build, "near_duplicate")),
        "duplicates_s": seconds(lambda: clusters(build)),
        "verify_s": seconds(lambda: problems(folder)),
        "mb": sum(output["bytes"] for output in build.outputs) / 1e6,
    }


def main() -> None:
    """Measures every size and prints a table, and one JSON object if asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rows of the builds")
    parser.add_argument("--folder", type=Path, help="keep the builds here for the next run")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory(prefix="manifest-") as scratch:
        for rows in sorted(options.sizes):
            folder = (options.folder or Path(scratch)) / f"synthetic-{rows}"
            results.append(measured(folder, rows))
            shown = {k: round(v, 4) for k, v in results[-1].items()}
            print(" ".join(f"{key} {value:,}" for key, value in shown.items()), flush=True)
    if options.json:
        print(json.dumps({**results[-1], "sizes": results}))


if __name__ == "__main__":
    main()
