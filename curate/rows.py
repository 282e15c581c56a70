"""The row types that flow through a build, and their Arrow schemas.

An adapter yields `pyarrow.RecordBatch`es in one of these schemas, in the order of the source. A row
that could not be understood is a row too: `quarantine` holds the reason and `detail` what was seen;
its text columns are then empty. Nothing an adapter reads may be left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

_TEXT = pa.large_string()

_COMMON: list[pa.Field] = [
    pa.field("row", pa.int64(), nullable=False),
    # JSON object with whatever else the source says of the row, or null.
    pa.field("meta", pa.string()),
    pa.field("quarantine", pa.string()),
    pa.field("detail", pa.string()),
]


FILE = pa.field("file", pa.int32(), nullable=False)
"""What ingest adds: which of the files that were read together a row is from, counted from 0."""


@dataclass(frozen=True)
class RowType:
    """Name, text fields and Arrow schema of one kind of row."""

    name: str
    fields: tuple[str, ...]
    """Text columns, large_string, never null ("" where the source has none)."""
    schema: pa.Schema
    nested: tuple[str, ...] = ()
    """Columns of lists of records of text, never null ([] where the source has none)."""

    def empty(self) -> dict[str, str | list[str]]:
        """The values of a row that says nothing."""
        return {**dict.fromkeys(self.fields, ""), **{name: [] for name in self.nested}}


def _row_type(name: str, *fields: str, extra: tuple[pa.Field, ...] = ()) -> RowType:
    columns = [pa.field(field, _TEXT, nullable=False) for field in fields]
    schema = pa.schema([*_COMMON[:1], *columns, *extra, *_COMMON[1:]])
    return RowType(name, fields, schema, tuple(field.name for field in extra))


DOCUMENT = _row_type("document", "text")
PAIR = _row_type("pair", "zh", "en")
PAPER = _row_type("paper", "title", "abstract", "keywords", "discipline", "category")
"""`keywords` joined by "_" as CSL publishes them."""

TURN = pa.struct(
    [pa.field("user", _TEXT, nullable=False), pa.field("assistant", _TEXT, nullable=False)]
)
HISTORY = pa.large_list(pa.field("item", TURN, nullable=False))
"""Earlier turns, oldest first. The users' and the assistants' texts of a whole batch lie end to end
as two large_string arrays, so a step that rewrites text takes all of them at once, as it takes
`instruction`, and the list offsets stay as they are; nothing is parsed, as JSON in a string would
have to be.
"""
INSTRUCTION = _row_type(
    "instruction",
    "instruction",
    "input",
    "output",
    "system",
    extra=(pa.field("history", HISTORY, nullable=False),),
)
"""`instruction` or `input` may be "", not both. An `output` of "" is a row: a limit may drop it."""

ROW_TYPES = {kind.name: kind for kind in (DOCUMENT, PAIR, PAPER, INSTRUCTION)}
