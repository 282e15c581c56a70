"""Counts of what was lost, against a plain reading of the definition."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.measure.damage import Damage
from curate.scan import scan
from curate.textbatch import TextBatch


def measured(*texts: str) -> list[tuple[int, int, float]]:
    batch = TextBatch.from_strings(list(texts))
    columns = Damage().measure_batch(batch, scan(batch))
    assert list(columns) == list(Damage.columns)
    return list(zip(*(column.tolist() for column in columns.values()), strict=True))


@pytest.mark.parametrize(
    ("text", "replaced", "debris"),
    [
        ("开会。", 0, 0),
        ("", 0, 0),
        ("文\ufffd字\ufffd", 2, 0),
        ("锟斤拷锟斤拷", 0, 6),
        ("锟斤", 0, 2),
        ("\ufffd\ufffd".encode().decode("gbk") * 3, 0, 9),
        ("\ufffd".encode().decode("cp1252"), 0, 3),
        ("烫烫烫烫", 0, 4),
        ("屯屯屯", 0, 3),
        ("水太烫烫了，屯垦", 0, 0),
        ("曹锟、斤拷", 0, 0),
        ("naïve ¿qué?", 0, 0),
    ],
)
def test_by_hand(text: str, replaced: int, debris: int) -> None:
    share = (replaced + debris) / max(len(text), 1)
    assert measured(text) == [(replaced, debris, pytest.approx(share))]


@given(st.lists(st.text(st.sampled_from("锟斤拷烫屯ï¿½»\ufffd文a\n"), max_size=30), max_size=5))
def test_against_a_regular_expression(texts: list[str]) -> None:
    debris = re.compile("锟斤拷?|烫{3,}|屯{3,}|ï¿½|ï»¿")
    expected = [
        (text.count("\ufffd"), sum(len(m.group()) for m in debris.finditer(text))) for text in texts
    ]
    assert [row[:2] for row in measured(*texts)] == expected
