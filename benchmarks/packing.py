"""Packing fragments into rows: ours beside best-fit in plain Python and concatenate-and-cut.

One process, one core, the same lengths for all: log-normal as of web documents (a tenth under 30
tokens, half under 150, a tenth over 780), of which those longer than a row are split.

    python benchmarks/packing.py --json
    python benchmarks/packing.py --fragments 100_000_000 --only-ours --json  # memory at scale
"""

from __future__ import annotations

import argparse
import bisect
import json
import resource
import time

import numpy as np
from numpy.typing import NDArray

from curate.tokens.packing import best_fit, broken, concatenated


def lengths(count: int, seed: int) -> NDArray[np.uint32]:
    """Tokens of so many documents."""
    random = np.random.default_rng(seed)
    result = np.empty(count, np.uint32)
    for begin in range(0, count, 1 << 20):
        block = random.normal(5.0, 1.28, min(1 << 20, count - begin))
        result[begin : begin + len(block)] = np.minimum(np.exp(block), 2**20) + 2
    return result


def plain_best_fit(sizes: list[int], capacity: int) -> tuple[int, list[list[int]]]:
    """Best-fit-decreasing in plain Python: rooms in a sorted list, equal ones in a stack."""
    rows: list[list[int]] = []
    rooms: list[int] = []
    open_rows: dict[int, list[int]] = {}
    fragments = []
    for document, size in enumerate(sizes):
        while size > capacity:
            rows.append([document])
            size -= capacity
        fragments.append((size, document))
    fragments.sort(key=lambda f: -f[0])
    for size, document in fragments:
        at = bisect.bisect_left(rooms, size)
        if at < len(rooms):
            room = rooms[at]
            row = open_rows[room].pop()
            if not open_rows[room]:
                del open_rows[room]
                rooms.pop(at)
        else:
            room, row = capacity, len(rows)
            rows.append([])
        rows[row].append(document)
        if left := room - size:
            if left not in open_rows:
                bisect.insort(rooms, left)
                open_rows[left] = []
            open_rows[left].append(row)
    return len(rows), rows


def main() -> None:
    """Runs the comparison and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fragments", type=int, default=10_000_000)
    parser.add_argument("--python-fragments", type=int, default=1_000_000)
    parser.add_argument("--seq-length", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only-ours", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    width = options.seq_length

    best_fit(lengths(1000, 0), width)
    sizes = lengths(options.fragments, options.seed)
    times = []
    for _ in range(options.repeats):
        began = time.process_time()
        packed = best_fit(sizes, width)
        times.append(time.process_time() - began)
    facts = {
        "fragments_per_s": round(len(packed.length) / min(times)),
        "fill": round(packed.fill(width), 6),
        "fragments": len(packed.length),
        "rows": packed.rows,
        "tokens_lost": int(sizes.sum(dtype=np.int64)) - packed.tokens(),
        "documents_broken": broken(packed, sizes, width),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),
    }
    if not options.only_ours:
        few = sizes[: options.python_fragments].tolist()
        ours = best_fit(sizes[: options.python_fragments], width)
        began = time.process_time()
        rows, _ = plain_best_fit(few, width)
        took = time.process_time() - began
        if rows != ours.rows:
            raise SystemExit(f"plain Python needs {rows} rows and ours {ours.rows}: a defect")
        facts["python_fragments_per_s"] = round(len(ours.length) / took)
        facts["python_ratio"] = round(facts["fragments_per_s"] * took / len(ours.length), 1)
        cut = concatenated(sizes, width)
        facts["concatenate_fill"] = round(cut.fill(width), 6)
        facts["concatenate_broken"] = round(
            broken(cut, sizes, width) / np.count_nonzero(sizes <= width), 4
        )
    for key, value in facts.items():
        print(f"{key}: {value:,}")
    if options.json:
        print(json.dumps(facts))


if __name__ == "__main__":
    main()
