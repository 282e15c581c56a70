"""The limits of recipes/web.yaml: short, old and spoken Chinese is spared, and the rest is not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from curate.decide import decided
from curate.recipe import read
from curate.refine import Clock, measured
from curate.scan import scan
from curate.textbatch import TextBatch
from tests.conftest import ROOT

SPARED = {
    "five characters": [
        "今天开会。",
        "北京时间二",
        "上一页首页",
        "哈哈哈哈哈",
        "点击进入网",
        "12345",
        "真人百家乐",
    ],
    "verse": ["白日依山尽，黄河入海流。\n欲穷千里目，更上一层楼。"],
    "traditional verse": [
        "國破山河在，城春草木深。\n感時花濺淚，恨別鳥驚心。\n烽火連三月，家書抵萬金。"
    ],
    "classical": [
        "子曰：“学而时习之，不亦说乎？有朋自远方来，不亦乐乎？人不知而不愠，不亦君子乎？”"
    ],
    "Cantonese": ["我唔知佢喺邊度，你打個電話問下啦。今日落大雨，我哋不如留喺屋企食火鍋。"],
    "verse without marks": ["轻轻的我走了\n正如我轻轻的来\n我轻轻的招手\n作别西天的云彩"],
    "a notice": [
        "关于放假的通知\n各位老师、同学：\n国庆节放假七天，请大家注意安全。\n教务处\n9月28日"
    ],
    "a dialogue": ["吃饭了吗？\n还没呢……\n一起去吧！\n好的。\n好的。"],
}
MENU = "网站首页 公司简介 产品中心 新闻动态 成功案例 资质荣誉 人才招聘 在线留言 联系我们 网站地图"
ADVERT = (
    "本厂专业生产各种型号的阀门和水泵，规格齐全，价格合理，交货及时，在用户中有很好的名声，"
    "也承接非标准件的加工，欢迎新老用户前来洽谈。我们的地址在城南工业区二号路，每天上午八点到"
    "下午六点都有人接待，节假日也不休息。联系电话：0531-12345678 手机：13812345678"
)
DROPPED = {
    "quality.menu_text.max": MENU.replace(" ", "\n"),
    "quality.contact_text.max": ADVERT,
    "quality.repeated_10grams.max": "这款产品深受用户的喜爱和好评，值得购买。" * 12,
    "quality.gambling_terms.max": "老虎机和真人百家乐，注册送彩金，时时彩开奖直播。",
}


def reasons(texts: list[str]) -> list[str | None]:
    recipe = read(ROOT / "recipes" / "web.yaml")
    batch = TextBatch.from_strings(texts)
    columns = measured(batch, scan(batch), recipe.measures(), Clock())
    table = pa.table({"quarantine": pa.nulls(len(batch), pa.string()), **columns})
    found: list[str | None] = decided(table, recipe.quality, None, "document")["reason"].to_pylist()
    return found


@pytest.mark.parametrize("kind", SPARED)
def test_what_the_limits_spare(kind: str) -> None:
    assert reasons(SPARED[kind]) == [None] * len(SPARED[kind])


@pytest.mark.parametrize("reason", DROPPED)
def test_what_the_limits_drop(reason: str) -> None:
    assert reasons([DROPPED[reason]]) == [reason]


def test_no_limit_drops_a_text_of_five_characters_for_its_length() -> None:
    prose = "镇上的图书馆上个月重新开放，第一天就来了三百位居民，孩子们最喜欢靠窗的位置。"
    pieces = [prose[i : i + 5] for i in range(len(prose) - 5)]
    assert reasons(pieces) == [None] * len(pieces)
