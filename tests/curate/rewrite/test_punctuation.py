"""Runs of marks are cut; code, tables, addresses and drawings keep theirs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.rewrite.punctuation import Punctuation
from curate.scan import scan
from curate.textbatch import TextBatch

CHANGED = [
    ("等了很久。。。。。。", "等了很久……"),
    ("不知道。。。算了", "不知道……算了"),
    ("一般，，，，不好吃、、、", "一般……不好吃……"),
    ("真好！！！！！！", "真好！！！"),
    ("为什么？？？？真的吗?????", "为什么？？？真的吗???"),
    ("太好吃了~~~~~～～～～～", "太好吃了~~~～～～"),
    ("他说……………………好", "他说……好"),
    ("绝望了······然而", "绝望了……然而"),
    ("将军————的部下———走了", "将军——的部下——走了"),
    ("目录.............3", "目录......3"),
    ("甲。。。…，，，乙", "甲……乙"),
    ("标题\n====================\n正文", "标题\n==========\n正文"),
    ("甲\n—————————————————————\n乙", "甲\n——————————\n乙"),
]

KEPT = [
    "普通。句子，没有、重复；的！标点？",
    "……和——都是规范的，等等...或者......",
    "好！！！真的？！？！",
    "---\n标题: 甲\n---\n***\n===",
    "| 列一 | 列二 |\n|---------------|----------------|\n| 甲 | 乙 |",
    "姓名 | 年龄\n------------------------------\n张三 | 20",
    "```\n。。。。。。\n====================\n```",
    "写成 `。。。。` 也行",
    "见 https://example.org/a????b......c 与 www.example.org/!!!!!",
    "+-------------------+\n|                   |\n+-------------------+",
    "    ____________________\n    图",
    "x = a == b === c !== d; i++; --j",
    "评分★★★★★☆☆，缺字□□□□□□",
    "1,000,000.00，a.b.c，3...5",
]


@pytest.mark.parametrize(("text", "expected"), CHANGED)
def test_runs_are_cut(text: str, expected: str) -> None:
    assert Punctuation().rewrite(text) == expected


@pytest.mark.parametrize("text", KEPT)
def test_runs_that_mean_something_stay(text: str) -> None:
    assert Punctuation().rewrite(text) == text


def test_options() -> None:
    assert Punctuation(keep=1).rewrite("好！！！！真~~~") == "好！真~"
    assert Punctuation(rule=4).rewrite("-------") == "----"


PIECES = st.sampled_from(
    [*list("。，、；·…—！？!?~～.-=_*#|` \n甲a"), "。。。", "……", "————", "http://a/", "```"]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)


@settings(max_examples=500, deadline=None)
@given(TEXTS, st.integers(1, 4))
def test_idempotent_and_shorter(text: str, keep: int) -> None:
    rewrite = Punctuation(keep=keep)
    once = rewrite.rewrite(text)
    assert rewrite.rewrite(once) == once
    assert len(once) <= len(text)
    assert once.count("\n") == text.count("\n")


NEAR = st.sampled_from(
    ["----", "=====", "~~~~~", "......", "·", "。。", "—", "！", " ", "\t", "\n", "甲", "|"]
)
BESIDE = st.sampled_from(["http://a", "www.b", "ftp://c", "```", "`d`", "----------", "\n----"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(NEAR | BESIDE, max_size=10).map("".join), max_size=6), st.integers(1, 4))
def test_a_batch_is_its_texts_one_by_one(texts: list[str], keep: int) -> None:
    rewrite = Punctuation(keep=keep)
    batch = TextBatch.from_strings(texts)
    result, _ = rewrite.rewrite_batch(batch, scan(batch))
    assert result.strings() == [rewrite.rewrite(text) for text in texts]


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_flag_is_never_missing(text: str) -> None:
    rewrite = Punctuation()
    if rewrite.rewrite(text) != text:
        assert scan(TextBatch.from_strings([text])).flags[0] & rewrite.flags
