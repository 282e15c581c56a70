"""Which rows go into the build, which are for validation, and in what order: drawn by hashes.

    draw (a task a partition) -> share out (one task, where the recipe has caps or a budget)

Every row has a number drawn from its id, its place in the shuffled order. A cap or a budget keeps
the rows of a source with the lowest numbers, so it comes down to a bound on the number: the result
is small, and the same whatever the workers.

For validation are the rows of which the hash of the question, in the form of `curate.dedup.normal`,
is below the share asked for. All rows of one question go together, and so do all that begin with
the same words of the user (parts of one conversation) and all tasks of one record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.dedup.corpus import taking_part
from curate.dedup.normal import content_hashes, normal_texts
from curate.instructions.chance import id_hashes, mixed
from curate.instructions.history import sides
from curate.instructions.making import PART, RECORD
from curate.instructions.recipe import Cap, Mixture
from curate.measure.instruction.base import lines_of
from curate.rowids import row_ids
from curate.storage import column_array, read_arrow, write_arrow, write_json
from curate.textbatch import TextBatch

VERSION = 1
"""Raised whenever the same rows may be drawn otherwise."""

DRAWN = pa.schema(
    [
        # Place in the shuffled order.
        pa.field("order", pa.uint64(), nullable=False),
        # Whether the row is for validation.
        pa.field("valid", pa.bool_(), nullable=False),
        # Characters of a row that may be kept; null for one that is lost before.
        pa.field("size", pa.int64()),
    ]
)
"""One row per row of a partition."""

_ALL = (1 << 64) - 1


@dataclass(frozen=True)
class Bound:
    """Rows of a source whose `order` is above `last` are left out."""

    last: int
    reason: str
    limit: str


def draw(
    refined: str,
    decision: str,
    duplicates: str | None,
    unit: str,
    output: str,
    mixture: Mixture,
) -> None:
    """Task: writes what is drawn for the rows of a partition; `unit` is their ids up to the #."""
    table = read_arrow(Path(refined))
    part = column_array(table, PART) if PART in table.column_names else None
    ids = row_ids(unit, column_array(table, "row"), part)
    order = mixed(id_hashes(ids.to_pylist(), "mixture"), mixture.seed)
    hashes = content_hashes(normal_texts(beginnings(table)))[:, 0]
    bound = np.uint64(min(int(mixture.valid * 2**64), _ALL))
    open_rows = taking_part(refined, decision)
    if duplicates is not None:
        open_rows[column_array(read_arrow(Path(duplicates)), "position").to_numpy()] = False
    sizes = pc.utf8_length(column_array(table, "text")).to_numpy()
    drawn = [
        pa.array(order),
        pa.array(mixed(hashes, mixture.seed) < bound),
        pa.array(sizes.astype(np.int64), mask=~open_rows),
    ]
    write_arrow(Path(output), pa.table(drawn, schema=DRAWN))


def beginnings(table: pa.Table) -> TextBatch:
    """What a row's place on one side of the split depends on, a text a row.

    The first words of the user; of made rows, the record.
    """
    first = lines_of(
        [TextBatch.from_arrow(column_array(table, f)) for f in ("instruction", "input")]
    )
    said = sides(column_array(table, "history"))
    talks = np.flatnonzero(np.diff(said.offsets))
    opening = TextBatch.from_arrow(said.user.take(pa.array(said.offsets[talks])))
    first = first.spliced(talks, opening)
    if RECORD not in table.column_names:
        return first
    return TextBatch.from_arrow(column_array(table, RECORD))


def share_out(
    drawn: Mapping[str, Sequence[str]],
    caps: Mapping[str, Cap],
    weights: Mapping[str, float],
    mixture: Mixture,
    output: str,
) -> None:
    """Task: writes the bounds of every source, as JSON.

    drawn: the files of `draw` of every source. One source is in memory at a time.
    """
    bounds: dict[str, list[Bound]] = {label: [] for label in drawn}
    held: dict[str, dict[str, int]] = {}
    for label, paths in drawn.items():
        order, size = _in_order(paths)
        for unit, most in _amounts(caps[label]).items():
            bounds[label].append(_bound(order, size, unit, most, "cap"))
        held[label] = _held(order, size, bounds[label])
    for unit, most in _amounts(mixture).items():
        shares = shared({label: amounts[unit] for label, amounts in held.items()}, weights, most)
        for label, share in shares.items():
            if share < held[label][unit]:
                order, size = _in_order(drawn[label])
                bounds[label].append(_bound(order, size, unit, share, "budget"))
                held[label] = _held(order, size, bounds[label])
    every = {
        label: [[b.last, b.reason, b.limit] for b in own if b.last < _ALL]
        for label, own in bounds.items()
    }
    write_json(Path(output), every)


def _amounts(limits: Cap | Mixture) -> dict[str, int]:
    """Rows and characters, where they are limited."""
    both = {"rows": limits.rows, "characters": limits.characters}
    return {unit: most for unit, most in both.items() if most is not None}


def _in_order(paths: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Numbers and characters of the rows that may be kept, by ascending number."""
    orders, sizes = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for path in paths:
        table = read_arrow(Path(path))
        size = column_array(table, "size")
        may = size.is_valid().to_numpy(zero_copy_only=False)
        orders.append(column_array(table, "order").to_numpy()[may])
        sizes.append(size.drop_null().to_numpy())
    order, size = np.concatenate(orders), np.concatenate(sizes)
    by_order = np.argsort(order, kind="stable")
    return order[by_order], size[by_order]


def _bound(
    order: NDArray[np.uint64], size: NDArray[np.int64], unit: str, most: int, what: str
) -> Bound:
    """The bound that keeps the first rows with at most so many rows or characters."""
    count = most if unit == "rows" else int(np.searchsorted(np.cumsum(size), most, side="right"))
    limit = f"{most} {unit} of the source"
    if count >= len(order):
        return Bound(_ALL, f"{what}_{unit}", limit)
    # A number below the first one left out: rows with equal numbers stay or go together.
    return Bound(int(order[count]) - 1 if order[count] else 0, f"{what}_{unit}", limit)


def _held(
    order: NDArray[np.uint64], size: NDArray[np.int64], bounds: Sequence[Bound]
) -> dict[str, int]:
    """Rows and characters that the bounds leave."""
    last = min((b.last for b in bounds), default=_ALL)
    count = int(np.searchsorted(order, np.uint64(last), side="right"))
    return {"rows": count, "characters": int(size[:count].sum())}


def shared(held: Mapping[str, int], weights: Mapping[str, float], most: int) -> dict[str, int]:
    """At most `most` shared out by weight; what a source cannot fill goes to the others."""
    if sum(held.values()) <= most:
        return dict(held)
    shares: dict[str, int] = {}
    left, waiting = most, sorted(held)
    while waiting:
        total = sum(weights[label] for label in waiting)
        full = [label for label in waiting if held[label] <= left * weights[label] / total]
        if not full:
            return shares | {label: int(left * weights[label] / total) for label in waiting}
        for label in full:
            shares[label] = held[label]
        left -= sum(held[label] for label in full)
        waiting = [label for label in waiting if label not in shares]
    return shares


def left_out(order: NDArray[np.uint64], bounds: Sequence[Sequence[Any]]) -> NDArray[np.int64]:
    """The first bound that leaves each row out, by its number, or -1; int64 [n]."""
    which = np.full(len(order), -1, np.int64)
    for number, (last, _, _) in enumerate(bounds):
        which[(which < 0) & (order > np.uint64(last))] = number
    return which
