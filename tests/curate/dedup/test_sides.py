"""Pairs equal on one side: by hand, and against the rule in plain Python."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.dedup import plan, sides
from curate.dedup.corpus import TextPartition
from curate.dedup.kind import EXACT_KIND, NEAR_KIND, SAME_EN_KIND, SAME_ZH_KIND
from curate.dedup.options import ExactDedup, NearDedup, SideDedup
from curate.dedup.plan import later_stages, sketch_stage
from curate.dedup.sides import SIDES, hashed_sides, side_ranges
from curate.engine.task import reports
from curate.storage import read_arrow, write_arrow
from curate.textbatch import TextBatch
from tests.curate.dedup import reference

Fate = tuple[int, int]
"""Row kept instead, and kind."""

EVERY = SideDedup(zh="first", en="first", zh_characters=0, en_characters=0)


@dataclass(frozen=True)
class Pair:
    zh: str
    en: str
    score: float = 0.5
    priority: int = 50

    @property
    def text(self) -> str:
        return f"{self.zh}\n{self.en}"


def fates(
    pairs: list[Pair],
    folder: Path,
    options: SideDedup | None,
    exact: ExactDedup | None = None,
    near: NearDedup | None = None,
    rows: int = 3,
) -> dict[int, Fate]:
    """What the tasks decide of the rows that go; partitions of `rows` rows of one priority."""
    partitions: list[TextPartition] = []
    outputs: list[Path] = []
    firsts: list[int] = []
    begin = 0
    while begin < len(pairs):
        end = begin + 1
        same = pairs[begin].priority
        while end < min(begin + rows, len(pairs)) and pairs[end].priority == same:
            end += 1
        part = pairs[begin:end]
        path = folder / f"{begin:04d}.arrow"
        columns = {side: pa.array([getattr(p, side) for p in part], "str") for side in SIDES}
        table = pa.table(
            {
                "text": pa.array([p.text for p in part], pa.large_string()),
                "pair_score": pa.array([p.score for p in part], pa.float32()),
                **hashed_sides({s: TextBatch.from_arrow(columns[s]) for s in SIDES}),
            }
        )
        write_arrow(path, table)
        partitions.append(
            TextPartition(
                texts=str(path),
                sketch=str(path.with_suffix(".sketch")),
                rows=len(part),
                priority=same,
                sides=str(path.with_suffix(".sides")) if options else None,
            )
        )
        outputs.append(path.with_suffix(".duplicates"))
        firsts.append(begin)
        begin = end
    stages = later_stages(partitions, folder, outputs, exact, near, options)
    if exact or near:
        stages = [sketch_stage(partitions, exact, near), *stages]
    for stage in stages:
        for job in stage.jobs:
            list(reports(job.task))
    found: dict[int, Fate] = {}
    for first, output in zip(firsts, outputs, strict=True):
        for row in read_arrow(output).to_pylist():
            kept = firsts[row["kept_partition"]] + row["kept_position"]
            found[first + row["position"]] = (kept, row["kind"])
            if row["kind"] != NEAR_KIND:
                assert row["similarity"] == 1.0
    return found


def expected(pairs: list[Pair], before: dict[int, Fate], options: SideDedup) -> dict[int, Fate]:
    """The rule, over all pairs, from what exact and near deduplication decided."""
    gone = dict(before)
    for side, kind in (("zh", SAME_ZH_KIND), ("en", SAME_EN_KIND)):
        choice = getattr(options, side)
        if choice == "all":
            continue
        groups: dict[str, list[int]] = {}
        for i, pair in enumerate(pairs):
            form = reference.normal(getattr(pair, side))
            if len(form) >= getattr(options, f"{side}_characters"):
                groups.setdefault(form, []).append(i)
        now = dict(gone)
        for group in groups.values():
            alive = [i for i in group if i not in gone]
            followers = {i: [k for k, (kept, _) in gone.items() if kept == i] for i in alive}
            bound = {i for i in alive if not set(followers[i]) <= set(group)}
            candidates = bound or alive
            if not candidates:
                continue

            def order(i: int) -> tuple[float, ...]:
                pair = pairs[i]
                score = -pair.score if choice == "best" else 0  # noqa: B023
                return (score, -pair.priority, -len(pair.text), i)

            best = min(candidates, key=order)
            for i in set(alive) - bound - {best}:
                now[i] = (best, kind)
                now |= dict.fromkeys(followers[i], (best, kind))
        gone = now
    return gone


def test_of_one_source_with_many_targets_the_first_stays(tmp_path: Path) -> None:
    pairs = [
        Pair("镇上的图书馆开门了。", "The library is open."),
        Pair("镇上的图书馆开门了。", "The library in the town is open again."),  # longer
        Pair("桥修好了。", "The bridge is repaired."),
        Pair("镇上的 图书馆开门了。", "It opened."),  # the same but for a blank
        Pair("渡口也开了。", "The bridge is repaired."),  # one target with two sources
    ]
    assert fates(pairs, tmp_path, EVERY) == {
        0: (1, SAME_ZH_KIND),
        3: (1, SAME_ZH_KIND),
        2: (4, SAME_EN_KIND),
    }


def test_the_best_has_the_highest_score_then_the_rank(tmp_path: Path) -> None:
    pairs = [
        Pair("镇上的图书馆开门了。", "A library.", 0.9, 40),
        Pair("镇上的图书馆开门了。", "The library in the town is open again.", 0.2, 60),
        Pair("桥修好了。", "The bridge.", 0.7),
        Pair("桥修好了。", "Now the bridge is repaired.", 0.7),
        Pair("渡口。", "A.", float("nan")),
        Pair("渡口。", "A ferry.", 0.0),
    ]
    options = EVERY.model_copy(update={"zh": "best"})
    assert fates(pairs, tmp_path, options) == {
        1: (0, SAME_ZH_KIND),
        2: (3, SAME_ZH_KIND),
        4: (5, SAME_ZH_KIND),
    }


def test_short_sides_keep_all_their_translations(tmp_path: Path) -> None:
    pairs = [
        Pair("谢谢。", "Thanks."),
        Pair("谢谢。", "Thank you."),
        Pair("多谢各位。", "Thank you."),
        Pair("图书馆上个月重新开放了。", "The library opened again."),
        Pair("图书馆上个月重新开放了。", "The library has been open again for a month."),
    ]
    assert len("图书馆上个月重新开放了。") == SideDedup().zh_characters
    assert fates(pairs, tmp_path, SideDedup()) == {3: (4, SAME_ZH_KIND)}
    shorter = SideDedup(zh_characters=13)
    (tmp_path / "more").mkdir()
    assert fates(pairs, tmp_path / "more", shorter) == {}


def test_the_row_kept_for_a_chinese_side_is_kept_at_the_end(tmp_path: Path) -> None:
    """B stays for A by its Chinese; C, though longer, equals B in English and goes for it."""
    pairs = [
        Pair("甲甲甲", "one"),
        Pair("甲甲甲", "two two"),
        Pair("乙乙乙乙乙乙乙乙乙乙", "two two"),
    ]
    assert fates(pairs, tmp_path, EVERY) == {0: (1, SAME_ZH_KIND), 2: (1, SAME_EN_KIND)}


def test_two_rows_that_others_went_for_both_stay(tmp_path: Path) -> None:
    pairs = [
        Pair("甲甲甲", "one"),
        Pair("甲甲甲", "two two"),
        Pair("乙乙乙", "one 1"),
        Pair("乙乙乙", "two two"),
    ]
    assert fates(pairs, tmp_path, EVERY) == {0: (1, SAME_ZH_KIND), 2: (3, SAME_ZH_KIND)}


def test_an_exact_duplicate_goes_where_its_original_goes(tmp_path: Path) -> None:
    pairs = [
        Pair("甲甲甲", "one"),
        Pair("甲甲甲", "One"),
        Pair("甲甲甲", "another one"),
    ]
    found = fates(pairs, tmp_path, EVERY, ExactDedup())
    assert found == {0: (2, SAME_ZH_KIND), 1: (2, SAME_ZH_KIND)}


def test_a_row_kept_for_a_near_duplicate_with_another_side_stays(tmp_path: Path) -> None:
    """Else nothing that is kept would stand for the near duplicate."""
    long = "The library on the corner has opened again after the repairs, and the children came."
    pairs = [
        Pair("图书馆开门了，孩子们都来了。", long + " All"),
        Pair("图书馆开门了，孩子们也来了。", long + " Al"),
        Pair("图书馆开门了，孩子们都来了。", "Open, they came. " * 9),
    ]
    near = NearDedup(threshold=0.7)
    assert fates(pairs, tmp_path, None, ExactDedup(), near) == {1: (0, NEAR_KIND)}
    (tmp_path / "sides").mkdir()
    found = fates(pairs, tmp_path / "sides", EVERY, ExactDedup(), near)
    assert found == {1: (0, NEAR_KIND), 2: (0, SAME_ZH_KIND)}


_SIDE = st.sampled_from(["甲", "甲 ", "乙", "甲乙", "Ａ", "a", "一二三四", "丙"])
_PAIRS = st.lists(
    st.builds(
        Pair,
        zh=_SIDE,
        en=_SIDE,
        score=st.sampled_from([0.0, 0.25, 0.5]),
        priority=st.sampled_from([40, 50]),
    ),
    max_size=14,
)
_CHOICE = st.sampled_from(["first", "best", "all"])


@given(
    _PAIRS, _CHOICE, _CHOICE, st.integers(0, 2), st.sampled_from([None, ExactDedup()]), st.data()
)
@settings(max_examples=60)
def test_agrees_with_the_rule(tmp_path_factory, pairs, zh, en, least, exact, data) -> None:
    if (zh, en) == ("all", "all"):
        zh = "first"
    options = SideDedup(zh=zh, en=en, zh_characters=least, en_characters=least)
    folder = tmp_path_factory.mktemp("sides")
    before: dict[int, Fate] = {}
    if exact is not None:
        (folder / "before").mkdir()
        before = fates(pairs, folder / "before", None, exact)
        assert all(kind == EXACT_KIND for _, kind in before.values())
    rows = data.draw(st.integers(1, 5))
    found = fates(pairs, folder, options, exact, rows=rows)
    assert found == expected(pairs, before, options)
    assert not {kept for kept, _ in found.values()} & set(found)


def test_how_the_work_is_cut_changes_nothing(tmp_path: Path, monkeypatch) -> None:
    draw = np.random.default_rng(3)
    pairs = [
        Pair(f"甲{a}", f"b {b}", float(s), 50 + int(a) % 2)
        for a, b, s in zip(
            draw.integers(0, 40, 150), draw.integers(0, 40, 150), draw.random(150), strict=True
        )
    ]
    pairs.sort(key=lambda pair: pair.priority)
    options = EVERY.model_copy(update={"zh": "best"})
    whole = fates(pairs, tmp_path, options, ExactDedup(), rows=1000)
    assert {kind for _, kind in whole.values()} == {SAME_ZH_KIND, SAME_EN_KIND}
    (tmp_path / "cut").mkdir()
    monkeypatch.setattr(sides, "_ROWS_AT_ONCE", 7)
    monkeypatch.setattr(
        plan, "side_ranges", lambda rows, mb: [(i, i + 64) for i in range(0, 1024, 64)]
    )
    assert fates(pairs, tmp_path / "cut", options, ExactDedup(), rows=4) == whole


def test_ranges_cover_all_buckets_within_the_memory() -> None:
    assert side_ranges(1000, 64) == [(0, 1024)]
    ranges = side_ranges(10**8, 1024)
    assert ranges[0][0] == 0 and ranges[-1][1] == 1024
    assert all(a[1] == b[0] for a, b in pairwise(ranges))
    assert 10**8 * sides.SIDE_RECORD.itemsize * 5 / len(ranges) <= 64 << 20
    with pytest.raises(ValueError, match="all of both sides stay"):
        SideDedup(zh="all", en="all")
