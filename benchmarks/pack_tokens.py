"""Tokenising a build's data shard beside the tokenizer library's own batch call on the same texts.

One process, one core, CPU time, runs interleaved, the best counts. Ours reads Parquet, checks the
shard's checksum, encodes, adds BOS and EOS and writes the cache entry; the library's figure is the
encoding alone, of texts that are in memory as Python strings.

    python benchmarks/pack_tokens.py --tokenizer tokenizer.model --json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))

from corpus_text import real_texts, samples_folder

from curate.fingerprint import file_sha256
from curate.tokens.datafile import DataFile
from curate.tokens.documents import Options, tokenise
from curate.tokens.tokenizer import load_tokenizer


def library(path: Path, texts: list[str]) -> dict[str, Callable[[], Any]]:
    """The library's batch calls: ids as lists, and where it can, as arrays."""
    if path.suffix == ".model":
        from sentencepiece import SentencePieceProcessor

        processor = SentencePieceProcessor(model_file=str(path))
        return {
            "lists": lambda: processor.encode(texts, out_type=int, num_threads=1),
            "arrays": lambda: processor.encode(texts, return_type="numpy", num_threads=1),
        }
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    return {
        "lists": lambda: [
            e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        ]
    }


def main() -> None:
    """Runs the comparison and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="folder of sample files")
    parser.add_argument("--mb", type=float, default=10.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    texts: list[str] = []
    size = 0
    for text in real_texts(samples_folder(options.data), 1)[0]:
        if size > options.mb * 1e6:
            break
        texts.append(text)
        size += len(text.encode())
    tokenizer = load_tokenizer(options.tokenizer)
    encode = library(options.tokenizer, texts)
    with tempfile.TemporaryDirectory() as root:
        shard = Path(root) / "0.parquet"
        table = {
            "id": [f"a/b#{i:09d}" for i in range(len(texts))],
            "source": pa.array(["a"] * len(texts)).dictionary_encode(),
            "text": pa.array(texts, pa.large_string()),
        }
        pq.write_table(pa.table(table), shard, compression="zstd", compression_level=1)
        file = DataFile(str(shard), "0.parquet", file_sha256(shard), "")
        how = Options(
            "text", str(options.tokenizer), tokenizer.fingerprint, True, True, "alpaca", "answers"
        )
        calls = {**encode, "ours": lambda: tokenise(file, how, f"{root}/entry")}
        times: dict[str, list[float]] = {name: [] for name in calls}
        tokenise(file, how, f"{root}/warm")
        for _ in range(options.repeats):
            for name, call in calls.items():
                began = time.process_time()
                call()
                times[name].append(time.process_time() - began)
    best = {name: min(values) for name, values in times.items()}
    best["library"] = min(best[name] for name in encode)
    facts = {
        "share_of_library_speed": round(best["library"] / best["ours"], 3),
        "share_of_library_lists": round(best["lists"] / best["ours"], 3),
        "ours_mb_s_core": round(size / 1e6 / best["ours"], 2),
        "library_mb_s_core": round(size / 1e6 / best["library"], 2),
        "documents": len(texts),
        "mb": round(size / 1e6, 2),
    }
    for key, value in facts.items():
        print(f"{key}: {value:,}")
    if options.json:
        print(json.dumps(facts))


if __name__ == "__main__":
    main()
