"""Cost of deduplication a document, from 10^5 to 5·10^6 documents.

Documents are made by a seeded generator: on average 57 Han characters drawn by Zipf's law, one in
twenty a variant of an earlier one with a few characters changed. Every stage of the pipeline runs
on one core, in a process of its own for each size, so that peak memory is that of the size.

    python benchmarks/dedup_scale.py --plot docs/images/dedup-scale.png --json
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.dedup.corpus import TextPartition
from curate.dedup.options import ExactDedup, NearDedup
from curate.dedup.plan import later_stages, sketch_stage
from curate.engine.task import reports
from curate.storage import read_arrow, write_arrow
from curate.textbatch import TextBatch

SIZES = (100_000, 300_000, 1_000_000, 2_000_000, 5_000_000)
PARTITION_ROWS = 50_000
MEAN_LENGTH = 57
DUPLICATES = 0.05


def partition(number: int, rows: int = PARTITION_ROWS) -> pa.Array:
    """Texts of one partition. Variants are of texts in the same and in the first partition."""
    draw = np.random.default_rng([20, number])
    lengths = draw.integers(20, 2 * MEAN_LENGTH - 20 + 1, rows)
    offsets = np.zeros(rows + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    weights = 1.0 / np.arange(10, 3010)
    cumulated = np.cumsum(weights / weights.sum())
    points = np.searchsorted(cumulated, draw.random(int(offsets[-1]))).astype(np.uint32) + 0x4E00
    batch = TextBatch(points, offsets)
    copies = np.flatnonzero(draw.random(rows) < DUPLICATES)
    originals = draw.integers(0, np.maximum(copies, 1))
    index = np.arange(rows)
    index[copies] = originals
    batch = batch.taken(index)
    points = batch.points.copy()
    # One or two characters changed, near the end where it costs few shingles.
    for back in (1, 2):
        points[batch.offsets[copies + 1] - back] = 0x5000 + draw.integers(0, 3000, len(copies))
    return TextBatch(points, batch.offsets).to_arrow()


def measured(size: int) -> dict[str, Any]:
    """Seconds by stage, bytes of text, peak memory and duplicates for a corpus of this size."""
    with tempfile.TemporaryDirectory(prefix="dedup-scale-") as name:
        folder = Path(name)
        partitions = []
        bytes_of_text = 0
        for number in range(-(-size // PARTITION_ROWS)):
            rows = min(PARTITION_ROWS, size - number * PARTITION_ROWS)
            texts = partition(number, rows)
            bytes_of_text += texts.nbytes - 8 * (rows + 1)
            path = folder / f"{number:06d}.arrow"
            write_arrow(path, pa.table({"text": texts}))
            partitions.append(TextPartition(str(path), str(path.with_suffix(".sketch")), rows))
        outputs = [Path(p.texts).with_suffix(".duplicates") for p in partitions]
        exact, near = ExactDedup(), NearDedup()
        stages = [
            sketch_stage(partitions, exact, near),
            *later_stages(partitions, folder / "dedup", outputs, exact, near),
        ]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds: dict[str, float] = {}
        for stage in stages:
            started = time.process_time()
            for job in stage.jobs:
                list(reports(job.task))
            seconds[stage.name] = time.process_time() - started
        found = sum(read_arrow(path).num_rows for path in outputs)
        disk = sum(
            p.stat().st_size for p in folder.rglob("*") if p.suffix != ".arrow" and p.is_file()
        )
    return {
        "documents": size,
        "mb": bytes_of_text / 1e6,
        "seconds": seconds,
        "us_per_document": sum(seconds.values()) / size * 1e6,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "peak_before_mb": before / 1024,
        "disk_bytes_per_document": disk / size,
        "duplicates": found,
    }


def _measured_with_warm_code(size: int) -> dict[str, Any]:
    measured(2_000)
    return measured(size)


def plot(results: list[dict[str, Any]], path: Path) -> None:
    """Cost a document by stage, and peak memory, over the number of documents."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    sizes = [r["documents"] for r in results]
    names = list(results[0]["seconds"])
    bottom = np.zeros(len(results))
    for stage in names:
        cost = np.array([r["seconds"][stage] / r["documents"] * 1e6 for r in results])
        left.bar([f"{s:,}" for s in sizes], cost, bottom=bottom, label=stage)
        bottom += cost
    left.set_ylabel("µs a document, one core")
    left.set_ylim(0, 1.6 * float(bottom.max()))
    left.legend(fontsize=8, ncols=2, loc="upper right")
    right.bar([f"{s:,}" for s in sizes], [r["peak_mb"] for r in results])
    right.set_ylabel("peak memory of the process, MiB")
    for axis in (left, right):
        axis.set_xlabel("documents")
        axis.tick_params(axis="x", labelsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure the sizes, print a table, and plot where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", action="store_true", help="end with the figures as one JSON line")
    options = parser.parse_args()
    results = []
    context = multiprocessing.get_context("spawn")
    for size in map(int, options.sizes.split(",")):
        with context.Pool(1) as pool:
            result = pool.apply(_measured_with_warm_code, (size,))
        results.append(result)
        stages = "  ".join(
            f"{name} {seconds / size * 1e6:.2f}" for name, seconds in result["seconds"].items()
        )
        print(
            f"{size:>9,} documents  {result['us_per_document']:.2f} µs a document "
            f"({result['mb'] / sum(result['seconds'].values()):.0f} MB/s)  "
            f"peak {result['peak_mb']:.0f} MiB  {result['duplicates']:,} duplicates  [{stages}]",
            flush=True,
        )
    if options.plot:
        plot(results, options.plot)
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
