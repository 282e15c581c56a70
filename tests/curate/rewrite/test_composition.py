from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from curate.rewrite.composition import Composition
from curate.scan import scan
from curate.textbatch import TextBatch


def composed(values: list[str]) -> list[str]:
    batch = TextBatch.from_strings(values)
    rewritten, changed = Composition().rewrite_batch(batch, scan(batch))
    assert changed.tolist() == [
        i for i, (a, b) in enumerate(zip(values, rewritten.strings(), strict=True)) if a != b
    ]
    return rewritten.strings()


GOLDEN = [
    ("cafe\u0301", "café"),
    ("か\u3099", "が"),
    ("\u1112\u1161\u11ab\u1100\u1173\u11af", "한글"),
    ("하\u11ab", "한"),
    ("a\u0301\u0323", "ạ\u0301"),
    ("\u212b\u2126\u212a", "ÅΩK"),
    ("\uf900\uf901\U0002f800", "\u8c48\u66f4\u4e3d"),
    ("\u2329書\u232a", "〈書〉"),
    ("\u0301a", "\u0301a"),
    ("q\u0307\u0323", "q\u0323\u0307"),
    ("\u0958", "\u0915\u093c"),
    # NFKC would change all of these
    ("，：（）！“”…ＡＢ１２①㎏ﬁ²ｶﾞ\u3000", "，：（）！“”…ＡＢ１２①㎏ﬁ²ｶﾞ\u3000"),
]


def test_goldens() -> None:
    assert composed([text for text, _ in GOLDEN]) == [expected for _, expected in GOLDEN]
    assert [Composition().rewrite(text) for text, _ in GOLDEN] == [b for _, b in GOLDEN]


def test_every_code_point_alone_and_decomposed() -> None:
    every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    every += [unicodedata.normalize("NFD", c) for c in every[:0x30000]]
    every += [c + "\u0327\u0301" for c in every[:0x3100]]
    got = composed(every)
    wrong = [
        ascii(text)
        for text, new in zip(every, got, strict=True)
        if new != unicodedata.normalize("NFC", text)
    ]
    assert wrong == []


ALPHABET = (
    "aeo中<\u0301\u0327\u0300\u0323\u0345\u0344\u0338ḉé\u0958\u0915\u093c\u1100\u1161\u11a8가각"
)
ALPHABET += (
    "\u3099か\uf900\U0002f800\u1f82\u1fb7\U0001d15f\u2adc\u0b47\u0b3e\u0cc6\u0cc2\u0cd5\u0dd9\u0dca"
)
nasty = st.text(ALPHABET, max_size=16)
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(nasty | anything, max_size=6))
def test_compiled_equals_unicodedata_and_settles(values: list[str]) -> None:
    expected = [unicodedata.normalize("NFC", text) for text in values]
    assert composed(values) == expected
    assert composed(expected) == expected


def test_a_letter_under_a_heap_of_marks() -> None:
    """A hundred thousand marks on one letter, for which Python's own takes quadratic time."""
    marks = "\u0323\u0301\u0345\u0327\u0334"
    text = "e" + marks * 40 + "中"
    assert composed([text]) == [unicodedata.normalize("NFC", text)]
    in_order = "".join(sorted(marks * 20_000, key=unicodedata.combining))
    expected = unicodedata.normalize("NFC", f"e{in_order}中")
    assert composed([f"e{marks * 20_000}中"]) == [expected]
