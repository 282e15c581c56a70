"""The kept rows of an instruction build, as its Parquet files have them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.instructions.chance import mixed
from curate.measure.instruction.base import FIELDS
from curate.rows import HISTORY
from curate.storage import column_array

TRAIN, VALID = "train", "valid"

_WORDS = pa.dictionary(pa.int32(), pa.string())
DATA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", _WORDS, nullable=False),
        pa.field("instruction", pa.large_string(), nullable=False),
        pa.field("input", pa.large_string(), nullable=False),
        pa.field("output", pa.large_string(), nullable=False),
        # Earlier turns, oldest first; an empty list where there are none.
        pa.field("history", HISTORY, nullable=False),
        pa.field("system", pa.large_string(), nullable=False),
        # Language and script labels of the whole row, as docs/language.md explains.
        pa.field("lang", _WORDS),
        pa.field("script", _WORDS),
        pa.field("licence", _WORDS),
        # JSON object with whatever else the source says of the row, or null.
        pa.field("meta", pa.string()),
        # `train` or `valid`.
        pa.field("split", _WORDS, nullable=False),
        # Reasons of flags that the recipe tags, parted by blanks; "" for none.
        pa.field("tags", _WORDS, nullable=False),
        # How often the row stands in the training files.
        pa.field("repeats", pa.int32(), nullable=False),
    ]
)

SHUFFLED = pa.schema(
    [
        pa.field("order", pa.uint64(), nullable=False),
        pa.field("valid", pa.bool_(), nullable=False),
        *(DATA.field(name) for name in (*FIELDS, "history")),
    ]
)
"""Kept rows in the order of their hashes: what training files are written from."""


def tag_bits(refined: pa.Table, reasons: Mapping[str, str]) -> NDArray[np.int64]:
    """A bit a reason, of every row whose column is true or above 0, int64 [n]."""
    bits = np.zeros(refined.num_rows, np.int64)
    for bit, column in enumerate(reasons):
        values = pc.fill_null(pc.cast(column_array(refined, column), pa.float64()), 0.0)
        bits |= (values.to_numpy(zero_copy_only=False) > 0).astype(np.int64) << bit
    return bits


def data_columns(refined: pa.Table, drawn: pa.Table, where: pa.Array) -> dict[str, pa.Array]:
    """The columns of the kept rows that only instructions have, without `tags`.

    where: their positions.
    """
    valid = column_array(drawn, "valid").take(where)
    index = valid.cast(pa.int32())
    split = pa.DictionaryArray.from_arrays(index, pa.array([TRAIN, VALID], pa.string()))
    return {
        **{name: column_array(refined, name).take(where) for name in (*FIELDS, "history")},
        "split": split,
        "repeats": column_array(drawn, "repeats").take(where),
    }


def shuffled(data: pa.Table, drawn: pa.Table, where: pa.Array) -> pa.Table:
    """Kept rows for training files, in SHUFFLED's schema, not yet in order.

    A row that repeats is there several times, at places drawn from its own.
    """
    columns = {name: column_array(drawn, name).take(where) for name in ("order", "valid")}
    columns |= {name: column_array(data, name) for name in (*FIELDS, "history")}
    rows = pa.table([columns[name] for name in SHUFFLED.names], schema=SHUFFLED)
    times = column_array(drawn, "repeats").take(where).to_numpy()
    if not (times > 1).any():
        return rows
    which = np.repeat(np.arange(len(times)), times)
    copy = np.arange(len(which)) - np.repeat(np.cumsum(times) - times, times)
    rows = rows.take(pa.array(which))
    order = column_array(rows, "order").to_numpy().copy()
    for again in range(1, int(times.max())):
        chosen = copy == again
        order[chosen] = mixed(order[chosen], again)
    at = SHUFFLED.get_field_index("order")
    return rows.set_column(at, SHUFFLED.field(at), pa.array(order))


def in_order(tables: list[pa.Table]) -> pa.Table:
    """The rows of tables in SHUFFLED's schema by ascending `order`.

    Empties the list: memory holds the rows once, and those of one column twice.
    """
    chunks = {f.name: [pa.array([], f.type)] for f in SHUFFLED}
    for table in tables:
        for name, own in chunks.items():
            own += table.column(name).chunks
    tables.clear()
    order = pa.concat_arrays(chunks["order"]).to_numpy()
    at = pa.array(np.argsort(order, kind="stable"))
    columns = [pa.concat_arrays(chunks.pop(name)).take(at) for name in SHUFFLED.names]
    return pa.Table.from_arrays(columns, schema=SHUFFLED)
