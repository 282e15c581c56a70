"""What counts as the same text, and the hash that stands for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup.normal import exact_hashes, normal_texts
from curate.textbatch import TextBatch
from tests.curate.dedup import reference

TEXTS = st.text(
    st.one_of(
        st.sampled_from("中文字符好的，。！？、（）,.!? \n\t\u3000\u200b\ufeffABCabcＡｂ１23é"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=40,
)


def normal(text: str) -> str:
    return normal_texts(TextBatch.from_strings([text]))[0]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("中 文", "中文"),
        ("中\u3000文\n字", "中文字"),
        ("ＡＢＣ１２３", "abc123"),
        ("你好！", "你好!"),
        ("（一）", "(一)"),
        ("zero\u200bwidth", "zerowidth"),
        ("cafe\u0301", "café"),
        ("a  b", "a b"),
        ("a\nb", "a b"),
        ("  开会。 ", "开会。"),
        ("GPT 模型", "GPT模型"),
        ("☺\ufe0f", "☺"),
    ],
)
def test_same_text(left: str, right: str) -> None:
    assert normal(left) == normal(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("好！", "好？"),
        ("好。", "好"),
        ("1.5", "15"),
        ("12 3", "123"),
        ("a part", "apart"),
        ("《红楼梦》", "“红楼梦”"),
        ("看著", "看着"),
        ("C++", "C#"),
        ("-5", "5"),
        ("。。。", "。。。。"),
        ("ß", "ss"),
    ],
)
def test_different_texts(left: str, right: str) -> None:
    assert normal(left) != normal(right)


@given(st.lists(TEXTS, max_size=6))
def test_normal_form_is_what_the_documentation_says(texts: list[str]) -> None:
    found = normal_texts(TextBatch.from_strings(texts))
    assert [found[i] for i in range(len(texts))] == [reference.normal(text) for text in texts]


@given(st.lists(TEXTS, min_size=2, max_size=8))
def test_hashes_agree_exactly_when_normal_forms_do(texts: list[str]) -> None:
    hashes = exact_hashes(TextBatch.from_strings(texts)).tolist()
    for i, left in enumerate(texts):
        for j, right in enumerate(texts):
            same = reference.normal(left) == reference.normal(right)
            assert (hashes[i] == hashes[j]) == same


@pytest.mark.parametrize("length", range(20))
def test_hash_is_murmur3(length: int) -> None:
    mmh3 = pytest.importorskip("mmh3")
    text = "山高月小水落石出清风徐来水波不兴白露横江"[:length]
    found = exact_hashes(TextBatch.from_strings([text]))[0]
    expected = mmh3.hash64(text.encode("utf-32-le"), seed=0, x64arch=True, signed=False)
    assert tuple(int(word) for word in found) == expected


def test_hash_of_a_known_text() -> None:
    # From the reference implementation of MurmurHash3_x64_128, UTF-32-LE, seed 0.
    known = [16609894490806995904, 10928023670576066753]
    assert exact_hashes(TextBatch.from_strings(["开会。"])).tolist() == [known]


def test_no_texts() -> None:
    assert exact_hashes(TextBatch.from_strings([])).shape == (0, 2)
    assert exact_hashes(TextBatch.from_strings([""])).dtype == np.uint64
