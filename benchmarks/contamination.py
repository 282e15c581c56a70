"""Evaluation questions in real samples: hits by corpus, recall on planted ones, speed.

    python benchmarks/contamination.py                  the table
    python benchmarks/contamination.py --read 0.5       rows that score at least so much, to read
    python benchmarks/contamination.py --json

The samples are read from CURATE_REAL_DATA or .cache/real.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from curate.contamination.compare import scored
from curate.contamination.index import RULES, Index, built
from curate.contamination.options import EvaluationFiles
from curate.contamination.questions import Question, evaluation_files, questions
from curate.textbatch import TextBatch

ROOT = Path(os.environ.get("CURATE_REAL_DATA") or Path(__file__).parents[1] / ".cache" / "real")
SETS = ("benchmarks/ceval", "benchmarks/cmmlu")
LIMIT = 0.7

LINES = {
    "csl": "csl/csl_camera_readly.tsv",
    "cluecorpus_small": "cluecorpus_small/CLUECorpusSmall_sampled.txt",
    "un": "un_pc/UNv1.0.devset.zh",
    "newstest": "wmt18/newstest2018-zhen.zh",
}
OBJECTS = {
    "wiki": ("wiki_zh/AA/wiki_00",),
    "news_commentary": ("news_commentary/train_10k.jsonl",),
    "alpaca_zh": ("alpaca_zh/**/*.json",),
    "pclue": ("pclue/datasets/*.json",),
    "belle": ("belle/dev1K.json",),
    "coig_cqia": (
        *("coig_cqia/zhihu/*.jsonl", "coig_cqia/xhs/*.jsonl", "coig_cqia/wiki/*.jsonl"),
        "coig_cqia/human_value/*.jsonl",
    ),
    "coig_exam": ("coig_cqia/exam/*.jsonl",),
    "sharegpt": ("sharegpt_zh/sharegpt_zh_1K_format.jsonl",),
}


def _joined(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(filter(None, map(_joined, value.values())))
    if isinstance(value, list):
        return "\n".join(filter(None, map(_joined, value)))
    return value if isinstance(value, str) else ""


def _rows(path: Path) -> Iterator[str]:
    """Every record of a JSON file as one text."""
    raw = path.read_text(encoding="utf-8", errors="replace").strip()
    try:
        values = json.loads(raw)
        values = values if isinstance(values, list) else [values]
    except json.JSONDecodeError:
        values = []
        for line in raw.split("\n"):
            try:
                values.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    yield from map(_joined, values)


def corpora() -> Iterator[tuple[str, list[str]]]:
    """Name and texts of every sample that is there."""
    for name, path in LINES.items():
        if (ROOT / path).exists():
            yield name, (ROOT / path).read_text(encoding="utf-8").split("\n")
    for name, patterns in OBJECTS.items():
        paths = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
        if paths:
            yield name, [text for path in paths for text in _rows(path)]


def evaluation(sets: tuple[str, ...] = SETS) -> list[Question]:
    """The questions of the sets."""
    return [
        question
        for path in sets
        for file in evaluation_files(EvaluationFiles(path=path), ROOT)
        for question in questions(file)
    ]


def _exam(question: Question) -> str:
    letters = "ABCDEFGHIJ"
    options = [f"{a}. {o}" for a, o in zip(letters, question.options, strict=False)]
    return "\n".join([question.text, *options])


def planted(pages: list[str]) -> dict[str, Callable[[Question, np.random.Generator], str]]:
    """Ways in which a question gets into a corpus, by name; each also has its options."""
    import opencc

    traditional = opencc.OpenCC("s2t")
    hong_kong = opencc.OpenCC("s2hk")
    taiwan = opencc.OpenCC("s2twp")

    def page(r: np.random.Generator) -> str:
        return pages[int(r.integers(len(pages)))]

    def marks(question: Question, r: np.random.Generator) -> str:
        table = str.maketrans("，。；：“”（）？", ', .;:""()?'.replace(" ", ""))
        return _exam(question).translate(table).replace(" ", "　")

    def lines(question: Question, r: np.random.Generator) -> str:
        text = _exam(question)
        return "\n".join(text[i : i + 7] for i in range(0, len(text), 7))

    def wide(question: Question, r: np.random.Generator) -> str:
        return "".join(
            chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in _exam(question).upper()
        )

    return {
        "as it is": lambda q, r: _exam(q),
        "question alone": lambda q, r: q.text,
        "other punctuation": marks,
        "full-width, capitals": wide,
        "broken into lines of 7": lines,
        "traditional": lambda q, r: traditional.convert(_exam(q)),
        "traditional, Hong Kong forms": lambda q, r: hong_kong.convert(_exam(q)),
        "traditional, Taiwan words": lambda q, r: taiwan.convert(_exam(q)),
        "inside a page": lambda q, r: f"{page(r)}\n{_exam(q)}\n{page(r)}",
        "inside a paragraph": lambda q, r: f"{page(r)[:200]}{_exam(q)}{page(r)[:200]}",
        "options alone": lambda q, r: "\n".join(q.options),
    }


def found_by(texts: list[str], index: Index, limit: float) -> list[set[int]]:
    """The questions (by number) that each text holds."""
    rows, units, scores = scored(TextBatch.from_strings(texts), index)
    units_of: list[set[int]] = [set() for _ in texts]
    for row, unit, score in zip(rows.tolist(), units.tolist(), scores.tolist(), strict=True):
        if score >= limit:
            units_of[row].add(unit)
    return units_of


def main() -> None:
    """The tables, or the hits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--read", type=float)
    parser.add_argument("--ngram", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    asked = evaluation()
    started = time.process_time()
    index = built(asked, options.ngram, 10)
    build_s = time.process_time() - started
    kinds = np.bincount(index.rule[index.unit], minlength=3).tolist()
    report: dict[str, object] = {
        "questions": len(asked),
        "rules": dict(zip(RULES, kinds, strict=True)),
        "build_s": round(build_s, 3),
    }
    if not options.json:
        print(report)
    scored(TextBatch.from_strings([asked[0].text]), index)
    corpora_report = []
    pages: list[str] = []
    for name, texts in corpora():
        if name in ("wiki", "cluecorpus_small"):
            pages += [text for text in texts if len(text) > 300]
        size = sum(len(text.encode()) for text in texts)
        batch = TextBatch.from_strings(texts)
        started = time.process_time()
        rows, units, scores = scored(batch, index)
        seconds = time.process_time() - started
        best = np.zeros(len(texts), np.float32)
        np.maximum.at(best, rows, scores)
        line = {
            "corpus": name,
            "rows": len(texts),
            "mb": round(size / 1e6, 2),
            "mb_per_s": round(size / 1e6 / seconds, 1),
            **{f">={at}": int((best >= np.float32(at)).sum()) for at in (0.3, 0.5, 0.7, 0.9)},
        }
        corpora_report.append(line)
        if options.read:
            for row, unit, score in zip(rows, units, scores, strict=True):
                if score >= options.read:
                    question = asked[index.first[unit]]
                    print(f"--- {name} row {row + 1}: {score:.2f} {question.id}")
                    print(f"  asked: {question.text!r} {question.options}")
                    print(f"  row:   {texts[row][:300]!r}")
        elif not options.json:
            print("  ".join(f"{key} {value}" for key, value in line.items()))
    report["corpora"] = corpora_report
    r = np.random.default_rng(1)
    searched = np.flatnonzero(index.rule[index.unit] < 2).tolist()
    recall = {}
    for name, make in planted(pages).items():
        held = found_by([make(asked[i], r) for i in searched], index, LIMIT)
        recall[name] = sum(int(index.unit[i]) in h for i, h in zip(searched, held, strict=True))
    report["planted"] = {"searched": len(searched), **recall}
    if options.json:
        print(json.dumps(report, ensure_ascii=False))
    elif not options.read:
        for name, count in recall.items():
            print(f"{name}: {count} of {len(searched)}")


if __name__ == "__main__":
    main()
