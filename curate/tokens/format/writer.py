"""Writes parts: rows of a split, gathered from tokenised documents."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from curate.fingerprint import file_sha256
from curate.storage import read_json, write_json
from curate.tokens.documents import read_entry
from curate.tokens.format.index import MASK, ROWS, SEGMENTS, TOKENS
from curate.tokens.packing import Packed

FACTS = "part.json"
"""What writing a part found, kept beside the plan so that a resumed packing need not read it."""


def write_plan(folder: Path, packed: Packed) -> None:
    """Puts a split's packing where write tasks map it from."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "offsets.npy", packed.offsets)
    np.save(folder / "document.npy", packed.document)
    np.save(folder / "start.npy", packed.start)
    np.save(folder / "length.npy", packed.length)


@njit(cache=True, nogil=True)
def _copied(  # type: ignore[no-untyped-def]
    chosen, row_of, begin, start, length, index, offsets, source, source_mask, out, out_mask
):
    """Copies segments of one entry to their places; a segment's first token is never learnt."""
    for s in chosen:
        r = row_of[s]
        at = begin[s]
        first = offsets[index[s]] + start[s]
        for i in range(length[s]):
            out[r, at + i] = source[first + i]
        if len(source_mask):
            for i in range(1, length[s]):
                out_mask[r, at + i] = source_mask[first + i]


@dataclass(frozen=True)
class PartTask:
    """Rows `begin` to `end` of a split, and where they go."""

    plan: str
    """Folder of the split's plan; its parent has `entries.json`, `entry.npy` and `index.npy`."""
    begin: int
    end: int
    seq_length: int
    token_type: str
    pad_with: int
    has_mask: bool
    folder: str
    """The part's folder; it appears when it is whole."""
    name: str
    """The same, relative to the shard folder."""


def write_part(task: PartTask) -> dict[str, Any]:
    """Task: writes one part; returns its counts and its files' sizes and checksums."""
    plan = Path(task.plan)
    offsets = np.load(plan / "offsets.npy", mmap_mode="r")[task.begin : task.end + 1]
    low, high = int(offsets[0]), int(offsets[-1])
    rows = offsets - low
    document, start, length = (
        np.asarray(np.load(plan / f"{name}.npy", mmap_mode="r")[low:high])
        for name in ("document", "start", "length")
    )
    entry = np.load(plan.parent / "entry.npy", mmap_mode="r")[document]
    index = np.load(plan.parent / "index.npy", mmap_mode="r")[document]
    folders = read_json(plan.parent / "entries.json")

    count = task.end - task.begin
    row_of = np.repeat(np.arange(count), np.diff(rows))
    end = np.cumsum(length, dtype=np.int64)
    begin = end - length
    begin -= np.repeat(begin[rows[:-1]], np.diff(rows))
    tokens = np.full((count, task.seq_length), task.pad_with, task.token_type)
    shape = (count, task.seq_length) if task.has_mask else (0, 0)
    mask = np.zeros(shape, np.uint8)
    order = np.argsort(entry, kind="stable")
    bounds = np.flatnonzero(np.diff(entry[order], prepend=-1, append=-1))
    for a, b in pairwise(bounds.tolist()):
        found = read_entry(Path(folders[int(entry[order[a]])]))
        _copied(
            order[a:b],
            row_of,
            begin,
            start,
            length,
            index,
            found.offsets,
            found.tokens,
            found.mask if found.mask is not None else np.empty(0, np.uint8),
            tokens,
            mask,
        )
    segments = np.stack([(begin + length).astype(np.uint32), document, start], axis=1)
    learnt = int(mask.sum(dtype=np.int64)) if task.has_mask else int(end[-1]) - len(segments)

    folder = Path(task.folder)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    np.save(partial / TOKENS, tokens)
    np.save(partial / SEGMENTS, segments)
    np.save(partial / ROWS, rows.astype(np.int64))
    if task.has_mask:
        np.save(partial / MASK, np.packbits(mask, axis=1, bitorder="little"))
    files = {
        f"{task.name}/{path.name}": {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        for path in sorted(partial.iterdir())
    }
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
    facts = {
        "rows": count,
        "segments": len(segments),
        "tokens": int(end[-1]),
        "loss_tokens": learnt,
        "files": files,
    }
    write_json(plan / f"{task.begin}-{FACTS}", facts)
    return facts
