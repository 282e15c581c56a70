"""What became of partitions, as tables: their kept rows, and the ledger of every row."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.contamination.compare import with_scores
from curate.dedup.kind import (
    EXACT_KIND,
    NEAR_KIND,
    QUESTION_KIND,
    SAME_EN_KIND,
    SAME_ZH_KIND,
)
from curate.instructions import data as instructions
from curate.instructions.data import data_columns, shuffled, tag_bits
from curate.instructions.making import PART
from curate.instructions.mixture import left_out
from curate.masks import mask_words
from curate.measure.base import Measure
from curate.measure.pair.base import AnyMeasure
from curate.recipe import has_sides
from curate.refine import REWRITE_NAMES
from curate.rowids import row_ids
from curate.rows import FILE, INSTRUCTION, PAIR
from curate.storage import column_array, read_arrow, read_json
from curate.together import laid_together
from manifests import ledger

DATA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        # Language and script labels, as docs/language.md explains; pairs are `zh-en`.
        pa.field("lang", pa.dictionary(pa.int32(), pa.string())),
        pa.field("script", pa.dictionary(pa.int32(), pa.string())),
        pa.field("licence", pa.dictionary(pa.int32(), pa.string())),
        # JSON object with whatever else the source says of the row, or null.
        pa.field("meta", pa.string()),
    ]
)

_WORDS = pa.dictionary(pa.int32(), pa.string())
DUPLICATE_FATES = {
    EXACT_KIND: ("exact", "exact_duplicate"),
    NEAR_KIND: ("near", "near_duplicate"),
    SAME_ZH_KIND: ("sides", "same_zh"),
    SAME_EN_KIND: ("sides", "same_en"),
    QUESTION_KIND: ("near", "near_question"),
}
"""Stage and reason of a row that goes for another, by kind."""


@dataclass(frozen=True)
class Partition:
    """A refined partition and what the ledger says about where it came from."""

    rows: str
    """The ingested partition it was refined from."""
    refined: str
    decision: str
    duplicates: str | None
    """File in curate.dedup.resolve.DUPLICATES' schema; None when the build removes none."""
    source: str
    files: list[str]
    """Those that its rows may be from, by their column `file`."""
    licence: str | None
    row_type: str
    scores: str | None = None
    """File of curate.contamination.compare; None when the build looks for no questions."""
    drawn: str | None = None
    """File of curate.instructions.mixture.draw, for instructions."""
    bounds: str | None = None
    """File of curate.instructions.mixture.share_out, where a recipe has caps or a budget."""
    tags: dict[str, str] = dataclass_field(default_factory=dict)
    """Reasons by column of the flags that a recipe tags."""

    @property
    def units(self) -> list[str]:
        """What the ids of rows start with, by their column `file`."""
        return [f"{self.source}/{file}" for file in self.files]

    def made_of(self) -> list[str]:
        """The files that decide what is written of it."""
        return [
            self.refined,
            self.decision,
            *filter(None, (self.duplicates, self.drawn, self.bounds)),
        ]

    def as_json(self) -> dict[str, Any]:
        """The fields, for the listing that write tasks read."""
        return asdict(self)


def _repeated(word: str | None, n: int) -> pa.Array:
    index = pa.array(np.zeros(n, np.int32), mask=np.full(n, word is None))
    return pa.DictionaryArray.from_arrays(index, pa.array([word or ""], pa.string()))


def _words_of(numbers: NDArray[np.integer], words: Sequence[str]) -> pa.Array:
    """The word of every number, string [n]; null for those below 0."""
    if not words:
        return pa.nulls(len(numbers), pa.string())
    return pa.array(words, pa.string()).take(pa.array(numbers, mask=numbers < 0))


_RUN_PARTITIONS = 256
_RUN_BYTES = 4 << 20


def runs(partitions: Sequence[Partition]) -> Iterator[list[Partition]]:
    """Consecutive partitions of one source, as many as are to be assembled at once."""
    run: list[Partition] = []
    size = 0
    for partition in partitions:
        bytes_ = Path(partition.refined).stat().st_size
        full = len(run) == _RUN_PARTITIONS or size + bytes_ > _RUN_BYTES
        if run and (full or run[0].source != partition.source):
            yield run
            run, size = [], 0
        run.append(partition)
        size += bytes_
    if run:
        yield run


@dataclass(frozen=True)
class Assembled:
    """A run of partitions as it is written."""

    kept: list[pa.Table]
    """The kept rows of every partition, in the schema of their kind."""
    fates: list[pa.Table]
    """The ledger of every partition."""
    counted: pa.Table
    """`status`, `stage`, `reason`, `bytes` and `characters` of every row."""
    labels: pa.Table
    """`lang`, `script` and `characters` of every kept row."""
    training: pa.Table | None
    """The kept rows of instructions for training files, as `shuffled` gives them."""


def assembled(
    run: list[Partition], kept_ids: Mapping[str, pa.Array], schema: pa.Schema
) -> Assembled:
    """The tables of partitions of one source. Every partition's are what they were of it alone.

    `kept_ids` says what the duplicates name, as `ids_of_kept` finds it; `schema` is the ledger's.
    """
    parts = [_scored(partition) for partition in run]
    ends = [0, *itertools.accumulate(part.num_rows for part in parts)]
    refined = laid_together(parts)
    decision = laid_together([read_arrow(Path(partition.decision)) for partition in run])
    n = refined.num_rows
    source, row_type = run[0].source, run[0].row_type
    ids = pa.concat_arrays([_ids(p.units, part) for p, part in zip(run, parts, strict=True)])
    quarantine = column_array(refined, "quarantine")
    is_quarantined = quarantine.is_valid().to_numpy(zero_copy_only=False)
    decided = column_array(decision, "reason")
    is_dropped = decided.is_valid().to_numpy(zero_copy_only=False)

    # What a row went for after the decisions, by its place in `later`; 0 for nothing.
    later: list[tuple[str, str]] = []
    gone = np.zeros(n, np.int32)
    duplicate_of: pa.Array = pa.nulls(n, pa.string())
    similarity = np.full(n, np.nan, np.float32)
    limits = column_array(decision, "limit")
    if run[0].duplicates is not None:
        files = [read_arrow(Path(str(partition.duplicates))) for partition in run]
        found = laid_together(files)
        begins = np.repeat(ends[:-1], [file.num_rows for file in files])
        position = column_array(found, "position").to_numpy() + begins
        kind = column_array(found, "kind").to_numpy()
        for number, words in DUPLICATE_FATES.items():
            later.append(words)
            gone[position[kind == number]] = len(later)
        similarity[position] = column_array(found, "similarity").to_numpy()
        which = np.full(n, -1, np.int64)
        which[position] = np.arange(len(position))
        named = pa.concat_arrays([kept_ids[str(partition.duplicates)] for partition in run])
        duplicate_of = named.take(pa.array(which, mask=which < 0))
    drawn = None
    if run[0].drawn is not None:
        drawn = laid_together([read_arrow(Path(str(partition.drawn))) for partition in run])
    if run[0].bounds is not None:
        assert drawn is not None
        bounds = read_json(Path(run[0].bounds))[source]
        order = column_array(drawn, "order").to_numpy()
        left = np.where(is_quarantined | is_dropped | (gone > 0), -1, left_out(order, bounds))
        most = _words_of(left, [limit for _, _, limit in bounds])
        limits = pc.if_else(pa.array(left >= 0), most, limits)
        gone[left >= 0] = left[left >= 0] + 1 + len(later)
        later += [("mixture", why) for _, why, _ in bounds]
    stage = np.where(is_dropped, 1, np.where(is_quarantined, 0, -1))
    stage = np.where(gone > 0, gone + 1, stage)
    reason = pc.coalesce(quarantine, decided)
    if gone.any():
        reason = pc.if_else(pa.array(gone > 0), _words_of(gone - 1, [w for _, w in later]), reason)
    is_dropped = is_dropped | (gone > 0)
    kept = ~(is_quarantined | is_dropped)
    status = np.where(is_quarantined, 2, is_dropped)
    # Words are encoded below, for each partition by itself: another run must not change a byte.
    columns: dict[str, pa.Array] = {
        "id": ids,
        "row": column_array(refined, "row"),
        "status": _words_of(status, [ledger.KEPT, ledger.DROPPED, ledger.QUARANTINED]),
        "stage": _words_of(stage, ["ingest", "decide", *(name for name, _ in later)]),
        "reason": reason,
        "measure": column_array(decision, "measure"),
        "limit": limits,
        "duplicate_of": duplicate_of,
        "similarity": pa.array(similarity, mask=np.isnan(similarity)),
        "bytes": column_array(refined, "bytes"),
        "detail": column_array(refined, "detail"),
    }
    nothing = pa.array(is_quarantined) if is_quarantined.any() else None
    names = set(refined.column_names)
    for field in schema:
        if field.name in columns or field.name in ("source", "file", "rewrites"):
            continue
        if field.name not in names:
            columns[field.name] = pa.nulls(n, field.type)
            continue
        values = column_array(refined, field.name)
        if nothing is not None:
            values = pc.if_else(nothing, pa.scalar(None, values.type), values)
        columns[field.name] = values
    whole = {k: _plain(values, schema.field(k)) for k, values in columns.items()}
    file_numbers = column_array(refined, FILE.name)
    bits = column_array(refined, "rewrites").to_numpy()
    steps = json.loads((refined.schema.metadata or {}).get(REWRITE_NAMES, b"[]"))

    rows = np.flatnonzero(kept)
    where = pa.array(rows)
    data = data_schema(row_type)
    own: dict[str, pa.Array] = {
        "id": ids.take(where),
        "meta": column_array(refined, "meta").take(where),
    }
    tagged = None
    if drawn is not None:
        own |= data_columns(refined, drawn, where)
        tagged = tag_bits(refined, run[0].tags)
    else:
        own["text"] = column_array(refined, "text").take(where)
    own = {k: _plain(values, data.field(k)) for k, values in own.items()}

    fate_tables, kept_tables = [], []
    bounds_kept = np.searchsorted(rows, ends).tolist()
    for i, (begin, end) in enumerate(itertools.pairwise(ends)):
        size, partition = end - begin, run[i]
        one = {k: _encoded(v.slice(begin, size), schema.field(k)) for k, v in whole.items()}
        one["source"] = _repeated(source, size)
        names = pa.array(partition.files, pa.string())
        one["file"] = pa.DictionaryArray.from_arrays(file_numbers.slice(begin, size), names)
        one["rewrites"] = mask_words(bits[begin:end], steps)
        fate_tables.append(_table(one, schema))
        first, m = bounds_kept[i], bounds_kept[i + 1] - bounds_kept[i]
        at = pa.array(rows[first : first + m] - begin)
        # `split` keeps the words that it has for all rows.
        mine = {k: v.slice(first, m) for k, v in own.items()}
        mine["source"] = _repeated(source, m)
        mine["licence"] = _repeated(partition.licence, m)
        for name in ("lang", "script"):
            mine[name] = one[name].take(at) if name in one else _repeated(None, m)
        if row_type == PAIR.name:
            mine["lang"] = _repeated("zh-en", m)
        if tagged is not None:
            mine["tags"] = mask_words(tagged[begin:end], list(partition.tags.values())).take(at)
        kept_tables.append(_table(mine, data))

    characters = pc.utf8_length(column_array(refined, "text"))
    counted = {k: whole[k] for k in ("status", "stage", "reason")}
    # A copy: it is kept for a while, and would keep the whole file mapped.
    counted["bytes"] = pa.array(whole["bytes"].to_numpy().copy())
    labels: dict[str, pa.Array] = {}
    for name in ("lang", "script"):
        labels[name] = (
            whole[name].take(where) if name in whole else pa.nulls(len(rows), pa.string())
        )
    if row_type == PAIR.name:
        labels["lang"] = pa.repeat(pa.scalar("zh-en"), len(rows))
    labels["characters"] = characters.take(where)
    return Assembled(
        kept=kept_tables,
        fates=fate_tables,
        counted=pa.table(counted | {"characters": characters}),
        labels=pa.table(labels),
        training=shuffled(pa.table(own), drawn, where) if drawn is not None else None,
    )


def _scored(partition: Partition) -> pa.Table:
    """A refined partition, with its scores where there are any."""
    refined = read_arrow(Path(partition.refined))
    return refined if partition.scores is None else with_scores(refined, Path(partition.scores))


def _plain(values: pa.Array, field: pa.Field) -> pa.Array:
    """Values of a field, words not encoded. Raises ValueError for nulls where none may be."""
    if values.null_count and not field.nullable:
        raise ValueError(f"column {field.name} has nulls")
    if not pa.types.is_dictionary(field.type):
        return values if values.type == field.type else values.cast(field.type)
    if pa.types.is_dictionary(values.type) and field.name != "split":
        return values.cast(values.type.value_type)
    return values


def _encoded(values: pa.Array, field: pa.Field) -> pa.Array:
    """Values of a field in its type."""
    return values if values.type == field.type else values.cast(field.type)


def _table(columns: Mapping[str, pa.Array], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_arrays([_encoded(columns[f.name], f) for f in schema], schema=schema)


def data_schema(row_type: str) -> pa.Schema:
    """The schema of kept rows of a kind."""
    return instructions.DATA if row_type == INSTRUCTION.name else DATA


def _ids(units: Sequence[str], refined: pa.Table, at: pa.Array | None = None) -> pa.Array:
    """The ids of a refined partition's rows, or of those at some positions."""
    names = [name for name in (FILE.name, "row", PART) if name in refined.column_names]
    columns = [column_array(refined, name) for name in names]
    if at is not None:
        columns = [column.take(at) for column in columns]
    return row_ids(units, *columns)


def ids_of_kept(
    chosen: Sequence[Partition], partitions: Sequence[Partition]
) -> dict[str, pa.Array]:
    """Ids of the rows that duplicates of the chosen partitions name as kept, by the duplicates'
    file: string, one of every duplicate, in their order.

    partitions: the whole build's. Each that is named is opened once, and one is at a time: pages of
    a map count as memory in use.
    """
    paths = [str(p.duplicates) for p in chosen if p.duplicates is not None]
    files = [read_arrow(Path(path), ["kept_partition", "kept_position"]) for path in paths]
    if not files:
        return {}
    found = laid_together(files)
    where = column_array(found, "kept_partition").to_numpy()
    positions = column_array(found, "kept_position").to_numpy()
    ids = np.full(len(where), None, object)
    for number in np.unique(where).tolist():
        rows = np.flatnonzero(where == number)
        other = partitions[number]
        refined = read_arrow(Path(other.refined))
        ids[rows] = _ids(other.units, refined, pa.array(positions[rows])).to_pylist()
    ends = [0, *itertools.accumulate(file.num_rows for file in files)]
    words = pa.array(ids, pa.string())
    parts = [words[begin:end] for begin, end in itertools.pairwise(ends)]
    return dict(zip(paths, parts, strict=True))


def ledger_schema(measures: list[AnyMeasure], others: pa.Schema | None = None) -> pa.Schema:
    """The ledger's schema for a build with these measures and other columns."""
    fields = list(ledger.COLUMNS)
    own: list[pa.Field] = []
    sides = [pa.field(f"{side}_characters", pa.int32()) for side in PAIR.fields]
    pairs: list[pa.Field] = []
    for measure in measures:
        for column, kind in measure.columns.items():
            kind = _WORDS if pa.types.is_string(kind) else kind
            if not isinstance(measure, Measure):
                pairs.append(pa.field(column, kind))
                continue
            own.append(pa.field(column, kind))
            if measure.sides:
                sides += [pa.field(f"{side}_{column}", kind) for side in PAIR.fields]
    more = [f.with_type(_WORDS) if pa.types.is_string(f.type) else f for f in others or ()]
    return pa.schema([*fields, *own, *(sides if has_sides(measures) else ()), *pairs, *more])
