"""Sets of one question and one answer, each in its published format."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sources.instructions.conftest import Row


def test_alpaca_is_one_array_with_escapes(read) -> None:
    content = """[
    {
        "instruction": "Say caf\\u00e9 in Chinese.",
        "input": "",
        "output": "\\u5496\\u5561\\u9986"
    },
    {
        "instruction": "Add.",
        "input": "1 and 2",
        "output": ""
    }
]"""
    assert read("alpaca", content) == [
        Row("Say café in Chinese.", "", "咖啡馆"),
        Row("Add.", "1 and 2", ""),
    ]


BOTH = (
    '[{"en_instruction": "Name a fruit.", "en_input": "", "en_output": "Apple.",'
    ' "zh_instruction": "说一种水果。", "zh_input": "红色", "zh_output": "苹果。",'
    ' "metadata": {"translated": true, "score": 5}}]'
)


@pytest.mark.parametrize(
    ("side", "texts"),
    [("zh", ("说一种水果。", "红色", "苹果。")), ("en", ("Name a fruit.", "", "Apple."))],
)
def test_alpaca_in_two_languages(read, side, texts) -> None:
    metadata = {"metadata": {"translated": True, "score": 5}}
    assert read("alpaca", BOTH, side=side) == [Row(*texts, meta=metadata)]
    assert side == "en" or read("alpaca", BOTH) == read("alpaca", BOTH, side=side)


def test_alpaca_of_the_hub_is_parquet(read) -> None:
    table = pa.table({"instruction": ["问"], "input": [""], "output": ["答"], "text": ["问答"]})
    file = io.BytesIO()
    pq.write_table(table, file)
    assert read("alpaca", file.getvalue()) == [Row("问", "", "答", meta={"text": "问答"})]
    assert read("alpaca", file.getvalue()[:-20])[-1][0] == "truncated"


def test_a_translation_without_an_input_key(read) -> None:
    assert read("alpaca", '[{"instruction": "背一句诗", "output": "床前明月光"}]') == [
        Row("背一句诗", "", "床前明月光")
    ]


def test_seed_tasks_keep_their_one_instance(read) -> None:
    content = (
        '{"id": "seed_1", "instruction": "反义词", '
        '"instances": [{"input": "大", "output": "小"}]}\n'
        '{"id": "seed_2", "instruction": "反义词", "instances": []}\n'
    )
    assert read("alpaca", content) == [
        Row("反义词", "大", "小", meta={"id": "seed_1"}),
        ("several_answers", "0 instances where one was expected"),
    ]


def test_chain_of_thought(read) -> None:
    content = '[{"instruction": "一加二？\\\\n想一想", "input": "", "output": "一加二是三。"}]'
    assert read("cot", content) == [Row("一加二？\\n想一想", "", "一加二是三。")]


def test_the_tables_behind_chain_of_thought(read) -> None:
    content = (
        "What is 2 + 3, counted by hand?\\nOptions:\\n(A) 5\\n(B) 6\t(A)\tTwo and three are 5.\n"
        "Do whales live in the sea, as fish do?\tyes.\tWhales are mammals of the sea.\n"
        "Is ice wet?\tyes\tIt melts.\n"
        "a line that lacks its columns\n"
    )
    assert read("cot", content) == [
        Row(
            "What is 2 + 3, counted by hand?\\nOptions:\\n(A) 5\\n(B) 6",
            "",
            "Two and three are 5.\nThe answer is (A).",
            meta={"answer": "(A)"},
        ),
        Row(
            "Do whales live in the sea, as fish do?",
            "",
            "Whales are mammals of the sea.\nThe answer is yes.",
            meta={"answer": "yes."},
        ),
        Row("Is ice wet?", "", "It melts.\nThe answer is yes.", meta={"answer": "yes"}),
        ("wrong_columns", "1 columns instead of 3: a line that lacks its columns"),
    ]


def test_firefly_tasks_have_no_instruction_of_their_own(read) -> None:
    content = '{"kind": "Couplet", "input": "对下联：春风", "target": "秋月"}\n{"text": "一段话"}\n'
    assert read("firefly", content) == [
        Row("对下联：春风", "", "秋月", meta={"kind": "Couplet"}),
        ("missing_field", "no 'instruction'; keys: text"),
    ]


def test_coig_cqia_keeps_what_is_said_of_an_answer(read) -> None:
    content = (
        '{"instruction": "解释成语", "input": "画蛇添足", "output": "多此一举。", '
        '"task_type": {"major": ["问答"], "minor": ["成语"]}, "domain": ["语文"], '
        '"answer_from": "human", "human_verified": true, "copyright": "暂无"}\n'
    )
    meta = {
        "task_type": {"major": ["问答"], "minor": ["成语"]},
        "domain": ["语文"],
        "answer_from": "human",
        "human_verified": True,
        "copyright": "暂无",
    }
    assert read("coig_cqia", content) == [Row("解释成语", "画蛇添足", "多此一举。", meta=meta)]


def test_pclue_prompts_are_instructions(read) -> None:
    content = (
        '{"input": "哪类新闻？股市上涨\\n选项：财经，体育\\n答案：", "target": "财经", '
        '"answer_choices": ["财经", "体育"], "type": "classify"}\n'
        '{"input": "概括：……", "target": "摘要", "answer_choices": "", "type": "generate"}\n'
        '{"input": "是真的吗？", "target": "-", "answer_choices": ["是", "否"], "type": "nli"}\n'
        '{"input": "接着写", "type": "generate"}\n'
    )
    assert read("pclue", content) == [
        Row(
            "哪类新闻？股市上涨\n选项：财经，体育\n答案：",
            "",
            "财经",
            meta={"answer_choices": ["财经", "体育"], "type": "classify"},
        ),
        Row("概括：……", "", "摘要", meta={"answer_choices": "", "type": "generate"}),
        ("unlabelled", "the target is '-', which is none of the choices"),
        ("missing_field", "no 'target'; keys: input, type"),
    ]
