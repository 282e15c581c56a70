"""What the rows of a build's files say of each other and of the manifest.

A row group is in memory at a time, and the ids of one ledger file; beyond these only the distinct
ids that duplicates name, which are as many as there are clusters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from manifests import ledger
from manifests.kept import COLUMNS, lengths, texts_in
from manifests.opened import MANIFEST, OpenedBuild

_CHECKED = ["id", "source", "lang", "script", "licence"]
_FATES = ["id", "source", "file", "row", "status", "stage", "reason", "bytes"]
_FATES += ["duplicate_of", "similarity"]
_SHOWN = 3
"""Rows of one fault that are named."""

Output = dict[str, Any]
Sums = Counter[tuple[str, ...]]


class Crosscheck:
    """Reads every row of a build whose files are what they were, and compares."""

    def __init__(self, build: OpenedBuild) -> None:
        self.build = build
        self.kind = str(build.manifest["kind"])
        self.found: list[str] = []
        self._last_id = ""
        self._winners: list[pa.Array] = []
        self._fates: Sums = Counter()
        """Rows by source, status, stage and reason."""
        self._bytes: Sums = Counter()
        """By source and stage, "" for kept rows."""
        self._characters: Sums = Counter()
        """Of kept rows, by source."""
        self._languages: Sums = Counter()
        self._scripts: Sums = Counter()
        """Kept rows by source and label."""

    def problems(self, advance: Callable[[int], None] = lambda size: None) -> list[str]:
        """Everything that does not fit, a sentence each; `advance` is told of the bytes read."""
        data, fates = self._outputs("data"), self._outputs("ledger")
        if len(data) != len(fates):
            return [f"{MANIFEST} lists {len(data)} files of data and {len(fates)} of the ledger"]
        self._check_schemas(data, fates)
        if self.found:
            return self.found
        for rows, file in zip(data, fates, strict=True):
            kept = self._check_ledger(file)
            self._check_data(rows, kept)
            advance(rows["bytes"] + file["bytes"])
        self._check_winners(data)
        self._check_sums()
        for kind in ("jsonl", "text"):
            for output in self._outputs(kind):
                lines = _line_count(self.build.folder / output["path"])
                self._equal(output["path"], "lines", lines, "rows in the manifest", output["rows"])
                advance(output["bytes"])
        for output in self.build.outputs:
            if "/" not in (name := str(output["path"])) and name.endswith(".jsonl"):
                with (self.build.folder / name).open("rb") as plain:
                    lines = sum(1 for _ in plain)
                self._equal(name, "lines", lines, "rows in the manifest", output["rows"])
                advance(output["bytes"])
        return self.found

    def _outputs(self, kind: str) -> list[Output]:
        return [o for o in self.build.outputs if str(o["path"]).startswith(f"{kind}/")]

    def _equal(self, where: str, name: str, value: Any, other: str, expected: Any) -> None:
        if value != expected:
            self.found.append(f"{where}: {name} {value!r}, but {other} {expected!r}")

    def _none(self, where: str, what: str, ids: pa.Array, bad: pa.Array) -> None:
        """`bad` marks the rows of which `what` is true and should not be."""
        rows = pc.indices_nonzero(pc.fill_null(bad, False))
        if len(rows):
            names = ", ".join(ids.take(rows[:_SHOWN]).to_pylist())
            more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
            self.found.append(f"{where}: {what}: {names}{more}")

    def _check_schemas(self, data: list[Output], fates: list[Output]) -> None:
        for outputs in (data, fates):
            schemas = [pq.read_schema(self.build.folder / output["path"]) for output in outputs]
            for output, schema in zip(outputs, schemas, strict=True):
                if not schema.equals(schemas[0]):
                    first = outputs[0]["path"]
                    self.found.append(f"{output['path']} has other columns than {first}")
        for output in data[:1]:
            names = pq.read_schema(self.build.folder / output["path"]).names
            self._equal(output["path"], "columns", names, "data has", list(COLUMNS[self.kind]))
        for output in fates[:1]:
            schema = pq.read_schema(self.build.folder / output["path"])
            for field in ledger.COLUMNS:
                known = schema.field(field.name).type if field.name in schema.names else None
                if known != field.type:
                    was = f"is {known}" if known else "is missing"
                    what = f"column {field.name} {was} where a ledger has {field.type}"
                    self.found.append(f"{output['path']}: {what}")

    def _row_groups(self, output: Output, columns: list[str]) -> Iterator[pa.Table]:
        """The file's row groups, one chunk a column; checks how many rows there are in all."""
        rows = 0
        first = last = None
        with pq.ParquetFile(self.build.folder / output["path"], memory_map=True) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=columns).combine_chunks()
                if table.num_rows:
                    rows += table.num_rows
                    ids = table.column("id")
                    first, last = first or ids[0].as_py(), ids[-1].as_py()
                    yield table
        self._equal(output["path"], "rows", rows, "rows in the manifest", output["rows"])
        if "first" in output:
            span = [output["first"], output["last"]]
            self._equal(output["path"], "ids", [first, last], "ids in the manifest", span)

    def _check_ledger(self, output: Output) -> pa.Array:
        """Ids in order, fates that make sense; the ids of the rows kept."""
        kept_ids: list[pa.Array] = []
        where = output["path"]
        for table in self._row_groups(output, _FATES):
            ids = table.column("id").chunk(0)
            self._check_order(where, ids)
            self._check_ids(where, table, ids)
            self._check_fates(where, table, ids)
            _add(self._fates, table.select(["source", "status", "stage", "reason"]))
            _add(self._bytes, table.select(["source", "stage", "bytes"]), "bytes")
            kept_ids.append(ids.filter(pc.equal(table.column("status").chunk(0), ledger.KEPT)))
            winners = pc.unique(pc.drop_null(table.column("duplicate_of").chunk(0)))
            self._winners.append(winners)
        return pa.concat_arrays(kept_ids) if kept_ids else pa.array([], pa.string())

    def _check_order(self, where: str, ids: pa.Array) -> None:
        before = pa.concat_arrays([pa.array([self._last_id], ids.type), ids[:-1]])
        self._none(where, "ids that do not follow the one before", ids, pc.less_equal(ids, before))
        self._last_id = ids[-1].as_py()

    def _check_ids(self, where: str, table: pa.Table, ids: pa.Array) -> None:
        parts = [table.column(name).chunk(0).cast(pa.string()) for name in ("source", "file")]
        number = pc.utf8_lpad(table.column("row").chunk(0).cast(pa.string()), 9, "0")
        unit = pc.binary_join_element_wise(*parts, "/")
        made = pc.binary_join_element_wise(unit, number, "#")
        # Several rows made of one record have a number behind that of the record.
        own = pc.replace_substring_regex(ids, r"(#\d+)\.\d\d$", r"\1")
        self._none(where, "ids unlike source, file and row", ids, pc.not_equal(own, made))

    def _check_fates(self, where: str, table: pa.Table, ids: pa.Array) -> None:
        column = {name: table.column(name).chunk(0) for name in table.column_names}
        status = column["status"].cast(pa.string())
        stage = column["stage"].cast(pa.string())
        kept = pc.equal(status, ledger.KEPT)
        explained = pc.and_(pc.is_valid(stage), pc.is_valid(column["reason"]))
        duplicate = pc.fill_null(pc.is_in(stage, pa.array(ledger.DUPLICATE_STAGES)), False)
        names_one = pc.is_valid(column["duplicate_of"])
        known = pa.array([ledger.KEPT, ledger.DROPPED, ledger.QUARANTINED])
        dedup = self.build.manifest["recipe"].get("dedup") or {}
        near, asked = (dedup.get(name) or {} for name in ("near", "questions"))
        least = pc.if_else(
            pc.fill_null(pc.equal(column["reason"].cast(pa.string()), "near_question"), False),
            pa.scalar(asked.get("threshold", 0.0), pa.float32()),
            pa.scalar(near.get("threshold", 0.0), pa.float32()),
        )
        similarity = column["similarity"]
        similar = pc.and_(
            pc.greater_equal(similarity, least),
            pc.less_equal(similarity, pa.scalar(1.0, pa.float32())),
        )
        for what, bad in {
            "a status that is none": pc.invert(pc.is_in(status, known)),
            "kept rows with a reason to go": pc.and_(kept, pc.is_valid(column["reason"])),
            "rows that went without stage and reason": pc.and_not(pc.invert(kept), explained),
            "duplicates that name no row": pc.and_not(duplicate, names_one),
            "rows that name one and are no duplicates": pc.and_not(names_one, duplicate),
            "duplicates less similar than the recipe says": pc.and_not(
                duplicate, pc.fill_null(similar, False)
            ),
        }.items():
            self._none(where, what, ids, bad)

    def _check_data(self, output: Output, kept: pa.Array) -> None:
        """The rows of a data file are the ledger file's kept ones, in the same order."""
        where = output["path"]
        seen = 0
        licences = {
            label: entry["licence"] or "" for label, entry in self.build.manifest["sources"].items()
        }
        for table in self._row_groups(output, [*_CHECKED, *texts_in(self.kind)]):
            ids = table.column("id").chunk(0)
            same = kept.slice(seen, len(ids))
            seen += len(ids)
            if not ids.equals(same):
                other = pc.invert(pc.is_in(ids, value_set=kept))
                self._none(where, "rows that are not kept by the ledger", ids, other)
                if not pc.any(other).as_py():
                    self.found.append(f"{where}: kept rows are missing or in another order")
                    return
            counted: Sums = Counter()
            _add(counted, table.select(["source", "licence"]))
            for (source, licence), rows in counted.items():
                if licences.get(source) != licence:
                    self.found.append(
                        f"{where}: {rows:,} rows of {source} under the licence {licence!r}, "
                        f"but the manifest says {licences.get(source)!r}"
                    )
            sized = table.select(["source"]).append_column("characters", lengths(table))
            _add(self._characters, sized, "characters")
            _add(self._languages, table.select(["source", "lang"]))
            _add(self._scripts, table.select(["source", "script"]))
        self._equal(where, "rows", seen, "rows kept by the ledger", len(kept))

    def _check_winners(self, data: list[Output]) -> None:
        """Every row that a duplicate names is kept."""
        names = pa.chunked_array(self._winners, pa.string()).unique()
        there: list[pa.Array] = []
        for output in data:
            with pq.ParquetFile(self.build.folder / output["path"], memory_map=True) as file:
                for group in range(file.num_row_groups):
                    ids = file.read_row_group(group, columns=["id"]).column("id")
                    there += ids.filter(pc.is_in(ids, value_set=names)).chunks
        found = sum(map(len, there))
        if found != len(names):
            missing = pc.invert(pc.is_in(names, value_set=pa.chunked_array(there, pa.string())))
            self._none("ledger", "duplicates name rows that are not kept", names, missing)

    def _check_sums(self) -> None:
        """What was counted, against the manifest."""
        for label, entry in self.build.manifest["sources"].items():
            if (counts := entry["counts"]) is None:
                continue
            where = f"source {label}"
            own = {key[1:]: rows for key, rows in self._fates.items() if key[0] == label}
            for status in (ledger.KEPT, ledger.DROPPED, ledger.QUARANTINED):
                rows = sum(n for key, n in own.items() if key[0] == status)
                said = counts[status]
                self._equal(where, f"rows {status} in the ledger", rows, "in the manifest", said)
            reasons: dict[str, dict[str, int]] = {}
            for (_, stage, reason), rows in own.items():
                if reason:
                    by_reason = reasons.setdefault(stage, {})
                    by_reason[reason] = by_reason.get(reason, 0) + rows
            said = counts["reasons"]
            self._equal(where, "reasons in the ledger", reasons, "in the manifest", said)
            sizes = {key[1]: n for key, n in self._bytes.items() if key[0] == label}
            read, kept = sum(sizes.values()), sizes.get("", 0)
            said = [counts["bytes_read"], counts["bytes_kept"]]
            self._equal(where, "bytes read, kept in the ledger", [read, kept], "manifest", said)
            if "characters_kept" not in counts:
                continue
            characters = self._characters[label,]
            said = counts["characters_kept"]
            self._equal(where, "characters in data", characters, "in the manifest", said)
            for name, sums in (("languages", self._languages), ("scripts", self._scripts)):
                labels = {key[1]: n for key, n in sums.items() if key[0] == label}
                said = {word: numbers["rows"] for word, numbers in counts[name].items()}
                self._equal(where, f"{name} in data", labels, "in the manifest", said)
        for label in sorted({key[0] for key in self._fates} - set(self.build.manifest["sources"])):
            self.found.append(f"ledger: rows of {label}, which the manifest has no source for")


def _add(sums: Sums, table: pa.Table, number: str | None = None) -> None:
    """Adds the table's rows, or the sum of a number, by its other columns; null counts as ""."""
    words = [name for name in table.column_names if name != number]
    what, result = ([], "count_all") if number is None else (number, f"{number}_sum")
    function = "count_all" if number is None else "sum"
    for row in table.group_by(words).aggregate([(what, function)]).to_pylist():
        sums[tuple(row[word] or "" for word in words)] += row[result] or 0


def _line_count(path: Path) -> int:
    """Lines of a zstd-compressed text; decompressed a block at a time."""
    lines = 0
    with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as reader:
        while block := reader.read(1 << 20):
            lines += block.count(b"\n")
    return lines
