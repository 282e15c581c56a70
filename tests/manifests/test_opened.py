"""Builds that can be opened, and those that cannot, in words."""

from __future__ import annotations

import json
import re

import pytest

from curate.errors import CurateError
from manifests.manifest import VERSION
from manifests.opened import ManifestError, open_build
from manifests.seal import write_sealed
from tests.manifests.builds import as_version_1, copied, edited


def test_a_build_is_opened(build):
    assert [path.name for path in build.ledger_files] == ["00000.parquet"]
    assert [path.parent.name for path in build.data_files] == ["data"]
    database = build.connection()
    rows = dict(database.execute("SELECT status, count(*) FROM ledger GROUP BY 1").fetchall())
    assert rows == {k: build.manifest["counts"][k] for k in ("kept", "dropped", "quarantined")}
    assert database.execute("SELECT count(*) FROM data").fetchall() == [(rows["kept"],)]


def test_words_are_plain_strings_to_sql(build):
    database = build.connection()
    types = {row[0]: row[1] for row in database.execute("DESCRIBE ledger").fetchall()}
    assert types["status"] == types["stage"] == types["lang"] == "VARCHAR"
    stages = database.execute("SELECT DISTINCT coalesce(stage, '-') FROM ledger").fetchall()
    assert {"-", "ingest", "decide", "exact", "near"} == {stage for (stage,) in stages}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "manifest.json").unlink(), "has no manifest.json"),
        (lambda f: (f / "manifest.json").write_text(""), "cut short or damaged"),
        (lambda f: (f / "manifest.json").write_text("[]"), "no manifest of a build"),
        (lambda f: (f / "manifest.json").write_text('{"a": 1}'), "no manifest of a build"),
        (lambda f: (f / "data/00000.parquet").unlink(), "data/00000.parquet is missing"),
        (lambda f: (f / "ledger/00000.parquet").unlink(), "ledger/00000.parquet is missing"),
        (lambda f: (f / "jsonl/00000.jsonl.zst").unlink(), "jsonl/00000.jsonl.zst is missing"),
    ],
)
def test_what_is_no_whole_build_is_said_in_a_sentence(build, tmp_path, damage, words):
    folder = copied(build, tmp_path / "copy")
    damage(folder)
    with pytest.raises(ManifestError, match=re.escape(words)) as caught:
        open_build(folder)
    assert "\n" not in str(caught.value) and isinstance(caught.value, CurateError)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_manifest_cut_short(build, tmp_path, share):
    folder = copied(build, tmp_path / "copy")
    raw = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(ManifestError, match=r"cut short or damaged.*run the same build again"):
        open_build(folder)


def test_a_manifest_changed_by_hand(build, tmp_path):
    folder = copied(build, tmp_path / "copy")
    raw = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(raw.replace('"kept": ', '"kept": 1', 1))
    with pytest.raises(ManifestError, match="not as it was written"):
        open_build(folder)


def test_a_manifest_without_its_checksum(build, tmp_path):
    folder = copied(build, tmp_path / "copy")
    manifest = {k: v for k, v in build.manifest.items() if k != "checksum"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ManifestError, match="not as it was written"):
        open_build(folder)


def test_the_ledger_of_another_build(build, tmp_path):
    folder = copied(build, tmp_path / "copy")
    ledger = folder / "ledger/00000.parquet"
    ledger.write_bytes((folder / "data/00000.parquet").read_bytes())
    with pytest.raises(ManifestError, match=r"ledger/00000.parquet has [\d,]+ bytes where"):
        open_build(folder)


def test_a_file_that_is_no_parquet_at_the_same_size(build, tmp_path):
    folder = copied(build, tmp_path / "copy")
    ledger = folder / "ledger/00000.parquet"
    ledger.write_bytes(bytes(ledger.stat().st_size))
    with pytest.raises(ManifestError, match=r"the ledger of .* cannot be read"):
        open_build(folder).connection()


def test_a_newer_build_is_refused_with_words(build, tmp_path):
    folder = copied(build, tmp_path / "copy")
    write_sealed(folder / "manifest.json", {**build.manifest, "schema_version": VERSION + 1})
    with pytest.raises(ManifestError, match="update curate"):
        open_build(folder)


def test_an_older_build_is_read(build, tmp_path):
    older = open_build(as_version_1(copied(build, tmp_path / "copy")))
    assert older.manifest["schema_version"] == 1
    count = older.connection().execute("SELECT count(*) FROM ledger").fetchone()
    assert count == (build.manifest["counts"]["read"],)


def test_the_manifest_does_not_depend_on_the_number_of_workers(build, tmp_path):
    from tests.manifests.builds import small_build

    other = small_build(tmp_path, workers=2)
    paths = [b.folder / "manifest.json" for b in (build, other)]
    differing = [
        (a, b) for a, b in zip(*[p.read_text().splitlines() for p in paths], strict=True) if a != b
    ]
    # The two builds read copies of the same files in two folders, which the recipe names.
    assert all('"path"' in a or '"checksum"' in a for a, _ in differing), differing


def test_edited_helper_seals(build, tmp_path):
    folder = edited(copied(build, tmp_path / "copy"), lambda m: m.update(name="x"))
    assert open_build(folder).manifest["name"] == "x"
