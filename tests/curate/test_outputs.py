"""What a build leaves behind, read by the tools people have."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from manifests.ledger import COLUMNS
from tests.curate.corpus import built, write_corpus


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("outputs")
    write_corpus(root / "in", files=3)
    return built(root / "in", root / "out").folder


def test_datasets_reads_the_data(folder, tmp_path):
    import datasets

    loaded = datasets.load_dataset(
        "parquet", data_dir=str(folder / "data"), split="train", cache_dir=str(tmp_path)
    )
    rows = pq.read_table(folder / "data").to_pylist()
    assert loaded.to_list() == rows
    assert set(loaded.column_names) == {
        *("id", "source", "text", "lang", "script", "licence", "meta"),
    }


def test_duckdb_reads_data_and_ledger(folder):
    import duckdb

    lost = duckdb.sql(
        f"select count(*) from '{folder}/ledger/*.parquet' l anti join "
        f"'{folder}/data/*.parquet' d using (id) where l.status = 'kept'"
    ).fetchall()
    assert lost == [(0,)]
    [(read, ended)] = duckdb.sql(
        f"select count(*), count(*) filter (status in ('kept', 'dropped', 'quarantined')) "
        f"from '{folder}/ledger/*.parquet'"
    ).fetchall()
    assert read == ended == 180


def test_pandas_reads_the_data(folder):
    import pandas

    frame = pandas.read_parquet(folder / "data")
    assert len(frame) == pq.read_table(folder / "data").num_rows
    assert frame["text"].str.len().min() >= 1


def test_the_ledger_has_its_columns_in_order_and_then_the_measures(folder):
    schema = pq.read_schema(next((folder / "ledger").iterdir()))
    assert schema.names[: len(COLUMNS)] == COLUMNS.names
    assert {"characters", "han_ratio", "lang", "script"} <= set(schema.names[len(COLUMNS) :])


def test_every_dropped_row_has_stage_and_reason_and_duplicates_name_a_kept_row(folder):
    rows = pq.read_table(folder / "ledger").to_pylist()
    kept = {row["id"] for row in rows if row["status"] == "kept"}
    for row in rows:
        if row["status"] == "kept":
            assert row["stage"] is None and row["reason"] is None
        else:
            assert row["stage"] and row["reason"]
        if row["stage"] == "decide":
            assert row["measure"] and row["limit"]
        if row["stage"] in ("exact", "near"):
            assert row["duplicate_of"] in kept and 0.8 <= row["similarity"] <= 1
        if row["status"] == "quarantined":
            assert row["characters"] is None
