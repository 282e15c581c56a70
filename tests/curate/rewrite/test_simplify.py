"""The compiled conversion to simplified gives what OpenCC and the rules give, text by text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.rewrite import simplify
from curate.rewrite.script import ScriptConversion
from curate.scan import scan
from curate.textbatch import TextBatch

# What the rules look at: 於 and 著 with their neighbours, parts of phrases, forms of either script.
POOL = (
    "於著期樊梨華华菟乎呼穆邑戲陵子崇文忠祥勇明世成清言惟一仲完竹屋其名原專作者述稱之錄書有《》論譯"
    "看聽隨等急火老麼么乾坤瞭解慰藉憑沈覆回彷彿徵幹裏裡台臺后後衛衞粧麵面"
    "國国這这學学的是，。\n\r （「"
)
texts = st.lists(st.text(st.sampled_from(POOL), max_size=20), min_size=1, max_size=8)


def converted(given: list[str], monkeypatch: pytest.MonkeyPatch, bulk: bool) -> list[str]:
    with monkeypatch.context() as patch:
        if not bulk:
            forms = replace(simplify._forms(), phrases=np.zeros(0, np.uint64))
            patch.setattr(simplify, "_forms", lambda: forms)
        batch = TextBatch.from_strings(given)
        new, changed = ScriptConversion().rewrite_batch(batch, scan(batch))
    strings = new.strings()
    assert changed.tolist() == [i for i, t in enumerate(given) if t != strings[i]]
    return strings


@settings(max_examples=300)
@given(texts=texts)
def test_same_as_text_by_text(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        assert converted(texts, patch, True) == converted(texts, patch, False)


def test_plain_text_is_converted_in_bulk() -> None:
    given = ["這裡的圖書館對於讀者開放。", "看著窗外的風景", "国家图书馆\n這裡對讀者開放"]
    batch = TextBatch.from_strings(given)
    mixed = np.array([False, False, True])
    new, changed, left = simplify.simplified_in_bulk(batch, np.arange(3), mixed)
    assert changed.all()
    assert not left.any()
    assert new.strings() == [
        "这里的图书馆对于读者开放。",
        "看着窗外的风景",
        "国家图书馆\n这里对读者开放",
    ]


@pytest.mark.parametrize("text", ["他的名著", "於菟", "乾坤", "老麼", "衞生", "《著", "慰藉"])
def test_doubtful_text_is_left(text: str) -> None:
    batch = TextBatch.from_strings([text])
    _, changed, left = simplify.simplified_in_bulk(batch, np.arange(1), np.zeros(1, np.bool_))
    assert left.all()
    assert not changed.any()
