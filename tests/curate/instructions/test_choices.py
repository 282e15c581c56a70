"""Choices drawn by the hash of the id."""

from __future__ import annotations

import json
from collections import Counter

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.instructions.choices import drawn_choices, listed
from curate.rows import INSTRUCTION

TEN = (
    "一心一意 二龙戏珠 三心二意 四面八方 五湖四海 六神无主 七上八下 八仙过海 九牛一毛 十全十美"
).split()


def rows(*questions: tuple[str, list[str] | str | None, str]) -> pa.Table:
    values = [
        {
            "row": i + 1,
            "instruction": text,
            "input": "",
            "output": answer,
            "system": "",
            "history": [],
            "meta": None
            if choices is None
            else orjson.dumps({"answer_choices": choices, "type": "x"}).decode(),
        }
        for i, (text, choices, answer) in enumerate(questions)
    ]  # fmt: skip
    return pa.Table.from_pylist(values, schema=INSTRUCTION.schema)


def drawn(*questions, ids=None, **bounds):
    table = rows(*questions)
    ids = ids or [f"pclue/f#{i}" for i in range(len(questions))]
    made = drawn_choices(table, lambda at: [ids[i] for i in at.to_pylist()], **bounds)
    assert made.rows.schema == INSTRUCTION.schema
    metas = [json.loads(m)["answer_choices"] if m else None for m in made.rows["meta"].to_pylist()]
    return list(
        zip(made.rows["instruction"].to_pylist(), metas, made.fate.to_pylist(), strict=True)
    )


def test_four_to_eight_with_the_answer_among_them() -> None:
    text = f"哪个成语合适？候选：{'，'.join(TEN)}。\n答案："
    got = drawn(*[(text, TEN, TEN[i % 10]) for i in range(400)])
    sizes, places, wrong = Counter(), Counter(), Counter()
    for i, (instruction, options, fate) in enumerate(got):
        assert fate == "drawn"
        assert instruction == f"哪个成语合适？候选：{'，'.join(options)}。\n答案："
        assert len(set(options)) == len(options)
        assert set(options) <= set(TEN) and TEN[i % 10] in options
        sizes[len(options)] += 1
        places[options.index(TEN[i % 10])] += 1
        wrong.update(set(options) - {TEN[i % 10]})
    assert set(sizes) == {4, 5, 6, 7, 8} and min(sizes.values()) > 50
    assert set(places) == set(range(8)) and places[0] > 40
    assert set(wrong) == set(TEN) and min(wrong.values()) > 120


def test_few_choices_all_stay_and_change_places() -> None:
    text = "“天黑了”说明“下雨了”？是的,不是,或也许？\n答案："
    got = drawn(*[(text, ["是的", "不是", "也许"], "也许")] * 60)
    orders = Counter(tuple(options) for _, options, _ in got)
    assert len(orders) == 6
    for instruction, (a, b, c), _ in got:
        assert instruction == f"“天黑了”说明“下雨了”？{a},{b},或{c}？\n答案："


def test_an_answer_that_is_none_of_the_choices_joins_them() -> None:
    labels = ["新闻", "休闲", "体育", "财经", "影像", "旅游", "交通", "借贷", "卡牌"]
    text = f"推荐给哪方面的人？{'，'.join(labels)}快来玩吧\n答案："
    for instruction, options, fate in drawn(*[(text, labels, "休闲益智")] * 50):
        assert fate == "drawn"
        assert "休闲益智" in options and "休闲" not in options
        # The list ran into the text behind it; now it has an end.
        assert instruction == f"推荐给哪方面的人？{'，'.join(options)}。快来玩吧\n答案："


@pytest.mark.parametrize(
    ("text", "choices", "answer", "fate"),
    [
        ("选项：好,坏\n答案：", ["早", "晚"], "好", "not_listed"),
        ("好，坏？好，坏。", ["好", "坏"], "好", "not_listed"),
        ("好坏？", ["好", "坏"], "好", "not_listed"),
        ("选项：好", ["好"], "好", "not_listed"),
        ("选项：温度高，传播近，夏天", ["温度高", "传播近", "夏天"], "温度高，传播近", "unclear"),
        ("概括这段话。", None, "好", None),
        ("概括这段话。", "", "好", None),
        ("概括这段话。", [], "好", None),
    ],
)
def test_what_stays_as_it_is(text, choices, answer, fate) -> None:
    if choices == []:
        fate = "not_listed"
    assert drawn((text, choices, answer)) == [(text, choices, fate)]


def test_golden() -> None:
    """Pinned, since they decide what a build holds."""
    text = f"候选：{'，'.join(TEN)}"
    assert [options for _, options, _ in drawn((text, TEN, TEN[0]), (text, TEN, TEN[9]))] == [
        "七上八下 八仙过海 十全十美 一心一意".split(),
        "六神无主 四面八方 十全十美 八仙过海 三心二意 一心一意 九牛一毛".split(),
    ]


def test_the_id_alone_decides() -> None:
    text = f"候选：{'，'.join(TEN)}"
    a, b, c = drawn(*[(text, TEN, TEN[0])] * 3, ids=["s/f#1", "s/f#2", "s/f#1"])
    assert a == c != b


@given(
    choices=st.lists(
        st.text("甲乙丙，或和 a", min_size=1, max_size=4).filter(lambda t: t.strip("，或和 ") == t),
        min_size=2, max_size=6, unique=True,
    ),
    separator=st.sampled_from(["，", ",", "、", ", ", "，或", " "]),
)  # fmt: skip
def test_listed_choices_are_found_where_they_are(choices: list[str], separator: str) -> None:
    text = f"问：{separator.join(choices)}？"
    spans = listed(text, choices)
    if spans is not None:
        assert [text[a:b] for a, b in spans] == choices
    else:
        # Only where a choice stands in more than one place.
        assert text.count(choices[0]) > 1
