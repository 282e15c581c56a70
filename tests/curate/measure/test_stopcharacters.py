"""Share of function characters: by hand, and alike in both scripts."""

from __future__ import annotations

import opencc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.measure.stopcharacters import CANTONESE, CLASSICAL, MODERN, StopCharacters
from curate.scan import scan
from curate.textbatch import TextBatch

TRADITIONAL = opencc.OpenCC("s2t")


def ratio(text: str, **options: str) -> float:
    batch = TextBatch.from_strings([text])
    return StopCharacters(**options).measure_batch(batch, scan(batch))["stop_ratio"][0].item()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("abc 123", 0),
        ("开会。", 0),
        ("我是谁", 1),
        ("他的书在桌上。", 3 / 6),
        ("首页 新闻 产品", 0),
        ("子曰：学而时习之", 3 / 7),
        ("你喺邊度呀", 3 / 5),
        ("The 的 end", 1),
    ],
)
def test_by_hand(text: str, expected: float) -> None:
    assert ratio(text) == pytest.approx(expected)


def test_both_forms_of_a_character_count() -> None:
    for name in ("s2t", "t2s"):
        convert = opencc.OpenCC(name).convert
        for char in MODERN + CLASSICAL:
            assert convert(char) in StopCharacters().characters, (name, char)
    # 係 becomes 系, which is in 系统 and 联系 and does not count; 嗰 becomes one that no one types.
    convert = opencc.OpenCC("t2s").convert
    lost = [c for c in CANTONESE if convert(c) not in StopCharacters().characters]
    assert lost == ["係", "嗰"]


@given(st.text("我们这个过没有对为还让给虽里后干发书门学习天气很好，。", max_size=40))
def test_the_same_in_both_scripts(text: str) -> None:
    assert ratio(TRADITIONAL.convert(text)) == pytest.approx(ratio(text))


def test_a_list_of_ones_own() -> None:
    assert ratio("天地玄黄", characters="天地") == 0.5
    with pytest.raises(ValidationError):
        StopCharacters(characters="")
    with pytest.raises(ValidationError):
        StopCharacters(characters="\U00020000")
