"""The quality measures on real text: what each limit of recipes/web.yaml drops, and their speed.

    python benchmarks/quality.py [--json] [--images docs/images] [--examples COLUMN]

Prints the tables of docs/quality.md in Markdown, and with --json one JSON object last. --images
draws the histograms; --examples shows texts on both sides of one limit, to be read. The texts are
described in benchmarks/quality_text.py, the labels in benchmarks/quality_labels.py.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray

import curate.measure
import curate.measure.pair
from benchmarks.quality_labels import labelled
from benchmarks.quality_text import Texts, paragraphs, planted, sources
from curate.charmodel.count import Counts
from curate.charmodel.model import save, trained
from curate.measure.base import Measure
from curate.measure.lexicons import CATEGORIES
from curate.measure.pair.base import PairMeasure
from curate.recipe import Limit, read
from curate.scan import scan
from curate.step import discovered
from curate.textbatch import TextBatch

ROOT = Path(__file__).resolve().parent.parent
FLUENCY = Limit(min=-0.5, from_characters=50)
"""The limit that recipes/web.yaml proposes for whoever has a model."""
MODEL = ROOT / ".cache" / "quality-study.model"
CLEAN = ("wiki", "news", "abstracts", "traditional")
"""Sources the study's model is trained on: their texts of even number; the odd ones are judged."""
Columns = dict[str, NDArray[Any]]


def measures() -> list[Measure]:
    """Every numeric measure, fluency under the study's model."""
    kinds = discovered(curate.measure, Measure)
    left_out = {"language", "script", "damage"}
    return [
        kind(model=str(MODEL)) if name == "fluency" else kind()
        for name, kind in kinds.items()
        if name not in left_out
    ]


def measured(texts: list[str], steps: list[Measure]) -> Columns:
    """All columns of the measures for some texts."""
    batch = TextBatch.from_strings(texts)
    scanned = scan(batch)
    columns: Columns = {}
    for step in steps:
        for name, values in step.measure_batch(batch, scanned).items():
            columns[name] = np.asarray(values)
    return columns


def limits() -> dict[str, Limit]:
    """The limits of recipes/web.yaml on single texts, and the one on fluency."""
    pairs = {
        c for kind in discovered(curate.measure.pair, PairMeasure).values() for c in kind.columns
    }
    quality = read(ROOT / "recipes" / "web.yaml").quality
    return {c: limit for c, limit in quality.items() if c not in pairs} | {"fluency": FLUENCY}


def failing(columns: Columns, name: str, limit: Limit) -> NDArray[np.bool_]:
    """Texts that a limit drops, as curate/decide.py has it."""
    values = columns[name]
    fails = np.zeros(len(values), bool)
    if limit.min is not None:
        fails |= values < np.float32(limit.min)
    if limit.max is not None:
        fails |= values > np.float32(limit.max)
    return fails & (columns["characters"] >= limit.from_characters)


def dropped(columns: Columns, rules: Mapping[str, Limit]) -> NDArray[np.bool_]:
    """Texts that any of the limits drops."""
    return np.any([failing(columns, name, limit) for name, limit in rules.items()], axis=0)


def study_model(real: Texts) -> None:
    """Trains the study's model on the clean sources' texts of even number."""
    counts = Counts(4)
    for kind in CLEAN:
        counts.add(TextBatch.from_strings(real[kind][::2]))
    MODEL.parent.mkdir(exist_ok=True)
    save(trained(counts, 2, [{"kind": kind} for kind in CLEAN]), MODEL)


def judged(real: Texts, most: int = 2000) -> Texts:
    """The texts that are judged: those the model was not trained on."""
    return {
        kind: (texts[1::2] if kind in CLEAN else texts)[:most]
        for kind, texts in real.items()
        if texts and kind != "crawl"
    }


def table(rows: list[list[str]], head: list[str]) -> str:
    """Rows as a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(share: float) -> str:
    """A share, with as many digits as it deserves."""
    return "0" if share == 0 else f"{100 * share:.1f}%" if share < 0.995 else "100%"


def share_table(groups: dict[str, Columns], rules: Mapping[str, Limit]) -> str:
    """For every limit, the share of each kind of text that it drops."""
    rows = []
    for name, limit in rules.items():
        bound = f"min {limit.min:g}" if limit.min is not None else f"max {limit.max:g}"
        cells = [percent(float(failing(c, name, limit).mean())) for c in groups.values()]
        rows.append([f"`{name}` {bound}", str(limit.from_characters or ""), *cells])
    for words, chosen in (
        ("all but fluency", {k: v for k, v in rules.items() if k != "fluency"}),
        ("all", rules),
    ):
        cells = [percent(float(dropped(c, chosen).mean())) for c in groups.values()]
        rows.append([f"**{words}**", "", *cells])
    return table(rows, ["limit", "from", *groups])


def precision_recall(
    columns: Columns, bad: NDArray[np.bool_], rules: Mapping[str, Limit]
) -> dict[str, Any]:
    """How well "dropped" means "bad": precision, recall, and the counts behind them."""
    out = dropped(columns, rules)
    hits = int((out & bad).sum())
    return {
        "texts": len(bad),
        "bad": int(bad.sum()),
        "dropped": int(out.sum()),
        "right": hits,
        "precision": round(hits / max(int(out.sum()), 1), 3),
        "recall": round(hits / max(int(bad.sum()), 1), 3),
    }


def labelled_scores(steps: list[Measure], rules: Mapping[str, Limit]) -> dict[str, dict[str, Any]]:
    """Precision and recall on the labelled pages, with the word lists and without.

    Whoever wrote the starter lists had read these pages to label them, so the figures with them
    flatter. Fluency drops none of the pages.
    """
    scores = {}
    for name, (texts, bad) in labelled().items():
        columns = measured(texts, steps)
        lists = {"fluency", *(f"{category}_text" for category in CATEGORIES)}
        plain = {k: v for k, v in rules.items() if k not in lists}
        scores[name] = precision_recall(columns, np.array(bad), rules)
        scores[f"{name}, without word lists"] = precision_recall(columns, np.array(bad), plain)
    return scores


def zlib_agreement(texts: list[str], steps: list[Measure]) -> list[dict[str, Any]]:
    """How often compression_ratio puts texts of like length in zlib's order.

    `agreed` is the share of pairs, of those that zlib's ratios set apart by at least 0.1, that ours
    put in the same order; a tie counts half.
    """
    texts = ["".join(text.split()) for text in texts]
    ours = measured(texts, steps)["compression_ratio"]
    sizes = np.array([len(text) for text in texts])
    theirs = np.array([len(zlib.compress(t.encode(), 9)) / max(len(t.encode()), 1) for t in texts])
    rows = []
    for low, high in ((100, 130), (200, 250), (300, 350), (500, 600), (1000, 2000)):
        chosen = np.flatnonzero((sizes >= low) & (sizes <= high))[:1500]
        a, b = ours[chosen], theirs[chosen]
        apart = (b[:, None] - b[None, :]) >= 0.1
        order = np.sign(a[:, None] - a[None, :])[apart]
        agreed = float(((order + 1) / 2).mean()) if len(order) else 0.0
        rows.append(
            {"characters": f"{low} to {high}", "texts": len(chosen), "pairs": int(apart.sum()),
             "agreed": round(agreed, 3)}
        )  # fmt: skip
    return rows


def speeds(texts: list[str], steps: list[Measure]) -> dict[str, float]:
    """MB of text a second on one core, of each measure and of sets of them; the best of three."""
    batches = [TextBatch.from_strings(texts[i : i + 8192]) for i in range(0, len(texts), 8192)]
    scans = [scan(batch) for batch in batches]
    size = sum(len(text.encode()) for text in texts) / 1e6
    seconds = {}
    for step in steps:
        step.measure_batch(batches[0], scans[0])
        times = []
        for _ in range(3):
            began = time.process_time()
            for batch, scanned in zip(batches, scans, strict=True):
                step.measure_batch(batch, scanned)
            times.append(time.process_time() - began)
        seconds[step.name] = min(times)
    out = {name: round(size / took, 1) for name, took in seconds.items()}
    defaults = [step.name for step in steps if step.default]
    out["on by default, together"] = round(size / sum(seconds[n] for n in defaults), 1)
    some = [name for name in seconds if name != "fluency"]
    out["all but fluency"] = round(size / sum(seconds[n] for n in some), 1)
    out["all"] = round(size / sum(seconds.values()), 1)
    return out


def draw(groups: dict[str, Columns], rules: Mapping[str, Limit], folder: Path) -> None:
    """docs/images/quality.png: a histogram of every limited column by kind of text."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    colours = plt.get_cmap("tab10").colors  # type: ignore[attr-defined]
    names = [name for name in rules if name != "characters"]
    figure, axes = plt.subplots(
        (len(names) + 3) // 4, 4, figsize=(15, 2.5 * ((len(names) + 3) // 4))
    )
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    for axis, name in zip(axes.flat, names, strict=False):
        limit = rules[name]
        chosen = {
            kind: columns[name][columns["characters"] >= limit.from_characters]
            for kind, columns in groups.items()
        }
        every = np.concatenate(list(chosen.values()))
        low, high = np.percentile(every, [0, 99.8])
        bins = np.linspace(low, max(high, low + 1e-3), 41)
        for i, (kind, values) in enumerate(chosen.items()):
            if len(values):
                weights = np.full(len(values), 1 / len(values))
                axis.hist(np.clip(values, low, bins[-1]), bins, weights=weights, histtype="step",
                          label=f"{kind} ({len(values)})", color=colours[i % 10])  # fmt: skip
        for bound in (limit.min, limit.max):
            if bound is not None:
                axis.axvline(bound, color="black", linestyle="--", linewidth=1)
        axis.set_yscale("log")
        scope = f", from {limit.from_characters} characters" if limit.from_characters else ""
        axis.set_title(f"{name}{scope}", fontsize=9)
        axis.tick_params(labelsize=7)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    labels = [label.rpartition(" (")[0] for label in labels]
    figure.legend(handles, labels, loc="lower center", ncol=len(labels), fontsize=9)
    figure.suptitle("Share of texts by value (log scale); dashed: the limit of recipes/web.yaml")
    figure.tight_layout(rect=(0, 0.03, 1, 0.98))
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "quality.png", dpi=80)


def examples(
    texts: Texts, groups: dict[str, Columns], name: str, limit: Limit, most: int = 4
) -> None:
    """Prints texts of each kind nearest to the limit on both sides."""
    bound = limit.min if limit.min is not None else limit.max
    for kind, columns in groups.items():
        fails = failing(columns, name, limit)
        away = np.abs(columns[name] - np.float32(bound or 0))
        scope = columns["characters"] >= limit.from_characters
        for side, chosen in (("dropped", fails), ("kept", ~fails & scope)):
            where = np.flatnonzero(chosen)
            for i in where[np.argsort(away[where], kind="stable")][:most]:
                print(f"[{kind}] {side} {columns[name][i]:.3f}: {texts[kind][i][:160]!r}")


def main() -> None:
    """Reads the options and prints what they ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--images", type=Path, help="folder for the histograms")
    parser.add_argument("--examples", metavar="COLUMN", help="show texts around its limit")
    parser.add_argument("--each", type=int, default=300, help="planted texts of a kind")
    options = parser.parse_args()
    real = sources()
    if not any(real[kind] for kind in CLEAN):
        sys.exit("no real text found; set CURATE_REAL_DATA to the folder of the samples")
    study_model(real)
    steps = measures()
    rules = limits()
    texts = judged(real)
    salad = paragraphs([t for kind in ("mixed web", "news") for t in texts.get(kind, [])])
    bad = planted(salad, options.each)
    groups = {kind: measured(some, steps) for kind, some in texts.items()}
    bad_groups = {kind: measured(some, steps) for kind, some in bad.items()}
    if options.examples:
        both = {**groups, **bad_groups}
        examples({**texts, **bad}, both, options.examples, rules[options.examples])
        return
    print("Share of clean text dropped\n\n" + share_table(groups, rules))
    print("\nShare of planted bad text dropped\n\n" + share_table(bad_groups, rules))
    scores = labelled_scores(steps, rules)
    head = list(next(iter(scores.values())))
    rows = [[name, *(str(v) for v in score.values())] for name, score in scores.items()]
    print("\nLabelled pages\n\n" + table(rows, ["set", *head]))
    agreement = zlib_agreement(
        [t for some in (*texts.values(), *bad.values()) for t in some], steps
    )
    print("\ncompression_ratio beside zlib -9\n")
    print(
        table(
            [[str(v) for v in row.values()] for row in agreement],
            ["characters", "texts", "pairs", "agreed"],
        )
    )
    mixed = [text for kind in real for text in real[kind]]
    rates = speeds(mixed, steps)
    print(
        "\nMB/s on one core\n\n"
        + table([[k, f"{v:g}"] for k, v in rates.items()], ["measure", "MB/s"])
    )
    if options.images:
        prose = ("wiki", "news", "abstracts", "traditional", "mixed web")
        verse = ("Tang verse", "Song lyrics", "classical")
        short = ("reviews", "dialogues", "Cantonese")
        shown = {
            words: {
                column: np.concatenate([groups[k][column] for k in kinds if k in groups])
                for column in next(iter(groups.values()))
            }
            for words, kinds in (("prose", prose), ("verse, classical", verse), ("short", short))
        }
        for words in ("menus", "advertisements", "gambling", "repetition", "search terms",
                      "shuffled characters"):  # fmt: skip
            shown[words] = bad_groups[words]
        draw(shown, rules, options.images)
    if options.json:
        print(json.dumps({"labelled": scores, "zlib": agreement, "mb_s": rates}))


if __name__ == "__main__":
    main()
