"""Which fields of a source make the text of a row: the option set that jsonl, csv, parquet and hub
share.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, model_validator

from curate.rows import DOCUMENT, PAIR, RowType
from sources.reading import FileAdapter
from sources.rowbatch import Picker

TEXT_FIELDS = (
    "text",
    "content",
    "article",
    "document",
    "body",
    "passage",
    "paragraph",
    "review",
    "comment",
    "sentence",
    "正文",
    "内容",
    "文本",
)
"""Field names taken for the text where none is given, in this order."""
PAIR_FIELDS = (
    ("translation.zh", "translation.en"),
    ("zh", "en"),
    ("chinese", "english"),
    ("target", "source"),
)


class FieldAdapter(FileAdapter):
    """An adapter of records with named fields."""

    text: str | list[str] | None = None
    """Field of the text, or several to join; a dot leads into nested objects."""
    zh: str | None = None
    """Field of the Chinese side; with `en` the rows are pairs."""
    en: str | None = None
    """Field of the English side."""
    join: str = "\n"
    """What is put between the fields of a text."""
    meta: list[str] | None = Field(default=None)
    """Fields kept beside the text; all the others when not given."""

    @model_validator(mode="after")
    def _one_kind(self) -> FieldAdapter:
        if (self.zh is None) != (self.en is None):
            raise ValueError("`zh` and `en` go together: give both or neither")
        if self.zh is not None and self.text is not None:
            raise ValueError("give `text`, or `zh` and `en`, not both")
        if self.text == []:
            raise ValueError("`text` is an empty list; name at least one field")
        return self

    @property
    def row_type(self) -> RowType:
        """Pair if `zh` and `en` are given, else document."""
        return PAIR if self.zh is not None else DOCUMENT

    @property
    def wanted(self) -> list[list[str]]:
        """The fields of each text column; [] if nothing is said."""
        if self.zh is not None and self.en is not None:
            return [[self.zh], [self.en]]
        if self.text is None:
            return []
        return [[self.text] if isinstance(self.text, str) else self.text]

    def picker(self, columns: Sequence[Sequence[str]]) -> Picker:
        """What makes rows of JSON objects."""
        return Picker(columns, self.meta, self.join, optional=True)
