"""Our batches of token ids beside the tokenizer libraries' own batch calls, on the same texts.

Theirs: a list of strings in, `SentencePieceProcessor.encode(texts, num_threads=n)` or
`Tokenizer.encode_batch_fast(texts)` out, in whatever form the library hands ids back; the faster of
SentencePiece's two forms (lists, arrays) counts. Ours: an Arrow column in, as a build's shards hold
it, one array of ids and one of offsets out. Runs take turns. `share` is their seconds over ours,
the median over `--repeats` rounds, `cpu_share` the same of CPU time, which other work on the
machine disturbs less; speeds are of each one's best run.

    python benchmarks/tokenizing.py --json
    python benchmarks/tokenizing.py llama/tokenizer.model other/tokenizer.json --threads 2
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tokenizers
from numpy.typing import NDArray
from sentencepiece import SentencePieceProcessor

sys.path.insert(0, str(Path(__file__).parent))

from corpus_text import NoSamples, real_texts, samples_folder

from curate.tokens.fastform import fast_tokenizer
from curate.tokens.sentencepiece import read_model
from curate.tokens.tokenizer import load_tokenizer


def rounds(
    contenders: dict[str, Callable[[], Any]], repeats: int
) -> dict[str, NDArray[np.float64]]:
    """(wall, CPU) seconds of each contender in every round."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for number in range(repeats):
        names = list(contenders)
        for name in names if number % 2 else reversed(names):
            wall, cpu = time.perf_counter(), time.process_time()
            contenders[name]()
            found[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: np.array(values) for name, values in found.items()}


def library_calls(path: Path, texts: list[str], threads: int) -> dict[str, Callable[[], Any]]:
    """The library's own batch calls for a tokenizer file."""
    if path.suffix == ".json":
        theirs = tokenizers.Tokenizer.from_file(str(path))
        theirs.encode_special_tokens = True
        return {"library": lambda: theirs.encode_batch_fast(texts, add_special_tokens=False)}
    processor = SentencePieceProcessor(model_file=str(path))
    return {
        "lists": lambda: processor.encode(texts, return_type=int, num_threads=threads),
        "arrays": lambda: processor.encode(texts, return_type="numpy", num_threads=threads),
    }


def measure(path: Path, texts: list[str], threads: int, repeats: int) -> dict[str, Any]:
    """Speeds in MB/s of UTF-8 and the shares."""
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    ours = load_tokenizer(path, threads=threads)
    column = pa.array(texts, pa.large_string())
    calls = library_calls(path, texts, threads)
    found = rounds({**calls, "ours": lambda: ours.encode_batch(column)}, repeats)
    mb = sum(len(t.encode()) for t in texts) / 1e6
    fastest = min(calls, key=lambda name: float(np.median(found[name][:, 0])))
    shares = np.median(found[fastest] / found["ours"], axis=0)
    return {
        "tokenizer": path.name if path.suffix == ".json" else path.parent.name,
        "form": ours.form,
        "threads": threads,
        "tokens": len(ours.encode_batch(column).ids),
        "library_mb_s": mb / float(found[fastest][:, 0].min()),
        "ours_mb_s": mb / float(found["ours"][:, 0].min()),
        "share": float(shares[0]),
        "cpu_share": float(shares[1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tokenizers", type=Path, nargs="*", help="default: the samples' LLaMA")
    parser.add_argument("--mb", type=float, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--data", type=Path, help="folder of sample texts")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        folder = samples_folder(options.data)
    except NoSamples as error:
        sys.exit(f"{error}")
    texts: list[str] = []
    size = 0
    for text in real_texts(folder, 1)[0]:
        if size >= options.mb * 1e6:
            break
        texts.append(text)
        size += len(text.encode())
    with tempfile.TemporaryDirectory() as scratch:
        paths = options.tokenizers
        if not paths:
            model = folder / "tokenizers/llama/tokenizer.model"
            fast = Path(scratch) / "tokenizer.json"
            fast.write_text(fast_tokenizer(read_model(model)).to_str())
            paths = [model, fast]
        results = [measure(path, texts, options.threads, options.repeats) for path in paths]
    if options.json:
        print(json.dumps({"mb": size / 1e6, "texts": len(texts), "results": results}))
        return
    print(f"{size / 1e6:.1f} MB, {len(texts):,} texts, {options.threads} threads")
    for r in results:
        print(
            f"{r['tokenizer']} ({r['form']}): library {r['library_mb_s']:.1f} MB/s, ours "
            f"{r['ours_mb_s']:.1f} MB/s, share {r['share']:.2f}, of CPU time {r['cpu_share']:.2f}"
        )


if __name__ == "__main__":
    main()
