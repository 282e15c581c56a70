"""The quality limits on real text: clean text stays, planted bad text goes, the labelled pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import quality
from benchmarks.quality import CLEAN, dropped, limits, measured, measures, precision_recall
from benchmarks.quality_labels import labelled
from benchmarks.quality_text import Texts, paragraphs, planted, sources
from curate.measure.base import Measure


@pytest.fixture(scope="module")
def real(real_data: Path) -> Texts:
    found = sources(real_data)
    return {kind: texts[:1500] for kind, texts in found.items()}


@pytest.fixture(scope="module")
def steps(real: Texts, tmp_path_factory: pytest.TempPathFactory) -> list[Measure]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality, "MODEL", tmp_path_factory.mktemp("model") / "study.model")
        quality.study_model(real)
        return measures()


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("news", 0.005),
        ("abstracts", 0.04),
        ("mixed web", 0.06),
        ("reviews", 0.002),
        ("dialogues", 0.03),
        ("traditional", 0.01),
        ("Tang verse", 0.01),
        ("Song lyrics", 0.05),
        ("classical", 0.01),
        ("Cantonese", 0),
    ],
)
def test_clean_text_stays(real: Texts, steps: list[Measure], kind: str, most: float) -> None:
    rules = {name: limit for name, limit in limits().items() if name != "fluency"}
    assert dropped(measured(real[kind], steps), rules).mean() <= most


def test_planted_bad_text_goes(real: Texts, steps: list[Measure]) -> None:
    rules = limits()
    least = {
        "menus": 0.95, "advertisements": 0.9, "gambling": 0.95, "repetition": 0.9,
        "search terms": 0.95, "shuffled characters": 0.98,
    }  # fmt: skip
    for kind, texts in planted(paragraphs(real["mixed web"][:600]), 60).items():
        assert dropped(measured(texts, steps), rules).mean() >= least.get(kind, 0), kind


def test_fluency_parts_modern_text_from_its_shuffled_self(
    real: Texts, steps: list[Measure]
) -> None:
    some = paragraphs([t for kind in (*CLEAN, "mixed web") for t in real[kind][1::2]])[:300]
    mixed = planted(some, 200)["shuffled characters"]
    floor = float(quality.FLUENCY.min or 0)
    assert (measured(some, steps)["fluency"] < floor).mean() <= 0.01
    assert (measured(mixed, steps)["fluency"] < floor).mean() >= 0.95


def test_labelled_pages(real_data: Path, steps: list[Measure]) -> None:
    sets = labelled(real_data)
    texts, bad = sets["reported (odd positions)"]
    score = precision_recall(measured(texts, steps), np.array(bad), limits())
    assert score["precision"] >= 0.75
    assert score["recall"] >= 0.5
