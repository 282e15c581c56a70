"""Real evaluation questions: they fire when planted in real pages, real corpora stay silent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import opencc
import pytest

from curate.contamination.compare import scored
from curate.contamination.index import TOO_SHORT, Index, built
from curate.contamination.options import Contamination, EvaluationFiles
from curate.contamination.questions import Question, evaluation_files, questions
from curate.textbatch import TextBatch

LIMIT = Contamination(files=["x"]).limit


@pytest.fixture(scope="module")
def asked(real_data: Path) -> list[Question]:
    return [
        question
        for path in ("benchmarks/ceval", "benchmarks/cmmlu")
        for file in evaluation_files(EvaluationFiles(path=path), real_data)
        for question in questions(file)
    ]


@pytest.fixture(scope="module")
def index(asked: list[Question]) -> Index:
    return built(asked, 10, 10)


@pytest.fixture(scope="module")
def pages(real_data: Path) -> list[str]:
    lines = (real_data / "wiki_zh/AA/wiki_00").read_text(encoding="utf-8").split("\n")
    return [json.loads(line)["text"] for line in lines if line]


def exam(question: Question) -> str:
    return "\n".join([question.text, *question.options])


def share_found(texts: list[str], which: list[int], index: Index) -> float:
    rows, units, scores = scored(TextBatch.from_strings(texts), index)
    hits = {(r, u) for r, u, s in zip(rows, units, scores, strict=True) if s >= LIMIT}
    return float(np.mean([(i, index.unit[q]) in hits for i, q in enumerate(which)]))


def test_all_questions_are_read_and_nearly_all_can_be_found(asked, index):
    assert len(asked) == 595
    assert (index.rule[index.unit] == TOO_SHORT).sum() <= 6


def test_planted_questions_fire(asked, index, pages):
    which = np.flatnonzero(index.rule[index.unit] != TOO_SHORT).tolist()
    plain = [exam(asked[q]) for q in which]
    assert share_found(plain, which, index) == 1
    assert (
        share_found(
            ["\n".join(t[i : i + 7] for i in range(0, len(t), 7)) for t in plain], which, index
        )
        == 1
    )
    marks = str.maketrans("，。；：（）", ",.;:()")
    assert share_found([t.translate(marks) for t in plain], which, index) == 1
    assert share_found(list(map(opencc.OpenCC("s2t").convert, plain)), which, index) >= 0.995
    inside = [
        f"{pages[i % len(pages)]}{t}{pages[-1 - i % len(pages)]}" for i, t in enumerate(plain)
    ]
    assert share_found(inside, which, index) == 1
    options = ["\n".join(asked[q].options) for q in which]
    # One question's options repeat its formula.
    assert share_found(options, which, index) <= 1 / len(which)


@pytest.mark.parametrize(
    "name",
    [
        "csl/csl_camera_readly.tsv",
        "wiki_zh/AA/wiki_00",
        "cluecorpus_small/CLUECorpusSmall_sampled.txt",
        "news_commentary/train_10k.jsonl",
        "pclue/datasets/pCLUE_train_1k.json",
        "belle/dev1K.json",
        "un_pc/UNv1.0.devset.zh",
    ],
)
def test_clean_corpora_stay_silent(real_data, index, name):
    texts = (real_data / name).read_text(encoding="utf-8").split("\n")
    assert scored(TextBatch.from_strings(texts), index)[2].max(initial=0) < 0.5


def test_what_examination_papers_hold_is_found_and_no_more(real_data, asked, index):
    """All five were read: the same question, word for word or with a word changed."""
    found = []
    for name in ("coig_exam_sampled_clean_v3", "law_gee_exam_clean_v2"):
        path = real_data / f"coig_cqia/exam/{name}.jsonl"
        texts = path.read_text(encoding="utf-8").split("\n")
        _, units, scores = scored(TextBatch.from_strings(texts), index)
        found += [
            asked[index.first[u]].id for u, s in zip(units, scores, strict=True) if s >= LIMIT
        ]
    law = [f"cmmlu/dev/college_law.csv#{i}" for i in (1, 2, 3, 3)]
    assert sorted(found) == ["ceval/dev/law_dev.csv#2", *law]


def test_reading_comprehension_is_read(real_data):
    [file] = evaluation_files(EvaluationFiles(path="drcd/DRCD_dev.json"), real_data)
    every = questions(file)
    assert len(every) > 3000 and all(q.text and q.options for q in every)
    index = built(every, 10, 10)
    texts = [f"{q.text}\n{q.options[0]}" for q in every]
    assert share_found(texts, list(range(len(every))), index) > 0.9
