"""Compares both forms of a tokenizer on every text there is: the same ids, and the text back.

    python benchmarks/tokenizer_forms.py FOLDER .cache/real --json

Every string of every JSON or JSON Lines file, every line of every other file, and every file as it
stands in pieces of 64 kB (so that line ends, runs of spaces and JSON's own marks are text too).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from curate.tokens import huggingface, sentencepiece
from curate.tokens.save import Comparison

NOT_TEXT = {".bin", ".model", ".gz", ".tgz", ".zip", ".xz", ".zst", ".parquet"}
PIECE = 1 << 16


def text_files(folder: Path) -> list[Path]:
    """The files below a folder that hold text."""
    return [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix not in NOT_TEXT]


def strings(value: object) -> Iterator[str]:
    """Every string in a JSON value, keys too."""
    if isinstance(value, str):
        # A lone surrogate, which JSON can spell, is no text.
        yield value.encode("utf-8", "replace").decode()
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)


def texts(path: Path) -> Iterator[str]:
    """Every text of a file, then the file in pieces."""
    whole = path.read_bytes().decode("utf-8", "replace")
    is_json = path.suffix in (".json", ".jsonl")
    try:
        yield from strings(json.loads(whole) if is_json else whole.split("\n"))
    except ValueError:
        for line in whole.split("\n"):
            try:
                yield from strings(json.loads(line))
            except ValueError:
                yield line
    for start in range(0, len(whole), PIECE):
        yield whole[start : start + PIECE]


def compare(folder: Path, data: Path, report: bool = True) -> Comparison:
    """Both forms in `folder` on every text below `data`."""
    model = sentencepiece.load(folder / "tokenizer.model", 1)
    fast = huggingface.load(folder / "tokenizer.json", 1)
    files = text_files(data)
    size = sum(p.stat().st_size for p in files)
    found, done, started, said = Comparison(), 0, time.monotonic(), 0.0
    for path in files:
        held: list[str] = []
        for text in texts(path):
            held.append(text)
            if len(held) == 4096:
                found.add(model, fast, held)
                held = []
        found.add(model, fast, held)
        done += path.stat().st_size
        took = time.monotonic() - started
        if report and took - said >= 5:
            said = took
            left = (size - done) / done * took
            print(
                f"{done / 1e6:.1f} of {size / 1e6:.1f} MB, {found.texts:,} texts, "
                f"{found.different} differ, {found.lossy} lossy, {left:.0f} s left",
                file=sys.stderr,
                flush=True,
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="made by `curate tokenizer`")
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = compare(options.folder, options.data, not options.json)
    print(json.dumps(asdict(found), ensure_ascii=False) if options.json else found)


if __name__ == "__main__":
    main()
