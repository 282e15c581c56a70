"""The lexicon, and what it finds."""

from __future__ import annotations

import numpy as np
import pytest

from curate.measure.pair.lexicon import LEXICON, LexiconMeasure, lexicon, lexicon_counts
from tests.curate.measure.pair.sides import measured, pair_batch


def test_the_file_is_in_order() -> None:
    words = []
    for line in LEXICON.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            word, related, unrelated, *english = line.split()
            words.append(word)
            assert 1 <= len(word) <= 4 and all(0x4E00 <= ord(c) <= 0x9FFF for c in word), line
            assert 0 < int(unrelated) < int(related) < 100, line
            assert english and all(e.isascii() and e.isalpha() and e.islower() for e in english)
    assert len(words) == len(set(words)) == len(lexicon().zh_keys) > 700


@pytest.mark.parametrize(
    ("zh", "en", "words", "found"),
    [
        ("中国政府", "The Chinese government", 2, 2),
        ("中国政府", "The French painter", 2, 0),
        ("最大多数", "most", 1, 0),  # the longest from the left: 最大, and no 大多数
        ("中国中国中国", "China", 1, 1),
        ("经济学家", "economists", 1, 1),
        ("她们", "They were there", 1, 1),
        ("阿嚏", "Achoo", 0, 0),
        ("", "China", 0, 0),
    ],
)
def test_words_and_translations(zh: str, en: str, words: int, found: int) -> None:
    counts = lexicon_counts(pair_batch((zh, en)))
    assert (counts.words.tolist(), counts.found.tolist()) == ([words], [found])
    [row] = measured(LexiconMeasure(), (zh, en))
    assert row["lexicon_agreement"] == pytest.approx((found + 1) / (words + 1))


def test_evidence_is_for_translations_and_against_others() -> None:
    good, bad, none = lexicon_counts(
        pair_batch(
            ("美国总统访问中国", "The American president visited China"),
            ("美国总统访问中国", "A cat sat on the mat"),
            ("阿嚏", "Achoo"),
        )
    ).evidence
    assert good > 3 and bad < -3 and none == 0
    assert np.isfinite(lexicon().found).all() and np.isfinite(lexicon().missing).all()
