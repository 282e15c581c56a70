"""Personal data in real text: silent on science and news, nothing planted is missed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from curate.rewrite.privacy import Privacy, column
from curate.rewrite.privacy_patterns import Kind
from curate.rewrite.width import Width
from curate.scan import scan
from curate.textbatch import TextBatch
from tests.curate.rewrite.planted import KINDS, planted


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")


def counted(texts: list[str]) -> tuple[list[str], dict[str, int]]:
    batch = TextBatch.from_strings(texts)
    batch, _ = Width().rewrite_batch(batch, scan(batch))
    after, _, counts = Privacy().counted_batch(batch, scan(batch))
    totals = {kind.value: int(counts[column(kind)].sum()) for kind in Kind}
    return after.strings(), {kind: n for kind, n in totals.items() if n}


@pytest.mark.parametrize(
    "name",
    [
        "csl/csl_camera_readly.tsv",
        "wiki_zh/AA/wiki_00",
        "news_commentary/train_10k.jsonl",
        "un_pc/UNv1.0.devset.zh",
        "un_pc/UNv1.0.devset.en",
        "ted_parallel/parallel_corpus_en_zh.txt",
    ],
)
def test_science_news_and_talks_hold_none(real_data, name):
    texts = lines(real_data / name)
    after, counts = counted(texts)
    assert counts == {}
    assert after == [Width().rewrite(text) for text in texts]


def test_what_the_web_holds_was_read(real_data):
    """Every one of these hits was read by eye, see docs/privacy.md."""
    _, counts = counted(lines(real_data / "cluecorpus_small/CLUECorpusSmall_sampled.txt"))
    assert counts == {
        "email": 3,
        "phone": 10,
        "landline": 15,
        "hotline": 2,
        "wechat": 42,
        "qq": 6,
    }
    with (real_data / "reviews/waimai_10k.csv").open(encoding="utf-8-sig", newline="") as file:
        _, counts = counted([row[-1] for row in csv.reader(file)])
    assert counts == {"phone": 3}


def test_planted_numbers_are_all_found_in_real_sentences(real_data):
    r = np.random.default_rng(7)
    rows = [json.loads(line)["text"] for line in lines(real_data / "wiki_zh/AA/wiki_00") if line]
    sentences = [s + "。" for row in rows for s in row.replace("\n", "").split("。") if len(s) > 10]
    sentences += lines(real_data / "csl/csl_camera_readly.tsv")
    for kind in KINDS:
        secrets, texts = [], []
        for _ in range(300):
            secret, phrase = planted(kind, r)
            sentence = sentences[int(r.integers(len(sentences)))]
            cut = sentence.find("，") + 1
            texts.append(f"{sentence[:cut]}{phrase}，{sentence[cut:]}")
            secrets.append(secret)
        after, counts = counted(texts)
        assert [t for t, secret in zip(after, secrets, strict=True) if secret in t] == []
        assert sum(counts.values()) == 300, (kind, counts)


def test_compiled_windows_lose_nothing(real_data):
    step = Privacy()
    for name in ("cluecorpus_small/CLUECorpusSmall_sampled.txt",
                 "coig_cqia/segmentfault/segmentfault_upvote5_clean.jsonl",
                 "coig_cqia/finance/finance_coig_pc.jsonl"):  # fmt: skip
        texts = [t for t in lines(real_data / name) if len(t) < 5000][:1500]
        batch = TextBatch.from_strings(texts)
        after, _, _ = step.counted_batch(batch, scan(batch))
        assert after.strings() == [step.rewrite(text) for text in texts]
