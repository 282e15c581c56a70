"""Peak memory of a corpus build against the size of its input: it must not grow with the corpus.

The same recipe is run on 100 MB and on 2 GB of text (corpus_text.py's, nearly all of it recombined
at the larger size). The peak is the highest sum over all processes of the build, sampled 20 times a
second, of the proportional set size, in which a page shared by several processes counts once.

    python benchmarks/memory.py --json
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import corpus_text
from corpus_vs_rivals import ROOT, run_ours

SAMPLES_A_SECOND = 20


def generated(mb: float, options: argparse.Namespace) -> Path:
    """The input of that size, written to the cache unless it is there."""
    samples = corpus_text.samples_folder(options.data)
    mark = corpus_text.folder_fingerprint(samples)
    path: Path = options.cache / "input" / f"text-{mb:g}mb-seed{options.seed}-{mark}.jsonl"
    if not path.exists():
        print(f"writing {mb:g} MB of text to {path}", file=sys.stderr)
        path.parent.mkdir(parents=True, exist_ok=True)
        stats = corpus_text.write_text(samples, path, mb, options.seed)
        path.with_suffix(".stats.json").write_text(json.dumps(stats), encoding="utf-8")
    return path


def measured_build(mb: float, options: argparse.Namespace) -> dict[str, Any]:
    """Peak memory, time and counts of one build from nothing. Raises RuntimeError if it fails."""
    path = generated(mb, options)
    work: Path = options.cache / "runs" / f"memory-{mb:g}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    measured, _ = run_ours(
        path, work, options.workers, timeout=options.timeout, interval=1 / SAMPLES_A_SECOND
    )
    if measured.returncode:
        raise RuntimeError(
            f"the build of {mb:g} MB ended with {measured.returncode}; its output is in "
            f"{work / 'logs'}\n{measured.tail()}"
        )
    said = json.loads(measured.last_line())
    shutil.rmtree(work)
    return {
        "mb": mb,
        "peak_mb": round(measured.peak_mb, 1),
        "wall_seconds": round(measured.wall_seconds, 2),
        "rows_read": said["rows_read"],
        "kept": said["kept"],
    }


def main() -> int:
    """Build both sizes and compare; 0 done, 1 when a build failed, 2 for wrong usage."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--small", type=float, default=100, help="MB of text (100)")
    parser.add_argument("--large", type=float, default=2000, help="MB of text (2000)")
    parser.add_argument("--data", type=Path, help="folder of sample files (.cache/real)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=7200, help="seconds for a build (7200)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "rivals")
    options = parser.parse_args()
    options.cache = options.cache.resolve()
    try:
        results = [measured_build(mb, options) for mb in (options.small, options.large)]
    except corpus_text.NoSamples as error:
        print(error, file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{'text MB':>10}{'rows':>12}{'kept':>12}{'wall s':>10}{'peak MB':>10}")
    for r in results:
        counts = f"{r['rows_read']:>12,}{r['kept']:>12,}"
        print(f"{r['mb']:>10g}{counts}{r['wall_seconds']:>10.1f}{r['peak_mb']:>10,.0f}")
    growth = round(results[1]["peak_mb"] / results[0]["peak_mb"], 3)
    print(f"peak memory at {options.large:g} MB is {growth} times that at {options.small:g} MB")
    if options.json:
        print(json.dumps({"peak_ratio": growth, "workers": options.workers, "builds": results}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
