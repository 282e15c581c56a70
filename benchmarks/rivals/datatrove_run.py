"""datatrove's side of the comparison; runs in datatrove's own environment.

Its published MinHash pipeline with Chinese settings: read JSONL, FTFYFormatter, OpenCC t2s (the one
block datatrove has no counterpart of), LanguageFilter (lid.176, zh), write; then signatures (word
5-grams by its own Chinese tokenizer, spaCy with jieba; 14 buckets of 8 hashes), buckets, cluster,
filter, write. Files are written uncompressed, which saves it time.

The last line of standard output is one JSON object {"rows_read", "kept", "seconds", "stages"}.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import LanguageFilter
from datatrove.pipeline.formatters import FTFYFormatter
from datatrove.pipeline.formatters.base import BaseFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.lid import FT176LID
from fsspec.core import strip_protocol

CHINESE = "zho_Hani"
CONFIG = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)


class ToSimplified(BaseFormatter):
    """Traditional to simplified Chinese by OpenCC."""

    name = "OpenCC t2s"

    def __init__(self) -> None:
        super().__init__()
        self._converter = None

    def format(self, text: str) -> str:
        if self._converter is None:  # made in the worker: a converter cannot be pickled
            from opencc import OpenCC

            self._converter = OpenCC("t2s")
        return self._converter.convert(text)


def place_lid_model(model: Path, assets: Path) -> None:
    """Put the language model where datatrove's cache expects its download to be."""
    folder = assets / "datatrove" / "lid" / FT176LID.MODEL_SUBFOLDER
    folder.mkdir(parents=True)
    target = folder / strip_protocol(FT176LID.MODEL_URL).replace("/", "_")
    shutil.copyfile(model, target)
    target.with_name(target.name + ".completed").touch()


def main() -> None:
    """Run the stages one after another on a folder of JSONL shards."""
    parser = argparse.ArgumentParser(description="datatrove, one run")
    parser.add_argument("--shards", type=Path, required=True, help="folder of JSONL files")
    parser.add_argument("--out", type=Path, required=True, help="new folder for the result")
    parser.add_argument("--work", type=Path, required=True, help="new folder for everything else")
    parser.add_argument("--lid-model", type=Path, required=True)
    parser.add_argument("--workers", type=int, required=True)
    options = parser.parse_args()

    work, workers = options.work, options.workers
    # Set for this process by the caller, and inherited by the workers.
    place_lid_model(options.lid_model, Path(os.environ["HF_ASSETS_CACHE"]))

    def stage(name: str, steps: list[PipelineStep], tasks: int) -> float:
        start = time.perf_counter()
        LocalPipelineExecutor(
            pipeline=steps, tasks=tasks, workers=workers, logging_dir=str(work / "logs" / name)
        ).run()
        return round(time.perf_counter() - start, 2)

    plain = {"output_filename": "${rank}.jsonl", "compression": None}
    clean, signatures = str(work / "clean"), str(work / "signatures")
    buckets, removed = str(work / "buckets"), str(work / "removed")

    start = time.perf_counter()
    stages = {
        "clean": stage(
            "clean",
            [
                JsonlReader(str(options.shards), glob_pattern="*.jsonl"),
                FTFYFormatter(),
                ToSimplified(),
                LanguageFilter(["zh"], language_threshold=0.65),
                JsonlWriter(clean, **plain),
            ],
            workers,
        ),
        "signatures": stage(
            "signatures",
            [
                JsonlReader(clean),
                MinhashDedupSignature(signatures, config=CONFIG, language=CHINESE),
            ],
            workers,
        ),
        "buckets": stage(
            "buckets",
            [MinhashDedupBuckets(signatures, buckets, config=CONFIG)],
            CONFIG.num_buckets,
        ),
        "cluster": stage("cluster", [MinhashDedupCluster(buckets, removed, config=CONFIG)], 1),
        "filter": stage(
            "filter",
            [
                JsonlReader(clean),
                MinhashDedupFilter(removed),
                JsonlWriter(str(options.out), **plain),
            ],
            workers,
        ),
    }
    seconds = time.perf_counter() - start

    print(
        json.dumps(
            {
                "rows_read": _lines(options.shards),
                "kept": _lines(options.out),
                "seconds": round(seconds, 2),
                "stages": stages,
            }
        )
    )


def _lines(folder: Path) -> int:
    total = 0
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as file:
            total += sum(1 for _ in file)
    return total


if __name__ == "__main__":
    main()
