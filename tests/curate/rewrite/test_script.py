"""Script conversion: what is converted, what must not be, and that once is enough."""

import numpy as np
import opencc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.characters import han_conversions
from curate.rewrite.script import ScriptConversion
from curate.rewrite.variants import REGIONAL, Script, script_table
from curate.scan import scan
from curate.textbatch import TextBatch

REWRITE = ScriptConversion()
TRADITIONAL, SIMPLIFIED = han_conversions()


@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [
        ("開會。", "开会。"),
        ("他們在圖書館裡討論歷史問題。", "他们在图书馆里讨论历史问题。"),
        ("頭髮後面有皇后的照片，發現了乾燥的幹部", "头发后面有皇后的照片，发现了干燥的干部"),
        ("乾隆年間的慰藉與狼藉，瞭望臺上一目瞭然", "乾隆年间的慰藉与狼藉，瞭望台上一目了然"),
        ("沈默", "沉默"),
        ("瞭解", "了解"),
        ("藉口", "借口"),
        ("看著", "看着"),
        ("著急", "着急"),
        ("他看著名單，著手準備", "他看着名单，着手准备"),
        ("附著於牆上，執著於夢想，隨著時間", "附着于墙上，执着于梦想，随着时间"),
        ("著名作家的著作與原著、專著、顯著成就", "著名作家的著作与原著、专著、显著成就"),
        ("議論著新的論著，翻譯著他的譯著", "议论着新的论著，翻译着他的译著"),
        ("合著一本書，閉眼合著眼", "合著一本书，闭眼合着眼"),
        ("曹雪芹著《紅樓夢》", "曹雪芹著《红楼梦》"),
        ("看著《新聞》", "看着《新闻》"),
        ("位於倫敦，用於單車，樊於期", "位于伦敦，用于单车，樊於期"),
        ("衞生局的枱燈與屋簷", "卫生局的台灯与屋檐"),
        ("他是家中的老么嗎", "他是家中的老幺吗"),
    ],
)
def test_traditional_to_simplified(traditional: str, simplified: str) -> None:
    assert REWRITE.rewrite(traditional) == simplified


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello, wörld",
        "开会。",
        "乾隆皇帝与皇后在干旱的后花园里瞭望，余先生姓叶，三里路，干杯",
        "他慰藉地说：狼藉、枕藉；藉此机会",
        "著名作家执著于土著文化，他的原著、编著、专著卓著，显著地著称于世",
        "宫商角徵羽，哪吒闹海，天堂蒜薹之歌，毕昇发明活字，凌濛初写小说",
        "手塚治虫与篠原先生说话",
        "什么、怎么、这么、干么、是么",
        "把东西打坏了，机器坏了",
        "沈先生说沈阳下雪了",
        "王力等著的《古代汉语》",
        "東京都知事選挙",
        "広島県の駅前で働く",
        "本日は晴天なり。東京駅に集合。",
        "綺麗な海辺を歩く",
    ],
)
def test_left_alone(text: str) -> None:
    assert REWRITE.rewrite(text) == text


def test_a_quotation_in_simplified_text_is_all_that_changes() -> None:
    text = "这本书里的“開會”两个字写成了繁体，李乾说那是从前的写法，打坏了也没关系。"
    assert REWRITE.rewrite(text) == text.replace("開會", "开会")
    assert REWRITE.rewrite("他们看著她说话，随著时间过去，著急了") == (
        "他们看着她说话，随着时间过去，着急了"
    )


def test_each_line_by_its_own_script() -> None:
    text = "这是简体的说明，李乾写的。\n這是繁體的原文，乾杯，沈默。\n"
    assert REWRITE.rewrite(text) == "这是简体的说明，李乾写的。\n这是繁体的原文，干杯，沉默。\n"


def test_japanese_inside_chinese_stays() -> None:
    text = "這部電影的原名是「東京駅の物語」，導演說過這句話。"
    assert REWRITE.rewrite(text) == "这部电影的原名是「東京駅の物語」，导演说过这句话。"
    assert REWRITE.rewrite("歡迎來到我們の家園，大家請進來參觀") == (
        "欢迎来到我们の家园，大家请进来参观"
    )


def test_to_traditional() -> None:
    def to(variant: str) -> ScriptConversion:
        return ScriptConversion.model_validate({"to": "traditional", "variant": variant})

    text = "里面为什么没有台湾的线？皇后后来说了。"
    for variant, config in (("standard", "s2t"), ("taiwan", "s2tw"), ("hong_kong", "s2hk")):
        assert to(variant).rewrite(text) == opencc.OpenCC(config).convert(text)
    assert to("standard").rewrite("以后") == "以後"
    assert to("standard").rewrite("裡面有條線") == "裡面有條線"
    assert to("standard").rewrite("広島県の駅") == "広島県の駅"


def test_keep_and_options() -> None:
    assert ScriptConversion(to="keep").rewrite("開會，看著") == "開會，看著"
    with pytest.raises(ValidationError):
        ScriptConversion.model_validate({"to": "cantonese"})


HAN = sorted(SIMPLIFIED - {"著"} - set(REGIONAL)) + list("的一是在人有我他说着后里干余藉瞭乾，。\n")


@settings(max_examples=200)
@given(st.text(st.sampled_from(HAN), max_size=50))
def test_simplified_text_passes_byte_for_byte(text: str) -> None:
    text = f"这个{text}\n来说"  # shown to be simplified
    assert REWRITE.rewrite(text) == text


MIXED = sorted(TRADITIONAL)[::7] + sorted(SIMPLIFIED)[::7] + list("著着看於乾坏沈么老里のカ駅，\n")


@settings(max_examples=200)
@given(st.text(st.sampled_from(MIXED), max_size=40), st.sampled_from(["simplified", "traditional"]))
def test_once_is_enough(text: str, to: str) -> None:
    rewrite = ScriptConversion.model_validate({"to": to})
    once = rewrite.rewrite(text)
    assert rewrite.rewrite(once) == once
    assert len(once) == len(text)


def test_agrees_with_opencc_character_by_character() -> None:
    table = script_table()
    # 於 and 著 are decided by their neighbours.
    chars = [c for c in sorted(TRADITIONAL) if table[ord(c)] & 15 == Script.TRADITIONAL]
    chars = [c for c in chars if c not in REGIONAL]
    assert len(chars) > 2500
    batch = TextBatch.from_strings(chars)
    new, changed = REWRITE.rewrite_batch(batch, scan(batch))
    assert len(changed) == len(chars)
    convert = opencc.OpenCC("t2s").convert
    for char, ours in zip(chars, new.strings(), strict=True):
        theirs = convert(char)
        assert ours == (convert(theirs) if theirs in TRADITIONAL else theirs)


def test_a_batch_is_its_texts() -> None:
    texts = ["開會", "开会", "", "看著", "著名", "東京駅です"]
    batch = TextBatch.from_strings(texts)
    new, changed = REWRITE.rewrite_batch(batch, scan(batch))
    assert new.strings() == [REWRITE.rewrite(text) for text in texts]
    assert changed.dtype == np.int64
    assert changed.tolist() == [0, 3]
