"""Texts of rows: from the data, from the intermediates, or not at hand."""

from __future__ import annotations

import shutil

import pyarrow.parquet as pq

from manifests.opened import open_build
from manifests.texts import hidden, kept_texts, rewritten_texts
from tests.manifests.builds import copied


def test_kept_and_rewritten_texts_agree(build):
    data = {row["id"]: row["text"] for row in pq.read_table(build.data_files).to_pylist()}
    ids = [*list(data)[:5], "web/nowhere#000000001"]
    assert kept_texts(build, ids) == {i: data[i] for i in ids[:-1]}
    assert rewritten_texts(build, ids) == kept_texts(build, ids)
    assert kept_texts(build, []) == rewritten_texts(build, []) == {}


def test_dropped_texts_come_from_the_intermediates_while_these_are_there(build, tmp_path):
    english = "web/part-0.jsonl#000000010"
    assert rewritten_texts(build, [english])[english].startswith("The ferry")
    moved = open_build(copied(build, tmp_path / "moved", work=True))
    assert rewritten_texts(moved, [english])[english].startswith("The ferry")
    shutil.rmtree(moved.folder / ".work")
    assert rewritten_texts(moved, [english]) == {}


def test_reasons_about_persons_are_hidden():
    assert hidden("privacy.phone") and hidden("privacy")
    assert not hidden("quality.characters.min") and not hidden(None)
