"""Numbers of both languages: by hand, there and back through cn2an, and beside text2num."""

from __future__ import annotations

from fractions import Fraction

import cn2an
import numpy as np
import pytest
import text_to_num
from hypothesis import given
from hypothesis import strategies as st

from curate.measure.pair import ennumbers, zhnumbers
from curate.measure.pair.digits import packed
from curate.measure.pair.numbers import Numbers
from curate.textbatch import TextBatch
from tests.curate.measure.pair.sides import measured


def value(key: int) -> Fraction:
    """The number that `digits.packed` packed."""
    return Fraction(key >> 6) * Fraction(10) ** ((key & 63) - 32) if key != 32 else Fraction(0)


def read(language: str, text: str) -> list[tuple[Fraction, Fraction | None, bool]]:
    """(number, other reading, whether a translation must have it) of each number in the text."""
    points = TextBatch.from_strings([text]).points
    size = len(text) + 1
    keys, others, needed = np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size, bool)
    if language == "zh":
        n = zhnumbers.zh_numbers(
            points, 0, len(text), zhnumbers.SIGNS, zhnumbers.EXPONENTS, keys, others, needed
        )
    else:
        words = ennumbers.KEYS, ennumbers.KINDS, ennumbers.VALUES
        n = ennumbers.en_numbers(points, 0, len(text), *words, keys, others, needed)
    return [
        (value(int(k)), value(int(o)) if o else None, bool(w))
        for k, o, w in zip(keys[:n], others[:n], needed[:n], strict=True)
    ]


def numbers(language: str, text: str, only_needed: bool = True) -> list[Fraction]:
    return [number for number, _, needed in read(language, text) if needed or not only_needed]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1998年", "1998"),
        ("１９９８年", "1998"),
        ("一九九八年", "1998"),
        ("二〇〇八年八月八日", "2008"),
        ("三十五人", "35"),
        ("250万人", "2500000"),
        ("2.5亿", "250000000"),
        ("1.2万亿美元", "1200000000000"),
        ("百分之五", "5"),
        ("百分之三点五", "3.5"),
        ("百分之百", "100"),
        ("5个百分点", "5"),
        ("3亿5000万", "350000000"),
        ("两万三", "23000"),
        ("一百零五", "105"),
        ("十五亿", "1500000000"),
        ("一万亿", "1000000000000"),
        ("二十一世纪", "21"),
        ("二十多万人", "200000"),
        ("1600多万", "16000000"),
        ("十个亿", ""),
        ("25 000美元", "25000"),
        ("3,000人，700，000件", "3000 700000"),
        ("5千克和3千米", "5 3"),
        ("三点五亿", "350000000"),
        ("贰佰叁拾元", "230"),
        ("貳佰參拾萬", "2300000"),
        ("卅一", "31"),
        ("第五十八届会议", "58"),
        ("下午3点15分，用时1:57.79", "3 15 57 79"),
        # What is a word as often as a number, or only about so many.
        ("一个", ""),
        ("第三，千万不要，万一十分，三三两两", ""),
        ("两三百人，三四十个，十几人，几十万，数百万", ""),
        ("3.其次", ""),
        ("(4)再次", ""),
        ("0和1", ""),
        ("", ""),
        ("开会。", ""),
    ],
)
def test_chinese_by_hand(text: str, expected: str) -> None:
    assert numbers("zh", text) == [Fraction(n) for n in expected.split()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1998", "1998"),
        ("3,000 people and 1,234,567 more", "3000 1234567"),
        ("2.5 million", "2500000"),
        ("1.2 billion, $3bn", "1200000000 3000000000"),
        ("thirty-five", "35"),
        ("Two hundred and five", "205"),
        ("one hundred and twenty-three thousand four hundred", "123400"),
        ("nineteen ninety-eight", "1998"),
        ("half a million, a quarter of a million", "500000 250000"),
        ("the fifty-eighth session", "58"),
        ("35th", "35"),
        ("25 000 euros", "25000"),
        ("twenty and thirty", "20 30"),
        ("at 10.18 a.m.", "10 18"),
        ("1.2.3", "2.3"),
        ("on 9/11", "911"),
        ("a million, hundreds of thousands, dozens, two, first, May, may, World War II", ""),
        ("3. Next, H5N1, m2", ""),
        ("(4) Then", ""),
        ("", ""),
    ],
)
def test_english_by_hand(text: str, expected: str) -> None:
    assert numbers("en", text) == [Fraction(n) for n in expected.split()]


@pytest.mark.parametrize(
    ("language", "text", "number", "other"),
    [
        ("zh", "90年代", 90, 1990),
        ("zh", "20世纪90年代", 90, 1990),
        ("zh", "19世纪40年代", 40, 1840),
        ("zh", "三成", 3, 30),
        ("zh", "18世纪", 18, 1700),
        ("zh", "95年", 95, 1995),
        ("zh", "3至5亿", 3, 300_000_000),
        ("zh", "1998-99年", 99, 1999),
        ("en", "1998-99", 99, 1999),
        ("en", "the 1990s", 1990, 90),
        ("en", "the ’90s", 90, 1990),
        ("en", "in ’35", 35, 1935),
        ("en", "the nineties", 90, 1990),
        ("en", "2 to 3 million", 2, 2_000_000),
        ("en", "three decades", 3, 30),
        ("en", "two dozen", 2, 24),
        ("en", "at 10 p.m.", 10, 22),
        ("en", "3pm", 3, 15),
    ],
)
def test_second_readings(language: str, text: str, number: int, other: int) -> None:
    assert (number, other) in [(n, o) for n, o, _ in read(language, text)]


@given(st.integers(11, 10**12))
def test_chinese_numerals_there_and_back(number: int) -> None:
    for mode in ("low", "up"):
        text = cn2an.an2cn(number, mode)
        # 一百, 一千万: a single 一 with a unit is needed as well; digits there are.
        assert numbers("zh", f"共{text}个", only_needed=False) == [number], text
    # 十万 or 一百万 alone may be a manner of speaking.
    assert str(number).strip("0") == "1" or numbers("zh", cn2an.an2cn(number)) == [number]


@given(st.integers(1000, 9999))
def test_years_there_and_back(year: int) -> None:
    assert numbers("zh", cn2an.an2cn(year, "direct") + "年") == [year]


@given(st.integers(11, 10**8), st.integers(1, 99))
def test_decimals_there_and_back(whole: int, part: int) -> None:
    text = cn2an.an2cn(f"{whole % 10**5}.{part:02d}")
    assert numbers("zh", text, only_needed=False) == [Fraction(f"{whole % 10**5}.{part:02d}")]
    assert numbers("zh", f"{whole}.{part:02d}万") == [Fraction(f"{whole}.{part:02d}") * 10**4]


_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def spoken(n: int, joint: str = "and ") -> str:
    """A number below 10^12 in English words."""
    if n < 20:
        return _SMALL[n]
    if n < 100:
        return _TENS[n // 10 - 2] + (f"-{_SMALL[n % 10]}" if n % 10 else "")
    for size, name in (
        (10**9, "billion"),
        (10**6, "million"),
        (1000, "thousand"),
        (100, "hundred"),
    ):
        if n >= size:
            rest = n % size
            tail = f" {joint if size == 100 else ''}{spoken(rest, joint)}" if rest else ""
            return f"{spoken(n // size, joint)} {name}{tail}"
    raise AssertionError(n)


@given(st.integers(11, 10**12 - 1), st.sampled_from(["and ", ""]))
def test_english_numerals_there_and_back(number: int, joint: str) -> None:
    assert numbers("en", f"They counted {spoken(number, joint)} of them.") == [number]


@given(st.integers(11, 10**9 - 1))
def test_english_numerals_beside_text2num(number: int) -> None:
    text = spoken(number)
    assert numbers("en", text) == [text_to_num.text2num(text, "en")]


@given(st.integers(1, 10**9), st.integers(0, 9))
def test_equal_numbers_are_equal_integers(m: int, e: int) -> None:
    assert packed(m, e) == packed(m * 10**e, 0)
    assert value(packed(m, -e)) == Fraction(m, 10**e)
    assert packed(m, e) != packed(m + 1, e)


PAIRS = [
    ("1998年，一九九八年，１９９８年", "In 1998", 4, 0),
    ("人口达到12亿，增长5%", "The population reached 1.2 billion, up five per cent", 3, 0),
    ("1998年3月5日", "March 5, 1998", 5, 0),
    ("三十五", "35", 2, 0),
    ("三十五", "thirty-five", 2, 0),
    ("250万", "2.5 million", 2, 0),
    ("20世纪90年代", "the 1990s", 2, 0),
    ("十年", "a decade", 0, 0),
    ("三成", "30%", 1, 0),
    ("一个苹果", "One apple", 0, 0),
    ("2018年", "In 2016", 2, 2),
    ("去年", "In 2016", 1, 1),
    ("两百万", "20 million", 2, 2),
    ("", "", 0, 0),
]


@pytest.mark.parametrize(("zh", "en", "needed", "unmatched"), PAIRS)
def test_agreement_by_hand(zh: str, en: str, needed: int, unmatched: int) -> None:
    [row] = measured(Numbers(), (zh, en))
    assert (row["numbers"], row["numbers_unmatched"]) == (needed, unmatched)
    assert row["number_agreement"] == pytest.approx((needed - unmatched + 1) / (needed + 1))


def test_a_pair_measures_the_same_beside_others() -> None:
    pairs = [(zh, en) for zh, en, _, _ in PAIRS]
    assert measured(Numbers(), *pairs) == [measured(Numbers(), pair)[0] for pair in pairs]


def test_tables_of_numbers_are_compared_without_comparing_all_with_all() -> None:
    figures = [str(n * 37 + 1000) for n in range(500)]
    zh, en = "，".join(figures), "; ".join(reversed(figures))
    wrong = en.replace(figures[7], "999999")
    rows = measured(Numbers(), (zh, en), (zh, wrong))
    assert [row["numbers_unmatched"] for row in rows] == [0, 2]
