"""Partitions depend on the rows alone, and nothing falls between them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import ingest, plan
from curate.rows import DOCUMENT, INSTRUCTION, ROW_TYPES
from curate.storage import read_arrow
from sources.adapter import SourceError, Unit
from sources.archive import Rejected


def batch(texts: list[str], first: int = 1) -> pa.RecordBatch:
    n = len(texts)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(range(first, first + n), pa.int64()),
            pa.array(texts, pa.large_string()),
            pa.nulls(n, pa.string()),
            pa.nulls(n, pa.string()),
            pa.nulls(n, pa.string()),
        ],
        schema=DOCUMENT.schema,
    )


def batches(texts: list[str], cuts: list[int]) -> list[pa.RecordBatch]:
    bounds = sorted({0, len(texts), *[min(c, len(texts)) for c in cuts]})
    return [batch(texts[a:b], a + 1) for a, b in itertools.pairwise(bounds)]


@given(
    st.lists(st.text(max_size=12), max_size=60),
    st.lists(st.integers(0, 60), max_size=5),
    st.integers(1, 40),
    st.integers(1, 9),
)
def test_partitions_do_not_depend_on_the_adapters_batches(texts, cuts, max_bytes, max_rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest, "PARTITION_BYTES", max_bytes)
        patch.setattr(ingest, "PARTITION_ROWS", max_rows)
        whole = list(ingest.partitions(iter(batches(texts, [])), DOCUMENT))
        cut = list(ingest.partitions(iter(batches(texts, cuts)), DOCUMENT))
    assert [t.to_pylist() for t in whole] == [t.to_pylist() for t in cut]
    assert [row["text"] for t in whole for row in t.to_pylist()] == texts
    for table in whole[:-1]:
        size = sum(len(row["text"].encode()) for row in table.to_pylist())
        assert size >= max_bytes or table.num_rows == max_rows


def test_row_limit_cuts_inside_a_batch():
    limited = ingest.first_rows(iter(batches(list("abcdefgh"), [3])), 5)
    tables = list(ingest.partitions(limited, DOCUMENT))
    assert [row["text"] for t in tables for row in t.to_pylist()] == list("abcde")


def test_rows_out_of_order_are_refused(tmp_path: Path):
    class Backwards:
        row_type = DOCUMENT

        def read(self, unit):
            yield batch(["a"], 2)
            yield batch(["b"], 1)

    with pytest.raises(AssertionError, match=r"x\.txt out of order near 1"):
        list(ingest.ingest(Backwards(), [Unit("x.txt", ())], str(tmp_path), None))
    assert ingest.ingested(tmp_path) is None


def test_a_unit_with_a_partition_missing_is_not_complete(tmp_path: Path):
    class Two:
        row_type = DOCUMENT

        def read(self, unit):
            yield batch(["甲", "乙"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest, "PARTITION_ROWS", 1)
        list(ingest.ingest(Two(), [Unit("x.txt", ())], str(tmp_path), None))
    assert ingest.ingested(tmp_path) == [{"rows": 1, "bytes": 3}] * 2
    ingest.partition_path(tmp_path, 1).unlink()
    assert ingest.ingested(tmp_path) is None


def test_files_read_together_share_partitions(tmp_path: Path):
    """Rows count from 1 in every file; a limit is each file's; a refused member is one row."""

    class Lines:
        row_type = DOCUMENT

        def read(self, unit):
            if unit.name == "broken":
                yield batch(["半"])
                raise SourceError("cut off")
            yield batch([unit.name + text for text in "甲乙丙"])

    members = [Unit("a", ()), Rejected("b", "too_large", "9 GB"), Unit("broken", ()), Unit("c", ())]
    assert list(ingest.ingest(Lines(), members, str(tmp_path), 2))[-1] == {"partitions": 1}
    rows = read_arrow(ingest.partition_path(tmp_path, 0)).to_pylist()
    assert [(row["file"], row["row"], row["text"], row["quarantine"]) for row in rows] == [
        *[(0, 1, "a甲", None), (0, 2, "a乙", None)],
        (1, 1, "", "too_large"),
        *[(2, 1, "半", None), (2, 2, "", "unreadable")],
        *[(3, 1, "c甲", None), (3, 2, "c乙", None)],
    ]


@given(st.lists(st.tuples(st.text("ab/é", min_size=1), st.integers(0, 2 << 20)), max_size=40))
def test_bundles_keep_order_and_bounds(sizes: list[tuple[str, int]]):
    members = [(Unit(name, ()), size) for name, size in sizes]
    bundles = list(plan.bundled(members))
    assert [member for part in bundles for member in part] == [member for member, _ in members]
    size_of = iter(size for _, size in sizes)
    for part in bundles:
        own = [next(size_of) for _ in part]
        assert len(part) == 1 or (max(own) < plan.SMALL_BYTES and sum(own) <= plan.BUNDLE_BYTES)


def test_a_new_file_changes_few_bundles():
    """Wherever it falls among ten thousand."""
    members = [(Unit(f"{number:05d}.jsonl", ()), 20_000) for number in range(10_000)]
    before = {tuple(part) for part in plan.bundled(members)}
    assert 50 < len(before) < 150
    changed = []
    for at in range(0, 10_000, 1000):
        more = [*members[:at], (Unit(f"{at:05d}.a.jsonl", ()), 20_000), *members[at:]]
        changed.append(len(before - {tuple(part) for part in plan.bundled(more)}))
    assert max(changed) <= 12


def conversations(turns: list[list[tuple[str, str]]], first: int = 1) -> pa.RecordBatch:
    values = [
        {
            "row": first + i,
            **INSTRUCTION.empty(),
            "instruction": "问",
            "history": [{"user": user, "assistant": answer} for user, answer in history],
        }
        for i, history in enumerate(turns)
    ]
    [made] = pa.Table.from_pylist(values, schema=INSTRUCTION.schema).to_batches()
    return made


@given(
    st.lists(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), max_size=3), min_size=1),
    st.integers(0, 20),
    st.integers(1, 60),
)
def test_earlier_turns_count_towards_a_partition(turns, cut, max_bytes):
    parts = [turns[:cut], turns[cut:]]
    whole = conversations(turns)
    cuts = [conversations(p, 1 + i * cut) for i, p in enumerate(parts) if p]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest, "PARTITION_BYTES", max_bytes)
        tables = list(ingest.partitions(iter([whole]), INSTRUCTION))
        assert [t.to_pylist() for t in tables] == [
            t.to_pylist() for t in ingest.partitions(iter(cuts), INSTRUCTION)
        ]
    assert [row for t in tables for row in t.to_pylist()] == whole.to_pylist()
    for number, table in enumerate(tables):
        sizes = [
            len("问".encode())
            + sum(len((t["user"] + t["assistant"]).encode()) for t in row["history"])
            for row in table.to_pylist()
        ]
        assert sum(sizes[:-1]) < max_bytes
        assert sum(sizes) >= max_bytes or number == len(tables) - 1


def test_a_quarantined_row_of_every_type_fits_its_schema():
    for kind in ROW_TYPES.values():
        table = ingest.quarantined_row(kind, 3, "unreadable", "why")
        table.validate(full=True)
        assert table.schema == kind.schema
        assert sum(column.null_count for column in table.columns) == 1  # meta
