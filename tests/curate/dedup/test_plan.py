"""The stages as tasks: any order, any engine, the same bytes; and who takes part."""

from __future__ import annotations

import hashlib
import pickle
import random
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from curate.dedup import plan
from curate.dedup.corpus import TextPartition
from curate.dedup.kind import EXACT_KIND, NEAR_KIND
from curate.dedup.options import ExactDedup, NearDedup
from curate.dedup.plan import Stage, later_stages, sketch_stage
from curate.dedup.resolve import DUPLICATES
from curate.engine.task import reports
from curate.storage import read_arrow, write_arrow
from tests.curate.dedup.test_deduplicate import corpus, prose


def stored(folder: Path, parts: list[list[str]], priorities: list[int]) -> list[TextPartition]:
    partitions = []
    for number, texts in enumerate(parts):
        path = folder / f"part-{number}.arrow"
        write_arrow(path, pa.table({"text": pa.array(texts, pa.large_string())}))
        sketch = str(folder / f"part-{number}.sketch")
        partitions.append(TextPartition(str(path), sketch, len(texts), None, priorities[number]))
    return partitions


def stages_of(folder: Path, partitions: list[TextPartition]) -> list[Stage]:
    found = [folder / f"part-{i}.duplicates" for i in range(len(partitions))]
    exact, near = ExactDedup(), NearDedup()
    return [
        sketch_stage(partitions, exact, near),
        *later_stages(partitions, folder / "work", found, exact, near),
    ]


def run(stages: list[Stage], draw: random.Random | None = None) -> None:
    for stage in stages:
        jobs = list(stage.jobs)
        if draw:
            draw.shuffle(jobs)
        for job in jobs:
            list(reports(pickle.loads(pickle.dumps(job.task))))
            assert job.done()


def checksums(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "corpus.json"
    }


@pytest.fixture
def many_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "key_ranges", lambda *_: (4, 16))
    monkeypatch.setattr(
        plan, "exact_ranges", lambda *_: [(i, i + 256) for i in range(0, 1024, 256)]
    )


@pytest.mark.usefixtures("many_ranges")
def test_any_order_of_tasks_gives_the_same_bytes(tmp_path: Path) -> None:
    texts = corpus(21, 100, 300)
    parts = [texts[:150], texts[150:160], [], texts[160:]]
    results = []
    for name, draw in (("a", None), ("b", random.Random(3)), ("c", random.Random(4))):
        folder = tmp_path / name
        folder.mkdir()
        run(stages_of(folder, stored(folder, parts, [50, 60, 50, 40])), draw)
        results.append(checksums(folder))
        assert not list(folder.rglob("*.partial"))
    assert results[0] == results[1] == results[2]


def test_running_again_changes_nothing(tmp_path: Path) -> None:
    stages = stages_of(tmp_path, stored(tmp_path, [corpus(22, 50, 100)], [50]))
    run(stages)
    before = checksums(tmp_path)
    (tmp_path / "work" / "near.fates").unlink()
    assert [job.done() for stage in stages for job in stage.jobs].count(False) == 1
    run(stages[-2:])
    assert checksums(tmp_path) == before


def test_duplicates_are_in_the_form_that_shards_are_written_from(tmp_path: Path) -> None:
    text = prose(1, 80)
    parts = [[prose(2, 50), text + "甲"], [text, prose(3, 50), prose(2, 50)]]
    stages = stages_of(tmp_path, stored(tmp_path, parts, [40, 60]))
    run(stages)
    assert read_arrow(tmp_path / "part-1.duplicates").num_rows == 0
    found = read_arrow(tmp_path / "part-0.duplicates")
    assert found.schema.equals(DUPLICATES)
    rows = found.to_pylist()
    assert [(r["position"], r["kept_partition"], r["kept_position"]) for r in rows] == [
        (0, 1, 2),
        (1, 1, 0),
    ]
    assert [r["kind"] for r in rows] == [EXACT_KIND, NEAR_KIND]
    assert rows[1]["similarity"] == pytest.approx(76 / 77)


def test_quarantined_and_dropped_rows_take_no_part(tmp_path: Path) -> None:
    text = prose(4, 60)
    columns = {
        "text": pa.array([text, text, text, text + "乙"], pa.large_string()),
        "quarantine": pa.array(["bad bytes", None, None, None], pa.string()),
    }
    write_arrow(tmp_path / "texts.arrow", pa.table(columns))
    reasons = pa.array([None, "language", None, None], pa.string())
    write_arrow(tmp_path / "decision.arrow", pa.table({"reason": reasons}))
    paths = [str(tmp_path / name) for name in ("texts.arrow", "sketch", "decision.arrow")]
    run(stages_of(tmp_path, [TextPartition(paths[0], paths[1], 4, paths[2])]))
    rows = read_arrow(tmp_path / "part-0.duplicates").to_pylist()
    assert [(r["position"], r["kept_position"]) for r in rows] == [(2, 3)]


def test_cuts_follow_from_rows_and_memory() -> None:
    near = NearDedup()
    assert plan.key_ranges(10_000, near) == (0, 1)
    bits, ranges = plan.key_ranges(5_000_000, near)
    assert ranges == 1 << bits
    # The records of a range, 21 words a row, sort in 8 MiB.
    assert 5_000_000 * 21 * 8 / ranges <= 8 << 20 < 5_000_000 * 21 * 8 / ranges * 2
    assert plan.key_ranges(5_000_000, NearDedup(memory_mb=64))[1] == 2 * ranges
    assert plan.key_ranges(10**10, near)[1] > 1024
    for rows in (0, 1, 10**6, 10**10):
        ranges_of_rows = plan.exact_ranges(rows, 1024)
        assert ranges_of_rows[0][0] == 0
        assert ranges_of_rows[-1][1] == 1024
        assert all(a[1] == b[0] for a, b in pairwise(ranges_of_rows))


def test_sketch_of_a_partition_does_not_depend_on_others(tmp_path: Path) -> None:
    texts = corpus(23, 30, 30)
    alone, beside = tmp_path / "alone", tmp_path / "beside"
    for folder in (alone, beside):
        folder.mkdir()
    run([sketch_stage(stored(alone, [texts], [50]), ExactDedup(), NearDedup())])
    run([sketch_stage(stored(beside, [texts, ["别的"]], [9, 9]), ExactDedup(), NearDedup())])
    assert (alone / "part-0.sketch").read_bytes() == (beside / "part-0.sketch").read_bytes()
