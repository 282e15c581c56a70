"""CLUECorpus2020 and CLUECorpusSmall: documents as text, and the JSON forms of their parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from curate.rows import DOCUMENT, RowType
from sources.adapter import InputFile
from sources.jsonlines import Values
from sources.lines import documents, lines
from sources.reading import JSON_FORMATS, FileAdapter, line_batches
from sources.rowbatch import Picker, not_text
from sources.sniff import Content


class CLUECorpus2020(FileAdapter):
    """Chinese documents a line, sentences a line with blank lines between documents, or JSON:
    wiki2019zh (title, text), webText2019zh (title, desc, content), news2016zh (title, content),
    comments (comment, content or text).
    """

    name = "cluecorpus2020"
    version: ClassVar[int] = 1

    documents: Literal["auto", "line", "blank_line"] = "auto"
    """What a document of a text file is: a line, or the lines between blank lines. `auto` takes the
    latter where short lines stand in groups of several."""

    @property
    def row_type(self) -> RowType:
        """Document."""
        return DOCUMENT

    def rows(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        """The documents of a file. Raises SourceError for Parquet."""
        if found.format in JSON_FORMATS:
            picker = Picker([["text"]])
            for run in self.values(file, found):
                for i, value in enumerate(run.values):
                    if type(value) is dict:
                        _compose(run, i, value)
                yield picker.batch(DOCUMENT, run)
            return
        if found.format == "parquet":
            raise self.wrong_format(file, found, "use the `parquet` adapter")
        runs = lines(self.blocks(file, found), self.max_row)
        split = self.documents
        if split == "blank_line" or (split == "auto" and sentences_a_line(found.sample)):
            runs = documents(runs, self.max_row)
        yield from line_batches(DOCUMENT, runs)


def _compose(run: Values, i: int, value: dict[str, Any]) -> None:
    """Put the document's parts together under `text`."""
    title = value.get("title")
    if "text" in value:
        text = value["text"]
        # wiki texts begin with their title; it stays in meta as well.
        if type(text) is str and type(title) is str and not text.startswith(title):
            value["text"] = f"{title}\n{text}"
        return
    main = "content" if "content" in value else "comment"
    if type(value.get(main)) is not str:
        if main in value:
            run.bad[i] = not_text(main, value[main], value)
            run.values[i] = None
        return
    # news2016zh's desc repeats the beginning of its content; webText2019zh's is the question's.
    parts = ("title", main) if _NEWS & value.keys() else ("title", "desc", main)
    texts: list[str] = []
    for key in parts:
        if type(value.get(key)) is str:
            part = value.pop(key).strip()
            if part and part not in texts:
                texts.append(part)
    value["text"] = "\n".join(texts)


_NEWS = {"news_id", "keywords"}
_GROUPS = 3
_SENTENCES = 50
"""More lines than that between blank ones are documents with a stray blank line among them."""
_LONG_LINE = 200
"""Characters; sentences are shorter."""


def sentences_a_line(sample: bytes) -> bool:
    """Whether a text has its documents between blank lines: several short lines to a group."""
    rows = [row.strip() for row in sample.decode("utf-8", "replace").split("\n")]
    lengths = np.array([len(row) for row in rows], np.int64)
    filled = lengths > 0
    groups = int(np.count_nonzero(filled & ~np.concatenate([[False], filled[:-1]])))
    if groups < _GROUPS:
        return False
    size = filled.sum() / groups
    return bool(1.5 <= size <= _SENTENCES and np.median(lengths[filled]) <= _LONG_LINE)
