"""Which rows that are alike as a whole are one row in two wordings."""

from __future__ import annotations

import random
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.dedup.agreement import SHORT, WITHOUT_ANSWER, agreeing, without_announcing
from curate.dedup.traits import CODE, CONTENT, NAMES, NUMBERS, QUOTED, normalised, tables, traits
from curate.textbatch import TextBatch
from tests.curate.dedup import plain_agreement as plain

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


PIECES = [
    *("三", "两", "一", "第一", "二十三", "第", "3", "3.14", "１２", "٣", "3.", ".5", "的", "请"),
    *("豆腐", "做法", "列举", "说出", "森林", "𠀀", "豈", "标点", "Grammar", "Python", "C++", "R"),
    *("I", "_x", "a-b-", "don't", "Leeds", "Dover", "Amy’s", "ΟΔΟΣ", "Σ", "ß", "é", "e\u0301"),
    *("《", "》", "“", "”", "「", "」", "『", "』", '"', "<", ">", "\n", " ", "  ", ". ", "? "),
    *(
        "' ",
        ", ",
        "：",
        ":",
        ") ",
        "!",
        "。",
        "、",
        ";",
        "，",
        "…",
        "㎡",
        "가",
        "ﾀﾞ",
        "🙂",
        "\u200b",
    ),
    *("so", "The answer is ", "因此", "答案是", "答案", "最终", "所以", "IS", "this", "Hence,"),
    *("İs", "ſo", "ıs", "x", "了", "\u200b"),
]
LETTERS = st.lists(st.sampled_from(PIECES), max_size=24).map("".join)


@settings(max_examples=300, deadline=None)
@given(LETTERS, LETTERS, LETTERS)
@example("去 Leeds, Dover. Then I. Ask Amy’s", "Ask Amy’s. go, Leeds", "Leeds")
def test_traits_as_regular_expressions_find_them(one: str, other: str, answer: str) -> None:
    batch = TextBatch.from_strings([one, other])
    own = traits(batch, TextBatch.from_strings([answer, answer]))
    expected = [plain.Question(question, answer) for question in (one, other)]
    found: list[list[list[int]]] = [
        [own.found[own.bounds[3 * i + t] : own.bounds[3 * i + t + 1]].tolist() for t in range(3)]
        for i in range(2)
    ]
    content = "".join(own.content.strings())
    for i, question in enumerate(expected):
        assert own.content[i] == question.content
        assert sorted(own.ideographs[i]) == sorted(question.ideographs.elements())
        assert len(found[i][NUMBERS]) == question.numbers.total()
        assert len(set(found[i][NAMES])) == len(question.names)
        quoted = [content[q >> 32 : q & 0xFFFFFFFF] for q in found[i][QUOTED]]
        assert quoted == question.quoted
    # Equal ones have equal hashes, and others have others.
    assert len({*found[0][NUMBERS]} & {*found[1][NUMBERS]}) == len(
        {*expected[0].numbers} & {*expected[1].numbers}
    )
    assert len({*found[0][NAMES]} & {*found[1][NAMES]}) == len(
        expected[0].names & expected[1].names
    )


@settings(max_examples=300, deadline=None)
@given(LETTERS, LETTERS, LETTERS, st.randoms(use_true_random=False))
def test_pairs_as_plain_python_judges_them(
    question: str, answer: str, more: str, draw: random.Random
) -> None:
    """Pairs that are much alike, as those asked about are."""
    rows = [(question, answer)]
    for _ in range(5):
        own = [*draw.choice(rows)]
        side = draw.randrange(2)
        at = draw.randrange(len(own[side]) + 1)
        piece = draw.choice([more[:3], draw.choice(PIECES), ""])
        own[side] = own[side][:at] + piece + own[side][at + draw.randrange(3) :]
        rows.append((own[0], own[1]))
    rows += [(q, a * 5) for q, a in rows[:3]]
    batch = TextBatch.from_strings(["".join(row) for row in rows])
    answers = np.array([len(a) for _, a in rows])
    left, right = np.triu_indices(len(rows))
    found = agreeing(batch, answers, left, right).tolist()
    expected = [plain.agree(rows[a], rows[b]) for a, b in zip(left, right, strict=True)]
    assert found == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(LETTERS, st.text(max_size=12)), max_size=4))
def test_nfkc_and_what_announces_an_answer(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    batch = TextBatch.from_strings(texts)
    assert normalised(batch).strings() == [unicodedata.normalize("NFKC", t) for t in texts]
    assert without_announcing(batch).strings() == [plain.ANNOUNCING.sub("", t) for t in texts]


def test_every_character() -> None:
    """Tables against `unicodedata`, and composition with what is before."""
    letters = tables()["letters"]
    every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    forms = normalised(TextBatch.from_strings(["aあ가" + c for c in every])).strings()
    assert forms == [unicodedata.normalize("NFKC", "aあ가" + c) for c in every]
    for c in every[: 0x34000 - 0x800]:
        entry = int(letters[ord(c)])
        assert (chr(entry & CODE) if entry & CONTENT else "") == plain.content(c), hex(ord(c))
        assert bool(entry & CONTENT) == bool(re.match(r"[^\W_]", c))
