"""Language labels on the real samples, and against lingua on the study's text."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from curate.measure.language import Language
from curate.scan import scan
from curate.textbatch import TextBatch

ROOT = Path(__file__).parent.parent.parent


def labels(texts: list[str]) -> Counter[str]:
    batch = TextBatch.from_strings(texts)
    return Counter(Language().measure_batch(batch, scan(batch))["lang"].to_pylist())


def pairs(real_data: Path) -> list[dict[str, str]]:
    with (real_data / "news_commentary" / "train_10k.jsonl").open(encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]


def test_both_sides_of_news_commentary(real_data: Path) -> None:
    rows = pairs(real_data)
    zh = labels([row["zh"] for row in rows])
    en = labels([row["en"] for row in rows])
    # Four zh sides are short lines in a classical turn of phrase; one is a quotation mark alone.
    assert zh["zh"] >= len(rows) - 8
    assert zh["ja"] == zh["ko"] == zh["en"] == 0
    assert en["en"] >= 0.998 * len(rows)


def test_plain_documents_are_chinese(real_data: Path) -> None:
    path = real_data / "cluecorpus_small" / "CLUECorpusSmall_sampled.txt"
    found = labels([line for line in path.read_text(encoding="utf-8").split("\n") if line])
    assert found["zh"] + found["zh-Hant"] + found["lzh"] >= 0.995 * found.total()
    assert found["zh"] >= 0.98 * found.total()


def test_taiwanese_encyclopedia_is_traditional(real_data: Path) -> None:
    drcd = json.loads((real_data / "drcd" / "DRCD_dev.json").read_text(encoding="utf-8"))
    texts = [p["context"] for article in drcd["data"] for p in article["paragraphs"]]
    found = labels(texts)
    assert found["zh-Hant"] >= 0.99 * len(texts)


def test_classical_prose_is_never_foreign_and_its_translation_never_classical(
    real_data: Path,
) -> None:
    old, new = [], []
    for path in sorted((real_data / "classical_modern").rglob("bitext.txt")):
        for line in path.read_text(encoding="utf-8").split("\n"):
            (old if line.startswith("古文") else new).append(line.partition("：")[2])
    old = [text for text in old if len(text) > 20]
    new = [text for text in new if len(text) > 20]
    chinese = ("zh", "zh-Hant", "lzh")
    found = labels(old)
    assert sum(found[form] for form in chinese) >= 0.999 * len(old)
    assert found["lzh"] >= 0.6 * len(old)
    assert labels(new)["lzh"] <= 0.01 * len(new)


@pytest.fixture
def study(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setenv("CURATE_REAL_DATA", str(real_data))
    return importlib.import_module("benchmarks.language")


def test_lingua_can_be_chosen_as_the_reference() -> None:
    pytest.importorskip("lingua")
    texts = [
        "今天天气很好，我们去公园散步。",
        "The weather was fine today.",
        "今日は天気がいい。",
        "",
    ]
    batch = TextBatch.from_strings(texts)
    columns = Language(detector="lingua").measure_batch(batch, scan(batch))
    assert columns["lang"].to_pylist() == ["zh", "en", "ja", "und"]


def test_no_length_at_which_lingua_is_better(study: ModuleType) -> None:
    """On held-out text, with lingua told our candidates, which helps it much."""
    pytest.importorskip("lingua")
    texts = study.labelled(60, half=1)
    gold = [key for key, group in texts.items() for _ in group]
    every = [text for group in texts.values() for text in group]
    ours = study.shares(gold, study.by_measure(study.OURS)(every))
    lingua = study.shares(gold, study.lingua_told()(every))
    for column in ("all", "zh", "zh or not"):
        for mine, other in zip(ours[column], lingua[column], strict=True):
            assert mine >= other - 0.001, (column, ours[column], lingua[column])
