"""Samples of rows by reason, and clusters of duplicates."""

from __future__ import annotations

from collections import defaultdict

import pyarrow.parquet as pq
import pytest

from curate.history import with_texts
from manifests.clusters import clusters
from manifests.opened import ManifestError
from manifests.sample import sample


@pytest.fixture(scope="module")
def rows(build):
    return pq.read_table(build.folder / "ledger").to_pylist()


def test_a_sample_has_rows_of_the_reason_as_the_ledger_has_them(build, rows):
    found = sample(build, "near_duplicate", count=3)
    assert len(found) == 3
    assert all(row["reason"] == "near_duplicate" and row in rows for row in found)
    assert [row["id"] for row in found] == sorted(row["id"] for row in found)


def test_a_sample_is_the_same_every_time_and_another_with_another_seed(build):
    one, again, other = (sample(build, "kept", count=5, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert [row["id"] for row in one] != [row["id"] for row in other]


def test_a_larger_sample_holds_the_smaller(build):
    few = {row["id"] for row in sample(build, "kept", count=3)}
    assert few < {row["id"] for row in sample(build, "kept", count=9)}


def test_all_rows_when_there_are_not_more(build, rows):
    found = sample(build, "exact_duplicate", count=1000)
    assert found == [row for row in rows if row["reason"] == "exact_duplicate"]


def test_reasons_by_their_beginning_and_by_source(build, rows):
    found = sample(build, "*", source="web", count=1000)
    assert found == [row for row in rows if row["reason"]]
    assert {row["reason"] for row in sample(build, "lang*", count=9)} == {"language"}


@pytest.mark.parametrize(
    ("reason", "source", "words"),
    [
        ("near_duplicat", None, "did you mean 'near_duplicate'"),
        ("xyz", None, "there are: .*language"),
        ("kept", "wob", "no source 'wob'; did you mean 'web'"),
        ("'; drop table ledger; --", None, "no row went for the reason"),
    ],
)
def test_what_the_build_does_not_have(build, reason, source, words):
    with pytest.raises(ManifestError, match=words):
        sample(build, reason, source)


def test_texts_of_rows_kept_dropped_and_quarantined(build, rows):
    for row in with_texts(build, rows):
        if row["status"] == "quarantined":
            assert row["text"] is None
        else:
            assert len(row["text"]) == row["characters"]


def test_clusters_are_what_the_ledger_says(build, rows):
    members = defaultdict(list)
    for row in rows:
        if row["duplicate_of"]:
            members[row["duplicate_of"]].append(row)
    found = clusters(build, count=1000)
    assert found["clusters"] == len(members) == len(found["shown"])
    assert found["duplicates"] == sum(map(len, members.values()))
    assert sum(found["sizes"].values()) == len(members)
    sizes = [cluster["size"] for cluster in found["shown"]]
    assert sizes == sorted(sizes, reverse=True)
    for cluster in found["shown"]:
        own = members[cluster["id"]]
        assert cluster["size"] == len(own) + 1
        assert cluster["similarity"] == min(row["similarity"] for row in own)
        assert {m["id"] for m in cluster["members"]} == {row["id"] for row in own}
        assert cluster["sources"] == {"web": len(own)}
        assert cluster["text"]


def test_the_loosest_come_first_when_asked_for(build):
    shown = clusters(build, "loosest", 3)["shown"]
    everything = clusters(build, count=1000)["shown"]
    assert shown[0]["similarity"] == min(cluster["similarity"] for cluster in everything) < 1
    assert [c["similarity"] for c in shown] == sorted(c["similarity"] for c in shown)
