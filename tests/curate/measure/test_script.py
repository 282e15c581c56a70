"""The script label against hand-written texts and against OpenCC."""

import opencc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.measure.script import ScriptLabel
from curate.scan import scan
from curate.textbatch import TextBatch


def measured(*texts: str) -> list[tuple[str, int, int]]:
    batch = TextBatch.from_strings(list(texts))
    columns = ScriptLabel().measure_batch(batch, scan(batch))
    assert list(columns) == list(ScriptLabel.columns)
    labels = columns["script"].to_pylist()
    return list(
        zip(
            labels,
            columns["traditional_chars"].tolist(),
            columns["simplified_chars"].tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("开会。", ("simplified", 0, 2)),
        ("開會。", ("traditional", 2, 0)),
        ("中文", ("none", 0, 0)),
        ("", ("none", 0, 0)),
        ("Hello 123", ("none", 0, 0)),
        ("他说開會", ("mixed", 2, 1)),
        ("乾隆著", ("none", 0, 0)),
        ("皇后在台上，這裡有里長", ("traditional", 3, 0)),
    ],
)
def test_by_hand(text: str, expected: tuple[str, int, int]) -> None:
    assert measured(text) == [expected]


def test_a_quotation_does_not_make_a_text_mixed() -> None:
    assert measured("这个说法来自这个时间的记录，没问题" * 4 + "開")[0][0] == "simplified"


def test_japanese_is_neither() -> None:
    assert measured("今日は東京駅で会議があります")[0][0] == "none"
    assert measured("我們の家園很漂亮，歡迎大家來參觀")[0][0] == "traditional"


@given(st.text(st.sampled_from("这个说来时间问题学习开会经济发头难谁"), min_size=1, max_size=30))
def test_conversion_turns_the_label(text: str) -> None:
    converted = opencc.OpenCC("s2t").convert(text)
    assert [label for label, _, _ in measured(text, converted)] == ["simplified", "traditional"]
