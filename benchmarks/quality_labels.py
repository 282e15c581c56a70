"""Labels of the crawled pages in the sample chinese_web_quality, and how they are split.

The sample has 100 pages of CommonCrawl without a label, and 20 texts that their publisher called
clean or dirty. The 100 were read and labelled for this project, by one reader: bad is a page that
nobody would want a model to learn from: text into which the names of betting sites were put, text
put together or reworded by machine until it reads wrong, lists of goods, links or excerpts without
running text, offers and specifications, damaged characters. Good is running text, advertising or
not, with or without some page furniture around it. Only positions are kept here, no text.

Limits were chosen with the pages of even position in view; figures are reported for those of odd
position and for the publisher's 20.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.labelled_text import real_data

BAD = {
    0, 1, 3, 6, 8, 11, 12, 13, 14, 16, 18, 19, 20, 23, 28, 31, 32, 33, 34, 35, 37, 38, 39, 40,
    45, 46, 48, 49, 50, 53, 57, 58, 59, 60, 64, 66, 68, 69, 70, 71, 72, 73, 76, 77, 78, 80, 84,
    86, 88, 89, 90, 93, 95, 99,
}  # fmt: skip
"""Positions, from 0, of the bad ones among the 100 pages."""


def labelled(root: Path | None = None) -> dict[str, tuple[list[str], list[bool]]]:
    """(texts, whether each is bad) by set: tuning, reported, and the publisher's own."""
    folder = (root or real_data()) / "chinese_web_quality"
    pages = [row["raw_content"] for row in _rows(folder / "2021-43" / "cleared1.jsonl")]
    sets: dict[str, tuple[list[str], list[bool]]] = {}
    for name, first in (("tuning (even positions)", 0), ("reported (odd positions)", 1)):
        chosen = range(first, len(pages), 2)
        sets[name] = [pages[i] for i in chosen], [i in BAD for i in chosen]
    own = folder / "fasttext" / "data"
    clean = [row["text"] for row in _rows(own / "clean.jsonl")]
    dirty = [row["text"] for row in _rows(own / "dirty.jsonl")]
    sets["publisher's clean and dirty"] = clean + dirty, [False] * len(clean) + [True] * len(dirty)
    return sets


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
