"""Texts of rows: from the data, from the intermediates, or not at hand."""

from __future__ import annotations

import shutil

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.opened import open_build
from manifests.texts import hidden, kept_texts, rewritten_texts
from tests.curate.corpus import sentence
from tests.curate.instructions.builds import built, recipe
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


def test_rows_made_of_one_record_have_their_own_texts(tmp_path):
    """Papers become tasks, whose ids have a number behind the row's."""
    papers = [
        {
            "title": f"关于{sentence(i)[:9]}的研究",
            "abstract": sentence(100 + i),
            "keywords": "水库_径流",
            "discipline": "水文学",
            "category": "理学",
        }
        for i in range(3)
    ]
    papers.append(dict(papers[1]))  # its tasks go, each for one of the same number
    (tmp_path / "in").mkdir()
    pq.write_table(pa.Table.from_pylist(papers), tmp_path / "in/p.parquet")
    asked = recipe(tmp_path, "", f"{{name: csl, path: {tmp_path}/in, tasks: {{per_record: 3}}}}")
    made = open_build(built(tmp_path / "out", asked).folder)
    kept = [f"csl/p.parquet#{row:09d}{part}" for row in (1, 2, 3) for part in ("", ".02", ".03")]
    texts = rewritten_texts(made, [*kept, "csl/p.parquet#000000001.04", "csl/p.parquet#000000009"])
    assert texts == kept_texts(made, kept)
    assert len(set(texts.values())) == 9
    lost = [f"csl/p.parquet#000000004{part}" for part in ("", ".02", ".03")]
    assert kept_texts(made, lost) == {}
    assert set(rewritten_texts(made, lost)) == set(lost)
