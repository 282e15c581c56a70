"""Cleaning and flags of bad answers on the real samples: what stays, and how much is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.instruction_cleaning import PARTITION, cleaned, kept, rewrites, rows_of
from curate.measure.instruction.base import InstructionMeasure
from curate.measure.instruction.cut import Cut
from curate.measure.instruction.identity import Identity
from curate.refine import Clock


@pytest.fixture(scope="module")
def rows(real_data: Path):
    return rows_of(real_data, only=("sharegpt_zh", "oasst_zh", "moss", "alpaca_gpt4_zh", "belle"))


def found(rows, measure: InstructionMeasure) -> dict[str, int]:
    counts: dict[str, int] = {}
    names = rows["source"].to_pylist()
    for start in range(0, len(rows), PARTITION):
        batch = cleaned(rows.slice(start, PARTITION), rewrites(), Clock())
        for column in measure.flags:
            for row, hit in enumerate(measure.measure_batch(batch)[column]):
                if hit:
                    counts[names[start + row]] = counts.get(names[start + row], 0) + 1
    return counts


def test_code_tables_and_json_stay(rows):
    for kind, count in kept(rows, rewrites()).items():
        assert count["texts"] > 0, kind
        for steps in count:
            assert not {"spaces", "lines", "punctuation", "leftovers", "scraps", "width"} & set(
                steps.removeprefix("changed by ").split("+")
            ), (kind, steps)


def test_self_identification_is_found(rows):
    counts = found(rows, Identity())
    # Read by eye: docs/instructions-cleaning.md.
    assert counts["sharegpt_zh"] >= 115 and counts["oasst_zh"] >= 115


def test_few_answers_are_cut(rows):
    assert 0 < sum(found(rows, Cut()).values()) < len(rows) * 0.01
