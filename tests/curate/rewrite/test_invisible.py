from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.rewrite.invisible import Invisible
from curate.scan import scan
from curate.textbatch import TextBatch

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"

GOLDEN = [
    # what is removed
    ("零\u200b宽", "零宽"),
    ("\ufeff开头", "开头"),
    ("soft\xadhyphen", "softhyphen"),
    ("\u202e倒\u202c的\u2066隔\u2069离\u200e\u200f\u061c", "倒的隔离"),
    ("a\0b\x1bc\x7fd\x9fe", "abcde"),
    ("私\ue04d用\U000f0000区\U0010fffd", "私用区"),
    ("非\ufdd0字\uffff符\U0001ffff", "非字符"),
    ("未\u0378分\U00050000配", "未分配"),
    ("葛\U000e0100城市 辻\ufe00", "葛城市 辻"),
    ("图\ufffc片", "图片"),
    ("填\u3164充\u2060字\u034f符", "填充字符"),
    # line ends
    ("一\r\n二\r三\x0b四\x0c五\x85六\u2028七\u2029八", "一\n二\n三\n四\n五\n六\n七\n八"),
    ("\r\r\n\n\r", "\n\n\n\n"),
    ("a\tb\n", "a\tb\n"),
    # emoji stay whole
    ("❤\ufe0f", "❤\ufe0f"),
    ("☎\ufe0e", "☎\ufe0e"),
    ("👩\u200d💻和👩🏽\u200d🚀", "👩\u200d💻和👩🏽\u200d🚀"),
    ("👁\ufe0f\u200d🗨\ufe0f", "👁\ufe0f\u200d🗨\ufe0f"),
    ("🏳\ufe0f\u200d🌈", "🏳\ufe0f\u200d🌈"),
    ("1\ufe0f\u20e3#\ufe0f\u20e3", "1\ufe0f\u20e3#\ufe0f\u20e3"),
    ("1\ufe0f中\ufe0f，\ufe0f", "1中，"),
    ("❤\ufe0f\ufe0f", "❤\ufe0f"),
    (ENGLAND, ENGLAND),
    ("\U0001f3f4\U000e0068\U000e0069", "\U0001f3f4"),  # hidden text behind a flag
    ("a\U000e0068\U000e0069b", "ab"),
    ("👩\u200d中", "👩中"),
    ("中\u200d中", "中中"),
    ("👩\u200b\u200d💻", "👩\u200d💻"),
    ("👩\u200d\u200b💻", "👩💻"),
    # scripts that join
    ("می\u200cخواهم", "می\u200cخواهم"),
    ("क्\u200dष", "क्\u200dष"),
    ("می\u200c", "می"),
    ("می\u200c\u200cخ", "می\u200cخ"),
    ("a\u200cb", "ab"),
    ("\u0601١", "\u0601١"),
    # never touched
    ("坏\ufffd字", "坏\ufffd字"),
    ("《红楼梦》“你好”……——·、\u3000全\xa0角", "《红楼梦》“你好”……——·、\u3000全\xa0角"),
    ("\U00031350\U0001fae9", "\U00031350\U0001fae9"),  # newer than some Unicode tables
    ("", ""),
]


@pytest.mark.parametrize(("text", "expected"), GOLDEN)
def test_goldens(text: str, expected: str) -> None:
    assert Invisible().rewrite(text) == expected


def test_goldens_compiled() -> None:
    batch = TextBatch.from_strings([text for text, _ in GOLDEN])
    rewritten, changed = Invisible().rewrite_batch(batch, scan(batch))
    assert rewritten.strings() == [expected for _, expected in GOLDEN]
    assert changed.tolist() == [i for i, (a, b) in enumerate(GOLDEN) if a != b]


PIECES = [*"ab1#中\r\n\t \u200d\u200c\u200b\ufeff\ufe0f\ufe0e\ufe00\u20e3👩💻❤🏽🏴می़क्ᠠ\u180e\u0301"]
PIECES += [
    "\ue000",
    "\U0010ffff",
    "\x85",
    "\u2028",
    "\U000e0067",
    "\U000e0062",
    "\U000e007f",
    ENGLAND,
]
nasty = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(nasty | anything, max_size=6))
def test_compiled_equals_reference_and_settles(values: list[str]) -> None:
    step = Invisible()
    expected = [step.rewrite(text) for text in values]
    batch = TextBatch.from_strings(values)
    rewritten, changed = step.rewrite_batch(batch, scan(batch))
    assert rewritten.strings() == expected
    assert changed.tolist() == [i for i, text in enumerate(values) if expected[i] != text]
    assert [step.rewrite(text) for text in expected] == expected


def test_result_depends_on_the_unicode_version_and_says_so() -> None:
    assert "unicode" in Invisible().fingerprint()
