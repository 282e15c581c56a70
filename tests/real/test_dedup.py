"""Deduplication of 20,000 and more real documents with planted edits, against brute force."""

from __future__ import annotations

import csv
import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from curate.dedup.deduplicate import Deduplicated, deduplicate
from curate.dedup.options import NearDedup
from curate.dedup.records import RecordFile
from curate.dedup.verify import VERIFIED
from tests.curate.dedup import reference

THRESHOLD = 0.8
Pairs = dict[tuple[int, int], float]


def documents(folder: Path) -> list[str]:
    """Texts of five sources of very different kinds, at most 300 characters each."""
    texts: list[str] = []
    with (folder / "reviews/waimai_10k.csv").open(encoding="utf-8") as file:
        texts += [row["review"] for row in csv.DictReader(file)]
    with (folder / "news_commentary/train_10k.jsonl").open(encoding="utf-8") as file:
        texts += [json.loads(line)["zh"] for line in file]
    for name in (
        "un_pc/UNv1.0.devset.zh",
        "wmt18/newstest2018-zhen.zh",
        "cluecorpus_small/CLUECorpusSmall_sampled.txt",
    ):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        texts += [line[i : i + 300] for line in lines for i in range(0, len(line), 300)]
    return [text for text in texts if text.strip()]


def edited(text: str, draw: random.Random, converter: object) -> str:
    """The text with an insertion, a deletion, two sentences swapped, or in the other script."""
    kind = draw.randrange(5)
    if kind == 4:
        cut = draw.randrange(len(text) + 1)
        return text[:cut] + converter.convert(text[cut : cut + 20]) + text[cut + 20 :]  # type: ignore[attr-defined]
    if kind == 3:
        sentences = re.findall(r"[^。！？；]+[。！？；]?|[。！？；]", text)
        if len(sentences) > 2:
            at = draw.randrange(len(sentences) - 1)
            sentences[at : at + 2] = sentences[at + 1], sentences[at]
        return "".join(sentences)
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(text) + 1)
        if kind == 0:
            text = text[:at] + draw.choice(["的", "了", "一个", "——", "非常", "2018年"]) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + draw.randint(1, 3) :]
        else:
            text = text + draw.choice(["。", "谢谢", "（完）", "转载请注明出处"])
    return text


def true_pairs(sets: list[frozenset[object]], threshold: float) -> Pairs:
    """All pairs at or above the threshold, by a sparse matrix product."""
    sparse = pytest.importorskip("scipy.sparse")
    number: dict[object, int] = {}
    columns = [number.setdefault(shingle, len(number)) for s in sets for shingle in s]
    sizes = np.array([len(s) for s in sets])
    pointers = np.concatenate([[0], np.cumsum(sizes)])
    ones = np.ones(len(columns), np.int32)
    matrix = sparse.csr_matrix((ones, columns, pointers), shape=(len(sets), len(number)))
    found: Pairs = {}
    for begin in range(0, len(sets), 2000):
        common = (matrix[begin : begin + 2000] @ matrix.T).tocoo()
        i, j, n = common.row + begin, common.col, common.data
        keep = i < j
        i, j, n = i[keep], j[keep], n[keep]
        similarity = n / (sizes[i] + sizes[j] - n)
        chosen = similarity >= threshold
        rows = zip(i[chosen].tolist(), j[chosen].tolist(), similarity[chosen].tolist(), strict=True)
        found.update({(a, b): s for a, b, s in rows})
    return found


class Case:
    """Texts, what we make of them, and what is true of them."""

    def __init__(self, folder: Path, work: Path) -> None:
        import opencc

        draw = random.Random(20)
        converter = opencc.OpenCC("s2t")
        originals = documents(folder)
        # In shorter texts an edit mostly leaves less than the threshold.
        longer = [text for text in originals if len(text) >= 60]
        chosen = draw.sample(originals, 2000) + draw.sample(longer, 6000)
        self.texts = originals + [edited(text, draw, converter) for text in chosen]
        draw.shuffle(self.texts)
        self.result: Deduplicated = deduplicate(self.texts, folder=work, partition_rows=5000)
        self.sets = [reference.shingle_set(text) for text in self.texts]
        self.distinct = np.flatnonzero(~self._copies())
        every = true_pairs([self.sets[i] for i in self.distinct.tolist()], THRESHOLD)
        at = self.distinct.tolist()
        self.true: Pairs = {(at[a], at[b]): s for (a, b), s in every.items()}
        verified = np.concatenate(
            [RecordFile(path).read(0, VERIFIED) for path in sorted(work.glob("verified-*.pairs"))]
        )
        self.found: Pairs = {
            (min(a, b), max(a, b)): s
            for a, b, s in verified[["worse", "better", "similarity"]].tolist()
        }

    def _copies(self) -> NDArray[np.bool_]:
        """Rows that have the normal form of a better-ranked row."""
        copies = np.zeros(len(self.texts), np.bool_)
        first: set[str] = set()
        for i in sorted(range(len(self.texts)), key=lambda i: (-len(self.texts[i]), i)):
            form = reference.normal(self.texts[i])
            copies[i] = form in first
            first.add(form)
        return copies


@pytest.fixture(scope="module")
def case(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(real_data, tmp_path_factory.mktemp("dedup"))


def test_the_case_is_large_enough(case: Case) -> None:
    assert len(case.texts) > 20_000
    assert len(case.true) > 2_000


def test_no_false_removal(case: Case) -> None:
    gone = np.flatnonzero(~case.result.kept).tolist()
    for i in gone:
        of = int(case.result.duplicate_of[i])
        assert case.result.kept[of]
        if case.result.exact[i]:
            assert reference.normal(case.texts[i]) == reference.normal(case.texts[of])
            continue
        true = reference.jaccard(case.sets[i], case.sets[of])
        assert true >= THRESHOLD
        assert case.result.similarity[i] == pytest.approx(true)


def test_nearly_all_true_pairs_are_found(case: Case) -> None:
    assert set(case.found) <= set(case.true)
    for pair, similarity in case.found.items():
        assert similarity == pytest.approx(case.true[pair])
    missed = [pair for pair in case.true if pair not in case.found]
    recall = 1 - len(missed) / len(case.true)
    print(f"{len(case.texts):,} texts, {len(case.true):,} true pairs, recall {recall:.4f}")
    assert recall >= 0.98


def test_hardly_a_row_stays_that_all_pairs_would_remove(case: Case) -> None:
    neighbours: dict[int, list[int]] = {}
    for a, b in case.true:
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    ranked = sorted(case.distinct.tolist(), key=lambda i: (-len(case.texts[i]), i))
    gone: set[int] = set()
    kept: set[int] = set()
    for i in ranked:
        (gone if any(j in kept for j in neighbours.get(i, [])) else kept).add(i)
    ours = {i for i in case.distinct.tolist() if not case.result.kept[i]}
    print(f"{len(gone):,} rows should go, {len(ours):,} do, {len(gone ^ ours)} differ")
    assert len(gone ^ ours) <= 0.02 * len(gone)


def test_short_texts_are_all_there(case: Case) -> None:
    forms = [reference.normal(text) for text in case.texts]
    short = {f for f in forms if sum(reference.is_content(c) for c in f) < 16}
    kept = {f for f, k in zip(forms, case.result.kept.tolist(), strict=True) if k}
    assert len(short) > 1000
    assert short <= kept


def test_datasketch_agrees(case: Case) -> None:
    datasketch = pytest.importorskip("datasketch")
    chosen = [i for i in case.distinct.tolist() if len(case.sets[i]) > 12][:10_000]
    lsh = datasketch.MinHashLSH(threshold=THRESHOLD, num_perm=128, params=(21, 6))
    theirs: set[tuple[int, int]] = set()
    hashes: dict[int, object] = {}
    for i in chosen:
        minhash = datasketch.MinHash(num_perm=128)
        minhash.update_batch([str(shingle).encode() for shingle in case.sets[i]])
        theirs |= {(min(i, j), max(i, j)) for j in lsh.query(minhash)}
        lsh.insert(i, minhash)
        hashes[i] = minhash
    inside = set(chosen)
    true = {pair for pair in case.true if set(pair) <= inside}
    ours = {pair for pair in case.found if set(pair) <= inside}
    verified = theirs & true
    print(f"{len(true)} true pairs: {len(ours)} ours, {len(verified)} of datasketch's candidates")
    assert len(verified) >= 0.98 * len(true)
    assert len(ours) >= 0.98 * len(true)
    # Each misses some of its own, and not the same ones: nearly all of theirs are ours.
    assert len(verified - ours) <= 0.02 * len(verified)
    estimates = np.array([hashes[a].jaccard(hashes[b]) for a, b in sorted(ours)])  # type: ignore[attr-defined]
    exact = np.array([case.true[pair] for pair in sorted(ours)])
    assert abs((estimates - exact).mean()) < 0.01


def test_another_seed_finds_the_same_but_for_rare_misses(case: Case) -> None:
    other = deduplicate(case.texts, near=NearDedup(seed=77))
    assert (other.kept != case.result.kept).mean() < 0.002
