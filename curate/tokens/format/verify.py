"""Checks a shard folder against its index: checksums, sizes, and that everything adds up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from curate.errors import CurateError
from curate.fingerprint import file_sha256
from curate.tokens.format.index import INDEX, read_index
from curate.tokens.format.reader import PartArrays, Shards


@dataclass(frozen=True)
class Verified:
    """What a check found."""

    files: int
    bytes: int
    rows: int
    tokens: int
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": not self.problems,
            "files": self.files,
            "bytes": self.bytes,
            "rows": self.rows,
            "tokens": self.tokens,
            "problems": list(self.problems),
        }


@njit(cache=True, nogil=True)
def _first_bad_row(rows, segments, documents, capacity):  # type: ignore[no-untyped-def]
    """(first row whose segments are out of order, too long or of no document, or -1; tokens)."""
    tokens = 0
    for r in range(len(rows) - 1):
        if rows[r + 1] <= rows[r]:
            return r, tokens
        begin = 0
        for s in range(rows[r], rows[r + 1]):
            end = segments[s, 0]
            if end <= begin or end > capacity or segments[s, 1] >= documents:
                return r, tokens
            begin = end
        tokens += begin
    return -1, tokens


def _part_problems(part: PartArrays, folder: str, shards: Shards) -> tuple[list[str], int]:
    index = shards.index
    found = []
    if part.rows[0] != 0 or part.rows[-1] != len(part.segments):
        return [f"{folder}: rows.npy does not end where segments.npy does"], 0
    bad, tokens = _first_bad_row(part.rows, part.segments, index.documents, index.seq_length)
    if bad >= 0:
        found.append(f"{folder}: the segments of row {bad} are not in order")
    highest = int(part.tokens.max(initial=0))
    if highest >= max(index.tokenizer.vocab_size, index.pad_with + 1):
        found.append(
            f"{folder}: token {highest} is not in a vocabulary of {index.tokenizer.vocab_size}"
        )
    return found, int(tokens)


def verified(folder: Path, advance: Callable[[int], None] = lambda _: None) -> Verified:
    """Reads every byte once; `advance` is told the bytes read.

    Raises CurateError when the folder holds no shards; everything else is a problem in the result.
    """
    index = read_index(folder)
    problems: list[str] = []
    size = 0
    for name, facts in index.files.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing")
            continue
        found = path.stat().st_size
        if found != facts.bytes:
            problems.append(f"{name} has {found:,} bytes instead of {facts.bytes:,}")
        elif file_sha256(path) != facts.sha256:
            problems.append(f"{name} has another checksum: its content changed")
        size += found
        advance(found)
    present = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    extra = sorted(present - set(index.files) - {INDEX, ".lock"})
    problems += [f"{name} does not belong to these shards" for name in extra]
    rows = tokens = 0
    for name, split in index.splits.items():
        rows += split.rows
        try:
            shards = Shards(folder, name)
        except CurateError as error:
            problems.append(str(error))
            continue
        counted = 0
        for part, arrays in zip(split.parts, shards.parts, strict=True):
            found_problems, n = _part_problems(arrays, part.folder, shards)
            problems += found_problems
            counted += n
        if counted != split.tokens:
            problems.append(f"{name}: {counted:,} tokens in segments, {split.tokens:,} in {INDEX}")
        tokens += counted
    if index.counts["tokens_in"] != index.counts["tokens_packed"] + index.counts["tokens_dropped"]:
        problems.append(f"{INDEX}: tokens in are not tokens packed and dropped")
    if tokens != index.counts["tokens_packed"]:
        problems.append(f"{tokens:,} tokens in rows, {index.counts['tokens_packed']:,} packed")
    if not problems:
        problems += _documents_problems(folder, index.documents)
    return Verified(len(index.files), size, rows, tokens, tuple(problems))


def _documents_problems(folder: Path, documents: int) -> list[str]:
    shards = Shards(folder, next(iter(read_index(folder).splits)))
    table = shards.documents()
    if table.num_rows != documents:
        return [f"documents.arrow has {table.num_rows:,} documents instead of {documents:,}"]
    lengths = table.column("tokens").to_numpy().astype(np.int64)
    for name, split in shards.index.splits.items():
        for facts, part in zip(split.parts, Shards(shards.folder, name).parts, strict=True):
            segments = np.asarray(part.segments)
            begins = np.zeros(len(segments), np.int64)
            begins[1:] = segments[:-1, 0]
            begins[part.rows[:-1]] = 0
            last = segments[:, 2] + (segments[:, 0] - begins)
            if np.any(last > lengths[segments[:, 1]]):
                return [f"{facts.folder}: a segment goes beyond its document's end"]
    return []
