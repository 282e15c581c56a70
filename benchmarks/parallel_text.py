"""Real Chinese-English pairs and copies of them with planted damage, for `parallel.py`.

The pairs are those of the sample folder, cleaned by the default rewrites. Blocks of 50 rows go in
turn to the half that constants were fitted on and to the half that figures are reported on.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from curate.recipe import Recipe, parsed
from curate.refine import Clock, rewritten
from curate.textbatch import TextBatch
from sources.inputs import open_units

RECIPE = """
name: parallel
sources:
  - {{name: wmt18, label: news-commentary, path: {root}/news_commentary}}
  - {{name: wmt18, label: un, path: {root}/un_pc, rewrite: {{spaces: {{segmented: always}}}}}}
  - {{name: wmt18, label: wmt18, path: "{root}/wmt18/newstest*-zhen.*"}}
  - {{name: wmt18, label: iwslt2017, path: {root}/iwslt2017}}
  - {{name: wmt18, label: ted, path: {root}/ted_parallel}}
"""
BLOCK = 50

Pairs = list[tuple[str, str]]


def recipe(root: Path) -> Recipe:
    """The sources, as a recipe."""
    return parsed(RECIPE.format(root=root))


def real_pairs(root: Path) -> dict[str, Pairs]:
    """(Chinese, English) of every source, as the default rewrites leave them, in file order."""
    whole = recipe(root)
    found: dict[str, Pairs] = {}
    with tempfile.TemporaryDirectory() as folder:
        for source in whole.sources:
            adapter = source.adapter()
            sides: tuple[list[str], list[str]] = ([], [])
            for unit in open_units(adapter, Path(source.path or ""), Path(folder)).units:
                for batch in adapter.read(unit):
                    sound = batch.column("quarantine").is_null()
                    for side, texts in zip(("zh", "en"), sides, strict=True):
                        texts += batch.column(side).filter(sound).to_pylist()
            steps = whole.rewrites(source)
            clean = [
                rewritten(TextBatch.from_strings(texts), steps, Clock())[0].strings()
                for texts in sides
            ]
            pairs = list(zip(*clean, strict=True))
            found[source.id_prefix] = [(zh, en) for zh, en in pairs if zh and en]
    return found


def half(pairs: Pairs, reported: bool) -> Pairs:
    """The rows to tune on, or those to report on."""
    return [pair for i, pair in enumerate(pairs) if (i // BLOCK) % 2 == reported]


def shifted(pairs: Pairs, rng: random.Random) -> Pairs:
    """Every Chinese side with the English side of the next row."""
    return [(zh, pairs[(i + 1) % len(pairs)][1]) for i, (zh, _) in enumerate(pairs)]


def random_rows(pairs: Pairs, rng: random.Random) -> Pairs:
    """Every Chinese side with an English side of nearly the same length from elsewhere."""
    order = sorted(range(len(pairs)), key=lambda i: (len(pairs[i][1]), i))
    other = dict(zip(order, order[7:] + order[:7], strict=True))
    return [(zh, pairs[other[i]][1]) for i, (zh, _) in enumerate(pairs)]


def swapped_sides(pairs: Pairs, rng: random.Random) -> Pairs:
    """English where Chinese should be and the other way round."""
    return [(en, zh) for zh, en in pairs]


def untranslated(pairs: Pairs, rng: random.Random) -> Pairs:
    """Both sides in one language: the English or the Chinese text twice."""
    return [(en, en) if rng.random() < 0.5 else (zh, zh) for zh, en in pairs]


def truncated(pairs: Pairs, rng: random.Random) -> Pairs:
    """One side cut to 20 to 50% of its characters; only sides of at least 12 characters."""
    cut: Pairs = []
    for zh, en in pairs:
        if len(zh) < 12 or len(en) < 36:
            continue
        share = rng.uniform(0.2, 0.5)
        if rng.random() < 0.5:
            cut.append((zh[: int(len(zh) * share)], en))
        else:
            cut.append((zh, en[: int(len(en) * share)]))
    return cut


def wrong_number(pairs: Pairs, rng: random.Random) -> Pairs:
    """Another number in the English side of pairs in which both sides have the number in digits."""
    changed: Pairs = []
    for zh, en in pairs:
        numbers = [
            match for match in re.finditer(r"(?<![\d.,])\d{2,4}(?![\d.,]\d|\d)", en)
            if re.search(rf"(?<!\d){match.group()}(?!\d)", zh)
        ]  # fmt: skip
        if not numbers:
            continue
        match = rng.choice(numbers)
        other = match.group()
        while other == match.group() or re.search(rf"(?<!\d){other}(?!\d)", zh):
            other = str(rng.randint(10 ** (len(other) - 1), 10 ** len(other) - 1))
        changed.append((zh, en[: match.start()] + other + en[match.end() :]))
    return changed


def looped(pairs: Pairs, rng: random.Random) -> Pairs:
    """English that ends in a loop, as translation machines do: its last words again and again."""
    result: Pairs = []
    for zh, en in pairs:
        words = en.split()
        tail = " ".join(words[-rng.randint(1, 4) :])
        kept = " ".join(words[: max(1, len(words) // 2)])
        result.append((zh, f"{kept} " + " ".join([tail] * rng.randint(8, 16))))
    return result


def garbled(pairs: Pairs, rng: random.Random) -> Pairs:
    """English of which three letters in ten are other letters, or Chinese of which as many
    characters are others.
    """
    result: Pairs = []
    for zh, en in pairs:
        if rng.random() < 0.5:
            letters = "abcdefghijklmnopqrstuvwxyz"
            en = "".join(
                rng.choice(letters) if c.isalpha() and rng.random() < 0.3 else c for c in en
            )
        else:
            zh = "".join(
                chr(rng.randint(0x4E00, 0x9FA5)) if c > "\u4e00" and rng.random() < 0.3 else c
                for c in zh
            )
        result.append((zh, en))
    return result


def undecodable(pairs: Pairs, rng: random.Random) -> Pairs:
    """One character in twenty of a side, and at least one, is U+FFFD."""
    result: Pairs = []
    for zh, en in pairs:
        text = list(zh if rng.random() < 0.5 else en)
        is_zh = "".join(text) == zh
        for i in rng.sample(range(len(text)), max(1, len(text) // 20)):
            text[i] = "\ufffd"
        result.append(("".join(text), en) if is_zh else (zh, "".join(text)))
    return result


DAMAGE: dict[str, Callable[[Pairs, random.Random], Pairs]] = {
    "shifted by one": shifted,
    "random row": random_rows,
    "truncated": truncated,
    "swapped sides": swapped_sides,
    "untranslated": untranslated,
    "wrong number": wrong_number,
    "looped": looped,
    "garbled": garbled,
    "undecodable": undecodable,
}


def planted(kind: str, pairs: Pairs, seed: int = 1) -> Pairs:
    """The pairs with this damage; the same seed gives the same."""
    return DAMAGE[kind](pairs, random.Random(f"{kind} {seed}"))


def batches(pairs: Pairs) -> tuple[TextBatch, TextBatch]:
    """The two sides as batches."""
    arrow = pa.table({"zh": [zh for zh, _ in pairs], "en": [en for _, en in pairs]})
    zh, en = (
        TextBatch.from_arrow(arrow.column(side).combine_chunks().cast(pa.large_string()))
        for side in ("zh", "en")
    )
    return zh, en


def lengths(pairs: Pairs) -> np.ndarray:
    """int64 [n]: bytes of UTF-8 of both sides."""
    return np.array([len(zh.encode()) + len(en.encode()) for zh, en in pairs])
