"""Questions to a build of the real samples."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.build import Build, Options
from curate.history import history
from curate.recipe import parsed
from manifests.clusters import clusters
from manifests.funnel import funnels
from manifests.opened import OpenedBuild, open_build
from manifests.query import selected
from manifests.story import story
from manifests.trace import trace
from manifests.verify import problems
from tests.conftest import ROOT

DEFAULT = "../../.cache/real"
LIMIT = 400


@pytest.fixture(scope="module")
def build(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> OpenedBuild:
    text = (ROOT / "tests/real/corpus.yaml").read_text()
    recipe = parsed(text.replace(DEFAULT, str(real_data)), "tests/real/corpus.yaml")
    options = Options(tmp_path_factory.mktemp("real"), workers=2, limit=LIMIT)
    return open_build(Build(recipe, options).run().folder)


def test_the_build_is_whole_and_adds_up(build):
    assert problems(build.folder) == []


def test_the_funnel_of_every_source_ends_in_its_data(build):
    kept = pq.read_table(build.folder / "data", columns=["source", "text"]).to_pylist()
    for label, funnel in funnels(build).items():
        own = [row["text"] for row in kept if row["source"] == label]
        assert funnel.kept.rows == len(own)
        assert funnel.kept.characters == sum(map(len, own))


def test_the_story_names_every_licence_and_limit(build):
    told = story(build)
    assert told["limit"] == LIMIT
    assert {"Apache-2.0", "CC-BY-SA-3.0", "MIT"} <= set(told["licences"])
    assert sum(entry["rows"] for entry in told["licences"].values()) == told["counts"]["kept"]


def test_a_row_of_every_source_and_fate_is_traced_to_its_upstream_text(build):
    """The rewrites done again, one row at a time, give what the batches of the build gave."""
    rows = selected(
        build,
        "select distinct on (source, status, stage, rewrites) id, source, status from ledger "
        "order by id",
    ).read_all()
    rewritten = 0
    for row in rows.to_pylist():
        life = trace(build, row["id"])
        life |= history(build, life)
        notes = [note for note in life["notes"] if not note.startswith("privacy: masked here")]
        assert notes == [], (row["id"], notes)
        if row["status"] != "quarantined":
            assert life["original"]["fields"] and life["text"]
            assert life["upstream"]["inputs"], row["id"]
        changed = {change["step"] for change in life["changes"]}
        assert changed == set(life["rewrites"]), row["id"]
        rewritten += bool(changed)
    assert rows.num_rows > 60 and rewritten > 40


def test_clusters_of_duplicates_across_sources(build):
    found = clusters(build, count=50)
    assert found["clusters"] > 100
    assert any(
        set(cluster["sources"]) - {cluster["id"].partition("/")[0]} for cluster in found["shown"]
    )
    assert all(cluster["text"] for cluster in found["shown"])
