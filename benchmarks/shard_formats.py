"""Which files to keep packed rows in: NumPy files, Arrow IPC, or Megatron's index with side tables.

The same rows in each, mapped; batches of 16 random rows; for each the tokens as 32-bit integers and
the ends of every row's segments. Each is read with its own library alone, without compiled code of
ours; the last line is our loader on the NumPy files, which gives positions and mask too.

    python benchmarks/shard_formats.py --json
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from loader import megatron, rate, write_shards

from curate.tokens.format.reader import Shards
from curate.tokens.loader import Loader


def numpy_files(shards: Shards) -> Callable[[Any], Any]:
    """Rows of a two-dimensional array, segments through their row offsets."""
    per_part = shards.split.rows_per_part

    def read(rows: Any) -> Any:
        tokens = np.empty((len(rows), shards.index.seq_length), np.int32)
        ends = []
        for i, row in enumerate(rows.tolist()):
            part, at = shards.parts[row // per_part], row % per_part
            tokens[i] = part.tokens[at]
            ends.append(part.segments[part.rows[at] : part.rows[at + 1], 0])
        return tokens, ends

    return read


def arrow(folder: Path, shards: Shards) -> Callable[[Any], Any]:
    """A record batch a part, tokens as fixed-size lists, segment ends as lists; rows by slices."""
    width = shards.index.seq_length
    schema = pa.schema([("tokens", pa.list_(pa.uint16(), width)), ("ends", pa.list_(pa.uint32()))])
    path = folder / "rows.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for part in shards.parts:
            tokens = pa.FixedSizeListArray.from_arrays(pa.array(part.tokens.ravel()), width)
            ends = pa.ListArray.from_arrays(
                pa.array(part.rows.astype(np.int32)), pa.array(part.segments[:, 0])
            )
            writer.write_batch(pa.record_batch([tokens, ends], schema=schema))
    file = pa.ipc.open_file(pa.memory_map(str(path)))
    batches = [file.get_batch(i) for i in range(file.num_record_batches)]
    per_part = shards.split.rows_per_part

    def read(rows: Any) -> Any:
        result = np.empty((len(rows), width), np.int32)
        ends = []
        for i, row in enumerate(rows.tolist()):
            tokens, found = batches[row // per_part].columns
            result[i] = tokens.slice(row % per_part, 1).flatten().to_numpy()
            ends.append(found.slice(row % per_part, 1).flatten().to_numpy())
        return result, ends

    return read


def megatron_with_side_tables(folder: Path, shards: Shards) -> Callable[[Any], Any] | None:
    """Megatron's own reader for the tokens, a NumPy side table for the segments."""
    tokens = megatron(folder, shards)
    per_part = shards.split.rows_per_part
    if tokens is None:
        return None

    def read(rows: Any) -> Any:
        ends = []
        for row in rows.tolist():
            part, at = shards.parts[row // per_part], row % per_part
            ends.append(part.segments[part.rows[at] : part.rows[at + 1], 0])
        return tokens(rows), ends

    return read


def main() -> None:
    """Runs the comparison and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=60_000_000)
    parser.add_argument("--seq-length", type=int, default=4096)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        shards = write_shards(Path(root) / "s", options.seq_length, options.tokens, False, 1)
        readers = {
            "numpy": numpy_files(shards),
            "arrow": arrow(Path(root), shards),
            "megatron": megatron_with_side_tables(Path(root), shards),
            "loader": Loader(shards).batch,
        }
        best: dict[str, float] = {}
        for repeat in range(options.repeats):
            for name, read in readers.items():
                if read is not None:
                    found = rate(read, len(shards), options.seq_length, options.seconds, repeat)
                    best[name] = max(best.get(name, 0.0), found)
    facts = {f"{name}_tokens_per_s": round(value) for name, value in best.items()}
    for key, value in facts.items():
        print(f"{key}: {value:,}")
    if options.json:
        print(json.dumps(facts))


if __name__ == "__main__":
    main()
