"""What many instructions of a partition share, and fields one under the other."""

from __future__ import annotations

import random
import re
from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.instructions.lines import Field, lines_of_fields
from curate.instructions.wording import own_wording, own_wordings


def plain(instructions: list[str]) -> list[str]:
    """Without the pieces that a hundred rows, and one in two hundred, have."""
    pieces = [re.split("[\n。！？：；:;?!]+", text) for text in instructions]
    rows = Counter(piece for row in pieces for piece in set(row) if len(piece) >= 4)
    least = max(100, len(instructions) // 200)
    return [
        text
        if all(rows[piece] < least for piece in row)
        else "\n".join(piece for piece in row if rows[piece] < least)
        for text, row in zip(instructions, pieces, strict=True)
    ]


PIECES = [
    "请改写下面的句子",
    "Translate this",
    "改写",
    "é！",
    "豆腐怎么做",
    "",
    "🙂🙂🙂🙂",
    "e\u3002x",
]
MARKS = ["：", "\n", "。", "？", ";", "", "?!", "：\n", "、", "…", "＃"]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(90, 450))
def test_shared_wording_as_a_regular_expression_finds_it(seed: int, count: int) -> None:
    draw = random.Random(seed)
    often = draw.choices(PIECES, k=2)
    texts = [
        "".join(
            (draw.choice(often) if draw.random() < 0.5 else f"{draw.choice(PIECES)}{i}")
            + draw.choice(MARKS)
            for _ in range(draw.randrange(4))
        )
        for i in range(count)
    ]
    texts += [f"{often[0]}。{i}" for i in range(draw.choice([0, 99, 100, 200]))]
    array = pa.array(["before", *texts], pa.large_string())[1:]
    found = own_wording(array)
    assert found.to_pylist() == plain(texts)
    assert (found is array) == (plain(texts) == texts)


def test_wording_is_shared_within_a_partition_only():
    texts = pa.array([f"请改写下面的句子：{i}" for i in range(199)], pa.large_string())
    assert own_wordings(texts, [99, 0, 100])[98:101].to_pylist() == [
        "请改写下面的句子：98",
        "99",
        "100",
    ]
    assert own_wordings(texts, [99, 99, 1]) is texts


@given(st.lists(st.lists(st.text(max_size=4), min_size=3, max_size=3), max_size=6), st.data())
def test_fields_one_under_the_other(rows: list[list[str]], data: st.DataObject) -> None:
    rows = [[text.encode("utf-8", "ignore").decode() for text in row] for row in rows]
    turns = [data.draw(st.lists(st.sampled_from(["", "甲", "ab"]), max_size=3)) for _ in rows]
    every = np.arange(len(rows))
    said = pa.array([text for own in turns for text in own], pa.large_string())
    fields = [Field(said, np.repeat(every, [len(own) for own in turns]))]
    for at in range(3):
        own = ["x", *(row[at] for row in rows)]
        fields.append(Field(pa.array(own, pa.large_string())[1:], every))
    expected = ["\n".join(t for t in (*a, *b) if t) for a, b in zip(turns, rows, strict=True)]
    found = lines_of_fields(fields, len(rows))
    found.validate(full=True)
    assert found.to_pylist() == expected


def test_nothing_is_as_good_as_empty():
    texts = pa.array(["a", None, ""], pa.large_string())
    fields = [Field(texts, np.arange(3)), Field(texts, np.arange(3))]
    assert lines_of_fields(fields, 3).to_pylist() == ["a\na", "", ""]
