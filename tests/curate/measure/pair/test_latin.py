"""Names, acronyms and addresses in Latin letters, and sides left untranslated."""

from __future__ import annotations

import pytest

from curate.measure.pair.latin import LatinWords, links
from curate.measure.pair.untranslated import Untranslated
from tests.curate.measure.pair.sides import measured


@pytest.mark.parametrize(
    ("zh", "en", "words", "found"),
    [
        ("他在IBM工作", "He works at IBM", 1, 1),
        ("他在ＩＢＭ工作", "He works at IBM", 1, 1),
        ("他在IBM工作", "He works at Intel", 1, 0),
        ("CEO们", "The CEOs", 1, 1),
        ("GDP增长", "Gross domestic product grew", 1, 1),
        ("FDA批准", "the Food and Drug Administration approved", 1, 1),
        ("IMF表示", "The International Monetary Fund said", 1, 1),
        ("iPhone和iPad", "the iphone", 2, 1),
        ("A组", "Group B", 0, 0),
        ("见www.example.com/abc", "See www.example.com/abc", 4, 4),
        ("2016年", "In 2016", 0, 0),
        ("", "", 0, 0),
    ],
)
def test_words_of_the_chinese_side(zh: str, en: str, words: int, found: int) -> None:
    [row] = measured(LatinWords(), (zh, en))
    assert row["latin_words"] == words
    assert row["latin_agreement"] == pytest.approx((found + 1) / (words + 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("请看https://example.com/a?b=1。", {"https://example.com/a?b=1"}),
        ("(see http://Example.com/x).", {"http://example.com/x"}),
        ("写信给 zhang.san@example.com.cn，谢谢", {"zhang.san@example.com.cn"}),
        ("www.example.com, FTP://a.b/c", {"www.example.com", "ftp://a.b/c"}),
        ("@someone 3:10 // wow", set()),
        ("", set()),
    ],
)
def test_links(text: str, expected: set[str]) -> None:
    assert links(text) == expected


def test_links_that_only_one_side_has() -> None:
    rows = measured(
        LatinWords(),
        ("见https://example.com/a", "See https://example.com/a."),
        ("见https://example.com/a", "See https://example.com/b."),
        ("写信给我们", "Write to info@example.com"),
        ("开会。", "A meeting."),
    )
    assert [row["links_unmatched"] for row in rows] == [0, 2, 1, 0]


@pytest.mark.parametrize(
    ("zh", "en", "copied", "han", "latin"),
    [
        ("今天开会。", "We meet today.", 0, 0, 0),
        ("We meet today.", "We meet today.", 3 / 5, 0, 1),
        ("今天开会。", "今天开会。", 0, 1, 0),
        ("iPhone", "iPhone", 1 / 3, 0, 1),
        ("用Python写", "written in Python", 1 / 5, 0, 6 / 8),
        ("", "", 0, 0, 0),
    ],
)
def test_untranslated(zh: str, en: str, copied: float, han: float, latin: float) -> None:
    [row] = measured(Untranslated(), (zh, en))
    assert row == pytest.approx({"copied_share": copied, "han_in_en": han, "latin_in_zh": latin})
