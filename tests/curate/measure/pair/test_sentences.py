"""Sentences and ends of both sides, by hand."""

from __future__ import annotations

import pytest

from curate.measure.pair.sentences import (
    ELLIPSIS,
    EXCLAMATION,
    NONE,
    OPEN,
    QUESTION,
    STATEMENT,
    SentenceMeasure,
    sentences,
)
from curate.textbatch import TextBatch
from tests.curate.measure.pair.sides import measured


@pytest.mark.parametrize(
    ("text", "number", "end"),
    [
        ("今天开会。", 1, STATEMENT),
        ("今天开会。明天呢？后天！", 3, EXCLAMATION),
        ("他说：“走吧！”她没走。", 2, STATEMENT),
        ("他说：“走吧。”", 1, STATEMENT),
        ("真的吗？？！", 1, EXCLAMATION),
        ("『好吗？』", 1, QUESTION),
        ("等等……", 1, ELLIPSIS),
        ("价格是3.5元", 1, NONE),
        ("第一句.第二句.", 2, STATEMENT),
        ("如下：", 1, OPEN),
        ("标题", 1, NONE),
        ("", 0, NONE),
        ("。", 0, STATEMENT),
        ("Dr. Smith met Mr. Li in the U.S. last year. He left.", 2, STATEMENT),
        ("It grew 3.5%. See example.com for more.", 2, STATEMENT),
        ('He said, "Go!" She stayed.', 2, STATEMENT),
        ('"Is it?" he asked.', 1, STATEMENT),
        ("Is it?", 1, QUESTION),
        ("Wait... what?", 1, QUESTION),
        ("Wait...", 1, ELLIPSIS),
        ("In Art. 5, para. 2, no. 3 it says so.", 1, STATEMENT),
        ("No full stop here", 1, NONE),
        ("A first. And a rest", 2, NONE),
        ("As follows:", 1, OPEN),
    ],
)
def test_by_hand(text: str, number: int, end: int) -> None:
    found = sentences(TextBatch.from_strings(["前面。", text, "Behind."]))
    assert (int(found.number[1]), int(found.end[1])) == (number, end)


@pytest.mark.parametrize(
    ("zh", "en", "gap", "sentence", "end"),
    [
        ("一句。两句。", "One. Two.", 0, 1, 1),
        ("一句。两句。", "One, two.", 1, 2 / 3, 1),
        ("一句，两句。", "One. Two. Three.", -2, 2 / 4, 1),
        ("是吗？", "Is it?", 0, 1, 1),
        ("是吗？", "It is.", 0, 1, 0),
        ("好！", "Good.", 0, 1, 0.75),
        ("好", "Good.", 0, 1, 0.5),
        ("", "", 0, 1, 1),
    ],
)
def test_agreement(zh: str, en: str, gap: int, sentence: float, end: float) -> None:
    [row] = measured(SentenceMeasure(), (zh, en))
    assert row == pytest.approx(
        {"sentence_gap": gap, "sentence_agreement": sentence, "end_agreement": end}
    )
