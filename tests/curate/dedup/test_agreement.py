"""Which rows that are alike as a whole are one row in two wordings."""

from __future__ import annotations

import numpy as np
import pytest

from curate.dedup.agreement import SHORT, WITHOUT_ANSWER, agreeing
from curate.textbatch import TextBatch

Row = tuple[str, str]


def agree(one: Row, other: Row) -> bool:
    batch = TextBatch.from_strings(["\n".join(row) for row in (one, other)])
    answers = np.array([len(answer) for _, answer in (one, other)], np.int64)
    both = [
        bool(agreeing(batch, answers, np.array([a]), np.array([b]))[0]) for a, b in ((0, 1), (1, 0))
    ]
    assert both[0] == both[1]
    return both[0]


LONG = "先把锅烧热，倒一点油，放入葱姜炒香，再把切好的豆腐轻轻推进去，加水焖十分钟，最后撒盐出锅。"
ENGLISH = (
    "The train covers the bridge and its own length, so the distance is the sum of both, and "
    "the time is that distance divided by the speed. The answer is (C)."
)
PROMPT = "请判断下面这段话的意图，一共有四种：贷款、存款、改地址、查余额，只写出其中一种。text:<{}>"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Another wording, and a sentence in front.
        (("列举三种家常豆腐的做法", LONG), ("请一步步想：说出3种家常豆腐的做法", LONG)),
        (
            ("说出森林里的三种真菌", "蘑菇、木耳和灵芝"),
            ("列举森林里的三种真菌", "蘑菇，木耳和灵芝"),
        ),
        # Marks that are written otherwise.
        (("求平均：2，5，4，7", "4.5"), ("求平均：2、5、4、7。", "4.5")),
        (("《边城》讲了什么？", LONG), ("“边城”讲了什么", LONG)),
        # Wording around an English question, and around its answer.
        (
            ("How long does a train of 300 m take?", ENGLISH),
            ("Think first. How long does a train of 300 m take? Hmmm, my thoughts:", ENGLISH),
        ),
        (("Is it so? 5 of 7", "5/7\nThe answer is (D)."), ("Is it so? 5 of 7", "5/7 Answer: (D).")),
        # A name that only one of them has.
        (("怎么做豆腐", LONG), ("怎么做豆腐？用 Markdown 写", LONG)),
    ],
)
def test_one_row_in_two_wordings(one, other):
    assert agree(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Numbers, in digits or words; names; quotations.
        (("3个人吃的豆腐怎么做", LONG), ("5个人吃的豆腐怎么做", LONG)),
        (("三个人吃的豆腐怎么做", LONG), ("五个人吃的豆腐怎么做", LONG)),
        (("用 Python 写豆腐的菜谱", LONG), ("用 Java 写豆腐的菜谱", LONG)),
        (("介绍《豆腐谱》里的做法", LONG), ("介绍《素食谱》里的做法", LONG)),
        (("介绍“老豆腐”的做法", LONG), ("介绍“嫩豆腐”的做法", LONG)),
        (
            ("How much did Company R earn in a year?", ENGLISH),
            ("How much did Company W earn in a year?", ENGLISH),
        ),
        (
            ("When does the Express reach Leeds?", "Leeds lies north. " + ENGLISH),
            ("When does the Express reach Dover?", "Dover lies south. " + ENGLISH),
        ),
        # The same answer in another language of the question.
        (("写一段合并排序的伪代码", ENGLISH), ("Write pseudocode for merge sort", ENGLISH)),
        # Labels.
        ((PROMPT.format("我想问问贷款"), "贷款"), (PROMPT.format("我想问问存款"), "存款")),
        ((PROMPT.format("我有一笔贷款"), "贷款"), (PROMPT.format("房子要还多少利息"), "贷款")),
        ((PROMPT[:-7] + "我有一笔钱要还", "贷款"), (PROMPT[:-7] + "房子利息多少", "贷款")),
        # Short answers.
        (("他去哪里", "去北京"), ("他去哪里", "去上海")),
        (("给下面的话加标点：好走吧", "好，走吧"), ("给下面的话加标点：好走吧", "好走，吧")),
        (("某校有男生和女生若干", "12人"), ("某校有男生和女生20若干", "12人")),
        # Two questions about one passage.
        (("读下面的文章。", LONG), ("读下面的文章。谈谈你的看法", "作者想说的是" + LONG[::-1])),
    ],
)
def test_two_rows(one, other):
    assert not agree(one, other)


def test_rows_without_answers_agree():
    batch = TextBatch.from_strings(["第3篇论文", "第5篇论文"])
    answers = np.full(2, WITHOUT_ANSWER, np.int64)
    assert agreeing(batch, answers, np.array([0]), np.array([1])).all()


def test_what_is_short_is_counted_without_marks():
    answer = "好" * (SHORT - 1)
    assert not agree(("问", f"{answer}！！！"), ("问", f"{answer}好"))
    assert agree(("问", f"{answer}好好"), ("问", f"{answer}好好好"))


def test_pairs_are_judged_each_by_itself():
    rows = [("写三条", LONG), ("写五条", LONG), ("列三条", LONG)]
    batch = TextBatch.from_strings(["\n".join(row) for row in rows])
    answers = np.array([len(answer) for _, answer in rows], np.int64)
    left, right = np.array([0, 0, 1]), np.array([1, 2, 2])
    assert agreeing(batch, answers, left, right).tolist() == [False, True, False]
    assert agreeing(batch, answers, left[:0], right[:0]).tolist() == []
