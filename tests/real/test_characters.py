"""The character rewrites on the real samples: what they leave alone and what they find."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from curate.rewrite.base import Rewrite
from curate.rewrite.composition import Composition
from curate.rewrite.invisible import Invisible
from curate.rewrite.spaces import Spaces, looks_segmented
from curate.rewrite.width import Width
from curate.scan import scan
from curate.textbatch import TextBatch


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")


def poems(folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("*/*.json")):
        for poem in json.loads(file.read_text(encoding="utf-8")):
            yield poem.get("title") or poem.get("rhythmic")
            yield " ".join("".join(poem["paragraphs"]).replace("，", "。").split("。")).strip()


@pytest.fixture(scope="module")
def unsegmented(real_data: Path) -> dict[str, list[str]]:
    with (real_data / "reviews/waimai_10k.csv").open(encoding="utf-8", newline="") as file:
        reviews = [row[1] for row in csv.reader(file)]
    news = lines(real_data / "news_commentary/train_10k.jsonl")
    wiki = lines(real_data / "wiki_zh/AA/wiki_00")
    return {
        "clue": lines(real_data / "cluecorpus_small/CLUECorpusSmall_sampled.txt"),
        "csl": [
            field
            for line in lines(real_data / "csl/csl_camera_readly.tsv")
            for field in line.split("\t")[:2]
        ],
        "news": [json.loads(line)["zh"] for line in news if line],
        "wiki": [json.loads(line)["text"] for line in wiki if line],
        "reviews": reviews,
        "poems": list(poems(real_data / "chinese_poetry")),
    }


@pytest.fixture(scope="module")
def dialogue(real_data: Path) -> list[str]:
    parts = json.loads((real_data / "lccc/toy_data.json").read_text(encoding="utf-8"))
    return [line for talks in parts.values() for talk in talks for line in talk]


CHAIN: list[Rewrite] = [Invisible(), Width(), Composition(), Spaces()]


def test_compiled_equals_reference_on_all_samples(unsegmented: dict[str, list[str]]) -> None:
    for values in unsegmented.values():
        batch = TextBatch.from_strings(values)
        for step in CHAIN:
            scanned = scan(batch)
            rewritten, changed = step.rewrite_batch(batch, scanned)
            for i in scanned.having(step.flags)[:300]:
                assert rewritten[i] == step.rewrite(batch[i])
            again, none = step.rewrite_batch(rewritten, scan(rewritten))
            assert len(none) == 0 and again is rewritten
            if step.name == "composition":
                assert rewritten.strings() == [
                    unicodedata.normalize("NFC", text) for text in batch.strings()
                ]
            assert len(changed) <= len(batch)
            batch = rewritten


def test_texts_without_such_characters_are_not_touched(unsegmented: dict[str, list[str]]) -> None:
    """Zero changes to clean text: what changes has a flag, and most texts have none."""
    for step in CHAIN[:3]:
        for name in ("clue", "csl", "news", "wiki"):
            batch = TextBatch.from_strings(unsegmented[name])
            _, changed = step.rewrite_batch(batch, scan(batch))
            assert len(changed) <= 0.005 * len(batch), (step.name, name)


def test_segmented_text_is_recognised(real_data: Path, dialogue: list[str]) -> None:
    parted = re.compile(r"[\u4e00-\u9fff][ \u3000]+[\u4e00-\u9fff]")
    nations = lines(real_data / "un_pc/UNv1.0.devset.zh")
    missed = [text for text in filter(parted.search, nations) if not looks_segmented(text)]
    # Headings of two or three words, among which no character stands alone.
    assert len(missed) <= 0.05 * len(nations)
    assert sum(map(len, missed)) <= 0.01 * sum(map(len, nations))
    spaced = [text for text in dialogue if len(text) >= 3]
    assert sum(looks_segmented(text) for text in spaced) >= 0.99 * len(spaced)


def test_unsegmented_text_is_not_mistaken(unsegmented: dict[str, list[str]]) -> None:
    for name, values in unsegmented.items():
        wrong = [text for text in values if looks_segmented(text)]
        assert len(wrong) <= 0.0005 * len(values), (name, wrong[:5])


def test_always_leaves_no_blank_beside_han(real_data: Path) -> None:
    batch = TextBatch.from_strings(lines(real_data / "un_pc/UNv1.0.devset.zh"))
    rewritten, changed = Spaces(segmented="always").rewrite_batch(batch, scan(batch))
    assert len(changed) > 3500
    left = [
        text
        for text in rewritten.strings()
        if re.search(r"[\u4e00-\u9fff]\s|\s[\u4e00-\u9fff]", text)
    ]
    assert left == []
