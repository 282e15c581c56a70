"""The laws of a build: all rows accounted for, the same bytes always, crashes and changes cheap."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate import ingest, plan
from curate.build import Build, Options
from curate.errors import CurateError, RecipeError
from curate.lock import locked
from curate.recipe import parsed
from curate.storage import read_json
from tests.curate.corpus import RECIPE, built, fingerprints, recipe, write_corpus


@pytest.fixture
def small_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many partitions from little data. Workers do not see it: for one-worker builds only."""
    monkeypatch.setattr(ingest, "PARTITION_ROWS", 7)


def ledger(folder: Path) -> list[dict]:
    return pq.read_table(folder / "ledger").to_pylist()


def data(folder: Path) -> list[dict]:
    return pq.read_table(folder / "data").to_pylist()


def test_every_row_ends_once_in_the_ledger(tmp_path):
    write_corpus(tmp_path / "in")
    result = built(tmp_path / "in", tmp_path / "out")
    rows = ledger(result.folder)
    read = sum(
        1
        for path in (tmp_path / "in").iterdir()
        for _ in (path.read_bytes() if path.suffix != ".gz" else _gunzip(path)).splitlines()
    )
    assert len(rows) == read == 240
    assert len({row["id"] for row in rows}) == read
    kept = [row["id"] for row in rows if row["status"] == "kept"]
    assert [row["id"] for row in data(result.folder)] == kept
    assert kept == sorted(kept)
    account = result.accounts["web"]
    assert account.read == account.kept + account.dropped + account.quarantined
    assert account.reasons["decide"] == {"language": 12}
    assert set(account.reasons["ingest"]) == {"bad_json", "not_text", "empty"}


def _gunzip(path: Path) -> bytes:
    import gzip

    return gzip.decompress(path.read_bytes())


def test_a_dropped_row_says_why(tmp_path):
    write_corpus(tmp_path / "in", files=2)
    result = built(tmp_path / "in", tmp_path / "out")
    rows = {row["id"]: row for row in ledger(result.folder)}
    english = rows["web/part-0.jsonl#000000010"]
    assert (english["status"], english["stage"], english["reason"]) == (
        "dropped",
        "decide",
        "language",
    )
    assert english["measure"] == "lang=en"
    cut = rows["web/part-0.jsonl#000000012"]
    assert (cut["status"], cut["stage"], cut["reason"]) == ("quarantined", "ingest", "bad_json")
    assert cut["detail"]
    exact = rows["web/part-1.jsonl.gz#000000004"]
    assert (exact["stage"], exact["duplicate_of"]) == ("exact", "web/part-0.jsonl#000000004")
    assert exact["similarity"] == 1.0
    near = rows["web/part-0.jsonl#000000006"]
    assert near["stage"] == "near" and 0.8 <= near["similarity"] < 1.0
    # Of two equally long ones the first stays.
    assert near["duplicate_of"] == "web/part-0.jsonl#000000005"
    assert rows[near["duplicate_of"]]["status"] == "kept"
    rewritten = rows["web/part-0.jsonl#000000008"]
    assert {"invisible", "spaces", "script"} <= set(rewritten["rewrites"].split())


def test_same_bytes_for_any_number_of_workers(tmp_path):
    write_corpus(tmp_path / "in", files=6)
    first = fingerprints(built(tmp_path / "in", tmp_path / "one").folder)
    assert {Path(name).parts[0] for name in first} == {"data", "ledger", "manifest.json"}
    for workers in (2, 5):
        again = built(tmp_path / "in", tmp_path / str(workers), workers)
        assert fingerprints(again.folder) == first


def test_a_changed_limit_reruns_only_from_the_decision_on(tmp_path):
    write_corpus(tmp_path / "in")
    first = built(tmp_path / "in", tmp_path / "out")
    assert "read partitions" in first.clock
    second = built(tmp_path / "in", tmp_path / "out", extra="quality: {characters: {min: 60}}\n")
    assert "read partitions" not in second.clock and "scan" not in second.clock
    assert second.accounts["web"].reasons["decide"]["quality.characters.min"] > 0
    fresh = built(tmp_path / "in", tmp_path / "fresh", extra="quality: {characters: {min: 60}}\n")
    assert fingerprints(second.folder) == fingerprints(fresh.folder)


def test_nothing_is_done_twice(tmp_path):
    write_corpus(tmp_path / "in")
    first = built(tmp_path / "in", tmp_path / "out")
    before = fingerprints(first.folder)
    second = built(tmp_path / "in", tmp_path / "out")
    assert second.clock == {}
    assert fingerprints(second.folder) == before


def test_a_new_file_costs_only_its_own_partitions(tmp_path):
    write_corpus(tmp_path / "in", files=3)
    built(tmp_path / "in", tmp_path / "out")
    refined = set((tmp_path / "out/small/.work/refine").iterdir())
    write_corpus(tmp_path / "in", files=4)
    second = built(tmp_path / "in", tmp_path / "out")
    assert len(set((tmp_path / "out/small/.work/refine").iterdir()) - refined) == 1
    fresh = built(tmp_path / "in", tmp_path / "fresh")
    assert fingerprints(second.folder) == fingerprints(fresh.folder)


@pytest.mark.parametrize(
    "changed", ["dedup: {near: false}\n", "dedup: {exact: false, near: {threshold: 0.3}}\n"]
)
def test_other_duplicates_are_written_anew(tmp_path, changed):
    """Refined rows and decisions stay as they are; what is written must not."""
    write_corpus(tmp_path / "in", files=2)
    before = ledger(built(tmp_path / "in", tmp_path / "out").folder)
    after = built(tmp_path / "in", tmp_path / "out", extra=changed)
    assert ledger(after.folder) != before
    fresh = built(tmp_path / "in", tmp_path / "fresh", extra=changed)
    assert fingerprints(after.folder) == fingerprints(fresh.folder)


def test_a_new_file_may_take_rows_from_a_shard_written_before(tmp_path, monkeypatch):
    monkeypatch.setattr(Build, "groups", lambda self, pieces: [[i] for i in range(len(pieces))])
    write_corpus(tmp_path / "in", files=2)
    added = "\nsources:\n  - {{name: jsonl, label: z, path: {root}/z.jsonl, priority: 90}}"
    both = RECIPE.replace("\nsources:", added).replace("path: {root}\n", "path: {root}/part*\n")
    before = built(tmp_path / "in", tmp_path / "out")
    text = data(before.folder)[0]["text"]
    (tmp_path / "in" / "z.jsonl").write_text(json.dumps({"text": text}) + "\n")
    asked = parsed(both.format(root=tmp_path / "in"))
    after, fresh = (Build(asked, Options(tmp_path / out)).run() for out in ("out", "fresh"))
    assert fingerprints(after.folder) == fingerprints(fresh.folder)
    assert [row["source"] for row in data(after.folder) if row["text"] == text] == ["z"]


def test_small_files_are_read_together_and_that_changes_no_row(tmp_path, monkeypatch):
    write_corpus(tmp_path / "in", files=5)
    together = built(tmp_path / "in", tmp_path / "together")
    assert len(list((tmp_path / "together/small/.work/refine").iterdir())) == 1
    monkeypatch.setattr(plan, "SMALL_BYTES", 0)
    apart = built(tmp_path / "in", tmp_path / "apart")
    assert len(list((tmp_path / "apart/small/.work/refine").iterdir())) == 5
    assert ledger(together.folder) == ledger(apart.folder)
    assert data(together.folder) == data(apart.folder)


def test_partition_size_changes_no_row(tmp_path, small_partitions):
    write_corpus(tmp_path / "in")
    small = built(tmp_path / "in", tmp_path / "small-partitions")
    ingest.PARTITION_ROWS = 1 << 15
    large = built(tmp_path / "in", tmp_path / "large-partitions")
    assert ledger(small.folder) == ledger(large.folder)
    assert data(small.folder) == data(large.folder)


def test_killed_at_random_moments_and_resumed(tmp_path):
    write_corpus(tmp_path / "in", files=8, rows=400)
    reference = fingerprints(built(tmp_path / "in", tmp_path / "reference").folder)
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(root=tmp_path / "in"))
    command = [
        *(sys.executable, "-m", "curate", "build", "corpus", str(tmp_path / "recipe.yaml")),
        *("--out", str(tmp_path / "out"), "--workers", "2"),
    ]
    chance = random.Random(7)
    kills = 0
    while kills < 20:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(chance.uniform(0.3, 3.0))
        if process.poll() is None:
            kills += 1
            # Half of the times only the parent dies, as when the kernel picks one process.
            if chance.random() < 0.5:
                os.kill(process.pid, signal.SIGKILL)
            else:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        else:
            assert process.returncode == 0
            assert fingerprints(tmp_path / "out/small") == reference
            # Finished before the kill: take away some results so that there is work again.
            work = sorted(p for p in (tmp_path / "out/small/.work").rglob("*") if p.is_file())
            for path in chance.sample(work, len(work) // 2):
                path.unlink()
            kills += 1
    subprocess.run(command, check=True, capture_output=True)
    assert fingerprints(tmp_path / "out/small") == reference


def test_two_builds_in_one_folder_at_once(tmp_path):
    write_corpus(tmp_path / "in", files=1)
    with locked(tmp_path / "out/small"), pytest.raises(CurateError, match="another build"):
        built(tmp_path / "in", tmp_path / "out")


def test_an_unfinished_build_has_no_manifest(tmp_path, monkeypatch):
    write_corpus(tmp_path / "in", files=1)
    built(tmp_path / "in", tmp_path / "out")
    build = Build(
        recipe(tmp_path / "in", "quality: {characters: {min: 60}}\n"), Options(tmp_path / "out")
    )
    monkeypatch.setattr(build, "finish", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        build.run()
    assert not (tmp_path / "out/small/manifest.json").exists()


def test_limit_reads_the_first_rows_of_every_file(tmp_path):
    write_corpus(tmp_path / "in", files=3)
    result = Build(recipe(tmp_path / "in"), Options(tmp_path / "out", limit=5)).run()
    assert result.accounts["web"].read == 15
    assert read_json(result.folder / "manifest.json")["limit"] == 5


def test_the_manifest_adds_up(tmp_path):
    write_corpus(tmp_path / "in")
    result = built(tmp_path / "in", tmp_path / "out", extra="")
    manifest = read_json(result.folder / "manifest.json")
    assert manifest["counts"]["read"] == 240
    for output in manifest["outputs"]:
        rows = pq.read_metadata(result.folder / output["path"]).num_rows
        assert rows == output["rows"]
    [web] = manifest["sources"].values()
    assert [i["file"] for i in web["inputs"]] == [
        "part-0.jsonl",
        "part-1.jsonl.gz",
        "part-2.jsonl",
        "part-3.jsonl.gz",
    ]


def test_text_and_jsonl_outputs(tmp_path):
    import zstandard

    write_corpus(tmp_path / "in", files=1)
    text = RECIPE.replace("shard_mb: 1", "shard_mb: 1, jsonl: true, text: escape")
    from curate.recipe import parsed

    result = Build(parsed(text.format(root=tmp_path / "in")), Options(tmp_path / "out")).run()
    kept = data(result.folder)
    raw = zstandard.decompress((result.folder / "text/00000.txt.zst").read_bytes(), 1 << 24)
    assert raw.decode().splitlines() == [row["text"].replace("\n", "\\n") for row in kept]
    lines = zstandard.decompress((result.folder / "jsonl/00000.jsonl.zst").read_bytes(), 1 << 24)
    assert len(lines.splitlines()) == len(kept)


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("name: a b\nsources: [{name: jsonl, path: x}]", "name"),
        ("name: a\nsourcs: []", "did you mean 'sources'"),
        (
            "name: a\nsources: [{name: jsonl, path: x}]\nquality: {han_rato: {min: 0.2}}",
            "han_ratio",
        ),
        ("name: a\nsources: [{name: jsonl, path: x}]\nquality: {han_ratio: {mn: 0.2}}", "min"),
        ("name: a\nsources: [{name: jsonl, path: x}]\nrewrite: {scrpt: false}", "script"),
        ("name: a\nsources: [{name: jsonl, path: x}]\nrewrite: {script: {too: keep}}", "to"),
        ("name: a\nsources: [{name: jsnl, path: x}]", "jsonl"),
        ("name: a\nsources: [{name: jsonl, path: x, txt: y}]", "text"),
        ("name: a\nsources: [{name: jsonl, path: x}, {name: jsonl, path: y}]", "label"),
        ("name: a\nsources: [{name: jsonl, path: x}]\ndedup: {near: {treshold: 1}}", "threshold"),
        ("name: a\nsources: [", "line"),
        ("- a", "mapping"),
    ],
)
def test_a_broken_recipe_is_one_sentence(yaml, words):
    from curate.recipe import parsed

    with pytest.raises(RecipeError, match=words):
        parsed(yaml)


def test_a_missing_path_is_said_before_work_starts(tmp_path):
    with pytest.raises(RecipeError, match="there is no"):
        built(tmp_path / "nowhere", tmp_path / "out")
