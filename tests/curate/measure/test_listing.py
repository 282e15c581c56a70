"""Lists and menus by hand; what is no menu: titles, verse, prose, short texts."""

from __future__ import annotations

import opencc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.measure.listing import Listing
from curate.scan import scan
from curate.textbatch import TextBatch

TRADITIONAL = opencc.OpenCC("s2t")


def measured(text: str) -> tuple[float, float]:
    batch = TextBatch.from_strings([text])
    columns = Listing().measure_batch(batch, scan(batch))
    assert list(columns) == list(Listing.columns)
    return columns["list_lines"][0].item(), columns["menu_text"][0].item()


@pytest.mark.parametrize(
    "line",
    ["1、甲", "12. 甲", "3.甲", "（一）甲", "(2) 甲", "二、甲", "①甲", "• 甲", "·甲", "- 甲",
     "  * 甲", "a) 甲", "B．甲", "【3】甲", "[4] 甲", "★甲", "１２．甲", "十一、甲"],
)  # fmt: skip
def test_list_items(line: str) -> None:
    assert measured(line)[0] == 1


@pytest.mark.parametrize(
    "line",
    ["3.14是圆周率", "12:30开会", "2：1获胜", "一个人", "-5度", "——张三", "【图】甲", "（甲）乙",
     "a.com", "二十一世纪", "甲", "1998年", "12345、甲", "A股大涨", "（一）", "*注"],
)  # fmt: skip
def test_no_list_items(line: str) -> None:
    assert measured(line)[0] == (1 if line == "（一）" else 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("首页\n新闻中心\n产品展示\n联系我们", 1),
        ("首页 | 新闻 | 产品 | 联系我们", 1),
        ("首页　新闻　产品　招聘", 1),
        ("北京 > 海淀 > 租房 > 整租", 1),
        # The menu's share of the text: 14 of 14 + 11 characters.
        ("首页\n新闻中心\n产品展示\n联系我们\n今天的雨下得真大，路滑。", 14 / 26),
        # Two short lines are a title and its author.
        ("静夜思\n李白\n床前明月光，疑是地上霜。", 0),
        ("开会通知", 0),
        ("", 0),
        # Lines of verse say something: function words, or marks.
        ("轻轻的我走了\n正如我轻轻的来\n我轻轻的招手\n作别西天的云彩", 0),
        ("白日依山尽，\n黄河入海流。\n欲穷千里目，\n更上一层楼。", 0),
        ("this is a line of english words", 0),
        ("甲、乙、丙和丁", 0),
    ],
)
def test_menus(text: str, expected: float) -> None:
    assert measured(text)[1] == pytest.approx(expected)


@given(st.text("首页新闻，。|· \n1、（）•-了", max_size=60))
def test_range_and_layout(text: str) -> None:
    shares = measured(text)
    assert all(0 <= share <= 1 for share in shares)
    assert measured(text.replace("\n", " \n\u3000\n")) == pytest.approx(shares)


@given(st.text("我们产品联系关于开会发布这还着\n", max_size=40))
def test_the_same_in_both_scripts(text: str) -> None:
    assert measured(TRADITIONAL.convert(text)) == measured(text)
