"""MinHash signatures and near dedup beside rensa and datasketch: speed, accuracy, recall.

One process, one core, the same texts for all: characters in shingles of 5, 128 permutations. Each
contender goes from texts to signatures by the fastest way its interface has, the runs are
interleaved, and the best of five counts. Recall is of true pairs (all pairs, by a sparse matrix
product) among real documents with planted edits.

    python benchmarks/minhash.py --json
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

from corpus_text import NoSamples, real_texts, samples_folder
from sketches import ALTERNATIVES

from curate.dedup.band import band_keys
from curate.dedup.deduplicate import deduplicate
from curate.dedup.normal import normal_texts
from curate.dedup.options import NearDedup
from curate.dedup.shingle import Shingles, shingle_sets, shingles
from curate.dedup.signature import signatures
from curate.textbatch import TextBatch, blocks

OPTIONS = NearDedup()
SLOTS = 128


def documents(data: Path | None, seed: int = 1) -> list[str]:
    """Real Chinese documents, or generated ones where there are no samples."""
    try:
        return real_texts(samples_folder(data), seed)[0]
    except NoSamples as error:
        print(f"{error}\nGoing on with generated text.", file=sys.stderr)
        from dedup_scale import partition

        return [text for number in range(4) for text in partition(number).to_pylist()]


def cut(texts: list[str], length: int, mb: float) -> list[str]:
    """Texts of exactly this many characters, together `mb` MB."""
    pieces: list[str] = []
    size = 0
    for text in texts:
        for i in range(0, len(text) - length + 1, length):
            pieces.append(text[i : i + length])
            size += len(pieces[-1].encode())
            if size >= mb * 1e6:
                return pieces
    return pieces


def imported(name: str) -> Any:
    """A rival's module, or None with a word about it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed: pip install {name}", file=sys.stderr)
        return None


def contenders(texts: list[str]) -> dict[str, tuple[Callable[[], object], list[str]]]:
    """Name: (what to time, the texts it works on). The slow one gets fewer."""
    array = TextBatch.from_strings(texts).to_arrow()
    found: dict[str, tuple[Callable[[], object], list[str]]] = {}

    def ours() -> object:
        parts = blocks(TextBatch.from_arrow(array))
        return [signatures(shingles(normal_texts(part), OPTIONS), OPTIONS) for part in parts]

    def ours_to_keys() -> object:
        parts = blocks(TextBatch.from_arrow(array))
        return [band_keys(shingles(normal_texts(part), OPTIONS), OPTIONS) for part in parts]

    found["ours"] = (ours, texts)
    found["ours, to band keys"] = (ours_to_keys, texts)
    if (rensa := imported("rensa")) is not None:
        some = texts[: max(1, len(texts) // 4)]

        def theirs() -> object:
            tokens = [[text[i : i + 5] for i in range(len(text) - 4)] for text in some]
            return rensa.RMinHash.digest_matrix_from_token_sets(tokens, SLOTS, 42)

        found["rensa"] = (theirs, some)
    if (datasketch := imported("datasketch")) is not None:
        few = texts[: max(1, len(texts) // 40)]

        def datasketchs() -> object:
            result = []
            for text in few:
                minhash = datasketch.MinHash(num_perm=SLOTS)
                minhash.update_batch([text[i : i + 5].encode() for i in range(len(text) - 4)])
                result.append(minhash)
            return result

        found["datasketch"] = (datasketchs, few)
    return found


def speeds(texts: list[str], repeats: int = 5) -> dict[str, float]:
    """MB of UTF-8 a second and core."""
    runs = contenders(texts)
    best = dict.fromkeys(runs, float("inf"))
    runs["ours"][0](), runs["ours, to band keys"][0]()
    for _ in range(repeats):
        for name, (run, _texts) in runs.items():
            started = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - started)
    return {
        name: sum(len(text.encode()) for text in own) / 1e6 / best[name]
        for name, (_run, own) in runs.items()
    }


def pairs_of_sets(similarity: float, size: int, count: int) -> tuple[Shingles, float]:
    """2·count random sets, neighbours of about this similarity, and the exact similarity."""
    draw = np.random.default_rng(3)
    common = round(2 * size * similarity / (1 + similarity))
    values = draw.integers(0, 2**64, (count, 2 * size - common), np.uint64)
    both = np.stack([values[:, :size], values[:, size - common :]], axis=1).reshape(-1)
    return Shingles(both, np.arange(2 * count + 1, dtype=np.int64) * size), common / (
        2 * size - common
    )


def errors(sketch: Callable[[Shingles], NDArray[Any]], count: int = 4000) -> dict[str, float]:
    """Bias in standard errors of the mean (the worst), and error / sqrt(J (1 - J) / 128) by J."""
    found: dict[str, float] = {"bias": 0.0}
    for size in (53, 269):
        for target in (0.5, 0.7, 0.8, 0.9):
            sets, similarity = pairs_of_sets(target, size, count)
            slots = sketch(sets)
            estimates = (slots[0::2] == slots[1::2]).mean(axis=1)
            promised = np.sqrt(similarity * (1 - similarity) / 128)
            measured = float(np.sqrt(((estimates - similarity) ** 2).mean()))
            found[f"{size}/{target}"] = measured / promised
            bias = abs(estimates.mean() - similarity) / (promised / np.sqrt(count))
            found["bias"] = max(found["bias"], float(bias))
    return found


def compared_sketches(texts: dict[int, list[str]]) -> list[dict[str, Any]]:
    """Speed (shingle hashes to sketch, as MB of text) and error of ours and the alternatives."""
    rows = []
    pieces = {
        n: shingles(normal_texts(TextBatch.from_strings(t)), OPTIONS) for n, t in texts.items()
    }

    def ours(sets: Shingles) -> NDArray[Any]:
        return signatures(sets, OPTIONS)

    def wrapped(function: Any, slots: int) -> Callable[[Shingles], NDArray[Any]]:
        def run(sets: Shingles) -> NDArray[Any]:
            out = np.empty((len(sets), slots), np.uint64)
            function(sets.values, sets.offsets, out)
            return out

        return run

    every = {"MinHash, 32-bit lanes, 128 (ours)": ours}
    every |= {name: wrapped(*alternative) for name, alternative in ALTERNATIVES.items()}
    for name, sketch in every.items():
        sketch(pairs_of_sets(0.5, 53, 2)[0])
        row: dict[str, Any] = {"sketch": name}
        for length, sets in pieces.items():
            best = float("inf")
            for _ in range(3):
                started = time.process_time()
                sketch(sets)
                best = min(best, time.process_time() - started)
            row[f"mb_s_{length}"] = sum(len(t.encode()) for t in texts[length]) / 1e6 / best
        row |= errors(sketch)
        rows.append(row)
    return rows


def planted(texts: list[str], count: int, seed: int = 5) -> list[str]:
    """Documents of 60 to 400 characters, every other one again with one or two edits."""
    draw = random.Random(seed)
    originals = [text[:400] for text in dict.fromkeys(texts) if len(text) >= 60][: 2 * count // 3]
    copies = []
    for text in originals[::2]:
        for _ in range(draw.randint(1, 2)):
            at = draw.randrange(len(text) - 4)
            text = draw.choice(
                [
                    text[:at] + draw.choice("的了在是和") + text[at:],
                    text[:at] + text[at + 2 :],
                    text[at:] + text[:at],
                    text + "（完）",
                ]
            )
        copies.append(text)
    every = originals + copies
    draw.shuffle(every)
    return every


def recall(texts: list[str], threshold: float = 0.8) -> dict[str, float]:
    """Share of the rows to be removed that are, and rows removed without a true duplicate."""
    from scipy.sparse import csr_matrix

    result = deduplicate(texts)
    sets = shingle_sets(normal_texts(TextBatch.from_strings(texts)), OPTIONS)
    _, columns = np.unique(sets.values, return_inverse=True)
    sizes = np.diff(sets.offsets)
    matrix = csr_matrix((np.ones(len(columns), np.int32), columns, sets.offsets))
    partners: list[list[tuple[int, float]]] = [[] for _ in texts]
    pairs = 0
    for begin in range(0, len(texts), 1000):
        common = (matrix[begin : begin + 1000] @ matrix.T).tocoo()
        i, j = common.row + begin, common.col
        similarity = common.data / (sizes[i] + sizes[j] - common.data)
        keep = (similarity >= threshold) & (i != j)
        for a, b, s in zip(
            i[keep].tolist(), j[keep].tolist(), similarity[keep].tolist(), strict=True
        ):
            partners[a].append((b, s))
            pairs += 1
    kept: set[int] = set()
    gone: set[int] = set()
    for row in sorted(range(len(texts)), key=lambda k: (-len(texts[k]), k)):
        (gone if any(b in kept for b, _ in partners[row]) else kept).add(row)
    ours = set(np.flatnonzero(~result.kept).tolist())
    false = sum(
        not result.exact[row] and int(result.duplicate_of[row]) not in dict(partners[row])
        for row in ours
    )
    return {
        "documents": len(texts),
        "true_pairs": pairs // 2,
        "recall": len(ours & gone) / max(len(gone), 1),
        "false_removals": false,
    }


def main() -> int:
    """Print the tables; with --json end with one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--data", type=Path, help="folder of sample files (.cache/real)")
    parser.add_argument("--mb", type=float, default=20, help="MB of text for ours (20)")
    parser.add_argument("--documents", type=int, default=30_000, help="for the recall (30,000)")
    parser.add_argument(
        "--sketches", action="store_true", help="also compare with sketches that are not used"
    )
    options = parser.parse_args()
    texts = documents(options.data)
    lengths = {length: cut(texts, length, options.mb) for length in (57, 273)}
    measured = {length: speeds(own) for length, own in lengths.items()}
    for length, own in measured.items():
        print(f"{length} characters a document, MB/s a core:")
        for name, speed in own.items():
            print(f"  {name:<20} {speed:8.1f}   ours is {own['ours'] / speed:.1f} times that")
    accuracy = errors(lambda sets: signatures(sets, OPTIONS))
    print("error / sqrt(J (1 - J) / 128), by shingles and J:")
    print("  " + "  ".join(f"{name} {value:.3f}" for name, value in accuracy.items()))
    if options.sketches:
        for row in compared_sketches(lengths):
            print("  ".join(v if isinstance(v, str) else f"{k} {v:.2f}" for k, v in row.items()))
    found = recall(planted(texts, options.documents))
    print(
        f"{found['documents']:,} documents, {found['true_pairs']:,} true pairs: "
        f"recall {found['recall']:.4f}, false removals {found['false_removals']}"
    )
    long = measured[273]
    if options.json:
        summary: dict[str, Any] = {
            "signature_mb_s_core": round(long["ours"], 1),
            "rensa_ratio": round(long["ours"] / long["rensa"], 1) if "rensa" in long else None,
            "datasketch_ratio": (
                round(long["ours"] / long["datasketch"], 1) if "datasketch" in long else None
            ),
            "recall": round(found["recall"], 5),
            "false_removals": found["false_removals"],
            "signature_mb_s_core_57": round(measured[57]["ours"], 1),
            "error_ratio": round(max(v for k, v in accuracy.items() if k != "bias"), 3),
        }
        print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
