"""Encoding repair on real text: no harm to clean text, and damaged sentences come back."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from curate.rewrite.encoding import Encoding
from curate.scan import scan
from curate.textbatch import TextBatch

CLEAN = [
    "alpaca", "alpaca_gpt4_zh", "alpaca_zh", "belle", "chinese_poetry", "chinese_web_quality",
    "classical_modern", "cluecorpus_small", "coig_cqia", "cold_toxicity", "csl", "drcd",
    "dup_pairs", "firefly", "iwslt2017", "lccc", "moss", "news_commentary", "oasst_zh", "pclue",
    "reviews", "sharegpt_zh", "ted_parallel", "translation2019zh", "un_pc", "wiki_zh", "wmt18",
]  # fmt: skip
DAMAGED = {"cot": 70}
"""At least so many rows have real damage of the Windows-1252 kind, such as `10 â€“ 4`."""
UNDEFINED_1252 = (0x81, 0x8D, 0x8F, 0x90, 0x9D)


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)


def texts(folder: Path) -> list[str]:
    """Every string of every file under the folder; lines where a file is not JSON or CSV."""
    found: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes().decode("utf-8-sig", "replace")
        try:
            found += strings(json.loads(content))
            continue
        except ValueError:
            pass
        if path.suffix == ".csv":
            csv.field_size_limit(10**8)
            found += [field for row in csv.reader(io.StringIO(content)) for field in row]
            continue
        for line in content.split("\n"):
            try:
                found += strings(json.loads(line))
            except ValueError:
                found += line.split("\t")
    return [t.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for t in found if t]


def repaired(before: list[str]) -> tuple[list[str], list[int]]:
    batch = TextBatch.from_strings(before)
    new, changed = Encoding().rewrite_batch(batch, scan(batch))
    return new.strings(), changed.tolist()


@pytest.mark.parametrize("source", CLEAN)
def test_clean_sources_are_untouched(real_data: Path, source: str) -> None:
    before = texts(real_data / source)
    assert len(before) > 100
    after, changed = repaired(before)
    assert [(before[i][:200], after[i][:200]) for i in changed] == []


@pytest.mark.parametrize("source", DAMAGED)
def test_real_damage_is_repaired(real_data: Path, source: str) -> None:
    before = texts(real_data / source)
    after, changed = repaired(before)
    assert len(changed) >= DAMAGED[source]
    for i in changed:
        # All of it is punctuation and mathematics, and none of it remains.
        assert re.search("[âÃÂ]", before[i])
        assert not re.search("â[€ˆ]", after[i]), after[i]


def windows(text: str) -> str:
    return "".join(
        chr(byte) if byte in UNDEFINED_1252 else bytes([byte]).decode("cp1252")
        for byte in text.encode()
    )


ROUTES: dict[str, tuple[Callable[[str], str], float]] = {
    "UTF-8 as GB 18030": (lambda text: text.encode().decode("gb18030"), 0.99),
    "UTF-8 as Windows-1252": (windows, 0.99),
    "UTF-8 as Latin-1": (lambda text: text.encode().decode("latin-1"), 0.99),
    "UTF-8 as Windows-1252, twice": (lambda text: windows(windows(text)), 0.99),
    "as GB 18030, then as Windows-1252": (
        lambda text: windows(text.encode().decode("gb18030")),
        0.99,
    ),
    "GBK as Latin-1": (lambda text: text.encode("gbk").decode("latin-1"), 0.95),
}


@pytest.mark.parametrize("route", ROUTES)
def test_damaged_sentences_come_back(real_data: Path, route: str) -> None:
    damage, share = ROUTES[route]
    before: list[str] = []
    damaged: list[str] = []
    for source in ("cluecorpus_small", "news_commentary", "reviews", "csl", "drcd"):
        for text in texts(real_data / source)[:4000]:
            for sentence in re.split("(?<=[。！？\n])", text):
                if len(re.findall("[\u4e00-\u9fff]", sentence)) < 4 or "\ufffd" in sentence:
                    continue
                try:
                    damaged.append(damage(sentence))
                except UnicodeError:
                    continue  # the route loses some of this one
                before.append(sentence)
    before, damaged = before[::7], damaged[::7]
    assert len(before) > 300
    after, _ = repaired(damaged)
    right = sum(a == b for a, b in zip(after, before, strict=True))
    assert right >= share * len(before), f"{right} of {len(before)}"
