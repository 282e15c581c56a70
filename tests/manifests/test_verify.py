"""A build is what it was and adds up, or the file and the count that do not are named."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from curate.fingerprint import file_sha256
from manifests.opened import ManifestError, read_manifest
from manifests.seal import write_sealed
from manifests.verify import problems
from tests.manifests.builds import as_version_1, copied, edited, small_build


def test_a_sound_build_has_no_problems(build):
    assert problems(build.folder) == []


def test_progress_is_told_of_all_bytes_twice(build):
    done: list[int] = []
    problems(build.folder, done.append)
    assert sum(done) == 2 * sum(output["bytes"] for output in build.outputs)


def test_one_flipped_bit_anywhere_is_found_and_named(build, tmp_path):
    folder = copied(build, tmp_path / "copy")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert {path.relative_to(folder).parts[0] for path in files} == {
        *("data", "ledger", "jsonl", "text", "manifest.json", "run.json"),
    }
    flips = 0
    for path in files:
        sound = path.read_bytes()
        # Every file at some 60 places, all eight bits in turn, first and last byte among them.
        places = sorted({*range(0, len(sound), max(1, len(sound) // 60)), len(sound) - 1})
        for number, place in enumerate(places):
            damaged = bytearray(sound)
            damaged[place] ^= 1 << number % 8
            path.write_bytes(damaged)
            found = problems(folder)
            assert found and str(path) in found[0], (path, place, number % 8)
            flips += 1
        path.write_bytes(sound)
    assert flips > 300 and problems(folder) == []


def test_every_bit_of_the_checksum_itself(build, tmp_path):
    folder = copied(build, tmp_path / "copy")
    path = folder / "manifest.json"
    sound = path.read_bytes()
    for place in range(len(sound) - 90, len(sound)):
        for bit in range(8):
            damaged = bytearray(sound)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            assert str(path) in problems(folder)[0]


def test_a_cut_or_missing_file_is_named(build, tmp_path):
    folder = copied(build, tmp_path / "copy")
    data, ledger = folder / "data/00000.parquet", folder / "ledger/00000.parquet"
    data.write_bytes(data.read_bytes()[:-1])
    ledger.unlink()
    found = problems(folder)
    assert len(found) == 2
    assert f"{data} has" in found[0] and f"{ledger} is missing" in found[1]


def test_a_stray_file_is_named(build, tmp_path):
    folder = copied(build, tmp_path / "copy")
    shutil.copy(folder / "data/00000.parquet", folder / "data/00001.parquet")
    [problem] = problems(folder)
    assert "data/00001.parquet is not in the manifest" in problem


def test_a_folder_that_is_no_build(tmp_path):
    with pytest.raises(ManifestError, match=r"no manifest.json"):
        problems(tmp_path)


def test_a_build_of_version_1(build, tmp_path):
    folder = as_version_1(copied(build, tmp_path / "copy"))
    assert problems(folder) == []
    ledger = folder / "ledger/00000.parquet"
    raw = bytearray(ledger.read_bytes())
    raw[1000] ^= 4
    ledger.write_bytes(raw)
    assert str(ledger) in problems(folder)[0]


def test_a_removed_run_record_is_no_damage(build, tmp_path):
    folder = copied(build, tmp_path / "copy")
    (folder / "run.json").unlink()
    assert problems(folder) == []


def relisted(folder: Path, name: str, **more) -> Path:
    """Has the manifest say that the output is as it was written."""
    manifest = read_manifest(folder)
    path = folder / name
    for output in manifest["outputs"]:
        if output["path"] == name:
            output |= {"bytes": path.stat().st_size, "sha256": file_sha256(path), **more}
    write_sealed(folder / "manifest.json", manifest)
    return folder


def rewritten(folder: Path, name: str, change) -> Path:
    """Changes the table of an output, and the manifest in step."""
    table = change(pq.read_table(folder / name))
    pq.write_table(table, folder / name)
    ids = table["id"].to_pylist()
    return relisted(folder, name, rows=len(ids), first=ids[0], last=ids[-1])


def with_column(table: pa.Table, name: str, values) -> pa.Table:
    return table.set_column(
        table.column_names.index(name), name, pa.array(values).cast(table[name].type)
    )


def first(table: pa.Table, condition) -> int:
    return table.to_pylist().index(next(row for row in table.to_pylist() if condition(row)))


def changed_at(name: str, condition, value):
    """A change of one column in the first row that meets the condition."""

    def change(table):
        values = table[name].to_pylist()
        values[first(table, condition)] = value
        return with_column(table, name, values)

    return change


def kept(row):
    return row["status"] == "kept"


def near(row):
    return row["stage"] == "near"


LEDGER = "ledger/00000.parquet"
DATA = "data/00000.parquet"


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        (LEDGER, lambda t: t.slice(1), "rows that are not kept by the ledger"),
        (LEDGER, lambda t: t.take(pa.array([1, 0, *range(2, len(t))])), "do not follow"),
        (LEDGER, lambda t: pa.concat_tables([t.slice(0, 1), t]), "do not follow"),
        (LEDGER, changed_at("status", kept, "lost"), "a status that is none"),
        (LEDGER, changed_at("row", kept, 999_999), "ids unlike source, file and row"),
        (LEDGER, changed_at("reason", kept, "language"), "kept rows with a reason to go"),
        (LEDGER, changed_at("reason", near, None), "went without stage and reason"),
        (LEDGER, changed_at("duplicate_of", near, None), "duplicates that name no row"),
        (LEDGER, changed_at("duplicate_of", near, "web/x#000000001"), "that are not kept"),
        (LEDGER, changed_at("duplicate_of", kept, "web/x#000000001"), "are no duplicates"),
        (LEDGER, changed_at("similarity", near, 0.5), "less similar than the recipe says"),
        (LEDGER, changed_at("stage", near, "exact"), "source web: reasons in the ledger"),
        (LEDGER, changed_at("bytes", kept, 1), "source web: bytes read, kept"),
        (LEDGER, lambda t: t.drop_columns(["reason"]), "column reason is missing"),
        (DATA, lambda t: t.slice(1), "kept rows are missing or in another order"),
        (DATA, lambda t: t.take(pa.array([1, 0, *range(2, len(t))])), "another order"),
        (DATA, changed_at("id", lambda r: True, "web/a#000000001"), "not kept by the ledger"),
        (DATA, changed_at("text", lambda r: True, "改"), "source web: characters in data"),
        (DATA, changed_at("lang", lambda r: True, "ja"), "source web: languages in data"),
        (DATA, changed_at("licence", lambda r: True, "MIT"), "under the licence 'MIT'"),
        (DATA, lambda t: t.drop_columns(["meta"]), "columns"),
    ],
)
def test_counts_that_do_not_fit_are_named(build, tmp_path, name, change, words):
    folder = copied(build, tmp_path / "copy")
    rewritten(folder, name, change)
    found = problems(folder)
    assert any(re.search(words, problem) for problem in found), found
    assert all("\n" not in problem for problem in found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m["counts"].update(kept=1), "manifest.json: counts"),
        (lambda m: m["sources"]["web"]["counts"].update(read=1), "source web: rows read 1"),
        (lambda m: m["sources"]["web"]["counts"].update(duplicates=1), "duplicates 1"),
        (lambda m: m["sources"]["web"]["counts"]["reasons"]["near"].update(x=2), "rows lost"),
        (lambda m: m["sources"]["web"]["counts"]["lost"]["near"].update(rows=2), "by stage"),
        (lambda m: m["sources"]["web"]["counts"].update(characters_read=2), "characters read 2"),
        (lambda m: m["sources"]["web"]["counts"]["scripts"].clear(), "scripts in data"),
        (lambda m: m["outputs"][0].update(rows=2), "rows in the manifest 2"),
        (lambda m: m["outputs"][0].update(first="a"), "ids in the manifest"),
        (lambda m: m["outputs"].pop(0), "is not in the manifest"),
    ],
)
def test_a_manifest_that_does_not_add_up(build, tmp_path, change, words):
    folder = edited(copied(build, tmp_path / "copy"), change)
    found = problems(folder)
    assert any(words in problem for problem in found), found


def test_lines_of_text_outputs_are_counted(build, tmp_path):
    folder = copied(build, tmp_path / "copy")
    path = folder / "jsonl/00000.jsonl.zst"
    lines = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    path.write_bytes(zstandard.ZstdCompressor().compress(lines.partition(b"\n")[2]))
    relisted(folder, "jsonl/00000.jsonl.zst")
    [problem] = problems(folder)
    kept_rows = build.manifest["counts"]["kept"]
    assert problem == (
        f"jsonl/00000.jsonl.zst: lines {kept_rows - 1}, but rows in the manifest {kept_rows}"
    )


def test_a_ledger_of_another_build(build, tmp_path):
    other = small_build(tmp_path, files=1, rows=40)
    folder = copied(build, tmp_path / "copy")
    shutil.copy(other.ledger_files[0], folder / "ledger/00000.parquet")
    [problem] = problems(folder)
    assert f"{folder}/ledger/00000.parquet has" in problem
    found = problems(relisted(folder, "ledger/00000.parquet"))
    assert any("rows in the manifest" in problem for problem in found)
    assert any("not kept by the ledger" in problem for problem in found)
