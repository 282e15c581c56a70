"""Writes one shard of a build's results: kept rows and the ledger of every row, from partitions.

A shard covers consecutive partitions in id order, so shards and the rows in them are sorted by id
without any sorting.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from dataclasses import field as dataclass_field
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard
from numpy.typing import NDArray

from curate.contamination.compare import with_scores
from curate.dedup.kind import (
    EXACT_KIND,
    NEAR_KIND,
    QUESTION_KIND,
    SAME_EN_KIND,
    SAME_ZH_KIND,
)
from curate.fingerprint import file_sha256
from curate.instructions import data as instructions
from curate.instructions.data import SHUFFLED, data_columns, in_order, shuffled
from curate.instructions.making import PART
from curate.instructions.mixture import left_out
from curate.measure.base import Measure
from curate.measure.pair.base import AnyMeasure
from curate.recipe import has_sides
from curate.refine import REWRITE_NAMES, Clock
from curate.rowids import row_ids
from curate.rows import DOCUMENT, INSTRUCTION, PAIR
from curate.storage import column_array, read_arrow, read_json, write_arrow, written
from manifests import ledger

VERSION = 2

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
_GROUPED_ROWS = 1 << 16
"""Rows that are counted by their words in one go."""
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
    file: str
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
    def unit(self) -> str:
        """What the ids of its rows start with."""
        return f"{self.source}/{self.file}"

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


def _words(values: NDArray[np.object_] | list[str | None]) -> pa.Array:
    return pa.array(values, pa.string()).dictionary_encode()


def _repeated(word: str | None, n: int) -> pa.Array:
    index = pa.array(np.zeros(n, np.int32), mask=np.full(n, word is None))
    return pa.DictionaryArray.from_arrays(index, pa.array([word or ""], pa.string()))


def _rewrite_words(bits: NDArray[np.uint32], names: list[str]) -> pa.Array:
    distinct, inverse = np.unique(bits, return_inverse=True)
    words = [
        " ".join(n for i, n in enumerate(names) if int(mask) >> i & 1) for mask in distinct.tolist()
    ]
    return pa.DictionaryArray.from_arrays(
        pa.array(inverse.astype(np.int32)), pa.array(words, pa.string())
    )


def partition_tables(
    partition: Partition,
    partitions: list[Partition],
    schema: pa.Schema,
) -> tuple[pa.Table, pa.Table, pa.Array]:
    """Kept rows in the schema of their kind, ledger rows, and code points of the text of every row.

    `partitions` is the whole build's list, for the ids of kept rows that duplicates name; `schema`
    the ledger's.
    """
    refined = read_arrow(Path(partition.refined))
    if partition.scores is not None:
        refined = with_scores(refined, Path(partition.scores))
    decision = read_arrow(Path(partition.decision))
    n = refined.num_rows
    ids = _ids(partition.unit, refined)
    quarantine = column_array(refined, "quarantine")
    is_quarantined = quarantine.is_valid().to_numpy(zero_copy_only=False)
    decided = column_array(decision, "reason")
    is_dropped = decided.is_valid().to_numpy(zero_copy_only=False)

    stage = np.full(n, None, object)
    stage[is_quarantined] = "ingest"
    stage[is_dropped] = "decide"
    reason = pc.coalesce(quarantine, decided).to_numpy(zero_copy_only=False).astype(object)
    duplicate_of = np.full(n, None, object)
    similarity = np.full(n, np.nan, np.float32)
    if partition.duplicates is not None:
        found = read_arrow(Path(partition.duplicates))
        position = column_array(found, "position").to_numpy()
        kind = column_array(found, "kind").to_numpy()
        stage[position] = [DUPLICATE_FATES[k][0] for k in kind.tolist()]
        reason[position] = [DUPLICATE_FATES[k][1] for k in kind.tolist()]
        similarity[position] = column_array(found, "similarity").to_numpy()
        duplicate_of[position] = _ids_of(found, partitions)
        is_dropped = is_dropped.copy()
        is_dropped[position] = True
    limits = column_array(decision, "limit")
    if partition.bounds is not None:
        bounds = read_json(Path(partition.bounds))[partition.source]
        order = column_array(read_arrow(Path(str(partition.drawn))), "order").to_numpy()
        left = np.where(is_quarantined | is_dropped, -1, left_out(order, bounds))
        limit = limits.to_numpy(zero_copy_only=False).astype(object)
        for number, (_, why, most) in enumerate(bounds):
            stage[left == number], reason[left == number] = "mixture", why
            limit[left == number] = most
        limits = pa.array(limit, pa.string())
        is_dropped = is_dropped | (left >= 0)
    kept = ~(is_quarantined | is_dropped)
    status = np.where(
        is_quarantined, ledger.QUARANTINED, np.where(is_dropped, ledger.DROPPED, ledger.KEPT)
    )
    steps = json.loads((refined.schema.metadata or {}).get(REWRITE_NAMES, b"[]"))
    columns: dict[str, pa.Array] = {
        "id": ids,
        "source": _repeated(partition.source, n),
        "file": _repeated(partition.file, n),
        "row": column_array(refined, "row"),
        "status": _words(status.astype(object)),
        "stage": _words(stage),
        "reason": _words(reason),
        "measure": column_array(decision, "measure"),
        "limit": limits.dictionary_encode(),
        "duplicate_of": pa.array(duplicate_of, pa.string()),
        "similarity": pa.array(similarity, mask=np.isnan(similarity)),
        "rewrites": _rewrite_words(column_array(refined, "rewrites").to_numpy(), steps),
        "bytes": column_array(refined, "bytes"),
        "detail": column_array(refined, "detail"),
    }
    nothing = pa.array(is_quarantined) if is_quarantined.any() else None
    names = set(refined.column_names)
    for field in schema:
        if field.name in columns:
            continue
        if field.name not in names:
            columns[field.name] = pa.nulls(n, field.type)
            continue
        values = column_array(refined, field.name)
        if nothing is not None:
            values = pc.if_else(nothing, pa.scalar(None, values.type), values)
        columns[field.name] = values if values.type == field.type else values.cast(field.type)
    fates = _typed(columns, schema)

    where = pa.array(np.flatnonzero(kept))
    m = len(where)
    lang = (
        _repeated("zh-en", m)
        if partition.row_type == PAIR.name
        else columns["lang"].take(where)
        if "lang" in columns
        else _repeated(None, m)
    )
    own: dict[str, pa.Array] = {
        "id": ids.take(where),
        "source": _repeated(partition.source, m),
        "lang": lang,
        "script": columns["script"].take(where) if "script" in columns else _repeated(None, m),
        "licence": _repeated(partition.licence, m),
        "meta": column_array(refined, "meta").take(where),
    }
    if partition.drawn is not None:
        own |= data_columns(refined, read_arrow(Path(partition.drawn)), partition.tags, where)
    else:
        own["text"] = column_array(refined, "text").take(where)
    lengths = pc.utf8_length(column_array(refined, "text"))
    return _typed(own, data_schema(partition.row_type)), fates, lengths


def _typed(columns: Mapping[str, pa.Array], schema: pa.Schema) -> pa.Table:
    """A table of the columns in the schema. Raises ValueError for nulls where none may be."""
    arrays = []
    for field in schema:
        values = columns[field.name]
        if values.null_count and not field.nullable:
            raise ValueError(f"column {field.name} has nulls")
        arrays.append(values if values.type == field.type else values.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def data_schema(row_type: str) -> pa.Schema:
    """The schema of kept rows of a kind."""
    return instructions.DATA if row_type == INSTRUCTION.name else DATA


def _ids(unit: str, refined: pa.Table, at: pa.Array | None = None) -> pa.Array:
    """The ids of a refined partition's rows, or of those at some positions."""
    names = [name for name in ("row", PART) if name in refined.column_names]
    columns = [column_array(refined, name) for name in names]
    if at is not None:
        columns = [column.take(at) for column in columns]
    return row_ids(unit, *columns)


@lru_cache(maxsize=1024)
def _rows(refined: str) -> pa.Table:
    """The row numbers of a partition, mapped from its file."""
    table = read_arrow(Path(refined))
    return table.select([name for name in ("row", PART) if name in table.column_names])


def _ids_of(found: pa.Table, partitions: list[Partition]) -> NDArray[np.object_]:
    """Ids of the rows that `found` names as kept."""
    where = column_array(found, "kept_partition").to_numpy()
    positions = column_array(found, "kept_position").to_numpy()
    result = np.full(len(where), None, object)
    for number in np.unique(where).tolist():
        chosen = np.flatnonzero(where == number)
        other = partitions[number]
        rows = _rows(other.refined)
        result[chosen] = _ids(other.unit, rows, pa.array(positions[chosen])).to_pylist()
    return result


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


_WRITER = {
    "compression": "zstd",
    "compression_level": 1,
    "write_page_index": True,
    "data_page_size": 1 << 20,
    "store_schema": True,
}


@contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A Parquet file that gets its name when the block ends."""
    words = [f.name for f in schema if pa.types.is_dictionary(f.type)]
    floats = [f.name for f in schema if pa.types.is_floating(f.type)]
    encoding = {"id": "DELTA_BYTE_ARRAY"}
    encoding |= dict.fromkeys(floats, "BYTE_STREAM_SPLIT")
    encoding |= {f.name: "DELTA_BINARY_PACKED" for f in schema if pa.types.is_integer(f.type)}
    with (
        written(path) as temporary,
        pq.ParquetWriter(
            temporary, schema, use_dictionary=words, column_encoding=encoding, **_WRITER
        ) as writer,
    ):
        yield writer


@contextmanager
def _compressed(path: Path) -> Iterator[IO[bytes]]:
    """A zstd file that gets its name when the block ends."""
    with written(path) as temporary, temporary.open("wb") as raw:
        with zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False) as sink:
            yield sink


def write_shard(
    members: list[int],
    listing: str,
    measures: list[AnyMeasure],
    folder: str,
    data: str,
    fates: str,
    jsonl: str | None = None,
    text: str | None = None,
    line_end: str = " ",
    others: pa.Schema | None = None,
    training: str | None = None,
) -> dict[str, Any]:
    """Task: writes one data shard and its ledger shard; returns counts and what was written.

    `listing` is the JSON file of all partitions, `members` the numbers of those in this shard.
    Paths of outputs are relative to `folder`. training: where the kept rows of instructions lie in
    their shuffled order, for the files made of all shards.
    """
    clock = Clock()
    root = Path(folder)
    partitions = [Partition(**entry) for entry in read_json(Path(listing))]
    fate_sums, label_sums = Sums(["bytes", "characters"]), Sums(["characters"])
    kept_span, read_span = Span(), Span()
    # A build of files without rows has one shard without partitions.
    nothing = DOCUMENT.name if training is None else INSTRUCTION.name
    schema = data_schema(partitions[members[0]].row_type if members else nothing)
    fates_schema = ledger_schema(measures, others)
    training_rows = [SHUFFLED.empty_table()]
    with ExitStack() as files:
        data_file = files.enter_context(_parquet(root / data, schema))
        fates_file = files.enter_context(_parquet(root / fates, fates_schema))
        jsonl_file = files.enter_context(_compressed(root / jsonl)) if jsonl is not None else None
        text_file = files.enter_context(_compressed(root / text)) if text is not None else None
        for number in members:
            partition = partitions[number]
            kept, fate, lengths = partition_tables(partition, partitions, fates_schema)
            kept_span.add(kept)
            read_span.add(fate)
            fates_table = fate.select(["status", "stage", "reason", "bytes"])
            fates_table = fates_table.append_column("characters", lengths)
            fate_sums.add(partition.source, fates_table)
            labels = kept.select(["lang", "script"])
            is_kept = pc.equal(column_array(fate, "status"), ledger.KEPT)
            labels = labels.append_column("characters", lengths.filter(is_kept))
            label_sums.add(partition.source, labels)
            if training is not None:
                drawn = read_arrow(Path(str(partition.drawn)))
                training_rows.append(shuffled(kept, drawn, pc.indices_nonzero(is_kept)))
            clock.lap("assemble shards")
            data_file.write_table(kept)
            clock.lap("write data")
            fates_file.write_table(fate)
            clock.lap("write ledger")
            for sink, end in ((jsonl_file, None), (text_file, line_end)):
                if sink is not None:
                    _write_lines(sink, kept, end)
            clock.lap("write text and checksums")
        _rows.cache_clear()  # its maps would keep the files open
    if training is not None:
        write_arrow(root / training, in_order(pa.concat_tables(training_rows)))
    clock.lap("write data")
    outputs: list[dict[str, Any]] = [
        {"path": data, **asdict(kept_span)},
        {"path": fates, **asdict(read_span)},
        *({"path": path, "rows": kept_span.rows} for path in (jsonl, text) if path is not None),
    ]
    for output in outputs:
        path = root / output["path"]
        output |= {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
    clock.lap("write text and checksums")
    return {
        "outputs": outputs,
        "training": training,
        "fates": fate_sums.rows(),
        "labels": label_sums.rows(),
        "clock": dict(clock.seconds),
    }


class Sums:
    """Rows and sums of numbers by source and words, over many tables."""

    def __init__(self, numbers: list[str]) -> None:
        self.numbers = numbers
        self._sums: dict[tuple[str, ...], list[int]] = {}
        self._waiting: dict[str, list[pa.Table]] = {}
        self._rows = 0

    def add(self, source: str, table: pa.Table) -> None:
        """Counts in a table of `numbers` and columns of words (null counts as "")."""
        # Small tables are grouped together: one alone costs as much as thousands of rows.
        self._waiting.setdefault(source, []).append(table)
        self._rows += table.num_rows
        if self._rows >= _GROUPED_ROWS:
            self._group()

    def rows(self) -> list[list[Any]]:
        """Source, words, rows and sums, sorted."""
        self._group()
        return [[*key, *sums] for key, sums in sorted(self._sums.items())]

    def _group(self) -> None:
        for source, tables in self._waiting.items():
            table = pa.concat_tables(tables).unify_dictionaries()
            words = [name for name in table.column_names if name not in self.numbers]
            asked: list[Any] = [([], "count_all"), *[(n, "sum") for n in self.numbers]]
            for row in table.group_by(words).aggregate(asked).to_pylist():
                key = (source, *[row[word] or "" for word in words])
                new = [row["count_all"], *[row[f"{number}_sum"] or 0 for number in self.numbers]]
                old = self._sums.get(key, [0] * len(new))
                self._sums[key] = [a + b for a, b in zip(old, new, strict=True)]
        self._waiting, self._rows = {}, 0


@dataclass
class Span:
    """Rows, and the first and last id: which file holds an id is known without opening any."""

    rows: int = 0
    first: str | None = None
    last: str | None = None

    def add(self, table: pa.Table) -> None:
        """Counts in a table that follows those before."""
        if table.num_rows:
            ids_of = table.column("id")
            self.first = ids_of[0].as_py() if self.first is None else self.first
            self.last = ids_of[-1].as_py()
            self.rows += table.num_rows


def _write_lines(sink: IO[bytes], table: pa.Table, line_end: str | None) -> None:
    """Rows as JSON Lines (line_end None), or texts one a line."""
    for batch in table.to_batches(max_chunksize=4096):
        if line_end is None:
            sink.write(b"".join(orjson.dumps(r) + b"\n" for r in batch.to_pylist()))
            continue
        folded = pc.replace_substring(batch.column("text"), "\n", line_end)
        sink.write("".join(t + "\n" for t in folded.to_pylist()).encode())
