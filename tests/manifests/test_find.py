"""Rows by id, in builds of one file and of many."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from manifests.find import duplicates_of, find
from manifests.opened import ManifestError, OpenedBuild, open_build
from tests.manifests.builds import as_version_1, copied


def split(folder, kind: str, sizes: list[int]) -> None:
    """Cuts a copy's one Parquet file into several, of several row groups each."""
    [path] = (folder / kind).iterdir()
    table = pq.read_table(path)
    path.unlink()
    start = 0
    for number, size in enumerate(sizes):
        part = table.slice(start, size)
        pq.write_table(part, folder / kind / f"{number:05d}.parquet", row_group_size=7)
        start += size
    assert start == table.num_rows


def many_files(build: OpenedBuild, folder, version: int) -> OpenedBuild:
    """The build's rows in several files with row groups, as large builds have them."""
    copied(build, folder)
    manifest = dict(build.manifest, schema_version=version)
    outputs = []
    for kind, sizes in (("data", [30, 0, 1, -1]), ("ledger", [50, 0, 20, -1])):
        total = pq.read_table(folder / kind).num_rows
        sizes = [*sizes[:-1], total - sum(sizes[:-1])]
        split(folder, kind, sizes)
        for path in sorted((folder / kind).iterdir()):
            ids = pq.read_table(path, columns=["id"])["id"].to_pylist()
            span = {"first": ids[0] if ids else None, "last": ids[-1] if ids else None}
            entry = {"path": f"{kind}/{path.name}", "rows": len(ids)}
            outputs.append(entry | (span if version > 1 else {}))
    return OpenedBuild(folder, {**manifest, "outputs": outputs})


@pytest.mark.parametrize("version", [1, 2])
def test_every_row_is_found_where_it_is(build, tmp_path, version):
    many = many_files(build, tmp_path / "copy", version)
    for kind in ("data", "ledger"):
        for path in sorted((many.folder / kind).iterdir()):
            for position, row in enumerate(pq.read_table(path).to_pylist()):
                found = find(many, kind, row["id"])
                assert found.row == row
                assert (found.file, found.position) == (f"{kind}/{path.name}", position)


@pytest.mark.parametrize(
    "row_id", ["", "a", "web/part-0.jsonl#000000061", "web/part-0.jsonl#1", "z"]
)
def test_no_other_row_is_found(build, row_id):
    assert find(build, "ledger", row_id) is None
    assert find(build, "data", row_id) is None


def test_a_dropped_row_is_in_the_ledger_and_not_in_the_data(build):
    row_id = "web/part-0.jsonl#000000010"
    assert find(build, "ledger", row_id).row["reason"] == "language"
    assert find(build, "data", row_id) is None


@pytest.mark.parametrize("version", [1, 2])
def test_duplicates_of_a_row_are_those_that_name_it(build, tmp_path, version):
    many = many_files(build, tmp_path / "copy", version)
    rows = pq.read_table(build.folder / "ledger").to_pylist()
    names = {row["duplicate_of"] for row in rows if row["duplicate_of"]}
    assert len(names) > 5
    for name in names:
        expected = [
            {key: row[key] for key in ("id", "stage", "similarity")}
            for row in rows
            if row["duplicate_of"] == name
        ]
        assert duplicates_of(many, name).to_pylist() == expected
    assert duplicates_of(many, "web/part-0.jsonl#000000010").num_rows == 0


def test_an_older_build(build, tmp_path):
    older = open_build(as_version_1(copied(build, tmp_path / "copy")))
    row_id = "web/part-1.jsonl.gz#000000001"
    assert find(older, "data", row_id) == find(build, "data", row_id)


def test_a_file_that_is_no_parquet(build, tmp_path):
    folder = copied(build, tmp_path / "copy")
    path = folder / "ledger/00000.parquet"
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(ManifestError, match=r"ledger/00000.parquet cannot be read"):
        find(open_build(folder), "ledger", "web/part-0.jsonl#000000001")
