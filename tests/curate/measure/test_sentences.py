"""Ends of lines and sentences: by hand, against plain Python, and what must hold for any text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.measure.sentences import CLOSERS, FINAL, SHORT, Sentences
from curate.scan import scan
from curate.textbatch import TextBatch


def measured(*texts: str) -> list[dict[str, float]]:
    batch = TextBatch.from_strings(list(texts))
    columns = Sentences().measure_batch(batch, scan(batch))
    assert list(columns) == list(Sentences.columns)
    return [{name: column[i].item() for name, column in columns.items()} for i in range(len(texts))]


@pytest.mark.parametrize(
    ("text", "ended_lines", "ellipsis_lines", "sentence_text", "mean_sentence"),
    [
        ("", 0, 0, 0, 0),
        (" \n\u3000", 0, 0, 0, 0),
        ("开会。", 1, 0, 1, 3),
        ("开会通知", 0, 0, 0, 4),
        # Closing marks belong to the sentence before; blanks count for nothing.
        ("他说：“好的。”\n目 录", 0.5, 0, 8 / 10, 5),
        ("（见附表。）】", 1, 0, 1, 7),
        ("走吧！走吧？走", 0, 0, 6 / 7, 7 / 3),
        ("版本3.14发布。", 1, 0, 1, 9),
        ("He left. Then he", 0, 0, 7 / 13, 6.5),
        ("Done.", 1, 0, 1, 5),
        ("写于a.com和 .NET上", 0, 0, 0, 13),
        ("1.甲乙丙", 0, 0, 0, 5),
        # Abstracts set half-width stops between Chinese sentences.
        ("效果很好.方法用DNA.结果", 0, 0, 12 / 14, 14 / 3),
        # An ellipsis ends a sentence; lines count as cut short only from three lines on.
        ("他走了……", 1, 0, 1, 5),
        ("一……\n二...\n三。。。\n四。", 1, 0.75, 1, 13 / 4),
        ("一…”\n二\n三", 1 / 3, 1 / 3, 3 / 5, 5 / 3),
    ],
)
def test_by_hand(
    text: str, ended_lines: float, ellipsis_lines: float, sentence_text: float, mean_sentence: float
) -> None:
    (row,) = measured(text)
    assert row["ended_lines"] == pytest.approx(ended_lines)
    assert row["ellipsis_lines"] == pytest.approx(ellipsis_lines)
    assert row["sentence_text"] == pytest.approx(sentence_text)
    assert row["mean_sentence"] == pytest.approx(mean_sentence)


def test_repeated_sentences() -> None:
    twice = "今天天气很好。今天天气很好！"
    short = "好的。好的。好的。好的。"
    over_lines = "欢迎来到本站\n欢迎来到本站。"
    rows = measured(twice, short, over_lines, "今天天气很好。明天天气很好。")
    assert [row["repeated_sentences"] for row in rows] == pytest.approx([0.5, 0, 7 / 13, 0])


@pytest.mark.parametrize("mark", [*FINAL, "."])
def test_every_final_mark_ends_a_line(mark: str) -> None:
    rows = measured(f"下雨了{mark}", *(f"下雨了{mark}{closer}" for closer in CLOSERS))
    assert all(row["ended_lines"] == 1 for row in rows)


def naive(text: str) -> dict[str, float]:
    """The definition, read plainly, for texts of 甲 乙 。 ！ ” and blanks."""
    lines = [re.sub(r"\s", "", line) for line in text.split("\n")]
    lines = [line for line in lines if line]
    parts = [
        part for line in lines for part in re.findall(r"[^。！]*[。！][。！”]*|[^。！]+", line)
    ]
    filled = sum(map(len, lines))
    met: set[str] = set()
    again = 0
    for part in parts:
        words = re.sub(r"(?<=[。！])”+", "", part)
        words = re.sub("[。！]", "", words)
        if len(words) >= SHORT:
            again += len(part) if words.replace("”", "") in met else 0
            met.add(words.replace("”", ""))
    return {
        "ended_lines": sum(bool(re.search("[。！]”*$", x)) for x in lines) / max(len(lines), 1),
        "sentence_text": sum(len(p) for p in parts if re.search("[。！]", p)) / max(filled, 1),
        "mean_sentence": filled / max(len(parts), 1),
        "repeated_sentences": again / max(filled, 1),
    }


@given(st.lists(st.text("甲乙甲乙。！” \n\u3000", max_size=60), max_size=4))
def test_agrees_with_plain_python(texts: list[str]) -> None:
    for text, row in zip(texts, measured(*texts), strict=True):
        expected = naive(text)
        assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-6)


@given(st.text("今天雨，。！？…”.a3\n", max_size=80), st.sampled_from([" ", "\u3000", "\t"]))
def test_ranges_and_blank_lines(text: str, blank: str) -> None:
    row, spread = measured(text, text.replace("\n", f"{blank}\n\n"))
    assert row == spread
    shares = [value for name, value in row.items() if name != "mean_sentence"]
    assert all(0 <= share <= 1 for share in shares)


def test_a_batch_measures_each_text_alone() -> None:
    texts = ["今天天气很好。", "今天天气很好。今天天气很好。", "", "明天见……"]
    assert measured(*texts) == [measured(text)[0] for text in texts]
