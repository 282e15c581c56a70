"""Training files of an instruction build: JSON Lines in the order drawn.

The shards' shuffled rows (curate.instructions.data) are merged a range of the order at a time, so
memory holds a few MB of every file, whatever the size of the build.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.instructions.data import SHUFFLED, TRAIN, VALID
from curate.instructions.forms import FORMS
from curate.instructions.recipe import InstructionOutput
from curate.storage import column_array, opened_for_writing, read_arrow

VERSION = 1
"""Raised whenever the same rows may be written otherwise."""

_RANGE_BYTES = 16 << 20
_ROWS_AT_ONCE = 4096
Row = dict[str, Any]


def file_names(output: InstructionOutput) -> dict[tuple[str, str], str]:
    """Names of the training files by form and split."""
    asked = [form for form in FORMS if getattr(output, form)]
    middle = {form: "" if form == "jsonl" else f".{form}" for form in asked}
    return {(form, s): f"{s}{middle[form]}.jsonl" for form in asked for s in (TRAIN, VALID)}


def write_training_file(shuffled: Sequence[str], form: str, split: str, output: str) -> Row:
    """Task: writes one training file; returns its rows, bytes and SHA-256."""
    rows = size = 0
    sha256 = hashlib.sha256()
    made = FORMS[form]
    with opened_for_writing(Path(output)) as file:
        for table in batches(shuffled, split):
            text = memoryview(made(table).buffers()[2])
            file.write(text)
            sha256.update(text)
            rows += table.num_rows
            size += len(text)
    return {"rows": rows, "bytes": size, "sha256": sha256.hexdigest()}


def batches(shuffled: Sequence[str], split: str) -> Iterator[pa.Table]:
    """The rows of a split in all files by ascending order, some thousands at a time."""
    size = sum(Path(path).stat().st_size for path in shuffled)
    count = size // _RANGE_BYTES + 1
    for number in range(count):
        # Bounds as the upper ends of ranges: 2^64 itself is no uint64.
        first, last = number * 2**64 // count, (number + 1) * 2**64 // count - 1
        parts = [SHUFFLED.empty_table()]
        for path in shuffled:
            table = read_arrow(Path(path))
            order = column_array(table, "order").to_numpy()
            begin = int(np.searchsorted(order, np.uint64(first)))
            end = int(np.searchsorted(order, np.uint64(last), side="right"))
            part = table.slice(begin, end - begin)
            parts.append(part.filter(pc.equal(part.column("valid"), split == VALID)))
        together = pa.concat_tables(parts).combine_chunks()
        del parts, table, part
        at = np.argsort(column_array(together, "order").to_numpy(), kind="stable")
        for begin in range(0, len(at), _ROWS_AT_ONCE):
            yield together.take(pa.array(at[begin : begin + _ROWS_AT_ONCE]))


def dataset_info(name: str, output: InstructionOutput) -> Row:
    """LLaMA-Factory's description of the training files, for `dataset_info.json` beside them."""
    columns: dict[str, Row] = {
        "jsonl": {
            "columns": {
                "prompt": "instruction",
                "query": "input",
                "response": "output",
                "system": "system",
                "history": "history",
            }
        },
        "messages": {
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
                "system_tag": "system",
            },
        },
        "sharegpt": {
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", "system": "system"},
            "tags": {
                "role_tag": "from",
                "content_tag": "value",
                "user_tag": "human",
                "assistant_tag": "gpt",
            },
        },
    }
    return {
        f"{name}_{split}" if form == "jsonl" else f"{name}_{split}_{form}": {
            "file_name": file_name,
            **columns[form],
        }
        for (form, split), file_name in file_names(output).items()
    }
