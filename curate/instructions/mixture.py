"""Which rows go into the build, which are for validation, and in what order: drawn by hashes.

    clusters (one task) -> draw (a task a partition)
    -> share out (one task, where the recipe has caps or a budget)

Every row has a number drawn from its id, its place in the shuffled order. A cap or a budget keeps
the rows of a source with the lowest numbers, so it comes down to a bound on the number: the result
is small, and the same whatever the workers.

For validation are the clusters (`curate.instructions.clusters`) with a hash below the share asked
for. What stands several times in the training files, by the `epochs` of its source, has a place in
their order each time; rows for validation stand there once.
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
from curate.instructions.chance import id_hashes, mixed
from curate.instructions.clusters import for_validation
from curate.instructions.making import PART
from curate.instructions.recipe import Cap, Mixture
from curate.rowids import row_ids
from curate.rows import FILE
from curate.storage import column_array, read_arrow, write_json
from curate.together import laid_together, write_apart
from curate.tokens.tokenizer import load_tokenizer

VERSION = 2
"""Raised whenever the same rows may be drawn otherwise."""

DRAWN = pa.schema(
    [
        # Place in the shuffled order.
        pa.field("order", pa.uint64(), nullable=False),
        # Whether the row is for validation.
        pa.field("valid", pa.bool_(), nullable=False),
        # How often the row stands in the training files.
        pa.field("repeats", pa.int32(), nullable=False),
        # Characters of a row that may be kept; null for one that is lost before.
        pa.field("characters", pa.int64()),
        # Tokens of it; null also where no budget counts them.
        pa.field("tokens", pa.int64()),
    ]
)
"""One row per row of a partition."""

_ALL = (1 << 64) - 1
_TEXTS_AT_ONCE = 4096


@dataclass(frozen=True)
class Bound:
    """Rows of a source whose `order` is above `last` are left out."""

    last: int
    reason: str
    limit: str


def draw(
    refined: Sequence[str],
    decisions: Sequence[str],
    duplicates: Sequence[str] | None,
    files: Sequence[Sequence[str]],
    source: str,
    outputs: Sequence[str],
    mixture: Mixture,
    questions: Sequence[str] | None = None,
    clusters: str | None = None,
    epochs: float = 1.0,
    tokenizer: str | None = None,
) -> None:
    """Task: writes what is drawn for the rows of partitions of one source, an output each;
    `files` are the names of those that the rows of each are from.

    questions, clusters: the files of `write_comparison` and the one of `write_clusters`, unless
    nothing is for validation. tokenizer: what counts tokens, where a budget or cap is in tokens.
    """
    parts = [read_arrow(Path(path)) for path in refined]
    names = [name for name in (FILE.name, "row", PART, "text") if name in parts[0].column_names]
    table = laid_together([part.select(names) for part in parts])
    ids: list[str] = []
    for own_files, own in zip(files, parts, strict=True):
        units = [f"{source}/{file}" for file in own_files]
        numbers = [column_array(own, name) for name in (FILE.name, "row", PART) if name in names]
        ids += row_ids(units, *numbers).to_pylist()
    order = mixed(id_hashes(ids, "mixture"), mixture.seed)
    valid = np.zeros(len(order), np.bool_)
    if questions is not None and clusters is not None:
        opened = laid_together([read_arrow(Path(path), ["opening"]) for path in questions])
        openings = column_array(opened, "opening").to_numpy()
        valid = for_validation(openings, read_arrow(Path(clusters)), mixture.valid, mixture.seed)
    open_parts = [taking_part(p, d) for p, d in zip(parts, decisions, strict=True)]
    for open_part, path in zip(open_parts, duplicates or (), strict=duplicates is not None):
        open_part[column_array(read_arrow(Path(path)), "position").to_numpy()] = False
    open_rows = np.concatenate(open_parts)
    text = column_array(table, "text")
    sizes = pc.utf8_length(text).to_numpy().astype(np.int64)
    tokens = pa.nulls(len(order), pa.int64())
    if tokenizer is not None:
        tokens = pa.array(token_counts(text, open_rows, tokenizer), mask=~open_rows)
    drawn = [
        pa.array(order),
        pa.array(valid),
        pa.array(np.where(valid, 1, repeats(order, epochs)).astype(np.int32)),
        pa.array(sizes, mask=~open_rows),
        tokens,
    ]
    write_apart(outputs, [part.num_rows for part in parts], pa.table(drawn, schema=DRAWN))


def repeats(order: NDArray[np.uint64], epochs: float) -> NDArray[np.int64]:
    """How often rows with these numbers stand in the training files, int64 [n]."""
    whole = int(epochs)
    # Another draw than the order's, or a cap would cut off just those that stand there once more.
    more = mixed(order, whole) < np.uint64(min(int((epochs - whole) * 2**64), _ALL))
    return whole + more.astype(np.int64)


def token_counts(text: pa.Array, open_rows: NDArray[np.bool_], path: str) -> NDArray[np.int64]:
    """Tokens of the texts of rows that are open, 0 for others, int64 [n]."""
    tokenizer = load_tokenizer(Path(path))
    counts = np.zeros(len(text), np.int64)
    where = np.flatnonzero(open_rows)
    for begin in range(0, len(where), _TEXTS_AT_ONCE):
        part = where[begin : begin + _TEXTS_AT_ONCE]
        counts[part] = np.diff(tokenizer.encode_batch(text.take(pa.array(part))).offsets)
    return counts


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
        order, sizes = _in_order(paths)
        once = {unit: size // sizes["repeats"] for unit, size in sizes.items()}
        for unit, most in _amounts(caps[label]).items():
            bounds[label].append(_bound(order, once[unit], unit, most, "cap"))
        held[label] = _held(order, sizes, bounds[label])
    for unit, most in _amounts(mixture).items():
        shares = shared({label: amounts[unit] for label, amounts in held.items()}, weights, most)
        for label, share in shares.items():
            if share < held[label][unit]:
                order, sizes = _in_order(drawn[label])
                bounds[label].append(_bound(order, sizes[unit], unit, share, "budget"))
                held[label] = _held(order, sizes, bounds[label])
    every = {
        label: [[b.last, b.reason, b.limit] for b in own if b.last < _ALL]
        for label, own in bounds.items()
    }
    write_json(Path(output), every)


def _amounts(limits: Cap | Mixture) -> dict[str, int]:
    """Rows, characters and tokens, where they are limited."""
    every = {"rows": limits.rows, "characters": limits.characters, "tokens": limits.tokens}
    return {unit: most for unit, most in every.items() if most is not None}


Sizes = dict[str, NDArray[np.int64]]
"""Rows, characters, tokens that a row comes to in the training files, and its repeats; int64 [n]
each."""


def _in_order(paths: Sequence[str]) -> tuple[NDArray[np.uint64], Sizes]:
    """Numbers and sizes of the rows that may be kept, by ascending number."""
    tables = [DRAWN.empty_table()]
    for path in paths:
        table = read_arrow(Path(path))
        tables.append(table.filter(pc.is_valid(table.column("characters"))))
    table = pa.concat_tables(tables).combine_chunks()
    order = column_array(table, "order").to_numpy()
    by_order = np.argsort(order, kind="stable")
    times = column_array(table, "repeats").to_numpy()[by_order].astype(np.int64)
    sizes = {"repeats": times, "rows": times}
    for unit in ("characters", "tokens"):
        once = pc.fill_null(column_array(table, unit), 0).to_numpy()[by_order]
        sizes[unit] = once * times
    return order[by_order], sizes


def _bound(
    order: NDArray[np.uint64], size: NDArray[np.int64], unit: str, most: int, what: str
) -> Bound:
    """The bound that keeps the first rows that come to at most so many rows, characters, tokens."""
    count = int(np.searchsorted(np.cumsum(size), most, side="right"))
    limit = f"{most} {unit} of the source"
    if count >= len(order):
        return Bound(_ALL, f"{what}_{unit}", limit)
    # A number below the first one left out: rows with equal numbers stay or go together.
    return Bound(int(order[count]) - 1 if order[count] else 0, f"{what}_{unit}", limit)


def _held(order: NDArray[np.uint64], sizes: Sizes, bounds: Sequence[Bound]) -> dict[str, int]:
    """What the bounds leave, by unit."""
    last = min((b.last for b in bounds), default=_ALL)
    count = int(np.searchsorted(order, np.uint64(last), side="right"))
    return {unit: int(size[:count].sum()) for unit, size in sizes.items()}


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
