"""Row groups: few rows go together, in order, whatever tables they came in."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from curate.outputs import GROUP_ROWS, RowGroups

SCHEMA = pa.schema(
    [pa.field("id", pa.string()), pa.field("word", pa.dictionary(pa.int32(), pa.string()))]
)


def table(begin: int, rows: int) -> pa.Table:
    """Rows whose dictionary has other words, in another order, from table to table."""
    numbers = range(begin, begin + rows)
    texts = [f"词{n % (begin % 7 + 2)}" if n % 5 else None for n in numbers]
    words = pa.array(texts, pa.string())
    return pa.table([[f"{n:09d}" for n in numbers], words.dictionary_encode()], schema=SCHEMA)


@given(st.lists(st.sampled_from([0, 1, 3, 700, GROUP_ROWS - 1, GROUP_ROWS, 9000]), max_size=9))
def test_rows_stay_as_they_are_and_groups_are_not_small(sizes: list[int]):
    tables, begin = [], 0
    for size in sizes:
        tables.append(table(begin, size))
        begin += size
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, SCHEMA) as writer:
        groups = RowGroups(writer)
        for one in tables:
            groups.write(one)
        groups.flush()
    file = pq.ParquetFile(pa.BufferReader(sink.getvalue()))
    whole = pa.concat_tables([SCHEMA.empty_table(), *tables])
    assert file.read().to_pylist() == whole.to_pylist()
    sizes_of = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert all(GROUP_ROWS <= rows < GROUP_ROWS + 9000 for rows in sizes_of[:-1])
    assert all(rows > 0 for rows in sizes_of)
