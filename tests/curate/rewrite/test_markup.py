"""HTML left-overs: entities, tags, and everything that only looks like one of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.rewrite.markup import Markup
from curate.scan import scan
from curate.textbatch import TextBatch

CHANGED = [
    ("中&nbsp;国&mdash;&mdash;首都", "中 国——首都"),
    ("&lt;无输入&gt;", "<无输入>"),
    ("卡尔&middot;马克思 &ldquo;资本&rdquo; &#8212; &#x4e2d;", "卡尔·马克思 “资本” — 中"),
    ("R&amp;D 与 AT&amp;T", "R&D 与 AT&T"),
    ("&amp;lt;甲&amp;gt;&amp;amp;amp;", "<甲>&"),
    ("一 &lt 二，三&nbsp四", "一 < 二，三 四"),
    ("这里&#150;那里&#146;", "这里–那里’"),
    ("<p>第一段。</p><p>第二段。</p>", "第一段。\n第二段。"),
    ("第一行<br>第二行<BR/>第三行<br />", "第一行\n第二行\n第三行"),
    ("见<a href='http://x.y/z?a=1'>这篇文章</a>。", "见这篇文章。"),
    ('<span style="color:red">红</span>色的<strong>字</strong>', "红色的字"),
    ("面积 70 m<sup>2</sup>，H<sub>2</sub>O，10<sup>-5</sup>", "面积 70 m²，H₂O，10⁻⁵"),
    (
        "正文一大段在这里。<script>var a = 1;</script>后文也在这里。",
        "正文一大段在这里。后文也在这里。",
    ),
    ("前<!-- 注释\n两行 -->后", "前后"),
    (
        "<table><tr><td>甲</td><td>乙丙丁</td></tr><tr><td>戊己庚</td></tr></table>",
        "甲 乙丙丁\n戊己庚",
    ),
    ("他是<b>重要</b>的<i>人</i>物", "他是重要的人物"),
    ("<![CDATA[正文]]>", "正文"),
    ("printf(&quot;你好&quot;);", 'printf("你好");'),
    ("图<img src='a.jpg' alt='甲'>后", "图后"),
]

KEPT = [
    "AT&T 和 R&D，Q&A；M&M's",
    "http://x.y/z?a=1&lt=3&copy=4&amp=5",
    "a < b 且 c > d，<3，1<2",
    "泛型 <T>、List<String>、Map<String, List<Integer>>、vector<p>",
    "词表里有 <unk>、<s>、</s>、<mask>、<|1|>、<eoh>",
    "请发信到 <someone@example.org>，或看 <https://example.org/a>",
    "他填了 <title> 与 <姓名> 两处空",
    "在 HTML 里 <br> 表示换行，<p> 标签表示段落",
    "用法：\n```html\n<p>段落&nbsp;</p>\n```",
    "写成 `<br>` 和 `&nbsp;` 即可",
    "<!DOCTYPE html>\n<html><head><title>T</title></head><body><p>Hi</p></body></html>",
    "public List<b> get() {\n    return a < b && c > d;\n}\n// <i> end </i>",
    "变量 <b> 和 <i> 没有配对",
    "&#0; &#xD800; &#1114112; &#7; &notanentity; &;",
    "把 &lt; 写成实体",
    "&",
    "<",
]


@pytest.mark.parametrize(("text", "expected"), CHANGED)
def test_left_overs_of_pages_go(text: str, expected: str) -> None:
    assert Markup().rewrite(text) == expected


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_markup_stays(text: str) -> None:
    assert Markup().rewrite(text) == text


def test_keep_code_off_strips_every_known_tag() -> None:
    page = "<html><body><form><input type='text'><p>甲&amp;乙</p></form></body></html>"
    assert Markup().rewrite(page) == page
    assert Markup(keep_code=False).rewrite(page) == "甲&乙"
    assert Markup(keep_code=False).rewrite("<unk> <T> <p>甲</p>") == "<unk> <T> \n甲".replace(
        " \n", "\n"
    )


PIECES = st.sampled_from(
    [
        "&amp;",
        "&lt;",
        "&gt;",
        "lt;",
        "amp;",
        "&",
        ";",
        "#60;",
        "&nbsp",
        "<",
        ">",
        "/",
        "p",
        "br",
        "b",
        "<p>",
        "</p>",
        "<br>",
        "<b>",
        "</b>",
        "<sup>",
        "2",
        "</sup>",
        "<script>",
        "</script>",
        "<!--",
        "-->",
        "<a href='x'>",
        "</a>",
        "甲",
        "乙丙",
        " ",
        "\n",
        "`",
        "```",
        "<td>",
        "<html>",
        "x",
        "\ue0f0",
        '"',
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=20).map("".join), st.booleans())
def test_idempotent_and_flagged(text: str, keep_code: bool) -> None:
    rewrite = Markup(keep_code=keep_code)
    once = rewrite.rewrite(text)
    assert rewrite.rewrite(once) == once
    assert len(once) <= len(text)
    if once != text:
        assert scan(TextBatch.from_strings([text])).flags[0] & rewrite.flags


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="<&"), max_size=40))
def test_text_without_marks_is_untouched(text: str) -> None:
    assert Markup().rewrite(text) == text


def test_long_texts_take_linear_time() -> None:
    for unit in (
        "<",
        "<p",
        "<a href=",
        "<!--",
        "&",
        "&amp",
        "</p>",
        "<script>",
        '<p "',
        "<b><",
        "&#6",
    ):
        Markup().rewrite(unit * (60_000 // len(unit)) + "甲")


PIECES = st.sampled_from(
    ["<", ">", "</", "<!", "&", ";", "&#", "38", "x3C", "p", "BR", "b", "div", "nbsp", "lt", "amp",
     "T", "unk", " ", "=", "`", "好", "h1", "<!--", "-->", "/", "script", "NonBreakingSpace"]
)  # fmt: skip


@given(texts=st.lists(st.lists(PIECES, max_size=10).map("".join), max_size=6), keep=st.booleans())
def test_the_compiled_look_misses_nothing(texts: list[str], keep: bool) -> None:
    step = Markup(keep_code=keep)
    batch = TextBatch.from_strings(texts)
    new, _ = step.rewrite_batch(batch, scan(batch))
    assert new.strings() == [step.rewrite(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("春风<br>\n夏雨", "春风\n夏雨"),
        ("春风&lt;br&gt;夏雨", "春风\n夏雨"),
        ("面积是 7 m<sup>2</sup>。", "面积是 7 m²。"),
        ("占三成<sup><|1|></sup>。", "占三成<|1|>。"),
        ("水是<b>生命</b>之源。", "水是<b>生命</b>之源。"),
        ("&lt;b&gt;水&lt;/b&gt; &amp; 火", "<b>水</b> & 火"),
        ("<h1>标题</h1><br><p>正文</p>", "<h1>标题</h1><br><p>正文</p>"),
        ("<!-- 注 -->正文<br>", "<!-- 注 -->正文<br>"),
        ("<p>&copy; 2021 甲 &amp; 乙</p>", "<p>&copy; 2021 甲 &amp; 乙</p>"),
        ("一页 HTML：\n&lt;html&gt;&lt;头&gt;&amp;copy;", "一页 HTML：\n<html><头>&copy;"),
        ("HTML 标记 &lt;div&gt; 有何用？", "HTML 标记 <div> 有何用？"),
        ("HTML 里用 &lt; 写小于号", "HTML 里用 &lt; 写小于号"),
        ("&lt;p&gt; 这样转义的 HTML", "&lt;p&gt; 这样转义的 HTML"),
        ("写作 `&lt;div&gt;`", "写作 `&lt;div&gt;`"),
    ],
)
def test_breaks_only(text: str, expected: str):
    step = Markup(tags="breaks")
    assert step.rewrite(text) == expected
    assert step.rewrite(expected) == expected
