"""Left-overs of wikis and web pages, and the exam blanks and programs that resemble them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.rewrite.leftovers import Leftovers
from curate.scan import scan
from curate.textbatch import TextBatch

CHANGED = [
    ("某某学（），又称某学，研究某物。", "某某学，又称某学，研究某物。"),
    ("高个子（，），出生于某地。", "高个子，出生于某地。"),
    ("高个子（，音译：唐，），出生于某地。", "高个子（音译：唐），出生于某地。"),
    ("某湖（，1932年）很深。", "某湖（1932年）很深。"),
    ("小草（学名：）为某科植物。", "小草为某科植物。"),
    ("某城（西班牙语：，）位于南方。", "某城位于南方。"),
    ("某书（琉球语：，汉字表记：，罗马字：Omoro）很旧。", "某书（罗马字：Omoro）很旧。"),
    (
        "某学（；；德语：；法语：；）或称某术（）、某道（），是学问。",
        "某学或称某术、某道，是学问。",
    ),
    ("某市（) 是城市。", "某市是城市。"),
    ("Linux（ ）是一种系统。", "Linux是一种系统。"),
    ("词语「」一词源于某语，著作《》里提到。", "词语一词源于某语，著作里提到。"),
    ("【】除上述以外，另有规定。", "除上述以外，另有规定。"),
    ("生平[编辑]\n他生于某年。", "生平\n他生于某年。"),
    ("票价很高[來源請求]，约二千元[编辑 | 查看源代码]。", "票价很高，约二千元。"),
    ("他写了书。[1]后来又写了一本[2][3]，很好。[4]", "他写了书。后来又写了一本，很好。"),
    ("中国的-{zh-cn:航天; zh-tw:航太; zh-hk:航天;}-事业", "中国的航天事业"),
    ("而「-{zh-hant:即時;zh-hans:实时;}-」系统", "而「实时」系统"),
    ("题\n-{H|zh-hant:心裡;zh-hans:心里;}-\n文，-{只}-有-{}-一个", "题\n\n文，只有一个"),
    ("== 历史 ==\n见[[北京市|北京]]和[[天津]]。[[File:a.jpg]]", "历史\n见北京和天津。"),
    ("== 注 ==\n第一段{{来源请求|date=2001}}。{{cite web|url=x}}", "注\n第一段。"),
    ("正文一句。\n上一篇：甲的故事\n下一篇：乙的故事", "正文一句。"),
    ("首页 > 新闻 > 国内\n正文一句。\n责任编辑：张三", "正文一句。"),
    ("正文一句。\n分享到： 微信 新浪微博 QQ空间\n阅读全文>>\n尾句。", "正文一句。\n尾句。"),
    ("正文。\n版权所有 某某公司\nCopyright © 2010 某某网 版权所有\n京ICP备05000001号", "正文。"),
    ("正文。\n【返回顶部】\n打印本页 | 关闭窗口\n本文来源：某某日报", "正文。"),
]

KEPT = [
    "下列说法正确的是（ ）\nA. 甲\nB. 乙",
    "下列说法正确的是（）。",
    "某人的行为应认定为（）",
    "填空：北京是中国的（　　）。",
    "生物学是研究（  ）的科学。",
    "判断题：地球是方的。（）",
    "请在括号（）内打勾，用引号“”标出。",
    "调用 main() 和 foo()，返回 []、{} 与 ()。",
    "函数（）的写法如下，plt.show（）显示图形",
    "好吃得不得了_(:з」∠)_ 真的(;_;)",
    "def f():\n    x = []\n    return g()\n",
    "成语填字：一()两()",
    "给定[1, 2, 3]，求和。数组为 a[0] 与 a[1]",
    "文献[1]提出了方法，见[2]。",
    "注释：[1]某地名。[2]某人名。",
    "矩阵 [[1, 2], [3, 4]]",
    "尊敬的[[姓名]]，您好，今天是[[日期]]。",
    "模板写成 {{ user.name }}，公式 10^{-{n}-1}",
    "if a == b:\n    c = 1\nelse:\n    return c == d",
    "上一篇文章谈了甲，下一篇谈乙。\n分享到这里就结束了。",
    "版权所有者有权阻止。\n来源：他的收入来源很多。\n编辑：请把下面的句子改通顺。",
    "点击查看按钮，然后保存文件，再退出程序。\n第二行。",
    "上一篇：只有一行的文本",
    "写成 `[[x|y]]` 或 `-{zh-cn:甲;zh-tw:乙}-`",
    "《红楼梦》（曹雪芹著）很长，“好”字「妙」。",
]


@pytest.mark.parametrize(("text", "expected"), CHANGED)
def test_left_overs_go(text: str, expected: str) -> None:
    assert Leftovers().rewrite(text) == expected


@pytest.mark.parametrize("text", KEPT)
def test_content_stays(text: str) -> None:
    assert Leftovers().rewrite(text) == text


def test_each_part_can_be_switched_off() -> None:
    text = "某学（），又称某术[编辑]。\n上一篇：甲"
    assert Leftovers(brackets=False).rewrite(text) == "某学（），又称某术。"
    assert Leftovers(wiki=False).rewrite(text) == "某学，又称某术[编辑]。"
    assert Leftovers(navigation=False).rewrite(text) == "某学，又称某术。\n上一篇：甲"


PIECES = st.sampled_from(
    [
        *list("（）()[]【】《》「」“”{}-=|，、；：:;,. \n\u3000`。"),
        "学名：",
        "德语：",
        "甲",
        "某学",
        "是",
        "[1]",
        "[2]",
        "[编辑]",
        "-{",
        "}-",
        "zh-cn:乙;",
        "==",
        "[[",
        "]]",
        "上一篇：",
        "首页 > ",
        "责任编辑：",
        "阅读全文",
        "©",
        "京ICP备12345号",
        "A",
        "Linux",
        "{{",
        "}}",
        "cn|",
    ]
)
TEXTS = st.lists(PIECES, max_size=24).map("".join)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_idempotent(text: str) -> None:
    rewrite = Leftovers()
    once = rewrite.rewrite(text)
    assert rewrite.rewrite(once) == once


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, max_size=8))
def test_the_batch_looks_at_every_text_that_changes(texts: list[str]) -> None:
    rewrite = Leftovers()
    batch = TextBatch.from_strings(texts)
    result, changed = rewrite.rewrite_batch(batch, scan(batch))
    expected = [rewrite.rewrite(text) for text in texts]
    assert result.strings() == expected
    assert changed.tolist() == [
        i for i, (a, b) in enumerate(zip(texts, expected, strict=True)) if a != b
    ]


@pytest.mark.parametrize(("text", "expected"), CHANGED)
def test_the_batch_finds_the_goldens(text: str, expected: str) -> None:
    batch = TextBatch.from_strings(["无关的文本。", text])
    result, changed = Leftovers().rewrite_batch(batch, scan(batch))
    assert (result[1], changed.tolist()) == (expected, [1])


def test_long_texts_take_linear_time() -> None:
    for unit in (
        "（",
        "（，",
        "，）",
        "[[",
        "{{",
        "-{",
        "=",
        "[1]",
        "[编辑",
        "上一篇：",
        "\n首页 > ",
        "《 ",
        "A.",
        "学名：",
    ):
        Leftovers().rewrite("甲\n" + unit * (60_000 // len(unit)) + "\n乙（），丙[1]。")
