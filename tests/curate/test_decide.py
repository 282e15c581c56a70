"""Limits and languages against stored measures."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curate.decide import decided
from curate.recipe import Languages, Limit


def table(**columns: list) -> pa.Table:
    n = len(next(iter(columns.values())))
    arrays = {name: pa.array(values) for name, values in columns.items()}
    return pa.table({"quarantine": pa.nulls(n, pa.string()), **arrays})


def reasons(rows: pa.Table, row_type: str = "document", **options) -> list[str | None]:
    limits = options.get("limits", {})
    return decided(rows, limits, options.get("languages"), row_type)["reason"].to_pylist()


def test_bounds_are_inclusive_and_the_first_failure_is_the_reason():
    rows = table(a=[0, 1, 5, 6], b=[9.0, 1.0, 1.0, 9.0])
    limits = {"a": Limit(min=1, max=5), "b": Limit(max=2)}
    assert reasons(rows, limits=limits) == ["quality.a.min", None, None, "quality.a.max"]


def test_a_limit_means_the_number_a_float32_column_holds():
    rows = table(share=np.array([0.1, 0.3], np.float32))
    assert reasons(rows, limits={"share": Limit(max=0.1)}) == [None, "quality.share.max"]
    assert reasons(rows, limits={"share": Limit(min=0.3)}) == ["quality.share.min", None]


def test_the_ledger_shows_value_and_bound():
    rows = decided(table(a=[3]), {"a": Limit(min=4)}, None, "document").to_pylist()
    assert rows == [{"reason": "quality.a.min", "measure": "a=3", "limit": "min 4"}]


def test_a_limit_may_leave_short_texts_alone():
    rows = table(a=[0, 0, 9, 9], characters=[99, 100, 99, 100])
    limits = {"a": Limit(min=1, max=5, from_characters=100)}
    assert reasons(rows, limits=limits) == [None, "quality.a.min", None, "quality.a.max"]
    shown = decided(rows, limits, None, "document")["limit"].to_pylist()
    assert shown == [None, "min 1 from 100 characters", None, "max 5 from 100 characters"]


def test_quarantined_rows_are_left_alone():
    rows = pa.table({"quarantine": ["bad_json", None], "a": [0, 0]})
    assert reasons(rows, limits={"a": Limit(min=1)}) == [None, "quality.a.min"]


def test_a_label_counts_only_where_the_detector_is_sure():
    confidence = np.array([0.9, 0.9, 0.3], np.float32)
    rows = table(lang=["zh", "en", "sv"], lang_confidence=confidence)
    assert reasons(rows, languages=Languages()) == [None, "language", None]


def test_sides_of_a_pair():
    rows = table(
        zh_lang=["zh", "en", "zh", "zh", "zh"],
        en_lang=["en", "en", "fr", "hu", "en"],
        zh_lang_confidence=np.ones(5, np.float32),
        en_lang_confidence=np.ones(5, np.float32),
        zh_characters=[10, 10, 20, 4, 3],
        en_characters=[240, 240, 260, 6, 0],
    )
    assert reasons(rows, "pair", languages=Languages()) == [
        None,
        "language.zh",
        "language.en",
        None,  # "Item 8"
        "empty_side",
    ]
