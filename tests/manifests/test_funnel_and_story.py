"""The funnel and the story of a build, against the ledger itself."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq
import pytest

from manifests.funnel import Amount, Funnel, funnels
from manifests.opened import open_build
from manifests.story import losses, story
from tests.manifests.builds import as_version_1, copied


@pytest.fixture(scope="module")
def rows(build):
    return pq.read_table(build.folder / "ledger").to_pylist()


def test_the_funnel_is_what_the_ledger_says(build, rows):
    [(label, funnel)] = funnels(build).items()
    assert label == "web"
    assert funnel.read.rows == len(rows) == 120
    assert funnel.read.bytes == sum(row["bytes"] for row in rows)
    assert funnel.read.characters == sum(row["characters"] or 0 for row in rows)
    left = list(rows)
    for stage in ("ingest", "decide", "exact", "near"):
        left = [row for row in left if row["stage"] != stage]
        assert funnel.left(stage) == Amount(
            len(left),
            sum(row["bytes"] for row in left),
            sum(row["characters"] for row in left),
        ), stage
    kept = pq.read_table(build.folder / "data")
    assert funnel.kept == funnel.left("near")
    assert funnel.kept.rows == kept.num_rows
    assert funnel.kept.characters == sum(len(t) for t in kept["text"].to_pylist())


def test_funnels_add_up():
    one = Funnel(Amount(3, 30, 10), {"ingest": Amount(1), "near": Amount(1, 10, 4)})
    both = one + one
    assert both.read == Amount(6, 60, 20) and both.kept == Amount(2, 40, 12)
    assert both.left("ingest") == Amount(4, 60, 20)
    with pytest.raises(KeyError):
        one.left("exact")


def test_an_older_build_has_the_same_funnel_and_story(build, tmp_path):
    older = open_build(as_version_1(copied(build, tmp_path / "copy")))
    assert funnels(older) == funnels(build)
    told, old = story(build), story(older)
    assert old["languages"] == told["languages"]
    assert old["scripts"] == told["scripts"]
    assert old["licences"] == told["licences"]
    assert old["losses"] == told["losses"]


def test_the_story(build, rows):
    told = story(build)
    assert told["counts"] == build.manifest["counts"]
    kept = [row for row in rows if row["status"] == "kept"]
    languages = Counter(row["lang"] for row in kept)
    assert {k: v["rows"] for k, v in told["languages"].items()} == languages
    assert told["licences"] == {
        "unstated": {"rows": len(kept), "characters": sum(r["characters"] for r in kept)}
    }
    assert told["run"]["workers"] == 1 and told["run"]["finished"].endswith("Z")
    assert told["outputs"]["data"]["rows"] == told["outputs"]["jsonl"]["rows"] == len(kept)
    assert told["outputs"]["ledger"]["rows"] == len(rows)


def test_losses_are_in_order_of_size(build, rows):
    found = losses(build.manifest)
    reasons = Counter((row["stage"], row["reason"]) for row in rows if row["reason"])
    assert {(loss["stage"], loss["reason"]): loss["rows"] for loss in found} == reasons
    sizes = [loss["rows"] for loss in found]
    assert sizes == sorted(sizes, reverse=True)


def test_without_its_run_record_a_story_can_still_be_told(build, tmp_path):
    folder = copied(build, tmp_path / "copy")
    (folder / "run.json").unlink()
    assert story(open_build(folder))["run"] is None
    (folder / "run.json").write_text("{")
    assert story(open_build(folder))["run"] is None
