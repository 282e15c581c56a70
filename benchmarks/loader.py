"""Batches of random rows: our loader beside Megatron's index and datatrove's reader, same tokens.

One process, one core (torch is held to one thread), the files in the page cache. Each
contender gives batches of 16 random rows, and reads every token of them:

- ours: tokens, positions, loss mask and segment boundaries;
- Megatron's IndexedDataset, a row a sequence: tokens only, stacked as 32-bit integers;
- datatrove's DatatroveFileDataset: tokens (64-bit, as it gives them) and positions.

    python benchmarks/loader.py --json

Megatron-core and datatrove are read with their own libraries, as pinned in constraints.txt; where
one is not installed its figure is null.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from packing import lengths

from curate.storage import write_arrow, write_json
from curate.tokens.documents import ENTRY
from curate.tokens.export.megatron import write_index
from curate.tokens.format.index import INDEX
from curate.tokens.format.reader import Shards
from curate.tokens.format.writer import PartTask, write_part, write_plan
from curate.tokens.loader import Loader
from curate.tokens.packing import best_fit

BATCH = 16


def write_shards(folder: Path, width: int, tokens: int, masked: bool, seed: int) -> Shards:
    """Packed rows of random tokens in documents of web-like lengths."""
    sizes = lengths(tokens // 300, seed)
    offsets = np.append(0, np.cumsum(sizes, dtype=np.int64))
    random = np.random.default_rng(seed)
    entry = folder / "entry"
    entry.mkdir(parents=True)
    np.save(entry / "tokens.npy", random.integers(3, 50_000, offsets[-1], np.uint16))
    np.save(entry / "offsets.npy", offsets)
    if masked:
        np.save(entry / "mask.npy", (random.random(offsets[-1]) < 0.5).astype(np.uint8))
    write_arrow(entry / "documents.arrow", ENTRY.empty_table())
    packed = best_fit(sizes, width)
    plan = folder / "plan"
    write_plan(plan / "0", packed)
    np.save(plan / "entry.npy", np.zeros(len(sizes), np.uint32))
    np.save(plan / "index.npy", np.arange(len(sizes), dtype=np.uint32))
    write_json(plan / "entries.json", [str(entry)])
    per_part = max(1, (1 << 25) // width)
    parts = []
    for begin in range(0, packed.rows, per_part):
        name = f"train/{begin // per_part:05d}"
        end = min(begin + per_part, packed.rows)
        facts = write_part(
            PartTask(
                plan=str(plan / "0"),
                begin=begin,
                end=end,
                seq_length=width,
                token_type="uint16",
                pad_with=2,
                has_mask=masked,
                folder=str(folder / name),
                name=name,
            )
        )
        parts.append({"folder": name, "rows": facts["rows"], "segments": facts["segments"]})
    nothing: dict[str, Any] = {}
    split = {
        "rows": packed.rows,
        "rows_per_part": per_part,
        "segments": len(packed.length),
        "tokens": packed.tokens(),
        "loss_tokens": 0,
        "fill": packed.fill(width),
        "parts": parts,
    }
    write_json(
        folder / INDEX,
        {
            "format": "curate-shards",
            "version": 1,
            "name": "benchmark",
            "fingerprint": "",
            "kind": "instructions" if masked else "text",
            "seq_length": width,
            "token_type": "uint16",
            "pad_with": 2,
            "has_mask": masked,
            "options": nothing,
            "tokenizer": {
                "fingerprint": "",
                "vocab_size": 50_000,
                "bos_id": 1,
                "eos_id": 2,
                "pad_id": None,
            },
            "builds": [],
            "source_names": [],
            "data_files": [],
            "documents": len(sizes),
            "counts": nothing,
            "dropped": nothing,
            "sources": nothing,
            "splits": {"train": split},
            "files": nothing,
        },
    )
    return Shards(folder)


def megatron(folder: Path, shards: Shards) -> Callable[[Any], Any] | None:
    """A reader of batches through Megatron's IndexedDataset, one packed row a sequence."""
    warnings.filterwarnings("ignore")
    try:
        from megatron.core.datasets.indexed_dataset import IndexedDataset
    except ImportError:
        return None
    width = shards.index.seq_length
    with (folder / "rows.bin").open("wb") as sink:
        for part in shards.parts:
            sink.write(part.tokens.tobytes())
    write_index(folder / "rows.idx", np.full(len(shards), width), np.dtype("uint16"))
    dataset = IndexedDataset(str(folder / "rows"))

    def read(rows: Any) -> Any:
        return np.stack([dataset.get(row) for row in rows.tolist()]).astype(np.int32)

    return read


def datatrove(folder: Path, shards: Shards, positions: bool) -> Callable[[Any], Any] | None:
    """A reader of batches through datatrove's dataset, on the same rows end to end."""
    try:
        import torch
        from datatrove.utils.dataset import DatatroveFileDataset
    except ImportError:
        return None
    torch.set_num_threads(1)
    width = shards.index.seq_length
    path = folder / "rows.ds"
    if not path.exists():
        ends = []
        base = 0
        with path.open("wb") as sink:
            for part in shards.parts:
                sink.write(part.tokens.tobytes())
                row = np.repeat(np.arange(len(part.tokens)), np.diff(part.rows))
                found = base + row * width + part.segments[:, 0]
                # Padding ends where the row does.
                whole = base + (np.arange(len(part.tokens)) + 1) * width
                ends.append(np.union1d(found, whole))
                base += len(part.tokens) * width
        np.concatenate(ends).astype(np.uint64).tofile(f"{path}.index")
    # Its windows are of seq_len + 1 tokens.
    dataset = DatatroveFileDataset(str(path), width - 1, 2, return_positions=positions)

    def read(rows: Any) -> Any:
        found = [dataset[row] for row in rows.tolist()]
        tokens = torch.stack([item["input_ids"] for item in found])
        if positions:
            return tokens, torch.stack([item["positions"] for item in found])
        return tokens

    return read


def checked(shards: Shards, reader: Callable[[Any], Any] | None, has_positions: bool) -> None:
    """The rival's tokens (and positions, up to a row's padding) are ours."""
    if reader is None:
        return
    rows = np.sort(np.random.default_rng(5).integers(0, len(shards), 4))
    ours = Loader(shards).batch(rows)
    found = reader(rows)
    tokens = np.asarray(found[0] if has_positions else found)
    if not np.array_equal(tokens, ours.tokens):
        raise SystemExit("a rival reads other tokens than ours: a defect")
    if has_positions and not np.array_equal(np.asarray(found[1]), ours.positions):
        raise SystemExit("a rival reads other positions than ours: a defect")


def rate(read: Callable[[Any], Any], rows: int, width: int, seconds: float, seed: int) -> float:
    """Tokens a CPU second over about so long."""
    random = np.random.default_rng(seed)
    read(random.integers(0, rows, BATCH))
    done = 0
    began = time.process_time()
    while (took := time.process_time() - began) < seconds:
        read(random.integers(0, rows, BATCH))
        done += BATCH * width
    return done / took


def main() -> None:
    """Runs the comparison and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=60_000_000)
    parser.add_argument("--seq-length", type=int, default=2048)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    width = options.seq_length
    with tempfile.TemporaryDirectory() as root:
        text = write_shards(Path(root) / "text", width, options.tokens, False, options.seed)
        masked = write_shards(Path(root) / "masked", width, options.tokens, True, options.seed)
        readers: dict[str, tuple[Callable[[Any], Any] | None, Shards]] = {
            "ours": (Loader(text).batch, text),
            "ours_masked": (Loader(masked).batch, masked),
            "megatron": (megatron(Path(root), text), text),
            "datatrove": (datatrove(Path(root), text, False), text),
            "datatrove_positions": (datatrove(Path(root), text, True), text),
        }
        for name in ("megatron", "datatrove", "datatrove_positions"):
            checked(text, readers[name][0], name.endswith("positions"))
        best: dict[str, float | None] = dict.fromkeys(readers)
        for repeat in range(options.repeats):
            for name, (read, shards) in readers.items():
                if read is not None:
                    found = rate(read, len(shards), width, options.seconds, repeat)
                    best[name] = max(best[name] or 0.0, found)
    ours = best["ours"] or 0.0

    def ratio(name: str) -> float | None:
        value = best[name]
        return round(ours / value, 2) if value else None

    facts = {
        "tokens_per_s_core": round(ours),
        "megatron_ratio": ratio("megatron"),
        "datatrove_positions_ratio": ratio("datatrove_positions"),
        "datatrove_ratio": ratio("datatrove"),
        **{f"{name}_tokens_per_s": value and round(value) for name, value in best.items()},
    }
    for key, value in facts.items():
        print(f"{key}: {'not measured' if value is None else f'{value:,}'}")
    if options.json:
        print(json.dumps(facts))


if __name__ == "__main__":
    main()
