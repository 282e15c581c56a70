"""Real pairs stay, planted damage goes: the figures of docs/parallel.md, on some of the rows."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from curate.recipe import Recipe, parsed, read
from tests.conftest import ROOT

SAMPLE = 1000
RECALL = {
    "shifted by one": 0.48,
    "random row": 0.36,
    "truncated": 0.48,
    "swapped sides": 0.99,
    "untranslated": 0.98,
    "wrong number": 0.65,
    "looped": 0.42,
    "undecodable": 0.99,
}
"""Share that is found at least: of the worst source, less what samples vary by."""


@pytest.fixture(scope="module")
def study() -> ModuleType:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return importlib.import_module("parallel")
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="module")
def reported(study: ModuleType, real_data: Path) -> dict[str, list[tuple[str, str]]]:
    every = study.real_pairs(real_data)
    return {source: study.half(pairs, True)[:SAMPLE] for source, pairs in every.items()}


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return read(ROOT / "recipes" / "corpus.yaml")


def test_few_real_pairs_are_lost(study, reported, recipe):
    assert set(reported) == {"news-commentary", "un", "wmt18", "iwslt2017", "ted"}
    for source, pairs in reported.items():
        assert len(pairs) == SAMPLE
        assert study.rejected(pairs, recipe).mean() < 0.03, source


def test_the_default_limits_lose_next_to_none(study, reported):
    usual = parsed("name: usual\nsources: [{name: wmt18}]\nlanguage: false\n")
    lost = sum(int(study.rejected(pairs, usual).sum()) for pairs in reported.values())
    assert lost <= 2


@pytest.mark.parametrize("kind", RECALL)
def test_planted_damage_is_found(study, reported, recipe, kind):
    for source, pairs in reported.items():
        bad = study.planted(kind, pairs)
        assert study.rejected(bad, recipe).mean() >= RECALL[kind], source


def test_damage_is_planted_as_said(study, reported):
    pairs = reported["un"]
    shifted = study.planted("shifted by one", pairs)
    assert shifted[3] == (pairs[3][0], pairs[4][1])
    swapped = study.planted("swapped sides", pairs)
    assert swapped[3] == (pairs[3][1], pairs[3][0])
    for kind in ("truncated", "garbled", "looped", "undecodable", "wrong number"):
        assert study.planted(kind, pairs) == study.planted(kind, pairs)
        bad = set(study.planted(kind, pairs))
        assert len(bad - set(pairs)) >= 0.95 * len(bad) > 50
