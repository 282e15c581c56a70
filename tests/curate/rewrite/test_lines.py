"""Repeated lines and doubled texts go; refrains, tables, lists and programs stay."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.rewrite.lines import Lines
from curate.scan import scan
from curate.textbatch import TextBatch

LONG = "关于进一步加强某项工作的通知已经印发，请各单位遵照执行"
NOTICE = "更多精彩内容请关注我们的官方账号并转发给朋友们"

CHANGED = [
    (f"{LONG}\n{LONG}\n正文从这里开始。", f"{LONG}\n正文从这里开始。"),
    (f"{LONG}\n\n{LONG}\n\n正文。", f"{LONG}\n\n正文。"),
    (f"　　{LONG}\n{LONG}  \n完。", f"　　{LONG}\n完。"),
    (
        f"第一段讲甲。\n{NOTICE}\n第二段讲乙。\n{NOTICE}\n第三段讲丙。\n{NOTICE}\n完。",
        f"第一段讲甲。\n{NOTICE}\n第二段讲乙。\n第三段讲丙。\n完。",
    ),
    (LONG + LONG, LONG),
    (f"{LONG}。\n甲乙丙丁。\n{LONG}。\n甲乙丙丁。", f"{LONG}。\n甲乙丙丁。"),
    (f"{LONG} {LONG} {LONG} {LONG}", LONG),
]

KEPT = [
    f"{LONG}\n中间的一句话。\n{LONG}\n后面的一句话。",
    "好的。\n好的。\n好的。",
    "在那遥远的山边有位好姑娘在歌唱\n人们走过她的帐房都要回头张望\n" * 3 + "完",
    "副歌\n我们一起走过了春天和夏天的那一条老路。\n" * 4 + "尾声",
    "合唱部分：\n这是一场智力的较量，这是一场机智的战争。\n后面的一段话写在这里。\n" * 3 + "尾声",
    "Row, row, row your boat, gently.\nLife is but a dream that ends.\n" * 3 + "The end",
    "Chorus:\nLet it shine over the hills, let it shine over the sea.\n" * 3 + "End",
    "| 一二三四五六七八九十一二三四五六 | 甲 |\n" * 4 + "完",
    "- 一二三四五六七八九十一二三四五六七八九十\n" * 4 + "完",
    "星期一：慢跑三公里再做力量训练三十分钟\n星期二：休息。\n" * 3 + "星期日：休息。",
    "int main() {\n    some_long_call(argument);\n    some_long_call(argument);\n}",
    "```\n一二三四五六七八九十一二三四五六七八\n一二三四五六七八九十一二三四五六七八\n```",
    "0 0 0 0 0 0 0 0 0 0 0 0 0 0\n" * 6 + "以上是矩阵。",
    "哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈",
    "红红火火恍恍惚惚",
    "谢谢谢谢",
    "",
]


@pytest.mark.parametrize(("text", "expected"), CHANGED)
def test_copies_go(text: str, expected: str) -> None:
    assert Lines().rewrite(text) == expected


@pytest.mark.parametrize("text", KEPT)
def test_meant_repetition_stays(text: str) -> None:
    assert Lines().rewrite(text) == text


def test_options() -> None:
    text = f"第一段。\n{NOTICE}\n第二段。\n{NOTICE}\n第三段。"
    assert Lines().rewrite(text) == text
    assert Lines(times=2).rewrite(text) == f"第一段。\n{NOTICE}\n第二段。\n第三段。"
    assert Lines(length=40).rewrite(f"{NOTICE}\n{NOTICE}\n完。") == f"{NOTICE}\n{NOTICE}\n完。"
    assert Lines(halves=False).rewrite(LONG + LONG) == LONG + LONG


LINES = st.sampled_from(
    [
        LONG,
        NOTICE,
        f" {LONG}",
        f"{LONG}\u3000",
        "",
        "  ",
        "短句。",
        "另一句话。",
        "a b c d e f g h i j k l m n",
        "- 项",
    ]
)
TEXTS = st.lists(LINES, max_size=12).map("\n".join) | st.text("甲乙丙丁戊己 \n", max_size=60)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_idempotent_and_keeps_every_distinct_line(text: str) -> None:
    once = Lines().rewrite(text)
    assert Lines().rewrite(once) == once
    assert len(once) <= len(text)
    if "\n" in once:
        before = {line.strip() for line in text.split("\n")} - {""}
        assert {line.strip() for line in once.split("\n")} - {""} <= before


@settings(max_examples=80, deadline=None)
@given(st.lists(TEXTS | TEXTS.map(lambda t: t + t), max_size=6))
def test_the_batch_looks_at_every_text_that_changes(texts: list[str]) -> None:
    rewrite = Lines()
    batch = TextBatch.from_strings(texts)
    result, changed = rewrite.rewrite_batch(batch, scan(batch))
    expected = [rewrite.rewrite(text) for text in texts]
    assert result.strings() == expected
    assert changed.tolist() == [
        i for i, (a, b) in enumerate(zip(texts, expected, strict=True)) if a != b
    ]
