"""SQL over a build: what it can ask, and what it cannot reach."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from manifests.opened import ManifestError
from manifests.query import selected


def state(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_select_is_answered_in_batches(build):
    result = selected(build, "SELECT id, status FROM ledger ORDER BY id")
    rows = [row for batch in result for row in batch.to_pylist()]
    assert len(rows) == build.manifest["counts"]["read"]
    assert rows[0] == {"id": "web/part-0.jsonl#000000001", "status": "kept"}


def test_data_and_ledger_can_be_joined(build):
    sql = "SELECT count(*) AS n FROM data JOIN ledger USING (id) WHERE status <> 'kept'"
    assert selected(build, sql).read_all().to_pylist() == [{"n": 0}]


def test_columns_can_be_listed(build):
    names = selected(build, "describe ledger").read_all()["column_name"].to_pylist()
    assert {"id", "reason", "han_ratio"} <= set(names)


NOT_ANSWERED = [
    ("selec id from ledger", "that is not SQL"),
    ("为什么删掉了这一行", "there are the tables|not SQL|cannot be answered"),
    ("", "the query is empty"),
    (" ; ", "the query is empty"),
    ("select 1; select 2", "only one SELECT"),
    ("drop view ledger", "only one SELECT"),
    ("create table t as select 1", "only one SELECT"),
    ("insert into ledger values (1)", "only one SELECT"),
    ("delete from ledger", "only one SELECT"),
    ("attach '{out}' as x", "only one SELECT"),
    ("install httpfs", "only one SELECT"),
    ("load httpfs", "only one SELECT"),
    ("set enable_external_access = true", "only one SELECT"),
    ("pragma database_list", "only one SELECT"),
    ("copy ledger to '{out}'", "only one SELECT"),
    ("explain analyze copy (select 1) to '{ledger}' (use_tmp_file false)", "only one SELECT"),
    ("export database '{out}'", "only one SELECT"),
    ("with a as (copy (select 1) to '{out}') from a", "reaches for what is not of this build"),
    (
        "with a as (copy (select 1) to '{ledger}' (use_tmp_file false)) from a",
        "reaches for what is not of this build",
    ),
    ("from query('copy (select 1) to ''{out}''')", "that is not SQL"),
    ("from read_text('{secret}')", "reaches for what is not of this build"),
    ("from read_blob('{secret}')", "reaches for what is not of this build"),
    ("from read_csv('{secret}')", "reaches for what is not of this build"),
    ("from '{secret}'", "reaches for what is not of this build"),
    ("from read_parquet('{ledger}')", "reaches for what is not of this build"),
    ("from glob('/*')", "reaches for what is not of this build"),
    ("from 'https://example.org/a.parquet'", "reaches for what is not of this build"),
    ("from build", "there are the tables"),  # a Python variable
    ("select nothing from ledger", "cannot be answered"),
    ("select text::int from data", "cannot be answered"),
    ("select error('boom')", "cannot be answered: .*boom"),
]


@pytest.mark.parametrize(("sql", "words"), NOT_ANSWERED, ids=[sql for sql, _ in NOT_ANSWERED])
def test_what_is_not_answered_changes_nothing(build, tmp_path, sql, words):
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    out = tmp_path / "out.parquet"
    before = state(build.folder) | state(tmp_path)
    with pytest.raises(ManifestError, match=words) as caught:
        selected(build, sql.format(out=out, secret=secret, ledger=build.ledger_files[0])).read_all()
    assert "\n" not in str(caught.value)
    assert state(build.folder) | state(tmp_path) == before


def test_the_settings_of_a_connection_are_locked(build):
    import duckdb

    database = build.connection()
    for setting in ("enable_external_access", "python_enable_replacements", "allowed_paths"):
        with pytest.raises(duckdb.Error, match="locked"):
            database.execute(f"RESET {setting}")
