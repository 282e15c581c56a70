"""All default rewrites on answers that hold code, formulas, tables, JSON and Markdown."""

from __future__ import annotations

import pytest

import curate.rewrite
from curate.instructions.cleaning import REWRITES, with_usual
from curate.refine import Clock, rewritten
from curate.rewrite.base import Rewrite
from curate.step import discovered
from curate.textbatch import TextBatch


def cleaned(text: str) -> str:
    known = discovered(curate.rewrite, Rewrite)
    steps = [
        kind(**REWRITES.get(name, {}))
        for name, kind in known.items()
        if kind.default or name in REWRITES
    ]
    return rewritten(TextBatch.from_strings([text]), steps, Clock())[0][0]


STAY = {
    "fenced code": '好：\n\n```python\nfor i in x:\n    print("a\\n",  i)\n\n\n\n# 完\n```\n\n完。',
    "code without a fence": 'def add(a, b):\n    """和"""\n    return a  +  b\n\n\n\nprint(add(1))',
    "inline code": "先跑 `ls  -l | wc -l`，再跑 `printf 'a\\tb\\n'`。",
    "inline formula": "由 $x^2  + y^2 = r^2$ 和 $\\nu = \\frac{1}{T}$ 可得。",
    "formula": "\\[\n  \\sum_{i=1}^{n}  i = \\frac{n(n+1)}{2}\n\\]",
    "table": "| 月份  | 收入 |\n|-------|-----:|\n| 一月  |   20 |\n|       |      |",
    "JSON": '{\n    "名": "甲",\n    "分": [1,  2],\n    "路": "C:\\\\new\\\\table"\n}',
    "Markdown": "# 标题\n\n1. **甲**\n   - 子项\n     - 孙项\n\n> 引  \n> 文",
    "HTML": "<table>\n  <tr><td>甲</td></tr>\n</table>",
    "one tag": "今晚的月亮<u>真圆</u>。",
    "regular expression": r"^\d{3}\n?[a-z]+\t$",
    "SQL": "SELECT *\nFROM t\nWHERE a  =  '无';",
    "verse": "春眠不觉晓，\n处处闻啼鸟。\n夜来风雨声，\n花落知多少。",
    "one word": "B",
    "Morse code": ".... .. / -- --",
}


@pytest.mark.parametrize("kind", STAY)
def test_stays_byte_for_byte(kind: str):
    assert cleaned(STAY[kind]) == STAY[kind]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\n  好的。", "好的。"),
        ("第一步：洗。\\n第二步：切。\\n第三步：炒。", "第一步：洗。\n第二步：切。\n第三步：炒。"),
        ("哪个？\\n选项：甲，乙\\n答案：", "哪个？\n选项：甲，乙"),
        ("\n\n好的：\n```\n  x  =  1\n```\n", "好的：\n```\n  x  =  1\n```"),
        ("A &amp; B &lt; C", "A & B < C"),
        ("第一行<br>第二行", "第一行\n第二行"),
        ("這是一個例子。", "这是一个例子。"),
        (
            "兩個矩陣：\n```python\n# 矩陣\na = '體'\n```\n這樣。",
            "两个矩阵：\n```python\n# 矩陣\na = '體'\n```\n这样。",
        ),
        ("標準形式：\n```\n'Cafe\u0301'\n```", "标准形式：\n```\n'Cafe\u0301'\n```"),
        ("&lt;nooutput&gt;", ""),
    ],
)
def test_is_cleaned(text: str, expected: str):
    assert cleaned(text) == expected
    assert cleaned(expected) == expected


def test_a_recipe_has_the_last_word():
    assert with_usual({}) == REWRITES
    given = {"spaces": {"segmented": "never"}, "scraps": False, "script": {"to": "keep"}}
    assert with_usual(given) == {
        "spaces": {"layout": "keep", "segmented": "never"},
        "markup": {"tags": "breaks"},
        "scraps": False,
        "script": {"code": "keep", "to": "keep"},
    }
    assert with_usual({"spaces": {"layout": "fold"}})["spaces"] == {"layout": "fold"}
    assert with_usual({"markup": True})["markup"] == {"tags": "breaks"}
