"""Texts whose blanks are their layout: found, and left alone by `spaces` with layout: keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.rewrite.layout import laid_out
from curate.rewrite.spaces import Spaces
from curate.scan import scan
from curate.textbatch import TextBatch

KEEP = Spaces(layout="keep")

LAID_OUT = [
    "求和：\nfor x in xs:\n    total += x",
    "求和：\nfor x in xs:\n\ttotal += x",
    "如果 n 是 0：\n    返回 1",
    '{"姓名":  "李四",\n"年龄":  8}',
    "| 月 | 数 |\n|---|---|\n| 1  | 20 |",
    "运行 `ls  -l` 即可",
    "勾股定理 $a^2  + b^2 = c^2$",
    r"于是 \( x  = 1 \)",
    "姓名   | 年龄\n-----------\n李四   | 20",
    "步骤：\n- 洗\n  - 冷水",
    "def 加(x):\n y = x + 1\n return y",
    "if (x > 0) {\n print(x)\n}",
]
PROSE = [
    "  第一段，  说明。\n\n\n第二段。",
    "第一段。\n    " + "第二段从这里开始，是一段很长的中文正文。" * 3,
    "a | b",
    "花了 $5，  还剩一些",
    "　　段首缩进。\n　　又一段。",
    "说明:\n 第一段只空一格。",
    "他说。\n and then",
]


@pytest.mark.parametrize("text", LAID_OUT)
def test_layout_stays(text: str):
    assert laid_out(TextBatch.from_strings([text]), np.zeros(1, np.int64))[0]
    assert KEEP.rewrite("\n \n" + text + " \n") == text


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_folded_as_ever(text: str):
    assert not laid_out(TextBatch.from_strings([text]), np.zeros(1, np.int64))[0]
    assert KEEP.rewrite(text) == Spaces().rewrite(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. 《围城》\n2.  《边城》 很短", "1. 《围城》\n2. 《边城》很短"),
        ("- “行人”\n-   【注】", "- “行人”\n- 【注】"),
        ("(1) 《围城》", "(1)《围城》"),  # no mark in Markdown
        ("2021. 《围城》", "2021.《围城》"),
        ("1. \n- ", "1.\n-"),
    ],
)
def test_items_of_lists_keep_their_blank(text: str, expected: str):
    assert KEEP.rewrite(text) == expected
    assert KEEP.rewrite(expected) == expected
    assert Spaces().rewrite("1. 《围城》") == "1.《围城》"


def test_without_the_option_layout_is_folded():
    assert Spaces().rewrite(LAID_OUT[0]) == "求和：\nfor x in xs:\ntotal += x"


@given(st.lists(st.text(alphabet='甲a |:"$`\\(\n\t\u3000，1.-《{', max_size=30), max_size=6))
def test_a_batch_is_its_texts(texts: list[str]):
    batch = TextBatch.from_strings(texts)
    new, changed = KEEP.rewrite_batch(batch, scan(batch))
    assert new.strings() == [KEEP.rewrite(text) for text in texts]
    assert changed.tolist() == [i for i, t in enumerate(texts) if new[i] != t]


def test_no_break_spaces_of_a_program_become_spaces() -> None:
    texts = [
        "求和：\nfor x in xs:\n\xa0\xa0\xa0\xa0total\xa0+= x",
        "`ls\u2009-l`　列出",
        "`ls`\t列出",
    ]
    rewritten, changed = KEEP.rewrite_batch(
        TextBatch.from_strings(texts), scan(TextBatch.from_strings(texts))
    )
    assert rewritten.strings() == [
        "求和：\nfor x in xs:\n    total += x",
        "`ls -l`　列出",
        texts[2],
    ]
    assert changed.tolist() == [0, 1]
