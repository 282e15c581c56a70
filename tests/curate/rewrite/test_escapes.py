"""Literal escapes: what becomes a line break, what is a path, a command, a program or a mention."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.rewrite.escapes import Escapes
from curate.scan import scan
from curate.textbatch import TextBatch

CHANGED = [
    (r"第一行\n第二行", "第一行\n第二行"),
    (r"你喜欢哪一种？\n选项：\n- 苹果\n- 香蕉", "你喜欢哪一种？\n选项：\n- 苹果\n- 香蕉"),
    (
        r"Which is it?\nOptions:\n(A) $10\n(B) $20",
        "Which is it?\nOptions:\n(A) $10\n(B) $20",
    ),
    (r"上文\r\n下文\r完", "上文\n下文\n完"),
    (r"姓名\t年龄\n张三\t20", "姓名\t年龄\n张三\t20"),
    ("题目如下。\\n\n\\n1996\\n", "题目如下。\n\n\n1996\n"),
    (r"他说“好”\n然后\n走了", "他说“好”\n然后\n走了"),
    (r"前言\u3000\u3000正文\xa0完", "前言  正文 完"),
    (r"A:\nBecause it rains.\nB:\n因为下雨", "A:\nBecause it rains.\nB:\n因为下雨"),
    (r"the moon is seen within the\nsky.\nIt is big.\nVery.", None),
    (
        r"设 $\nabla f=0$，\n则 $\theta\neq 1$，\n证毕",
        "设 $\\nabla f=0$，\n则 $\\theta\\neq 1$，\n证毕",
    ),
    (r"文件在 C:\new\table.txt 里\n请查看", "文件在 C:\\new\\table.txt 里\n请查看"),
]

KEPT = [
    r"C:\new\test\readme.txt",
    r"路径是 src\main\new\table.py",
    r"E:\资料\notes 下的文件",
    r"公式 $\nu=1$，$\tau$ 与 $\theta \to \infty$，$a \neq b$，$\text{甲} \times \right)$",
    'print("第一行\\n第二行")',
    "x = '姓名\\t年龄'",
    'printf("合计 %d\\n", total);',
    'std::cout << "结束 \\n;',
    "printf（“合计 %d\\n”，total）",
    "printf(&quot;%d\\n&quot;, n);",
    '{"text": "第一行\\n第二行"}',
    "['甲', '\\n', '乙']",
    r"匹配 [^\n]* 或 [\r\n\t]+ 的串",
    r"用 \r?\n 匹配行尾",
    r"s.split(/\n/)",
    r"字符串里用\n表示换行符",
    r"转义字符有 \n 和 \t 两个",
    r"把 \n 替换成空格",
    "看代码：\n```\necho 第一行\\n第二行\n```",
    "写成 `a\\nb` 即可",
    r"双重转义 \\n 与 \\\n",
    r"within the\nskull",
    'char *s = "你好\\n";是字符串',
    "没有反斜杠的普通文本。\n第二行。",
]


@pytest.mark.parametrize(("text", "expected"), CHANGED)
def test_escapes_become_what_they_mean(text: str, expected: str | None) -> None:
    if expected is None:
        expected = text.replace("\\n", "\n")
    assert Escapes().rewrite(text) == expected


@pytest.mark.parametrize("text", KEPT)
def test_meant_backslashes_stay(text: str) -> None:
    assert Escapes().rewrite(text) == text


def test_support_decides_about_small_letters() -> None:
    text = r"seen within the\nsky.\nIt is big."
    assert Escapes(support=2).rewrite(text) == text.replace(r"\nIt", "\nIt")
    assert Escapes(support=1).rewrite(text) == text.replace(r"\n", "\n")


PIECES = st.sampled_from(
    [
        "\\n",
        "\\t",
        "\\r\\n",
        "\\",
        '"',
        "'",
        "“",
        "”",
        "`",
        "```",
        "(",
        ")",
        "[",
        "]",
        "|",
        "?",
        "=",
        ":",
        " ",
        "\n",
        "a",
        "nu",
        "N",
        "C:",
        "甲",
        "。",
        "print(",
        "{",
        "}",
        "&quot;",
        "\\u3000",
        "用",
        "1",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=24).map("".join))
def test_idempotent_flagged_and_nothing_else_lost(text: str) -> None:
    rewrite = Escapes()
    once = rewrite.rewrite(text)
    assert rewrite.rewrite(once) == once
    # Only the escapes themselves change: both sides agree once these and blanks are gone.
    bare = [
        "".join(t.split())
        .replace("\\n", "")
        .replace("\\t", "")
        .replace("\\r", "")
        .replace("\\u3000", "")
        for t in (text, once)
    ]
    assert bare[0].replace("\\", "") == bare[1].replace("\\", "")
    if once != text:
        assert scan(TextBatch.from_strings([text])).flags[0] & rewrite.flags


NEAR = st.sampled_from(
    [
        *(
            "\\n",
            "\\n\\n",
            "\\r\\n",
            "\\t",
            "\\",
            "\\d",
            "\\xa0",
            '"',
            "'",
            "“",
            "”",
            "`",
            "&quot;",
            "|",
        ),
        *(
            "[",
            "]",
            "(",
            "）",
            "{",
            "=",
            ",",
            '":',
            " ",
            "\n",
            "?",
            "*",
            "/",
            "$",
            "A",
            "The",
            "word",
        ),
        *(
            "C:",
            "print",
            "echo",
            "打印",
            "用",
            "换行",
            "分割",
            "换行符",
            "转义",
            "正则",
            "newline",
            "regex",
        ),
        *(
            "Escape Char",
            "LINE BREAK",
            "Bac\u212aslash",
            "rVert",
            "return x;",
            "x = 1;",
            "{",
            "中文。",
        ),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(NEAR, max_size=16).map("".join), max_size=8))
def test_a_batch_is_its_texts_one_by_one(texts: list[str]) -> None:
    """Most texts never reach the patterns: what the compiled look decides is what they would."""
    rewrite = Escapes()
    batch = TextBatch.from_strings(texts)
    result, changed = rewrite.rewrite_batch(batch, scan(batch))
    expected = [rewrite.rewrite(text) for text in texts]
    assert result.strings() == expected
    assert changed.tolist() == [
        i for i, (a, b) in enumerate(zip(texts, expected, strict=True)) if a != b
    ]


def test_batch_reports_the_changed_rows() -> None:
    batch = TextBatch.from_strings(["好", r"一\n二", KEPT[0], r"三\n四"])
    result, changed = Escapes().rewrite_batch(batch, scan(batch))
    assert changed.tolist() == [1, 3]
    assert result.strings() == ["好", "一\n二", KEPT[0], "三\n四"]


def test_long_texts_take_linear_time() -> None:
    """Patterns that go back over the text would need hours for these."""
    for unit in ("a", "a.", "[", "`", "“", "(", "=“", "\\n", '"', "print(", "C:"):
        Escapes().rewrite(unit * (40_000 // len(unit)) + "\\n完\\n了")
