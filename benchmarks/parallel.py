"""How well the measures of pairs tell misaligned pairs from real ones, and how fast they are.

    python benchmarks/parallel.py --json           # the tables of docs/parallel.md
    python benchmarks/parallel.py --fit            # the constants of curate/measure/pair
    python benchmarks/parallel.py --examples 20    # clean pairs that the limits reject, to read

Real pairs are taken from the sample folder (`--data`, else `$CURATE_REAL_DATA`, else
`.cache/real`), damage of every kind is planted in copies of them (`parallel_text.py`), and the
limits of recipes/corpus.yaml judge both. Constants are fitted on one half of the rows and figures
given on the other.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.optimize import minimize

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from parallel_text import DAMAGE, Pairs, batches, half, lengths, planted, real_pairs  # noqa: E402

import curate.measure.pair  # noqa: E402
from curate.decide import decided  # noqa: E402
from curate.measure.base import Measure  # noqa: E402
from curate.measure.pair import length, lexicon, score  # noqa: E402
from curate.measure.pair.base import PairBatch, PairMeasure  # noqa: E402
from curate.recipe import Recipe, read  # noqa: E402
from curate.refine import Clock, measured, pair_measured  # noqa: E402
from curate.scan import CharClass, scan  # noqa: E402
from curate.step import discovered  # noqa: E402
from curate.textbatch import TextBatch  # noqa: E402

FITTED_DAMAGE = {
    "unrelated": ("shifted by one", "random row"),
    "cut or looped": ("truncated", "looped"),
    "garbled": ("garbled",),
    "wrong number": ("wrong number",),
}
"""What the score is taught to find; swapped and copied sides have measures of their own."""


def pair_batch(pairs: Pairs) -> PairBatch:
    """The pairs as measures get them."""
    zh, en = batches(pairs)
    return PairBatch(zh, scan(zh), en, scan(en))


def table_of(pairs: Pairs, recipe: Recipe) -> pa.Table:
    """What a build's refined partition says of the pairs: every column that limits may look at."""
    batch = pair_batch(pairs)
    clock = Clock()
    columns: dict[str, pa.Array] = {"quarantine": pa.nulls(len(pairs), pa.string())}
    measures = recipe.measures()
    texts = TextBatch.from_strings([f"{zh}\n{en}" for zh, en in pairs])
    limited = set(recipe.quality)
    wanted = [m for m in measures if isinstance(m, Measure) and set(m.columns) & limited]
    columns |= measured(texts, scan(texts), wanted, clock)
    for side, one, its_scan in (("zh", batch.zh, batch.zh_scan), ("en", batch.en, batch.en_scan)):
        columns[f"{side}_characters"] = pa.array(one.lengths().astype(np.int32))
        columns |= measured(one, its_scan, measures, clock, f"{side}_")
    columns |= pair_measured(batch, measures, clock)
    return pa.table(columns)


def reasons(pairs: Pairs, recipe: Recipe) -> list[str | None]:
    """Why the recipe drops each pair; None for those it keeps."""
    table = table_of(pairs, recipe)
    found = decided(table, recipe.quality, recipe.language, "pair")["reason"].to_pylist()
    return list(found)


def rejected(pairs: Pairs, recipe: Recipe) -> NDArray[np.bool_]:
    """Whether the recipe drops each pair."""
    return np.array([reason is not None for reason in reasons(pairs, recipe)], bool)


def fit_lengths(clean: Pairs) -> dict[str, float]:
    """LETTERS_PER_HAN, MEAN, VARIANCE and VARIANCE_SHORT, robustly, by maximum likelihood.

    A share of 2% of pairs with ratios from anywhere keeps misaligned pairs of the sources from
    widening the distribution.
    """
    batch = pair_batch(clean)
    zh, en = batch.zh_scan.counts, batch.en_scan.counts
    han = zh[:, CharClass.HAN].astype(float)
    alike = [CharClass.LATIN, CharClass.DIGIT, CharClass.LETTER, CharClass.KANA, CharClass.HANGUL]
    same = zh[:, alike].sum(axis=1).astype(float)
    letters = en[:, alike].sum(axis=1) + 3.0

    def loss(p: NDArray[np.float64]) -> float:
        zh_letters = np.exp(p[0]) * han + same + 3.0
        ratio = np.log(zh_letters / letters)
        variance = np.exp(p[2]) + np.exp(p[3]) / np.sqrt(zh_letters * letters)
        density = np.exp(-((ratio - p[1]) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
        return float(-np.log(0.98 * density + 0.02 / 6).mean())

    best = minimize(loss, [1.1, 0.0, -3.5, 1.0], method="Nelder-Mead", options={"maxiter": 2000}).x
    return {
        "LETTERS_PER_HAN": round(float(np.exp(best[0])), 3),
        "MEAN": round(float(best[1]), 3),
        "VARIANCE": round(float(np.exp(best[2])), 4),
        "VARIANCE_SHORT": round(float(np.exp(best[3])), 3),
    }


def fit_lexicon(tuning: dict[str, Pairs]) -> str:
    """The lexicon's text with the shares of related and unrelated pairs that have a translation.

    Shares of rare words lean on those of all words, as if five more pairs had been seen.
    """
    known = lexicon.lexicon()
    seen = np.zeros((3, len(known.zh_keys)))
    for pairs in tuning.values():
        seen[:2] += lexicon.lexicon_counts(pair_batch(pairs)).entries
        far = len(pairs) // 3
        unrelated = [(pair[0], pairs[i - far][1]) for i, pair in enumerate(pairs)]
        seen[2] += lexicon.lexicon_counts(pair_batch(unrelated)).entries[1]
    total = seen[0]
    shares = []
    for found in seen[1:]:
        usual = found.sum() / total.sum()
        shares.append(np.clip(((found + 5 * usual) / (total + 5) * 100).round(), 1, 99).astype(int))
    at = {int(key): i for i, key in enumerate(known.zh_keys)}
    lines = []
    for line in lexicon.LEXICON.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            zh, _, _, *english = line.split()
            i = at[lexicon.zh_key(zh)]
            line = " ".join([zh, str(shares[0][i]), str(shares[1][i]), *english])
        lines.append(line)
    return "\n".join(lines) + "\n"


def matrix(pairs: Pairs) -> tuple[list[str], NDArray[np.float64]]:
    """Names and values, float64 [n, features], of the score's features."""
    found = score.features(pair_batch(pairs))
    return list(found), np.stack(list(found.values()), axis=1)


def fit_score(tuning: dict[str, Pairs], kinds: tuple[str, ...]) -> dict[str, float]:
    """Weights for sound pairs against these kinds of damage.

    Every source weighs the same, and damage in all as much as sound pairs.
    """
    blocks, targets, weights = [], [], []
    names: list[str] = []
    for pairs in tuning.values():
        names, clean = matrix(pairs)
        blocks.append(clean)
        targets.append(np.ones(len(clean)))
        weights.append(np.full(len(clean), 1.0 / len(clean)))
        for kind in kinds:
            _, bad = matrix(planted(kind, pairs))
            blocks.append(bad)
            targets.append(np.zeros(len(bad)))
            weights.append(np.full(len(bad), 1.0 / len(bad) / len(kinds)))
    x, y, w = np.concatenate(blocks), np.concatenate(targets), np.concatenate(weights)
    w = w / w.sum()

    def loss(p: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logit = x @ p[1:] + p[0]
        sign = np.where(y == 1, 1.0, -1.0)
        value = (w * np.logaddexp(0, -sign * logit)).sum() + 1e-4 * (p[1:] ** 2).sum()
        slope = w * (1 / (1 + np.exp(-logit)) - y)
        return value, np.concatenate(([slope.sum()], x.T @ slope + 2e-4 * p[1:]))

    best = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x
    return dict(zip(["bias", *names], best.round(3).tolist(), strict=True))


def fit(tuning: dict[str, Pairs]) -> None:
    """Writes the shares of the lexicon and prints the other constants.

    Run it again when the length's have changed or the lexicon has: the score depends on them.
    """
    lexicon.LEXICON.write_text(fit_lexicon(tuning), encoding="utf-8")
    lexicon.lexicon.cache_clear()
    every = [pair for pairs in tuning.values() for pair in random.Random(1).sample(pairs, 450)]
    for name, value in fit_lengths(every).items():
        print(f"length.{name} = {value}   # now {getattr(length, name)}")
    for source, pairs in tuning.items():
        own = np.asarray(length.length_z(pair_batch(pairs)))
        middle, low, high = np.median(own), *np.quantile(own, [0.001, 0.999])
        print(f"  {source}: z median {middle:.2f}, 0.1% {low:.1f}, 99.9% {high:.1f}")
    print("WEIGHTS = {")
    for name, kinds in FITTED_DAMAGE.items():
        lines = "".join(f'        "{k}": {v},\n' for k, v in fit_score(tuning, kinds).items())
        print(f'    "{name}": {{\n{lines}    }},')
    print("}")


SINGLE = {
    "length_z": -1,
    "number_agreement": 1,
    "latin_agreement": 1,
    "sentence_agreement": 1,
    "lexicon_agreement": 1,
    "lexicon_evidence": 1,
    "pair_score": 1,
}
"""Columns to compare, and whether more of them is better; of `length_z` the distance from 0."""


def single_limits(
    tuning: dict[str, Pairs], reported: dict[str, Pairs], alarms: float
) -> dict[str, dict[str, float]]:
    """Share found by a limit on one column alone that loses `alarms` of the tuning half's pairs.

    Sources are pooled, each with as many pairs.
    """

    def pooled(halves: dict[str, Pairs], kind: str | None) -> dict[str, NDArray[np.float64]]:
        columns: dict[str, list[NDArray[np.float64]]] = {column: [] for column in SINGLE}
        for pairs in halves.values():
            chosen = pairs if kind is None else planted(kind, pairs)
            table = pa.table(pair_measured(pair_batch(chosen[:1900]), measures, Clock()))
            for column, sign in SINGLE.items():
                values = table[column].to_numpy().astype(float)
                columns[column].append(values if sign > 0 else -np.abs(values))
        return {column: np.concatenate(values) for column, values in columns.items()}

    measures = [k() for k in discovered(curate.measure.pair, PairMeasure).values()]
    clean = pooled(tuning, None)
    limits = {}
    for column, values in clean.items():
        # The highest limit that loses no more than allowed; values below it are lost.
        ordered = np.sort(values)
        limits[column] = ordered[int(alarms * len(ordered))]
    rows: dict[str, dict[str, float]] = {}
    for kind in ("clean pairs", *(kind for kinds in FITTED_DAMAGE.values() for kind in kinds)):
        found = pooled(reported, None if kind == "clean pairs" else kind)
        rows[kind] = {c: float((found[c] < limits[c]).mean()) for c in SINGLE}
    return rows


def by_score_limit(reported: dict[str, Pairs]) -> dict[str, dict[str, float]]:
    """Share of sound and of shifted pairs below a few limits on `pair_score` alone."""
    rows: dict[str, dict[str, float]] = {}
    for limit in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3):
        for name in ("clean pairs", "shifted by one"):
            row = rows[f"{name}, min {limit:g}"] = {}
            for source, pairs in reported.items():
                chosen = pairs if name == "clean pairs" else planted(name, pairs)
                row[source] = float((score.pair_score(pair_batch(chosen)) < limit).mean())
    return rows


def speed(pairs: Pairs) -> dict[str, float]:
    """MB/s of every measure and of all together, on one core."""
    measures: list[PairMeasure] = [
        k() for k in discovered(curate.measure.pair, PairMeasure).values() if k.default
    ]
    megabytes = lengths(pairs).sum() / 1e6
    pair_measured(pair_batch(pairs), measures, Clock())
    found = {}
    for name, chosen in [*((m.name, [m]) for m in measures), ("all", measures)]:
        times = []
        for _ in range(5):
            batch = pair_batch(pairs)
            started = time.process_time()
            pair_measured(batch, chosen, Clock())
            times.append(time.process_time() - started)
        found[name] = round(megabytes / min(times), 1)
    return found


def table(rows: dict[str, dict[str, float]], columns: list[str], digits: int) -> str:
    """A Markdown table of shares in per cent."""
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        cells = [f"{100 * row[c]:.{digits}f}" if c in row else "" for c in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Fits, or measures and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    default = os.environ.get("CURATE_REAL_DATA", ROOT / ".cache" / "real")
    parser.add_argument("--data", type=Path, default=Path(default), help="folder of samples")
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "corpus.yaml")
    parser.add_argument("--fit", action="store_true", help="print constants instead")
    parser.add_argument("--examples", type=int, default=0, help="show so many rejected clean pairs")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    options = parser.parse_args()
    every = real_pairs(options.data)
    if options.fit:
        fit({source: half(pairs, False) for source, pairs in every.items()})
        return
    recipe = read(options.recipe)
    reported = {source: half(pairs, True) for source, pairs in every.items()}
    rng = random.Random(2)
    alarms: dict[str, dict[str, float]] = {"clean pairs": {}}
    recall: dict[str, dict[str, float]] = {kind: {} for kind in DAMAGE}
    precision: dict[str, dict[str, float]] = {kind: {} for kind in DAMAGE}
    for source, pairs in reported.items():
        why = reasons(pairs, recipe)
        lost = [i for i, reason in enumerate(why) if reason]
        false_alarms = alarms["clean pairs"][source] = len(lost) / len(pairs)
        for i in rng.sample(lost, min(options.examples, len(lost))):
            print(f"{source} {why[i]}\n  {pairs[i][0]}\n  {pairs[i][1]}")
        for kind in DAMAGE:
            bad = planted(kind, pairs)
            if bad:
                hits = recall[kind][source] = float(rejected(bad, recipe).mean())
                precision[kind][source] = hits / max(hits + false_alarms, 1e-9)
    sources = list(reported)
    print("pairs reported on: " + ", ".join(f"{s} {len(p)}" for s, p in reported.items()))
    print("\nRejected, per cent\n" + table({**alarms, **recall}, sources, 1))
    print("\nPrecision where one pair in two is damaged, per cent\n" + table(precision, sources, 1))
    tuning = {source: half(pairs, False) for source, pairs in every.items()}
    single = single_limits(tuning, reported, 0.01)
    print("\nFound by one column alone, limit at 1% of the tuning half's clean pairs, per cent")
    print(table(single, list(SINGLE), 1))
    by_limit = by_score_limit(reported)
    print("\nBelow a limit on pair_score alone, per cent\n" + table(by_limit, sources, 1))
    rates = speed(reported["news-commentary"])
    print("\nMB/s a core on news-commentary: " + ", ".join(f"{k} {v}" for k, v in rates.items()))
    if options.json:
        print(
            json.dumps(
                {"false_alarms": alarms["clean pairs"], "recall": recall, "precision": precision,
                 "single": single, "by_limit": by_limit, "mb_s_core": rates}
            )
        )  # fmt: skip


if __name__ == "__main__":
    main()
