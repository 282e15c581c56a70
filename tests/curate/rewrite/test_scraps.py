"""What templates leave at the ends of texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.rewrite.scraps import Scraps
from curate.scan import scan
from curate.textbatch import TextBatch

REWRITE = Scraps()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("哪类新闻？\n选项：体育，财经\n答案：", "哪类新闻？\n选项：体育，财经"),
        ("鲸是鱼吗？\n回答： \n", "鲸是鱼吗？"),
        ("2 + 2?\nAnswer:", "2 + 2?"),
        ("两句相同吗？选项：是，不是。答案：", "两句相同吗？选项：是，不是。"),
        ("### Response:\n四。", "四。"),
        ("高8844米<|1|>。又名圣母峰 <|1|> <|2|>。", "高8844米。又名圣母峰。"),
        ("约62立方厘米<sup><|1|></sup>。", "约62立方厘米。"),
        ("输入：[3, 1, 2]", "[3, 1, 2]"),
        ("输出:\n{}", "{}"),
        ("Input: apples", "apples"),
        ("说一种茶。\n### Response:", "说一种茶。"),
        ("说一种茶。\n\n### 回答", "说一种茶。"),
        ("绿茶。<eoh>", "绿茶。"),
        ("绿茶。</s></s>", "绿茶。"),
        ("<|im_start|>绿茶。<|im_end|>\n", "绿茶。"),
        ("[INST]说一种茶。[/INST]", "说一种茶。"),
        ("<noinput>", ""),
        ("<No Input>.", ""),
        ("（无输入）", ""),
        ("沒有輸入。", ""),
        ("<none>", ""),
    ],
)
def test_scraps_go(text: str, expected: str):
    assert REWRITE.rewrite(text) == expected
    assert REWRITE.rewrite(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "答案：",  # nothing stands before it
        "这道题的答案：B",
        "用户说：请在最后写上“答案：”",
        "他问：\n王先生的回答：",
        "None",
        "无",
        "</html>",
        "<b>",
        "vector<int>",
        "a[0]",
        "### 小结\n茶分六类。",
        "标记 <eoh> 表示一轮结束。",
        "没有输入密码就进不去。",
        "请写出答案：",
        "输入：3\n输出：9",
        "Input: A\nOutput: B",
        "输入：",
        "输入法有哪几种？",
        "a <| b |> c",
    ],
)
def test_others_stay(text: str):
    assert REWRITE.rewrite(text) == text


def test_placeholders_can_stay():
    assert Scraps(placeholders=False).rewrite("<noinput>") == "<noinput>"


PIECES = [
    "答案：",
    "\n",
    "### Response:",
    "<eoh>",
    "</s>",
    " ",
    "茶",
    "<noinput>",
    "A:",
    "无输入",
    "。",
    "<|1|>",
    "输入：",
    "Output:",
]


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), max_size=6))
def test_a_batch_is_its_texts_and_nothing_is_left_to_do(texts: list[str]):
    batch = TextBatch.from_strings(texts)
    new, _ = REWRITE.rewrite_batch(batch, scan(batch))
    assert new.strings() == [REWRITE.rewrite(text) for text in texts]
    assert [REWRITE.rewrite(text) for text in new.strings()] == new.strings()
