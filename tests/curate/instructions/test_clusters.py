"""Training and validation: what belongs together is on one side."""

from __future__ import annotations

import itertools
import random
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from curate.instructions.clusters import joined
from tests.curate.corpus import fingerprints, sentence
from tests.curate.dedup import reference
from tests.curate.instructions.builds import built, data, recipe, row, write


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12), max_size=5)
)
def test_joined_against_a_flood(portions):
    arrays = [np.array(pairs, np.uint64).reshape(-1, 2) for pairs in portions]
    openings, names = joined(iter(arrays))
    edges = [edge for pairs in portions for edge in pairs]
    members = sorted({a for edge in edges for a in edge})
    assert openings.tolist() == members
    for member, found in zip(members, names.tolist(), strict=True):
        reached, waiting = {member}, [member]
        while waiting:
            at = waiting.pop()
            for a, b in edges:
                for near in {a: {b}, b: {a}}.get(at, ()):
                    if near not in reached:
                        reached.add(near)
                        waiting.append(near)
        assert found == min(reached)


def question(r) -> str:
    said = [turn[0] for turn in r.get("history", [])]
    return "\n".join(t for t in [*said, r["instruction"], r["input"]] if t)


def whole(r) -> str:
    said = [text for turn in r.get("history", []) for text in turn]
    return "\n".join(t for t in [*said, r["instruction"], r["input"], r["output"]] if t)


def opening(r) -> str:
    history = r.get("history", [])
    return reference.normal(history[0][0] if history else question(r))


def alike(a: str, b: str) -> bool:
    one, other = reference.shingle_set(a), reference.shingle_set(b)
    return bool(one and other) and len(one & other) / len(one | other) >= 0.8


def clusters(rows) -> list[int]:
    """A number for each row's cluster, by comparing every row with every other."""
    number = list(range(len(rows)))
    for i, j in itertools.combinations(range(len(rows)), 2):
        a, b = rows[i], rows[j]
        if (
            opening(a) == opening(b)
            or reference.normal(question(a)) == reference.normal(question(b))
            or alike(question(a), question(b))
            or alike(whole(a), whole(b))
        ):
            old, new = number[j], number[i]
            number = [new if n == old else n for n in number]
    return number


def varied(draw: random.Random, text: str) -> str:
    """The text with a character or two changed, or as it is."""
    for _ in range(draw.randrange(3)):
        at = draw.randrange(len(text))
        text = text[:at] + draw.choice("的了山水。") + text[at + draw.randrange(2) :]
    return text


@settings(max_examples=5, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    seed=st.integers(0, 10**6),
    extra=st.sampled_from(
        [
            "",
            "dedup: {answers: keep_all}",
            "dedup: {questions: {}, answers: keep_best}",
            "dedup: {near: false}",
            "dedup: false",
            "dedup: {near: {threshold: 0.9}}",
        ]
    ),
)
def test_no_cluster_is_on_both_sides(seed, extra):
    draw = random.Random(seed)
    topics = [
        (sentence(seed + t) + sentence(seed - t - 1), sentence(seed + 50 + t)) for t in range(14)
    ]
    rows = []
    for _ in range(70):
        (asked, answer), (other, _) = draw.choice(topics), draw.choice(topics)
        kind = draw.randrange(4)
        if kind == 0:
            rows.append(row(varied(draw, asked), sentence(draw.randrange(10**9))))
        elif kind == 1:
            rows.append(row(varied(draw, asked), varied(draw, answer)))
        elif kind == 2:
            turns = [[asked, sentence(draw.randrange(99))]]
            rows.append(row(varied(draw, other), varied(draw, answer), history=turns))
        else:
            rows.append(row(sentence(draw.randrange(10**9)), sentence(draw.randrange(10**9))))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root / "in/a.jsonl", rows)
        result = built(root / "out", recipe(root / "in", f"{extra}\nmixture: {{valid: 0.4}}"))
        sides: dict[int, set[str]] = {}
        number = clusters(rows)
        for r in data(result):
            sides.setdefault(number[int(r["id"][-9:]) - 1], set()).add(r["split"])
    assert max(map(len, sides.values())) == 1


def test_rows_that_resemble_a_row_that_is_gone_are_together(tmp_path):
    """A and C both resemble B, which goes for one of them, and not each other."""
    for case in range(12):
        base = sentence(case) + sentence(100 + case)
        ends = base[: len(base) // 2], base[len(base) // 2 :]
        one = base[8:] + "。"
        other = base[:-9] + "。"
        rows = [row(base, ends[0]), row(one, ends[0]), row(other, ends[0])]
        assert alike(whole(rows[0]), whole(rows[1])) and alike(whole(rows[0]), whole(rows[2]))
        write(tmp_path / f"in/{case:02d}.jsonl", rows)
    extra = "mixture: {valid: 0.5, apart: 0.8}\ndedup: {near: {threshold: 0.8}}"
    result = built(tmp_path / "out", recipe(tmp_path / "in", extra))
    sides: dict[str, set[str]] = {}
    for r in data(result):
        sides.setdefault(r["id"][:-10], set()).add(r["split"])
    assert {len(side) for side in sides.values()} == {1}
    assert len({s for side in sides.values() for s in side}) == 2


@pytest.mark.parametrize("apart", [0.95, 0.6])
def test_how_much_alike_belongs_together_is_a_choice(tmp_path, apart):
    """Pairs of questions at about 0.75: together from 0.6, drawn apart from 0.95."""
    rows = []
    for i in range(40):
        asked = (sentence(i) + sentence(900 + i))[:80]
        at = 30
        rows += [
            row(asked, sentence(2 * i + 5000)),
            row(asked[:at] + "山" + asked[at + 1 :] + "再说明", sentence(2 * i + 5001)),
        ]
    write(tmp_path / "in/a.jsonl", rows)
    result = built(
        tmp_path / "out", recipe(tmp_path / "in", f"mixture: {{valid: 0.5, apart: {apart}}}")
    )
    sides: dict[int, set[str]] = {}
    for r in data(result):
        sides.setdefault((int(r["id"][-9:]) - 1) // 2, set()).add(r["split"])
    split = [len(side) for side in sides.values()]
    assert (max(split) == 1) == (apart == 0.6)


def test_a_cluster_larger_than_the_share_is_for_training(tmp_path):
    rows = [row(sentence(1), sentence(100 + i)) for i in range(40)]
    rows += [row(sentence(500 + i), sentence(2000 + i)) for i in range(60)]
    write(tmp_path / "in/a.jsonl", rows)
    for seed in range(6):
        extra = f"dedup: {{answers: keep_all}}\nmixture: {{valid: 0.2, seed: {seed}}}"
        result = built(tmp_path / "out", recipe(tmp_path / "in", extra))
        table = pq.read_table(result.folder / "data").to_pylist()
        assert {r["split"] for r in table if r["instruction"] == sentence(1)} == {"train"}
        assert {r["split"] for r in table} == {"train", "valid"}


def test_same_split_whatever_the_workers_and_parts(tmp_path):
    for file in range(3):
        rows = [row(sentence(i % 20) + "了" * file, sentence(i + 100 * file)) for i in range(30)]
        write(tmp_path / f"in/{file}.jsonl", rows)
    extra = "dedup: {answers: keep_all}\nmixture: {valid: 0.3}"
    asked = recipe(tmp_path / "in", extra)
    one, two = (built(tmp_path / f"{n}", asked, workers=n) for n in (1, 2))
    assert fingerprints(one.folder) == fingerprints(two.folder)
