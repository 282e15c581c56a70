"""What reads like a program, and the compiled look that comes before that question."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.rewrite.code import looks_like_code
from curate.rewrite.code_gate import may_look_like_code
from curate.textbatch import TextBatch

PROGRAMS = [
    "def f(x):\n    return x",
    "import os\nimport sys",
    "SELECT a FROM b\nUPDATE b SET a",
    "x = 1;\ny += 2;",
    "> print('a')\n> print('b')",
    "if (a && b) {\n  c++;\n}",
    "// one\n// two",
    "a->b; c->d; e::f",
]
PROSE = [
    "今天天气很好。\n我们去公园吧。",
    "For the first time, he wrote to her.\nIt was late; she slept.",
    "1. 甲\n2. 乙\n3. 丙",
    "A. first\nB. second",
    "- item\n- item",
]


def may(text: str) -> bool:
    return bool(may_look_like_code(TextBatch.from_strings(["", text]), np.array([1]))[0])


@pytest.mark.parametrize("text", PROGRAMS)
def test_programs_are_looked_at_and_seen(text: str) -> None:
    assert may(text)
    assert looks_like_code(text)


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_not_even_looked_at(text: str) -> None:
    assert not may(text)


PIECES = st.sampled_from(
    [
        *(
            "\n",
            "\n",
            " ",
            "\t",
            ">",
            "(",
            ")",
            "（",
            "{",
            "}",
            "[",
            "]",
            ";",
            ":",
            "=",
            "==",
            "+=",
            ".",
        ),
        *(
            "&&",
            "||",
            "->",
            "::",
            "++",
            "//",
            "#",
            "-",
            "*",
            ",",
            "1",
            "_",
            "甲",
            "。",
            "\u3000",
            "\x1c",
        ),
        *(
            "def ",
            "class A",
            "import x",
            "return",
            "if",
            "for ",
            "SELECT ",
            "let a",
            "foo",
            "include <",
        ),
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_the_look_is_an_upper_bound(text: str) -> None:
    assert may(text) or not looks_like_code(text)
