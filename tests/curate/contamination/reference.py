"""The scores of docs/contamination.md computed the slow way, on strings, one question at a time."""

from __future__ import annotations

from curate.contamination.fold import folded
from curate.contamination.index import _phrases
from curate.contamination.questions import Question
from curate.textbatch import TextBatch


def content(text: str) -> str:
    return folded(TextBatch.from_strings([text]))[0]


def _grams(text: str, n: int) -> set[str]:
    return {text[i : i + n] for i in range(len(text) - n + 1)}


def _options(row: str, at: int, question: Question) -> tuple[int, int, bool]:
    options = [content(option) for option in question.options]
    total = sum(map(len, options))
    behind = row[at : at + total + max(total // 2, 20) + len(options)]
    found = [bool(option) and option in behind for option in options]
    answer = question.answer
    answered = answer >= 0 and found[answer] and len(options[answer]) >= 2
    return total, sum(len(o) for o, f in zip(options, found, strict=True) if f), answered


def score(question: Question, row: str, every: list[Question], n: int, common: int) -> float:
    """The score of a row for one of the questions."""
    stem, row = content(question.text), content(row)
    stems = {content(other.text) for other in every}
    rare = {g for g in _grams(stem, n) if sum(g in other for other in stems) <= common}
    if not rare:
        total = sum(len(content(option)) for option in question.options)
        if len(stem) < 5 or total < 6 or len(stem) + total < 12:
            return 0.0
        best = 0.0
        at = row.find(stem)
        while at >= 0:
            _, found, _ = _options(row, at + len(stem), question)
            if 2 * found >= total:
                best = max(best, (len(stem) + found) / (len(stem) + total))
            at = row.find(stem, at + 1)
        return best
    places = [i for i in range(len(stem) - n + 1) if stem[i : i + n] in rare]
    distinctive = len({c for i in places for c in range(i, i + n)})
    hits = [
        (p, i) for p in range(len(row) - n + 1) for i in places if row[p : p + n] == stem[i : i + n]
    ]
    stretch = len(stem) + max(len(stem) // 2, 20) - n
    proper = len(_phrases().sub("", stem))
    best = 0.0
    cluster: list[tuple[int, int]] = []
    for k, (p, _) in enumerate(hits):
        cluster = [] if cluster and p - cluster[-1][0] > stretch else cluster
        cluster.append(hits[k])
        if k + 1 < len(hits) and hits[k + 1][0] - p <= stretch:
            continue
        covered = behind = 0
        for last, _ in cluster:
            near = [i for q, i in cluster if last - stretch <= q <= last]
            now = len({c for i in near for c in range(i, i + n)})
            # Of several hits at one place all count.
            if now > covered:
                covered, behind = now, last + n
        share = covered / distinctive
        total, found, answered = 0, 0, False
        if 2 * covered >= distinctive:
            total, found, answered = _options(row, behind, question)
        long = len(stem) >= 30 and proper >= 10
        most = total >= 6 and 2 * found >= total
        whole = covered == distinctive and (proper >= 10 or answered or total == 0)
        enough = long or (2 * covered >= distinctive and (most or whole))
        together = (covered + found) / (distinctive + total) if most else 0.0
        best = max(best, share if enough else share / 2, together)
    return best
