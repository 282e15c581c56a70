"""Personal data found in real samples, by kind and corpus, with the speed of looking.

    python benchmarks/privacy.py                      counts and MB/s a core
    python benchmarks/privacy.py --read phone         hits of a kind in context, half hidden
    python benchmarks/privacy.py --json

The samples are read from CURATE_REAL_DATA or .cache/real.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from curate.rewrite.privacy import Privacy, column
from curate.rewrite.privacy_patterns import Kind, found
from curate.rewrite.width import Width
from curate.scan import scan
from curate.textbatch import TextBatch

ROOT = Path(os.environ.get("CURATE_REAL_DATA") or Path(__file__).parents[1] / ".cache" / "real")

LINES = {
    "csl": "csl/csl_camera_readly.tsv",
    "cluecorpus_small": "cluecorpus_small/CLUECorpusSmall_sampled.txt",
    "un": "un_pc/UNv1.0.devset.zh",
    "un_en": "un_pc/UNv1.0.devset.en",
    "newstest": "wmt18/newstest2018-zhen.zh",
    "ted": "ted_parallel/parallel_corpus_en_zh.txt",
}
OBJECTS = {
    "news_commentary": "news_commentary/train_10k.jsonl",
    "wiki": "wiki_zh/AA/wiki_00",
    "zhihu": "coig_cqia/zhihu/zhihu_score8.5-9.0_clean_v4.jsonl",
    "xhs": "coig_cqia/xhs/xhs.jsonl",
    "segmentfault": "coig_cqia/segmentfault/segmentfault_upvote5_clean.jsonl",
    "finance": "coig_cqia/finance/finance_coig_pc.jsonl",
    "web": "chinese_web_quality/2021-43/cleared1.jsonl",
    "sharegpt": "sharegpt_zh/sharegpt_zh_1K_format.jsonl",
    "moss": "moss/user_prompts/helpful_prompts_without_plugins/helpful_code_prompts.jsonl",
}


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def corpora() -> Iterator[tuple[str, list[str]]]:
    """Name and texts of every sample that is there."""
    for name, path in LINES.items():
        if (ROOT / path).exists():
            yield name, (ROOT / path).read_text(encoding="utf-8").split("\n")
    for name, path in OBJECTS.items():
        if (ROOT / path).exists():
            lines = (ROOT / path).read_text(encoding="utf-8").split("\n")
            yield name, [text for line in lines if line for text in _strings(json.loads(line))]
    reviews = ROOT / "reviews/waimai_10k.csv"
    if reviews.exists():
        with reviews.open(encoding="utf-8-sig", newline="") as file:
            yield "reviews", [row[-1] for row in csv.reader(file)]


def read_hits(kind: Kind, only: str | None) -> None:
    """Prints every hit of a kind with what stands around it; its second half is hidden."""
    for name, texts in corpora():
        for text in texts if only in (None, name) else []:
            text = Width().rewrite(text)
            for start, end, what in found(text):
                if what == kind:
                    half = start + (end - start + 1) // 2
                    before = text[max(0, start - 24) : start].replace("\n", " ")
                    after = text[end : end + 12].replace("\n", " ")
                    print(f"{name}: {before}[{text[start:half]}{'*' * (end - half)}]{after}")


def main() -> None:
    """The table, or the hits of one kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--read", type=Kind, choices=list(Kind))
    parser.add_argument("--only", help="one sample")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.read:
        read_hits(options.read, options.only)
        return
    step = Privacy()
    warm = TextBatch.from_strings(["13800138000"])
    step.counted_batch(warm, scan(warm))
    rows = []
    for name, texts in corpora():
        batch = TextBatch.from_strings(texts)
        batch, _ = Width().rewrite_batch(batch, scan(batch))
        scanned = scan(batch)
        size = sum(len(text.encode()) for text in batch.strings())
        started = time.process_time()
        _, changed, counts = step.counted_batch(batch, scanned)
        seconds = time.process_time() - started
        totals = {kind.value: int(counts[column(kind)].sum()) for kind in Kind}
        rows.append(
            {
                "corpus": name,
                "rows": len(batch),
                "mb": round(size / 1e6, 2),
                "mb_per_s": round(size / 1e6 / seconds, 1),
                "changed": len(changed),
                **{kind: n for kind, n in totals.items() if n},
            }
        )
        if not options.json:
            print("  ".join(f"{key} {value}" for key, value in rows[-1].items()))
    if options.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
