"""Histograms of a build's measures over all rows read, with the recipe's limits."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifests import ledger
from manifests.charts import Histogram
from manifests.opened import OpenedBuild

BARS = 32

_TAIL = 0.002
"""Share of rows at either end that share the outer bar, so that a single outlier bends no axis."""

_NUMBERS = ("INTEGER", "BIGINT", "FLOAT", "DOUBLE", "SMALLINT", "TINYINT", "UINTEGER")


def numeric_measures(build: OpenedBuild) -> list[str]:
    """The ledger's columns of measured numbers, in its order."""
    with build.connection() as database:
        columns = database.execute("DESCRIBE ledger").fetchall()
    return [c[0] for c in columns if c[1] in _NUMBERS and c[0] not in ledger.COLUMNS.names]


def histograms(build: OpenedBuild) -> list[Histogram]:
    """One for every measured number that is not the same in all rows, in the ledger's order.

    Two passes over each column: its range, then its bars; nothing is held in memory.
    """
    found = []
    limits = bounds(build.manifest["recipe"])
    with build.connection() as database:
        for column in numeric_measures(build):
            name = '"' + column.replace('"', '""') + '"'
            # Columns of pairs are empty in documents.
            values = f"(SELECT {name}::DOUBLE AS v, status = 'kept' AS kept FROM ledger)"
            low, high, bottom, top, whole = database.execute(
                f"SELECT min(v), max(v), approx_quantile(v, {_TAIL}), "
                f"approx_quantile(v, {1 - _TAIL}), bool_and(v = floor(v)) "
                f"FROM {values} WHERE isfinite(v)"
            ).fetchall()[0]
            if low is None or low == high:
                continue
            least, most = limits.get(column, (None, None))
            bottom, top = (low, high) if bottom == top else (bottom, top)
            # A limit is shown even where hardly any row is near it.
            bottom = min(v for v in (bottom, least, most) if v is not None)
            top = max(v for v in (top, least, most) if v is not None)
            edges, logarithmic = _edges(bottom, top, bool(whole))
            bars = np.zeros((2, len(edges) - 1), np.int64)
            reader = database.sql(f"FROM {values} WHERE isfinite(v)").to_arrow_reader(200_000)
            for batch in reader:
                bar = np.digitize(batch.column("v").to_numpy(), edges[1:-1])
                kept = batch.column("kept").to_numpy(zero_copy_only=False).astype(np.int64)
                np.add.at(bars, (kept, bar), 1)
            lost_rows, kept_rows = bars.tolist()
            found.append(Histogram(column, edges, kept_rows, lost_rows, logarithmic, least, most))
    return found


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
