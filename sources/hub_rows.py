"""The data files of a dataset fetched from the Hub, in any format, columns found by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from curate.rows import PAIR, RowType
from sources.adapter import InputFile, SourceError, Unit
from sources.columns import PAIR_FIELDS, TEXT_FIELDS, FieldAdapter
from sources.jsonl import Jsonl
from sources.jsonlines import Values
from sources.parquet import Parquet, parquet_rows
from sources.reading import JSON_FORMATS
from sources.sniff import Content
from sources.tabular import Csv
from sources.text import Text


class Hub(FieldAdapter):
    """Parquet, JSON, CSV and text files of a Hub dataset's folder."""

    name = "hub"
    version: ClassVar[int] = 1

    pairs: bool = False
    """Read Chinese-English pairs: {"translation": {"zh", "en"}}, or columns zh and en."""
    files: list[str] = Field(default=["*"])
    """Which files, as patterns over their paths (`data/train-*`)."""

    @property
    def row_type(self) -> RowType:
        """Pair with `pairs`, or with `zh` and `en`; else document."""
        return PAIR if self.pairs else super().row_type

    def units(self, files: Sequence[InputFile]) -> list[Unit]:
        """A unit a data file. Raises SourceError if the patterns fit none."""
        chosen = [f for f in files if any(fnmatch(f.name, pattern) for pattern in self.files)]
        if files and not chosen:
            names = ", ".join(file.name for file in files[:5])
            raise SourceError(f"no file fits {self.files}; there are {names}")
        return super().units(chosen)

    def rows(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        """The rows of one file. Raises SourceError if it does not show where the text is."""
        if found.format == "parquet":
            yield from self._parquet(file)
        elif found.format in JSON_FORMATS:
            yield from self._json(file, found)
        elif found.format in ("csv", "tsv"):
            options = self._options(self.wanted)
            yield from Csv(**options).rows(file, found)
        elif found.format == "text" and not self.pairs:
            yield from Text(encoding=self.encoding, max_row_mb=self.max_row_mb).rows(file, found)
        else:
            raise self.wrong_format(file, found, "name its files with `files:`")

    def _parquet(self, file: InputFile) -> Iterator[pa.RecordBatch]:
        try:
            schema = pq.read_schema(file.path)
        except (pa.ArrowException, OSError):
            wanted = [["text"]]  # reading it says what is wrong
        else:
            texts: list[str] = []
            names: list[str] = []
            for column in schema:
                names.append(column.name)
                if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                    texts.append(column.name)
                elif pa.types.is_struct(column.type):
                    texts += [f"{column.name}.{child.name}" for child in column.type]
            wanted = self._columns(file, names, texts)
        yield from parquet_rows(Parquet(**self._options(wanted)), file, wanted)

    def _json(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        runs = self.values(file, found)
        for run in runs:
            names, texts = _fields(run)
            if not texts and not self.wanted:
                continue
            wanted = self._columns(file, names, texts)
            # The options are settled; read from the beginning.
            yield from Jsonl(**self._options(wanted)).rows(file, found)
            return
        if not self.wanted:
            # No record reads: every one is quarantined under any name of the text.
            yield from Jsonl(**self._options(self._fallback())).rows(file, found)

    def _fallback(self) -> list[list[str]]:
        return [["zh"], ["en"]] if self.pairs else [["text"]]

    def _columns(self, file: InputFile, names: list[str], texts: list[str]) -> list[list[str]]:
        if self.wanted:
            return self.wanted
        if self.row_type is PAIR:
            for zh, en in PAIR_FIELDS[:3]:
                if zh in texts and en in texts:
                    return [[zh], [en]]
            raise SourceError(
                f"{file.name}: which fields are the two sides? Give `zh:` and `en:`, of"
                f" {', '.join(texts or names)}"
            )
        if "translation.zh" in texts and "translation.en" in texts:
            raise SourceError(f"{file.name} holds translations; set `pairs: true`")
        for candidate in TEXT_FIELDS:
            if candidate in texts:
                return [[candidate]]
        if len(texts) == 1:
            return [texts]
        raise SourceError(
            f"{file.name}: which field is the text? Give `text:` one or more of"
            f" {', '.join(texts or names)}"
        )

    def _options(self, wanted: list[list[str]]) -> dict[str, Any]:
        options: dict[str, Any] = {
            "encoding": self.encoding,
            "max_row_mb": self.max_row_mb,
            "join": self.join,
            "meta": self.meta,
        }
        if len(wanted) == 2:
            options |= {"zh": wanted[0][0], "en": wanted[1][0]}
        elif wanted:
            options["text"] = wanted[0]
        elif self.pairs:
            options |= {"zh": "zh", "en": "en"}
        return options


def _fields(run: Values) -> tuple[list[str], list[str]]:
    """Field names of the first objects of a run, and those that hold strings."""
    names: dict[str, None] = {}
    texts: dict[str, None] = {}
    for value in run.values[:100]:
        if type(value) is not dict:
            continue
        for key, item in value.items():
            names[key] = None
            if type(item) is str:
                texts[key] = None
            elif type(item) is dict:
                for child, inner in item.items():
                    if type(inner) is str:
                        texts[f"{key}.{child}"] = None
    return list(names), list(texts)
