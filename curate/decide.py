"""Compares stored measures with the recipe's limits. The only place where a measure drops a row.

Rules are tried in a fixed order: licences, what rewrites found and the recipe does not tolerate,
evaluation questions, languages, then the limits as the recipe lists them; the first one a row fails
is its reason. Only stored columns are read, so another limit costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.contamination.compare import with_scores
from curate.contamination.options import SCORE, Contamination
from curate.recipe import Languages, Limit, Recipe, Source
from curate.rows import PAIR
from curate.storage import column_array, read_arrow
from curate.together import laid_together, write_apart

VERSION = 4

DECISION = pa.schema(
    [
        pa.field("reason", pa.string()),
        pa.field("measure", pa.string()),
        pa.field("limit", pa.string()),
    ]
)
"""One row per row of the partition; `reason` is null for rows that stay."""


@dataclass(frozen=True)
class Refusal:
    """A source whose licence the recipe refuses: the licence, and the words for `limit`."""

    licence: str
    limit: str


def refused(recipe: Recipe, source: Source) -> Refusal | None:
    """Why the recipe refuses the licence of a source's rows; None when it does not."""
    limit = recipe.licences.refusal(source.terms)
    return Refusal(source.terms.licence, limit) if limit is not None else None


@dataclass(frozen=True)
class _Rule:
    reason: str
    column: str
    limit: str
    failing: NDArray[np.bool_]
    values: pa.Array


def _language_rules(table: pa.Table, languages: Languages, row_type: str) -> list[_Rule]:
    if row_type != PAIR.name:
        return [_language_rule(table, "", languages.keep, languages.confidence)]
    zh = _language_rule(table, "zh", languages.zh, languages.side_confidence)
    en = _language_rule(table, "en", languages.en, languages.side_confidence)
    lengths = column_array(table, "en_characters").to_numpy(zero_copy_only=False)
    return [zh, replace(en, failing=en.failing & (lengths >= languages.en_characters))]


def _language_rule(table: pa.Table, side: str, keep: tuple[str, ...], confidence: float) -> _Rule:
    """Fails texts of which the detector is sure that they are none of the languages to keep."""
    column = f"{side}_lang" if side else "lang"
    values = column_array(table, column)
    kept = pc.is_in(values, value_set=pa.array(keep, pa.string()))
    sure = column_array(table, f"{column}_confidence").to_numpy(zero_copy_only=False)
    failing = ~kept.to_numpy(zero_copy_only=False) & (sure >= np.float32(confidence))
    reason = f"language.{side}" if side else "language"
    return _Rule(reason, column, "one of " + " ".join(keep), failing, values)


def _limit_rules(table: pa.Table, limits: Mapping[str, Limit]) -> list[_Rule]:
    rules = []
    for column, limit in limits.items():
        if column not in table.column_names:
            # A column of pairs, and these are documents; or what a step counts that is switched off
            # for this source.
            continue
        values = column_array(table, column)
        numbers = values.to_numpy(zero_copy_only=False)
        # A limit of 0.1 means the 0.1 that a float32 column holds.
        bound = np.float32 if numbers.dtype == np.float32 else np.float64
        judged, scope = np.True_, ""
        if limit.from_characters:
            lengths = column_array(table, "characters").to_numpy(zero_copy_only=False)
            judged = lengths >= limit.from_characters
            scope = f" from {limit.from_characters} characters"
        if limit.min is not None:
            failing = (numbers < bound(limit.min)) & judged
            reason = f"quality.{column}.min"
            rules.append(_Rule(reason, column, f"min {limit.min:g}{scope}", failing, values))
        if limit.max is not None:
            failing = (numbers > bound(limit.max)) & judged
            reason = f"quality.{column}.max"
            rules.append(_Rule(reason, column, f"max {limit.max:g}{scope}", failing, values))
    return rules


def _found_rules(table: pa.Table, dropping: Mapping[str, str]) -> list[_Rule]:
    """Fails rows in which a step found what the recipe does not tolerate."""
    rules = []
    for column, reason in dropping.items():
        values = column_array(table, column)
        failing = values.to_numpy(zero_copy_only=False) > 0
        rules.append(_Rule(reason, column, "max 0", failing, values))
    return rules


def _contamination_rule(table: pa.Table, limit: float) -> _Rule:
    values = column_array(table, SCORE)
    failing = values.to_numpy(zero_copy_only=False) >= np.float32(limit)
    return _Rule("contamination", SCORE, f"below {limit:g}", failing, values)


def shown(value: Any) -> str:
    """A measured value as the ledger's `measure` column shows it."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def decided(
    table: pa.Table,
    limits: Mapping[str, Limit],
    languages: Languages | None,
    row_type: str,
    dropping: Mapping[str, str] | None = None,
    contamination: Contamination | None = None,
    refusal: Refusal | None = None,
) -> pa.Table:
    """The decisions on a refined partition, in DECISION's schema. Quarantined rows have none.

    Everything read of `table` but `quarantine` is in the ledger too, under the same names.
    dropping: columns that must be 0 (or false), each with its reason.
    """
    n = table.num_rows
    open_rows = np.ones(n, bool)
    open_rows &= column_array(table, "quarantine").is_null().to_numpy(zero_copy_only=False)
    reason = np.full(n, None, object)
    measure = np.full(n, None, object)
    limit = np.full(n, None, object)
    rules: list[_Rule] = []
    if refusal is not None:
        licence = pa.repeat(pa.scalar(refusal.licence), n)
        rules.append(_Rule("licence", "licence", refusal.limit, np.ones(n, bool), licence))
    rules += _found_rules(table, dropping or {})
    if contamination is not None and contamination.policy == "drop":
        rules.append(_contamination_rule(table, contamination.limit))
    if row_type == PAIR.name:
        for side in ("zh", "en"):
            values = column_array(table, f"{side}_characters")
            failing = values.to_numpy(zero_copy_only=False) < 1
            rules.append(_Rule("empty_side", f"{side}_characters", "min 1", failing, values))
    if languages is not None:
        rules += _language_rules(table, languages, row_type)
    rules += _limit_rules(table, limits)
    for rule in rules:
        rows = np.flatnonzero(rule.failing & open_rows)
        if not len(rows):
            continue
        open_rows[rows] = False
        reason[rows] = rule.reason
        limit[rows] = rule.limit
        values = rule.values.take(pa.array(rows)).to_pylist()
        measure[rows] = [f"{rule.column}={shown(value)}" for value in values]
    return pa.table([pa.array(a, pa.string()) for a in (reason, measure, limit)], schema=DECISION)


def decide(
    refined: Sequence[str],
    outputs: Sequence[str],
    limits: Mapping[str, Limit],
    languages: Languages | None,
    row_type: str,
    dropping: Mapping[str, str] | None = None,
    contamination: Contamination | None = None,
    scores: Sequence[str] | None = None,
    refusal: Refusal | None = None,
) -> dict[str, int]:
    """Task: writes the decisions on refined partitions of one source, an output each; returns how
    many rows stay. scores: the files of `curate.contamination.compare`.
    """
    parts = [read_arrow(Path(path)) for path in refined]
    if scores is not None:
        parts = [with_scores(p, Path(path)) for p, path in zip(parts, scores, strict=True)]
    table = laid_together(parts)
    decisions = decided(
        table, limits, languages, row_type, dropping, contamination, refusal=refusal
    )
    write_apart(outputs, [part.num_rows for part in parts], decisions)
    dropped = decisions.num_rows - decisions.column("reason").null_count
    return {"rows": table.num_rows, "dropped": dropped}
