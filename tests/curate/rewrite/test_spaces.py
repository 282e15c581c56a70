from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curate.rewrite import kernel
from curate.rewrite.composition import Composition
from curate.rewrite.invisible import Invisible
from curate.rewrite.spaces import Segmented, Spaces, looks_segmented
from curate.rewrite.width import Width
from curate.scan import scan
from curate.textbatch import TextBatch

GOLDEN: list[tuple[str, str]] = [
    # blanks
    ("\u3000\u3000段落一。\n\u3000\u3000段落二。\u3000", "段落一。\n段落二。"),
    ("a\xa0b\u2003c\td", "a b c d"),
    ("a \u3000\t b", "a b"),
    ("  行首\n行尾  \n  ", "行首\n行尾"),
    ("一\n\n\n\n二\n \n\u3000\n三", "一\n\n二\n\n三"),
    ("一\n\n二\n三", "一\n\n二\n三"),
    ("\n\n一\n", "一"),
    (" \n\u3000", ""),
    # beside Chinese punctuation
    ("你好 ， 世界 。 再见 ！", "你好，世界。再见！"),
    ("（ 注 ） 《 书 》 ： 好", "（注）《书》：好"),
    ("Hello ， world 。", "Hello，world。"),
    ("他说 “你好” 。", "他说“你好”。"),
    ("他读 “War and Peace” 这本书 …", "他读“War and Peace”这本书…"),
    # other languages' blanks
    ("He said “hello” to ‘them’ … twice.", "He said “hello” to ‘them’ … twice."),
    ("用 Python 3.11 写的 3 个程序", "用 Python 3.11 写的 3 个程序"),
    # a place to fill in
    ("下列正确的是（    ）。", "下列正确的是（ ）。"),
    ("填空：《\u3000》和【 】", "填空：《 》和【 】"),
    # blanks that mean something
    ("床前明月光 疑是地上霜", "床前明月光 疑是地上霜"),
    ("出席：张三 李四 王五 欧阳明", "出席：张三 李四 王五 欧阳明"),
    ("本市新闻 交通 记者 李明", "本市新闻 交通 记者 李明"),
    ("祭神乐章 豫和 五", "祭神乐章 豫和 五"),
    # word-segmented text
    ("我们 的 报告 ， 系 基于 各 国 原则 。", "我们的报告，系基于各国原则。"),
    ('规定 " 应当 遵守 " 以及 " ABC " 等 ，', '规定"应当遵守"以及"ABC"等，'),
    ("2014 年 9 月 共 20 % ( 见 表 3 ) 。", "2014年9月共20% (见表3)。"),
    ("由 Anna Lee 女士 于 100 000 处 提出 。", "由Anna Lee女士于100 000处提出。"),
    ("第三十一 届 会议 的 报告", "第三十一届会议的报告"),
    ("今 天 天 气 好", "今天天气好"),
    ("目\u3000录", "目录"),
    # code
    (
        "看：\n```py\nif a:\n    b  =  1\n\n\n\n    c\n```\n  完 。",
        "看：\n```py\nif a:\n    b  =  1\n\n\n\n    c\n```\n完。",
    ),
    ("  ```\n  x\n  ```\n\n\n\n完", "  ```\n  x\n  ```\n\n完"),
    ("```\n  x\n\n ", "```\n  x"),
    # No program runs with no-break spaces; tabs and full-width blanks stay in it.
    ("```\nif\xa0a:\n\xa0\xa0\u2003\u202fb\t#\u3000一\n```", "```\nif a:\n    b\t#\u3000一\n```"),
    ("```a```  b\n  c", "```a``` b\nc"),
    ("``  b", "`` b"),
    ("", ""),
    ("无需改动。", "无需改动。"),
]


@pytest.mark.parametrize(("text", "expected"), GOLDEN)
def test_goldens(text: str, expected: str) -> None:
    assert Spaces().rewrite(text) == expected


def test_goldens_compiled() -> None:
    batch = TextBatch.from_strings([text for text, _ in GOLDEN])
    rewritten, changed = Spaces().rewrite_batch(batch, scan(batch))
    assert rewritten.strings() == [expected for _, expected in GOLDEN]
    assert changed.tolist() == [i for i, (a, b) in enumerate(GOLDEN) if a != b]


@pytest.mark.parametrize(
    ("segmented", "expected"),
    [("auto", "其他 事项"), ("always", "其他事项"), ("never", "其他 事项")],
)
def test_a_source_can_say_what_a_short_line_cannot(segmented: Segmented, expected: str) -> None:
    assert Spaces(segmented=segmented).rewrite("其他 事项") == expected


def test_never_keeps_blanks_of_segmented_text() -> None:
    text = "我们 的 报告 ， 系 基于 各 国 原则 。"
    assert Spaces(segmented="never").rewrite(text) == "我们 的 报告，系 基于 各 国 原则。"


def test_always_leaves_texts_without_chinese_alone() -> None:
    assert (
        Spaces(segmented="always").rewrite('so ( he ) said " no " .') == 'so ( he ) said " no " .'
    )


@pytest.mark.parametrize(
    ("text", "segmented"),
    [
        ("委员会 将 在 会议 上 组织 讨论 ：", True),
        ("不 知 道 啊", True),
        ("前 言", True),
        ("张三 李四 王五", False),
        ("句 其一", False),
        ("春眠不觉晓 处处闻啼鸟", False),
        ("我很好 你呢 ！", True),
        ("我很好，你呢 他呢 ！", False),
        ("没有空白。", False),
        ("2014 年 9 月", False),
    ],
)
def test_looks_segmented(text: str, segmented: bool) -> None:
    assert looks_segmented(text) == segmented


ALPHABETS = [
    "ab1中文的一 \n",
    'ab1.,()[]" \n\t\u3000\xa0中文字的一二，。（）《》“”…😀',
    "`  \n中a，",
    "中文的 字字",
    "中 的 三，",
]
text_of = st.one_of(*(st.text(alphabet, max_size=24) for alphabet in ALPHABETS))
fenced = st.lists(text_of | st.sampled_from(["\n```", "```\n", "\n", " \n", "\n\n"]), max_size=8)
nasty = text_of | fenced.map("".join) | st.text(st.characters(exclude_categories=["Cs"]))
modes = st.sampled_from(["auto", "always", "never"])


@given(st.lists(nasty, max_size=6), modes)
def test_compiled_equals_reference_and_settles(values: list[str], segmented: Segmented) -> None:
    step = Spaces(segmented=segmented)
    expected = [step.rewrite(text) for text in values]
    batch = TextBatch.from_strings(values)
    rewritten, changed = step.rewrite_batch(batch, scan(batch))
    assert rewritten.strings() == expected
    assert changed.tolist() == [i for i, text in enumerate(values) if expected[i] != text]
    assert [step.rewrite(text) for text in expected] == expected


@given(nasty, modes)
def test_only_blanks_and_line_ends_change(text: str, segmented: Segmented) -> None:
    blanks = "\t\n \xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
    gone = str.maketrans("", "", blanks)
    assert Spaces(segmented=segmented).rewrite(text).translate(gone) == text.translate(gone)


def test_evidence_is_counted_beyond_one_word_of_counters() -> None:
    """More of everything than the packed counts of the compiled pass hold at once."""
    plain = "中文中文" * 4000 + "，"
    many = "中文 的 ， 字 。 " * 4000
    batch = TextBatch.from_strings([many, plain + many, plain * 8 + many])
    rewritten, _ = Spaces().rewrite_batch(batch, scan(batch))
    for i in range(3):
        assert rewritten[i] == Spaces().rewrite(batch[i])
    assert " " not in rewritten[0]


# The four together.

CHAIN = (Invisible(), Width(), Composition(), Spaces())
BITS = [
    *'中的，。（） \u3000\t\n\r\u200b\u200d\ufeff\xadＡ１．％Aé1e`"',
    "\u0301",
    "\u0338",
    "\u2000",
]
BITS += [
    "\u2329",
    "\u1fef",
    "か\u3099",
    "\u1100\u1161",
    "👩\u200d💻",
    "❤\ufe0f",
    "می\u200cخ",
    "```",
]
mixed = st.lists(st.sampled_from(BITS), max_size=20).map("".join)
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=24)


def chained(batch: TextBatch) -> TextBatch:
    for step in CHAIN:
        batch, _ = step.rewrite_batch(batch, scan(batch))
    return batch


@example(["👩\u200d💻\u200d\u2329"])
@example(["\u1fef中```\u2329"])
@given(st.lists(mixed | anything, max_size=6))
def test_the_sequence_of_four_settles(values: list[str]) -> None:
    once = chained(TextBatch.from_strings(values))
    assert chained(once).strings() == once.strings()


def test_clean_chinese_is_returned_as_it_is() -> None:
    """The very same batch: nothing was copied."""
    batch = TextBatch.from_strings(
        [
            "他说：“今天很好……”",
            "《红楼梦》（第120回），共 3 册。",
            "English text — with “quotes”.\n第二行",
        ]
    )
    for step in CHAIN:
        rewritten, changed = step.rewrite_batch(batch, scan(batch))
        assert rewritten.strings() == batch.strings() and len(changed) == 0
    assert chained(batch) is batch


@pytest.mark.parametrize("portion", [1, 7, 64, 1 << 20])
def test_portions_make_no_difference(portion: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_PORTION", portion)
    pieces = ["", "中  文", "不变", "e\u0301", "长" * 50 + " ", "a\u200b", "１", "\n"]
    values = ["".join(p) for p in itertools.product(pieces, repeat=2)]
    for step in CHAIN:
        batch = TextBatch.from_strings(values)
        rewritten, changed = step.rewrite_batch(batch, scan(batch))
        expected = [step.rewrite(text) for text in values]
        assert rewritten.strings() == expected
        assert changed.tolist() == [i for i, text in enumerate(values) if expected[i] != text]
