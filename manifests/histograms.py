"""Histograms of a build's measures over all rows read, with the recipe's limits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from manifests import ledger
from manifests.charts import Histogram
from manifests.find import opened_parquet
from manifests.opened import OpenedBuild

BARS = 32

_TAIL = 0.002
"""Share of rows at either end that share the outer bar, so that a single outlier bends no axis."""

_SAMPLE = 200_000
_BATCH = 65_536

_NUMBERS = ("INTEGER", "BIGINT", "FLOAT", "DOUBLE", "SMALLINT", "TINYINT", "UINTEGER")


def numeric_measures(build: OpenedBuild) -> list[str]:
    """The ledger's columns of measured numbers, in its order."""
    with build.connection() as database:
        columns = database.execute("DESCRIBE ledger").fetchall()
    return [c[0] for c in columns if c[1] in _NUMBERS and c[0] not in ledger.COLUMNS.names]


def histograms(build: OpenedBuild) -> list[Histogram]:
    """One for every measured number that is not the same in all rows, in the ledger's order.

    Two passes over the ledger: the ranges, then the bars. In memory are a batch and a sample.
    """
    columns = numeric_measures(build)
    limits = bounds(build.manifest["recipe"])
    ranges = _ranges(build, columns)
    made: dict[str, tuple[list[float], bool]] = {}
    for column in columns:
        found = ranges[column]
        if not found.low < found.high:
            continue
        bottom, top = np.quantile(found.sampled(), [_TAIL, 1 - _TAIL]).tolist()
        bottom, top = (found.low, found.high) if bottom == top else (bottom, top)
        # A limit is shown even where hardly any row is near it.
        wanted = [limit for limit in limits.get(column, ()) if limit is not None]
        made[column] = _edges(min(bottom, *wanted, top), max(top, *wanted, bottom), found.whole)
    bars = {c: np.zeros(2 * (len(edges) - 1), np.int64) for c, (edges, _) in made.items()}
    for batch in _batches(build, list(made)):
        kept = pc.equal(batch.column("status"), ledger.KEPT).to_numpy(zero_copy_only=False)
        for column, (edges, _) in made.items():
            values = batch.column(column).to_numpy(zero_copy_only=False)
            known = np.isfinite(values)
            bar = np.searchsorted(edges[1:-1], values[known], side="right")
            bars[column] += np.bincount(2 * bar + kept[known], minlength=len(bars[column]))
    return [
        Histogram(
            column,
            edges,
            bars[column][1::2].tolist(),
            bars[column][::2].tolist(),
            logarithmic,
            *limits.get(column, (None, None)),
        )
        for column, (edges, logarithmic) in made.items()
    ]


@dataclass
class _Range:
    low: float = math.inf
    high: float = -math.inf
    whole: bool = True
    sample: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, values: NDArray[np.float64], stride: int) -> None:
        values = values[np.isfinite(values)]
        if len(values):
            self.low = min(self.low, float(values.min()))
            self.high = max(self.high, float(values.max()))
            self.whole = self.whole and bool((values == np.floor(values)).all())
            self.sample.append(values[::stride].copy())

    def sampled(self) -> NDArray[np.float64]:
        """About _SAMPLE of the values, evenly from all over the ledger."""
        return np.concatenate(self.sample)


def _ranges(build: OpenedBuild, columns: list[str]) -> dict[str, _Range]:
    found = {column: _Range() for column in columns}
    stride = max(1, int(build.manifest["counts"]["read"]) // _SAMPLE)
    for batch in _batches(build, columns):
        for column in columns:
            values = batch.column(column).to_numpy(zero_copy_only=False)
            found[column].add(values.astype(np.float64), stride)
    return found


def _batches(build: OpenedBuild, columns: list[str]) -> Iterator[pa.RecordBatch]:
    for path in build.ledger_files:
        with opened_parquet(path) as file:
            yield from file.iter_batches(_BATCH, columns=["status", *columns])


def _edges(bottom: float, top: float, whole: bool) -> tuple[list[float], bool]:
    """Edges of the bars, and whether they grow: numbers that span more than two decades do."""
    if whole and top - bottom < BARS:
        return [float(v) for v in np.arange(bottom, top + 2)], False
    if bottom >= 0 and top > 100 * max(bottom, 1):
        grown = np.expm1(np.linspace(np.log1p(bottom), np.log1p(top), BARS + 1))
        edges = np.unique(np.round(grown)) if whole else grown
        edges[0] = bottom
        return [float(v) for v in edges], True
    step = (top - bottom) / BARS
    if whole:
        step = float(np.ceil(step))
        return [float(v) for v in np.arange(bottom, top + step + 1, step)], False
    return [float(v) for v in np.linspace(bottom, top, BARS + 1)], False


def bounds(recipe: dict[str, Any]) -> dict[str, tuple[float | None, float | None]]:
    """The recipe's limits as (min, max) by ledger column, those of language labels included."""
    limits = {c: (b["min"], b["max"]) for c, b in (recipe.get("quality") or {}).items()}
    if language := recipe.get("language"):
        limits["lang_confidence"] = (language["confidence"], None)
        for side in ("zh", "en"):
            limits[f"{side}_lang_confidence"] = (language["side_confidence"], None)
    return limits
