"""Sets of dialogues, each in its published format."""

from __future__ import annotations

import json

from tests.sources.instructions.conftest import Row


def lines(*records: object) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def test_belle_has_turns_inside_the_instruction(read) -> None:
    content = lines(
        {"instruction": "Human:你好\nAssistant:你好！\nHuman:Human 是什么意思？\nAssistant:",
         "input": "", "output": "人。"},
        {"instruction": "写一句话", "input": "", "output": "\n春天来了。"},
        {"instruction": "解释标记 Human: 和 Assistant:", "input": "", "output": "说话的人。"},
        {"instruction": "Human:一\nHuman:二\nAssistant:", "input": "", "output": "三"},
    )  # fmt: skip
    assert read("belle", content) == [
        Row("Human 是什么意思？", "", "人。", [("你好", "你好！")],
            meta={"dialogue": "human_assistant"}),
        Row("写一句话", "", "\n春天来了。"),
        Row("解释标记 Human: 和 Assistant:", "", "说话的人。"),
        Row("Human:一\nHuman:二\nAssistant:", "", "三", meta={"dialogue": "whole:two_user_turns"}),
    ]  # fmt: skip


def test_belle_chat_has_a_list_for_either_side(read) -> None:
    content = lines(
        {"input": ["一", "二"], "output": ["甲", "乙"]},
        {"input": ["一", "二"], "output": ["甲"]},
        {"input": ["一", 2], "output": ["甲", "乙"]},
    )
    assert read("belle", content) == [
        Row("二", "", "乙", [("一", "甲")]),
        ("not_turns", "2 inputs and 1 outputs"),
        ("not_text", "a turn that is no text"),
    ]


def test_guanaco_turns_may_begin_within_a_line(read) -> None:
    content = lines(
        {"instruction": "User:我累了。 Assistant:休息吧。", "input": "User:好的", "output": "晚安"},
        {"instruction": "User: Hi! Assistant: Hello!",
         "input": "System: It is raining.\nUser: Shall I go out?", "output": "Stay in."},
        {"instruction": "", "input": "User: 讲个笑话", "output": "从前……"},
        {"instruction": "Translate.", "input": "Hello", "output": "你好"},
        {"instruction": "User: a User: b Assistant: c", "input": "User: d", "output": "e"},
        {"instruction": "Answer the user.", "input": "User: d", "output": "e"},
    )  # fmt: skip
    inline = {"dialogue": "inline"}
    assert read("guanaco", content) == [
        Row("好的", "", "晚安", [("我累了。", "休息吧。")], meta=inline),
        Row("Shall I go out?", "", "Stay in.", [("Hi!", "Hello!")], "It is raining.", inline),
        Row("讲个笑话", "", "从前……", meta=inline),
        Row("Translate.", "Hello", "你好"),
        Row("User: a User: b Assistant: c", "User: d", "e",
            meta={"dialogue": "whole:two_user_turns"}),
        Row("Answer the user.", "User: d", "e", meta={"dialogue": "whole:text_before_turns"}),
    ]  # fmt: skip


def moss_turn(human: str, moss: str, command: str = "None", result: str = "None") -> dict[str, str]:
    return {
        "Human": f"<|Human|>: {human}<eoh>\n",
        "Inner Thoughts": "<|Inner Thoughts|>: None<eot>\n",
        "Commands": f"<|Commands|>: {command}<eoc>\n",
        "Tool Responses": f"<|Results|>:\n{result}\n<eor>\n",
        "MOSS": f"<|MOSS|>: {moss}<eom>\n",
    }


def test_moss_is_an_object_of_numbered_turns(read) -> None:
    chat = {
        "turn_1": moss_turn("二的平方根？", "约1.414。", 'Calculate("sqrt(2)")', "1.41421"),
        "turn_2": moss_turn("谢谢", "不客气。"),
    }
    record = {"conversation_id": 7, "meta_instruction": "You are MOSS.\n", "num_turns": 2,
              "chat": chat}  # fmt: skip
    [row] = read("moss", json.dumps(record, indent=4))
    assert row == Row(
        "谢谢", "", "不客气。", [("二的平方根？", "约1.414。")], "You are MOSS.",
        {"conversation_id": 7, "num_turns": 2, "tool_turns": 1,
         "unspoken": [{"turn": 1, "Commands": '<|Commands|>: Calculate("sqrt(2)")<eoc>\n',
                       "Tool Responses": "<|Results|>:\n1.41421\n<eor>\n"}]},
    )  # fmt: skip
    missing = {"chat": {"turn_1": chat["turn_1"], "turn_3": chat["turn_2"]}}
    assert read("moss", lines(missing)) == [("not_turns", "no turn_2 among 2 turns")]


def test_moss_in_plain_text(read) -> None:
    text = "[Human]: 你好<eoh> [MOSS]: 你好！<eoa>\n [Human]: 再见<eoh> [MOSS]: 再见！<eoa>"
    content = lines(
        {"prefix": "MOSS 是助手。", "num_turns": 2, "plain_text": text},
        {"prefix": "", "num_turns": 1, "plain_text": "[Human]: 你好 [MOSS]: 你好！<eoa>"},
    )
    whole = {"num_turns": 1, "dialogue": "whole:unclosed_turn"}
    assert read("moss", content) == [
        Row("再见", "", "再见！", [("你好", "你好！")], "MOSS 是助手。",
            {"num_turns": 2, "dialogue": "moss"}),
        Row("[Human]: 你好 [MOSS]: 你好！<eoa>", "", "", meta=whole),
    ]  # fmt: skip


def test_sharegpt_is_a_list_of_messages(read) -> None:
    def said(*turns: str) -> dict[str, object]:
        return {"conversations": [
            {"from": name, "value": text} for name, text in (turn.split(":") for turn in turns)
        ]}  # fmt: skip

    content = lines(
        {"id": "x", **said("human:一", "gpt:甲", "human:二", "gpt:乙")},
        said("system:说中文", "human:一", "gpt:甲"),
        said("gpt:甲", "human:一"),
        said("human:一", "human:二", "gpt:甲"),
        said("human:一", "gpt:甲", "gpt:乙"),
        said("human:一", "gpt:甲", "human:继续"),
        said("human:一", "gpt: ", "human:二", "gpt:乙"),
        said("human:一", "tool:甲"),
        said(),
        {"conversations": [{"from": "human", "value": ["一"]}, {"from": "gpt", "value": "甲"}]},
    )
    assert read("sharegpt", content) == [
        Row("二", "", "乙", [("一", "甲")], meta={"id": "x"}),
        Row("一", "", "甲", (), "说中文"),
        ("starts_with_assistant", "begins with '甲'"),
        ("two_user_turns", "turns 1 and 2: '二'"),
        ("two_assistant_turns", "turns 2 and 3: '乙'"),
        ("unfinished", "ends with the user: '继续'"),
        ("empty_turn", "turn 2 of 4 is empty"),
        ("unknown_role", "message 2 is of role 'tool'"),
        ("no_turns", "an empty list of turns"),
        ("not_text", "'value' of message 1 is a list"),
    ]


def test_sharegpt_in_a_column_of_text(read) -> None:
    content = (
        'text\n"<s>Human: 问，""引号""\n</s><s>Assistant: 答\n第二行\n</s>"\n'
        '"<s>Human: 只有问题\n</s>"\n'
    )
    assert read("sharegpt", content) == [
        Row('问，"引号"', "", "答\n第二行", meta={"dialogue": "s_tags"}),
        Row("只有问题", "", "", meta={"dialogue": "s_tags"}),
    ]


def test_firefly_and_sharegpt_90k_pair_the_sides_of_a_turn(read) -> None:
    content = lines(
        {"conversation_id": 1, "category": "Brainstorming",
         "conversation": [{"human": "一", "assistant": "甲"}, {"human": "二", "assistant": "乙"}]},
        {"conversation_id": 2, "conversation": [{"human": "一"}]},
    )  # fmt: skip
    meta = {"conversation_id": 1, "category": "Brainstorming"}
    for name in ("firefly", "sharegpt"):
        assert read(name, content) == [
            Row("二", "", "乙", [("一", "甲")], meta=meta),
            ("not_text", "the assistant's side of turn 1 is no text"),
        ]


def test_oasst_has_a_history_of_pairs(read) -> None:
    content = json.dumps([
        {"instruction": "二", "input": "", "output": "乙", "history": [["一", "甲"]]},
        {"instruction": "二", "input": "", "output": "乙", "history": []},
        {"instruction": "二", "input": "", "output": "乙", "history": [["一"]]},
        {"instruction": "二", "input": "", "output": "乙", "history": [["一", ""]]},
    ])  # fmt: skip
    assert read("oasst_zh", content) == [
        Row("二", "", "乙", [("一", "甲")]),
        Row("二", "", "乙"),
        ("not_turns", "history: turn 1 is a list, not a pair"),
        ("empty_turn", "history: turn 1 has an empty side"),
    ]


def test_linly_mixes_the_forms_of_its_parts(read) -> None:
    content = lines(
        {"instruction": "根据标题判断学科：", "input": "药材", "output": "药学"},
        {"input": "写诗\\n\n", "output": "春眠"},
        {"input": "选项：是,否\n答案：", "target": "是", "answer_choices": ["是", "否"],
         "type": "nli"},
        {"instruction": "User:一Assistant:甲", "input": "User:二", "output": "乙"},
        {"instruction": "Human: 一\nAssistant: 甲\nHuman: 二", "input": "", "output": "乙"},
    )  # fmt: skip
    assert read("linly", content) == [
        Row("根据标题判断学科：", "药材", "药学"),
        Row("", "写诗\\n\n", "春眠"),
        Row("选项：是,否\n答案：", "", "是", meta={"answer_choices": ["是", "否"], "type": "nli"}),
        Row("二", "", "乙", [("一", "甲")], meta={"dialogue": "inline"}),
        Row("二", "", "乙", [("一", "甲")], meta={"dialogue": "human_assistant"}),
    ]
