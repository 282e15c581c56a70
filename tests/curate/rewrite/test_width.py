from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.rewrite.width import Width
from curate.scan import scan
from curate.textbatch import TextBatch

GOLDEN = [
    ("《红楼梦》第１２０回，", "《红楼梦》第120回，"),
    ("ＡＢＣａｂｃ０９Ｚｚ", "ABCabc09Zz"),
    ("约３．１４，涨５０％！", "约3.14，涨50%！"),
    ("ｕｓｅｒ＿１＠ｍａｉｌ．ｅｘａｍｐｌｅ．ｃｏｍ", "user_1@mail.example.com"),
    ("２０１０－２０１５年，１／２，１＋１＝２", "2010-2015年，1/2，1+1=2"),
    ("Ａ．B", "A.B"),
    ("a＆Ｂ", "a&B"),
    ("Ｃ＃和Ｃ＋＋和Ａ＋", "C#和C++和A+"),
    ("ＡＴ＆Ｔ", "AT&T"),
    # signs that are no part of an expression
    ("Ａ．苹果　Ｂ．梨", "A．苹果　B．梨"),
    ("－５℃，１＋甲", "－5℃，1＋甲"),
    ("中／英，百％，＝", "中／英，百％，＝"),
    ("3．14 5％", "3．14 5％"),  # no full-width letter or digit: nothing to go by
    # Chinese punctuation never changes
    ("（１）：１２：３０；１，０００！Ａ？～", "（1）：12：30；1，000！A？～"),
    ("“Ａ”‘Ｂ’《Ｃ》「Ｄ」、。", "“A”‘B’《C》「D」、。"),
    ("ｶﾀｶﾅ　￥１００", "ｶﾀｶﾅ　￥100"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "expected"), GOLDEN)
def test_goldens(text: str, expected: str) -> None:
    assert Width().rewrite(text) == expected


def test_goldens_compiled() -> None:
    batch = TextBatch.from_strings([text for text, _ in GOLDEN])
    rewritten, changed = Width().rewrite_batch(batch, scan(batch))
    assert rewritten.strings() == [expected for _, expected in GOLDEN]
    assert changed.tolist() == [i for i, (a, b) in enumerate(GOLDEN) if a != b]


nasty = st.text("aZ09ＡＺａｚ０９．＠＃＃＋＋％－／＝＿＆，。：（）！中😀", max_size=14)
anything = st.text(st.characters(min_codepoint=0xFEF0, max_codepoint=0x10010), max_size=20)


@given(st.lists(nasty | anything, max_size=6))
def test_compiled_equals_reference_and_settles(values: list[str]) -> None:
    step = Width()
    expected = [step.rewrite(text) for text in values]
    batch = TextBatch.from_strings(values)
    rewritten, changed = step.rewrite_batch(batch, scan(batch))
    assert rewritten.strings() == expected
    assert changed.tolist() == [i for i, text in enumerate(values) if expected[i] != text]
    assert [step.rewrite(text) for text in expected] == expected


@given(nasty | anything)
def test_only_letters_digits_and_signs_change_and_keep_their_place(text: str) -> None:
    for before, after in zip(text, Width().rewrite(text), strict=True):
        if before != after:
            assert ord(before) - ord(after) == 0xFEE0
            assert before not in "，：；？！（）～"
