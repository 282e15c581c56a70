"""CSL, the Chinese scientific literature set: papers as a five-column table or as records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import orjson
import pyarrow as pa

from curate.rows import PAPER, RowType
from sources.adapter import InputFile, SourceError
from sources.delimited import sample_records, tables
from sources.jsonlines import Values
from sources.reading import JSON_FORMATS, FileAdapter
from sources.rowbatch import Picker, batch
from sources.sniff import Content, width_of
from sources.stream import BLOCK, Bad

_COLUMNS = PAPER.fields


class Csl(FileAdapter):
    """Title, abstract, keywords, discipline and category of papers: the published TSV, or JSON
    and Parquet records with fields of these names (keywords a list or joined by `_`).
    """

    name = "csl"
    version: ClassVar[int] = 1

    @property
    def row_type(self) -> RowType:
        """Paper."""
        return PAPER

    def rows(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        """A paper a row. The lines of CSL's benchmark tasks, which repeat parts of the same papers,
        are quarantined as `benchmark_task`.
        """
        picker = Picker([[name] for name in _COLUMNS])
        if found.format in JSON_FORMATS:
            for run in self.values(file, found):
                yield _papers(run, picker)
        elif found.format == "parquet":
            yield from _parquet(file, picker)
        elif found.format in ("tsv", "text"):
            yield from self._table(file, found)
        else:
            raise self.wrong_format(file, found, "CSL is tab-separated, JSON or Parquet")

    def _table(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        records = sample_records(found.sample, "\t", quoting=False)
        header = bool(records) and [c.strip().lower() for c in records[0]] == list(_COLUMNS)
        task = width_of(records) == 3 and all(
            record[0].startswith("to ") for record in records if len(record) == 3
        )
        for table in tables(
            self.blocks(file, found), "\t", False, len(_COLUMNS), self.max_row, header
        ):
            bad = dict(table.bad)
            if task:
                what = "a line of a CSL benchmark task, made of the papers of csl_camera_readly.tsv"
                for i, why in table.bad.items():
                    if why.reason == "wrong_columns":
                        bad[i] = Bad("benchmark_task", what)
            columns = []
            for index, name in enumerate(_COLUMNS):
                column = table.column(index)
                for i, why in column.bad.items():
                    bad.setdefault(i, Bad(why.reason, f"{name}: {why.detail}"))
                columns.append(column.array())
            yield batch(PAPER, table.first, columns, bad)


def _papers(run: Values, picker: Picker) -> pa.RecordBatch:
    for value in run.values:
        if type(value) is dict:
            keywords = value.get("keywords")
            if type(keywords) is list and all(type(word) is str for word in keywords):
                value["keywords"] = "_".join(keywords)
            for name in _COLUMNS[2:]:
                # A paper without keywords or labels is still a paper.
                if value.get(name, None) is None:
                    value[name] = ""
    return picker.batch(PAPER, run)


def _parquet(file: InputFile, picker: Picker) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    from sources.rowbatch import quarantined

    row = 1
    try:
        with pq.ParquetFile(file.path) as source:
            missing = {"title", "abstract"} - set(source.schema_arrow.names)
            if missing:
                names = ", ".join(source.schema_arrow.names)
                raise SourceError(
                    f"{file.name} has no column {', '.join(sorted(missing))}; its columns: {names}"
                )
            for part in source.iter_batches(batch_size=BLOCK >> 10):
                records: list[Any] = part.to_pylist()
                run = Values(row, orjson.loads(orjson.dumps(records, default=str)))
                row += len(records)
                yield _papers(run, picker)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        yield quarantined(PAPER, row, Bad("truncated", f"the rest is not readable: {error}"))
