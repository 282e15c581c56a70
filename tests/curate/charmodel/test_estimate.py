"""Kneser-Ney probabilities against a plain reading of the formulas, and that they add up to one."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest

from curate.charmodel.alphabet import BEGIN, END
from curate.charmodel.count import WIDTH, Counts
from curate.charmodel.estimate import FALLBACK, Estimate, estimated
from curate.textbatch import TextBatch

Gram = tuple[int, ...]


def corpus(seed: int, lines: int) -> list[str]:
    """Lines of a language with few words, so that all counts of counts occur."""
    chance = random.Random(seed)
    words = [
        "".join(chance.choices("天地玄黄宇宙洪荒日月盈昃", k=chance.randint(1, 3)))
        for _ in range(60)
    ]
    weights = [1 / (i + 1) for i in range(60)]
    return ["".join(chance.choices(words, weights, k=chance.randint(2, 9))) for _ in range(lines)]


class Plain:
    """Interpolated modified Kneser-Ney with dictionaries, straight from Chen & Goodman."""

    def __init__(self, lines: list[str], order: int, min_count: int) -> None:
        raw: list[Counter[Gram]] = [Counter() for _ in range(order + 1)]
        for line in lines:
            seen = (BEGIN, *map(ord, line), END)
            for n in range(1, order + 1):
                for i in range(len(seen) - n + 1):
                    raw[n][seen[i : i + n]] += 1
        del raw[1][(BEGIN,)]
        self.order, self.raw, self.min_count = order, raw, min_count
        self.adjusted: list[dict[Gram, int]] = [{}]
        for n in range(1, order):
            before: defaultdict[Gram, set[int]] = defaultdict(set)
            for gram in raw[n + 1]:
                before[gram[1:]].add(gram[0])
            self.adjusted.append(
                {g: c if g[0] == BEGIN else len(before[g]) for g, c in raw[n].items()}
            )
        self.adjusted.append(dict(raw[order]))
        self.discounts = [self.steps(counts) for counts in self.adjusted]

    @staticmethod
    def steps(counts: dict[Gram, int]) -> tuple[float, ...]:
        n1, n2, n3, n4 = (sum(c == k for c in counts.values()) for k in (1, 2, 3, 4))
        if min(n1, n2, n3, n4) == 0:
            return FALLBACK
        y = n1 / (n1 + 2 * n2)
        found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        return found if all(0 <= d <= k for k, d in enumerate(found, 1)) else FALLBACK

    def mass(self, gram: Gram) -> float:
        """What a gram keeps of its count."""
        n = len(gram)
        count = self.adjusted[n].get(gram, 0)
        if not count or (n > 2 and self.raw[n][gram] < self.min_count):
            return 0.0
        return count - self.discounts[n][min(count, 3) - 1]

    def probability(self, gram: Gram) -> float:
        n = len(gram)
        if n == 0:
            return 1 / (len(self.raw[1]) + 1)
        family = [g for g in self.adjusted[n] if g[:-1] == gram[:-1]]
        total = sum(self.adjusted[n][g] for g in family)
        if not total:
            return self.probability(gram[1:])
        left = 1 - sum(self.mass(g) for g in family) / total
        return self.mass(gram) / total + left * self.probability(gram[1:])


def asked(estimate: Estimate, gram: Gram) -> float:
    """The probability of a gram's last token by the estimate's tables, backing off as needed."""
    n = len(gram)
    if n == 0:
        return estimate.unseen

    def row(of: Gram) -> int | None:
        key = 0
        for token in of:
            key = key << WIDTH | token
        keys = estimate.levels[len(of) - 1].keys.tolist()
        return keys.index(key) if key in keys else None

    at = row(gram)
    if at is not None:
        return float(estimate.levels[n - 1].probability[at])
    context = row(gram[:-1]) if n > 1 else None
    factor = 1.0 if context is None else float(estimate.levels[n - 2].backoff[context])
    return factor * asked(estimate, gram[1:])


@pytest.mark.parametrize(
    ("order", "min_count", "lines"), [(2, 1, 40), (3, 1, 40), (4, 2, 60), (4, 1, 3)]
)
def test_against_plain_python(order: int, min_count: int, lines: int) -> None:
    text = corpus(order, lines)
    counts = Counts(order)
    counts.add(TextBatch.from_strings(text))
    estimate = estimated(counts.tallies(), min_count)
    plain = Plain(text, order, min_count)
    chance = random.Random(7)
    letters = [ord(c) for c in "天地玄黄宇宙洪荒日月盈昃"]
    grams = [tuple(chance.choices(letters, k=chance.randint(1, order))) for _ in range(150)]
    grams += [(BEGIN, *g[1:]) for g in grams if len(g) > 1][:40]
    grams += chance.sample(sorted(plain.raw[order]), min(40, len(plain.raw[order])))
    for gram in grams:
        assert asked(estimate, gram) == pytest.approx(plain.probability(gram)), gram


@pytest.mark.parametrize("min_count", [1, 2, 3])
def test_probabilities_after_a_context_add_up_to_one(min_count: int) -> None:
    text = corpus(1, 60)
    counts = Counts(3)
    counts.add(TextBatch.from_strings(text))
    estimate = estimated(counts.tallies(), min_count)
    tokens = [END, *sorted({ord(c) for line in text for c in line})]
    for context in [(), (BEGIN,), (tokens[1],), (BEGIN, tokens[2]), (tokens[3], tokens[4])]:
        known = sum(asked(estimate, (*context, token)) for token in tokens)
        # One more for a character never seen.
        assert known + asked(estimate, (*context, ord("龘"))) == pytest.approx(1)
