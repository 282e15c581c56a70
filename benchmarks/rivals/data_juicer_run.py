"""data-juicer's side of the comparison; runs in data-juicer's own environment.

Operators for a corpus: fix_unicode_mapper, chinese_convert_mapper (t2s), language_id_score_filter
(zh), document_minhash_deduplicator (characters, window 5, 128 permutations, Jaccard 0.8). For
instructions (--steps instructions) also whitespace_normalization_mapper, clean_email_mapper,
clean_ip_mapper, character_repetition_filter and text_length_filter, no row dropped for its
language, and document_deduplicator. Everything that costs time and changes no result is off:
caching, monitoring, tracing, event logging.

The last line of standard output is one JSON object {"rows_read", "kept", "seconds"}.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path

CLEAN = [
    {"fix_unicode_mapper": {"normalization": "NFC"}},
    {"chinese_convert_mapper": {"mode": "t2s"}},
]
NEAR = {
    "document_minhash_deduplicator": {
        "tokenization": "character",
        "window_size": 5,
        "lowercase": True,
        "num_permutations": 128,
        "jaccard_threshold": 0.8,
    }
}
STEPS = {
    "corpus": [*CLEAN, {"language_id_score_filter": {"lang": "zh", "min_score": 0.65}}, NEAR],
    "instructions": [
        *CLEAN,
        {"whitespace_normalization_mapper": {}},
        {"clean_email_mapper": {}},
        {"clean_ip_mapper": {}},
        {"language_id_score_filter": {"lang": "", "min_score": 0.0}},
        {"character_repetition_filter": {"max_ratio": 1.0}},
        {"text_length_filter": {"min_len": 1}},
        {"document_deduplicator": {}},
        NEAR,
    ],
}


def main() -> None:
    """Run the recipe on a folder of JSONL shards."""
    parser = argparse.ArgumentParser(description="data-juicer, one run")
    parser.add_argument("--shards", type=Path, required=True, help="folder of JSONL files")
    parser.add_argument("--out", type=Path, required=True, help="new folder for the result")
    parser.add_argument("--work", type=Path, required=True, help="new folder for everything else")
    parser.add_argument("--lid-model", type=Path, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--steps", choices=("corpus", "instructions"), default="corpus")
    options = parser.parse_args()

    # data-juicer looks for lid.176.bin in its model cache; fastText opens the compressed
    # lid.176.ftz under that name too.
    models = options.work / "models"
    models.mkdir(parents=True)
    shutil.copyfile(options.lid_model, models / "lid.176.bin")
    os.environ["DATA_JUICER_CACHE_HOME"] = str(options.work)
    os.environ["DATA_JUICER_MODELS_CACHE"] = str(models)

    start = time.perf_counter()
    from data_juicer.config import init_configs
    from data_juicer.core import DefaultExecutor

    recipe = {
        "project_name": "rivals",
        "dataset_path": str(options.shards),
        "export_path": str(options.out / "kept.jsonl"),
        "work_dir": str(options.work / "job"),
        "np": options.workers,
        "text_keys": "text",
        "skip_op_error": False,
        "use_cache": False,
        "open_monitor": False,
        "open_tracer": False,
        "event_logging": {"enabled": False},
        "process": STEPS[options.steps],
    }
    options.out.mkdir(parents=True)
    # YAML reads JSON.
    recipe_file = options.work / "recipe.yaml"
    recipe_file.write_text(json.dumps(recipe), encoding="utf-8")

    executor = DefaultExecutor(init_configs(["--config", str(recipe_file)]))
    executor.run(skip_return=True)
    seconds = time.perf_counter() - start

    rows_read = sum(_lines(p) for p in options.shards.glob("*.jsonl"))
    kept = _lines(options.out / "kept.jsonl")
    result = {"rows_read": rows_read, "kept": kept, "seconds": round(seconds, 2)}
    # data-juicer's logger has taken over sys.stdout.
    print(json.dumps(result), file=sys.__stdout__, flush=True)


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


if __name__ == "__main__":
    main()
