"""Script conversion on OpenCC's own cases and on real text."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from curate.rewrite.script import ScriptConversion
from curate.rewrite.variants import Script, script_counts
from curate.scan import scan
from curate.textbatch import TextBatch

CASES = Path(
    os.environ.get(
        "CURATE_OPENCC_CASES",
        Path(__file__).parents[2] / ".cache" / "opencc" / "testcases.json",
    )
)
CONTRADICTION = "慰藉著受傷的心靈 慰藉着受伤的心灵"
"""t2s and hk2s expect 著 here and tw2s 着; whoever reads it as Taiwan does is right for readers."""


@pytest.mark.parametrize("config", ["t2s", "tw2s", "hk2s"])
def test_opencc_own_cases(config: str) -> None:
    if not CASES.exists():
        pytest.skip(f"OpenCC's test/testcases/testcases.json is not at {CASES}")
    content = re.sub(r",(\s*[}\]])", r"\1", CASES.read_text("utf-8"))  # it has trailing commas
    cases = [case for case in json.loads(content)["cases"] if config in case["expected"]]
    assert len(cases) > 15
    rewrite = ScriptConversion()
    for case in cases:
        if case["input"] == CONTRADICTION and config != "tw2s":
            continue
        assert rewrite.rewrite(case["input"]) == case["expected"][config], case["id"]


def converted(texts: list[str]) -> tuple[TextBatch, TextBatch, np.ndarray]:
    batch = TextBatch.from_strings(texts)
    new, changed = ScriptConversion().rewrite_batch(batch, scan(batch))
    return batch, new, changed


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    "name",
    [
        "cluecorpus_small/CLUECorpusSmall_sampled.txt",
        "csl/csl_camera_readly.tsv",
        "news_commentary/train_10k.jsonl",
        "wmt18/newstest2018-zhen.zh",
        "reviews/waimai_10k.csv",
        "un_pc/UNv1.0.devset.zh",
    ],
)
def test_simplified_sources_are_untouched(real_data: Path, name: str) -> None:
    """Where no traditional character and no 著 stands, nothing changes; elsewhere only they do."""
    batch, new, changed = converted(lines(real_data / name))
    counts = script_counts(batch)
    strange = counts[:, Script.TRADITIONAL] + counts[:, Script.RARE]
    for i in changed.tolist():
        before, after = batch[i], new[i]
        assert strange[i] or "著" in before
        assert len(before) == len(after)
        if strange[i] * 20 < counts[i, Script.SIMPLIFIED]:
            differ = [a for a, b in zip(before, after, strict=True) if a != b]
            assert len(differ) <= strange[i] + before.count("著")
    assert len(changed) < 0.02 * len(batch)


def test_traditional_sources_become_simplified(real_data: Path) -> None:
    drcd = json.loads((real_data / "drcd" / "DRCD_dev.json").read_text("utf-8"))
    texts = [p["context"] for article in drcd["data"] for p in article["paragraphs"]]
    for path in sorted((real_data / "chinese_poetry" / "全唐诗").glob("poet.tang.*.json")):
        texts += ["\n".join(poem["paragraphs"]) for poem in json.loads(path.read_text("utf-8"))]
    batch, new, changed = converted(texts)
    assert len(changed) > 0.95 * len(batch)
    left = script_counts(new)[:, Script.TRADITIONAL].sum()
    assert left < 2e-4 * script_counts(batch)[:, Script.TRADITIONAL].sum()
    _, _, again = converted(new.strings())
    assert len(again) == 0
