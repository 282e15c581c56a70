"""Pairs as the measures get them, for the tests beside."""

from __future__ import annotations

from typing import Any

from curate.measure.pair.base import PairBatch, PairMeasure
from curate.scan import scan
from curate.textbatch import TextBatch


def pair_batch(*pairs: tuple[str, str]) -> PairBatch:
    """(Chinese, English) pairs as a batch."""
    zh = TextBatch.from_strings([zh for zh, _ in pairs])
    en = TextBatch.from_strings([en for _, en in pairs])
    return PairBatch(zh, scan(zh), en, scan(en))


def measured(measure: PairMeasure, *pairs: tuple[str, str]) -> list[dict[str, Any]]:
    """The columns of every pair; checks that they are the ones promised."""
    columns = measure.measure_batch(pair_batch(*pairs))
    assert list(columns) == list(measure.columns)
    lists = [column.tolist() for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]
