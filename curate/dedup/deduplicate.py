"""Deduplication of texts in memory, by the very tasks a build runs, in a temporary folder."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.dedup.corpus import TextPartition
from curate.dedup.kind import EXACT_KIND
from curate.dedup.options import ExactDedup, NearDedup
from curate.dedup.plan import later_stages, sketch_stage
from curate.engine.task import reports
from curate.storage import read_arrow, write_arrow

_BOTH = (ExactDedup(), NearDedup())


@dataclass(frozen=True)
class Deduplicated:
    """What became of each of n texts."""

    kept: NDArray[np.bool_]
    """bool [n]."""
    duplicate_of: NDArray[np.int64]
    """int64 [n]: index of the kept text it duplicates, -1 for kept texts."""
    similarity: NDArray[np.float32]
    """float32 [n]: similarity to that text, NaN for kept texts."""
    exact: NDArray[np.bool_]
    """bool [n]: whether it has the same normal form as that text."""


def deduplicate(
    texts: Sequence[str],
    priorities: Sequence[int] | None = None,
    exact: ExactDedup | None = _BOTH[0],
    near: NearDedup | None = _BOTH[1],
    partition_rows: int = 1 << 16,
    folder: Path | None = None,
) -> Deduplicated:
    """Which of the texts stay, and what the others duplicate.

    priorities: 0 to 255 for every text, 50 by default; the higher one stays.
    partition_rows: texts in a partition; it changes how the work is cut, never the result.
    folder: where the intermediates go; a temporary folder by default.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="curate-dedup-") as temporary:
            return deduplicate(texts, priorities, exact, near, partition_rows, Path(temporary))
    n = len(texts)
    priority = np.full(n, 50) if priorities is None else np.asarray(priorities)
    # Partitions have one priority each. A stable order keeps ties among equals as they are.
    order = np.argsort(-priority, kind="stable")
    partitions: list[TextPartition] = []
    begins: list[int] = []
    cuts = np.flatnonzero(np.diff(priority[order])) + 1
    for block in np.split(np.arange(n), cuts):
        for begin in range(0, len(block), partition_rows):
            part = block[begin : begin + partition_rows]
            path = folder / f"{len(partitions):06d}.arrow"
            chosen = pa.array([texts[i] for i in order[part].tolist()], pa.large_string())
            write_arrow(path, pa.table({"text": chosen}))
            partitions.append(
                TextPartition(
                    texts=str(path),
                    sketch=str(path.with_suffix(".sketch")),
                    rows=len(part),
                    priority=int(priority[order[part[0]]]),
                )
            )
            begins.append(int(part[0]))
    outputs = [Path(partition.texts).with_suffix(".duplicates") for partition in partitions]
    stages = [
        sketch_stage(partitions, exact, near),
        *later_stages(partitions, folder, outputs, exact, near),
    ]
    for stage in stages:
        for job in stage.jobs:
            for _ in reports(job.task):
                pass
    duplicate_of = np.full(n, -1, np.int64)
    similarity = np.full(n, np.nan, np.float32)
    is_exact = np.zeros(n, np.bool_)
    starts = np.array(begins, np.int64)
    for begin, output in zip(begins, outputs, strict=True):
        table = read_arrow(output).combine_chunks()
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        rows = order[begin + columns["position"]]
        duplicate_of[rows] = order[starts[columns["kept_partition"]] + columns["kept_position"]]
        similarity[rows] = columns["similarity"]
        is_exact[rows] = columns["kind"] == EXACT_KIND
    return Deduplicated(duplicate_of < 0, duplicate_of, similarity, is_exact)
