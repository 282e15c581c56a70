"""Language detectors on labelled real text: share right by length, and speed, all in one run.

    python benchmarks/language.py [--json] [--texts N] [--half 0|1] [--without NAME ...]

Prints tables in Markdown (those of docs/language.md) and, with --json, one JSON object last. What
the text is: benchmarks/labelled_text.py.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.labelled_text import BUCKETS, kanji_only, labelled, real_data
from curate.measure import detectors, lettermodel, scriptlook
from curate.measure.language import Language
from curate.scan import scan
from curate.textbatch import TextBatch

OURS = "script+model"
CHINESE = ("zh", "zh-Hant", "yue", "lzh")
_NONE = np.zeros(0, np.int64)
Classify = Callable[[list[str]], list[str]]


def by_measure(name: str) -> Classify:
    """A detector as a recipe would run it."""
    measure = Language(detector=name)

    def classify(texts: list[str]) -> list[str]:
        batch = TextBatch.from_strings(texts)
        # The pipeline has scanned the batch before any measure; this one does not look at it.
        columns = measure.measure_batch(batch, scan(batch.taken(_NONE)))
        labels: list[str] = columns["lang"].to_pylist()
        return labels

    return classify


def candidates() -> set[str]:
    """The languages our measure can answer with."""
    return {*scriptlook.FIRST_LABELS, *lettermodel.LABELS}


def lingua_told() -> Classify:
    """lingua, told to consider our candidates only: more accurate and faster than with its 75."""
    from lingua import Language as Known
    from lingua import LanguageDetectorBuilder

    chosen = [
        known
        for known in Known.all()
        if detectors.folded(known.iso_code_639_1.name.lower()) in candidates()
        and known is not Known.NYNORSK
    ]
    detect = LanguageDetectorBuilder.from_languages(*chosen).build().detect_language_of

    def classify(texts: list[str]) -> list[str]:
        found = (detect(text) for text in texts)
        return [detectors.folded(f.iso_code_639_1.name.lower()) if f else "und" for f in found]

    return classify


def py3langid_told() -> Classify:
    """py3langid, told to consider our candidates only."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(sorted(set(identifier.labels) & candidates()))
    return lambda texts: [identifier.classify(text)[0] for text in texts]


SYSTEMS: dict[str, Callable[[], Classify]] = {
    **{name: lambda name=name: by_measure(name) for name in detectors.DETECTORS},
    "py3langid, our candidates": py3langid_told,
    "lingua, our candidates": lingua_told,
    OURS: lambda: by_measure(OURS),
}


def seconds(classify: Classify, texts: list[str]) -> tuple[float, list[str]]:
    """CPU seconds, which a busy machine disturbs least, and the labels.

    Best of five for the fast ones, one run for those that take long.
    """
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        labels = classify(texts)
        best = min(best, time.process_time() - start)
        if best > 1:
            break
    return best, labels


def family(label: str) -> str:
    """Chinese in any of its written forms is zh: what all the detectors can tell."""
    return "zh" if label in (*CHINESE, "wuu") else label


def shares(gold: Sequence[tuple[str, int]], labels: Sequence[str]) -> dict[str, list[float]]:
    """Share right per column and length."""
    right: dict[tuple[str, int], list[bool]] = defaultdict(list)
    for (true, bucket), label in zip(gold, labels, strict=True):
        a, b = family(true), family(label)
        right[a if a in ("zh", "en", "ja", "ko") else "others", bucket].append(a == b)
        right["all", bucket].append(a == b)
        right["zh or not", bucket].append((a == "zh") == (b == "zh"))
        right["en or not", bucket].append((a == "en") == (b == "en"))
    columns = ("zh", "en", "ja", "ko", "others", "all", "zh or not", "en or not")
    return {
        column: [
            round(sum(right[column, b]) / len(right[column, b]), 4) if right[column, b] else 0.0
            for b in range(len(BUCKETS))
        ]
        for column in columns
    }


def figures(values: Sequence[float]) -> str:
    """Shares of the four lengths as one cell."""
    return " ".join(f"{v:.2f}".lstrip("0") if v < 0.9995 else "1.00" for v in values)


def forms(texts: dict[tuple[str, int], list[str]], classify: Classify) -> list[str]:
    """Rows of the table that tells the written forms of Chinese, and Japanese, apart."""
    rows = ["| text | length | texts | labels given |", "|---|---|---|---|"]
    hard = {("ja, kanji only", b): kanji_only(texts["ja", b]) for b in range(len(BUCKETS))}
    for form in (*CHINESE, "ja", "ja, kanji only"):
        for b, (low, high) in enumerate(BUCKETS):
            group = hard[form, b] if form == "ja, kanji only" else texts.get((form, b), [])
            if len(group) < 20:
                continue
            given = Counter(classify(group)).most_common(5)
            cell = ", ".join(f"{label} {n / len(group):.3f}" for label, n in given)
            name = f"{low}-{high}" if high < 100 else f"{low}+"
            rows.append(f"| {form} | {name} | {len(group)} | {cell} |")
    return rows


def paragraphs(side: str) -> list[str]:
    """Ordinary text to time: news commentary, one side."""
    path = real_data() / "news_commentary" / "train_10k.jsonl"
    with path.open(encoding="utf-8") as handle:
        return [json.loads(line)[side] for line in handle]


def main() -> None:
    """Runs the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--texts", type=int, default=150, help="texts per language and length")
    parser.add_argument("--half", type=int, default=1, help="half of the material: 0 is for tuning")
    parser.add_argument("--without", nargs="*", default=[], help="detectors to leave out")
    arguments = parser.parse_args()

    texts = labelled(arguments.texts, arguments.half)
    gold = [key for key, group in texts.items() for _ in group]
    every = [text for group in texts.values() for text in group]
    print(f"{len(every)} texts: ", end="")
    print(", ".join(f"{k} {v}" for k, v in sorted(Counter(label for label, _ in gold).items())))

    result: dict[str, Any] = {"texts": len(every), "systems": {}}
    print(
        "\n| detector | zh | en | ja | ko | others | all | zh or not | en or not | s | times ours |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    ours = by_measure(OURS)
    ours(every[::97])
    our_seconds = min(seconds(ours, every)[0] for _ in range(3))
    for name, make in SYSTEMS.items():
        if name in arguments.without:
            continue
        classify = make()
        classify(every[::97])
        spent, labels = seconds(classify, every)
        right = shares(gold, labels)
        cells = [figures(values) for values in right.values()]
        times = spent / our_seconds
        print(f"| {name} | {' | '.join(cells)} | {spent:.2f} | {times:.1f} |", flush=True)
        result["systems"][name] = {
            "right": right,
            "seconds": round(spent, 3),
            "times_ours": round(spent / our_seconds, 1),
        }

    print()
    print("\n".join(forms(labelled(20 * arguments.texts, arguments.half), ours)))

    if real_data().is_dir():
        print("\n| MB/s of UTF-8 | zh paragraphs | en paragraphs |\n|---|---|---|")
        sample = {side: paragraphs(side) for side in ("zh", "en")}
        for name, make in SYSTEMS.items():
            if name in arguments.without:
                continue
            classify = make()
            speed = []
            for group in sample.values():
                # The slow ones get a part: the same ordinary paragraphs, only fewer of them.
                part = group if name == OURS else group[:200]
                classify(part[:20])
                spent, _ = seconds(classify, part)
                speed.append(sum(len(t.encode()) for t in part) / spent / 1e6)
            print(f"| {name} | {speed[0]:.2f} | {speed[1]:.2f} |", flush=True)
            result["systems"][name]["mb_s"] = {
                "zh": round(speed[0], 2),
                "en": round(speed[1], 2),
            }
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
