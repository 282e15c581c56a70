"""The generic adapters, and what users' files hold that they should not."""

from __future__ import annotations

import json

import pytest

from sources.registry import adapter
from tests.sources.instructions.conftest import Row
from tests.sources.instructions.test_dialogues import lines


@pytest.mark.parametrize(
    "keys",
    [
        ("instruction", "input", "output"),
        ("Instruction", "INPUT", " Output "),
        ("指令", "输入", "输出"),
        ("prompt", "context", "response"),
        ("问题", "上下文", "回答"),
    ],
)
def test_keys_in_other_languages_and_cases(read, keys) -> None:
    record = dict(zip(keys, ("译成英文", "苹果", "apple"), strict=True))
    assert read("instructions", lines(record)) == [Row("译成英文", "苹果", "apple")]


def test_keys_that_could_be_the_same_field(read) -> None:
    record = {"Instruction": "一", "INSTRUCTION": "二", "output": "三"}
    assert read("instructions", lines(record)) == [
        ("ambiguous_field", "'Instruction', 'INSTRUCTION' could each be the instruction")
    ]


def test_given_keys(read) -> None:
    content = lines(
        {"q": "一", "a": "甲", "kind": "x", "before": [{"user": "零", "assistant": "无"}]},
        {"question": "一", "a": "甲"},
    )
    assert read("instructions", content, instruction="q", output="a", history="before") == [
        Row("一", "", "甲", [("零", "无")], meta={"kind": "x"}),
        ("missing_field", "no 'q'; keys: question, a"),
    ]


def test_a_table(read) -> None:
    content = '问题,回答\n一加一等于几？,二\n“逗号”怎么写？,"，"\n'
    assert read("instructions", content) == [
        Row("一加一等于几？", "", "二"),
        Row("“逗号”怎么写？", "", "，"),
    ]


def test_mixed_schemas_in_one_file(read) -> None:
    content = lines(
        {"instruction": "一", "output": "甲"},
        {"messages": [{"role": "user", "content": "二"}, {"role": "assistant", "content": "乙"}]},
        {"prompt": "三", "completion": "丙"},
        {"title": "没有问题"},
        ["一", "甲"],
    )
    assert read("instructions", content) == [
        Row("一", "", "甲"),
        Row("二", "", "乙"),
        Row("三", "", "丙"),
        ("missing_field", "no 'instruction'; keys: title"),
        ("not_object", "list where an object was expected"),
    ]


def test_values_that_are_no_text(read) -> None:
    content = (
        '{"instruction": "一", "output": ["甲"]}\n'
        '{"instruction": {"text": "一"}, "output": "甲"}\n'
        '{"instruction": "一", "output": NaN}\n'
        '{"instruction": "一", "output": 1.50}\n'
        '{"instruction": "一", "output": true}\n'
        '{"instruction": "一", "output": 42}\n'
        '{"instruction": "一", "input": null, "output": null, "score": NaN}\n'
    )
    assert read("instructions", content) == [
        ("not_text", "'output' is a list, not text"),
        ("not_text", "'instruction' is an object, not text"),
        ("not_text", "'output' is a number, not text"),
        ("not_text", "'output' is a number, not text"),
        ("not_text", "'output' is true, not text"),
        Row("一", "", "42"),
        Row("一", "", "", meta={"score": None}),
    ]


def test_empty_prompts_are_no_rows_and_empty_answers_are(read) -> None:
    content = lines(
        {"instruction": " \u3000\n", "input": "", "output": "甲"},
        {"instruction": "", "input": "", "output": "甲", "history": [["一", "乙"]]},
        {"instruction": "一", "output": "  "},
    )
    assert read("instructions", content) == [
        ("empty", "neither instruction nor input"),
        ("empty", "neither instruction nor input"),
        Row("一", "", "  "),
    ]


def test_keys_that_occur_twice(read) -> None:
    content = (
        '{"instruction": "一", "output": "甲", "output": "乙"}\n'
        '{"instruction": "一", "output": "甲", "output": "甲"}\n'
        '{"instruction": "一", "output": "甲", "n": 1, "n": 2}\n'
    )
    assert read("instructions", content) == [
        ("repeated_key", "'output' occurs 2 times with different values"),
        Row("一", "", "甲", meta={"repeated_keys": ["output"]}),
        Row("一", "", "甲", meta={"n": 2, "repeated_keys": ["n"]}),
    ]


def test_an_answer_of_20_mb(read) -> None:
    answer = "长" * 7_000_000
    content = lines({"instruction": "一", "output": answer}, {"instruction": "二", "output": "乙"})
    long, short = read("instructions", content)
    assert len(long.output) == 7_000_000
    assert short == Row("二", "", "乙")
    refused, short = read("instructions", content, max_row_mb=10)
    assert refused[0] == "too_long"
    assert short == Row("二", "", "乙")


def test_hidden_turns_are_believed_with_both_sides(read) -> None:
    dialogue = {"instruction": "用户：一\n助手：甲\n用户：二\n助手：", "output": "乙"}
    labels = {"instruction": "User: 和 Assistant: 各是什么？", "output": "标签。"}
    play = {"instruction": "续写剧本\n甲：来了\n乙：来了", "output": "甲：坐"}
    content = lines(dialogue, labels, play)
    style = {"dialogue": "用户_助手"}
    assert read("instructions", content) == [
        Row("二", "", "乙", [("一", "甲")], meta=style),
        Row(labels["instruction"], "", "标签。", meta={"dialogue": "whole:one_sided"}),
        Row(play["instruction"], "", "甲：坐"),
    ]
    assert read("instructions", content, dialogue="off")[0] == Row(
        dialogue["instruction"], "", "乙"
    )
    [known] = read("instructions", lines(labels), dialogue=["inline"])
    assert known.meta == {"dialogue": "whole:two_assistant_turns"}
    with pytest.raises(ValueError, match="no style 'zz'"):
        adapter("instructions", {"dialogue": ["zz"]})


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [{"role": "user", "content": "一"}, {"role": "assistant", "content": "甲"},
                      {"role": "user", "content": [{"type": "text", "text": "二"}]},
                      {"role": "assistant", "content": "乙"}]},
        {"conversations": [{"from": "human", "value": "一"}, {"from": "gpt", "value": "甲"},
                           {"from": "User", "value": "二"}, {"from": "chatgpt", "value": "乙"}]},
        {"history": [["一", "甲"], ["二", "乙"]]},
        {"对话": [{"问": "一", "答": "甲"}, {"问": "二", "答": "乙"}]},
        {"dialog": [{"speaker": "用户", "text": "一"}, {"speaker": "助手", "text": "甲"},
                    {"speaker": "用户", "text": "二"}, {"speaker": "助手", "text": "乙"}]},
    ],
)  # fmt: skip
def test_chat_in_every_form(read, record) -> None:
    assert read("chat", lines(record)) == [Row("二", "", "乙", [("一", "甲")])]
    assert read("chat", json.dumps([record, record])) == [Row("二", "", "乙", [("一", "甲")])] * 2


def test_chat_under_given_keys(read) -> None:
    record = {
        "log": [{"who": "客户", "said": "一"}, {"who": "客服", "said": "甲"}],
        "profile": "店铺",
        "id": 3,
    }
    options = {
        "messages": "log",
        "role": "who",
        "text": "said",
        "system": "profile",
        "user_role": "客户",
        "assistant_role": "客服",
    }
    assert read("chat", lines(record), **options) == [
        Row("一", "", "甲", system="店铺", meta={"id": 3})
    ]
    assert read("chat", lines(record)) == [
        ("missing_field", "no list of turns; keys: log, profile, id")
    ]


def test_a_system_message_has_one_place(read) -> None:
    def chat(*roles: str, **beside: str) -> dict[str, object]:
        return {"messages": [{"role": r, "content": f"{r}{i}"} for i, r in enumerate(roles)],
                **beside}  # fmt: skip

    content = lines(
        chat("user", "assistant", "system", "user", "assistant"),
        chat("user", "system", "assistant"),
        chat("system", "user", "assistant", system="另一个"),
    )
    assert read("chat", content) == [
        Row("user3", "", "assistant4", [("user0", "assistant1")], "system2"),
        ("misplaced_system", "before turn 2 of 2"),
        ("misplaced_system", "a system message beside the record's own system text"),
    ]
