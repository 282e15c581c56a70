"""Training files of an instruction build: JSON Lines in the order drawn.

The shards' shuffled rows (curate.instructions.data) are merged a range of the order at a time, so
memory holds a few MB of every file, whatever the size of the build.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curate.fingerprint import file_sha256
from curate.instructions.data import SHUFFLED, TRAIN, VALID, in_order
from curate.instructions.recipe import InstructionOutput
from curate.storage import column_array, opened_for_writing, read_arrow

VERSION = 1
"""Raised whenever the same rows may be written otherwise."""

_RANGE_BYTES = 32 << 20
Row = dict[str, Any]


def published(row: Row) -> Row:
    """A row in the published schema (curate.instructions.schema)."""
    history = [[turn["user"], turn["assistant"]] for turn in row["history"]]
    return {
        "instruction": row["instruction"],
        "input": row["input"],
        "output": row["output"],
        "history": history,
        "system": row["system"],
    }


def messages(row: Row) -> Row:
    """A row as messages of role and content, the form of chat templates."""
    said = [{"role": "system", "content": row["system"]}] if row["system"] else []
    for turn in [*row["history"], {"user": prompt(row), "assistant": row["output"]}]:
        said.append({"role": "user", "content": turn["user"]})
        said.append({"role": "assistant", "content": turn["assistant"]})
    return {"messages": said}


def sharegpt(row: Row) -> Row:
    """A row as ShareGPT's conversations, the system text beside them."""
    said = []
    for turn in [*row["history"], {"user": prompt(row), "assistant": row["output"]}]:
        said.append({"from": "human", "value": turn["user"]})
        said.append({"from": "gpt", "value": turn["assistant"]})
    return {"conversations": said, "system": row["system"]}


def prompt(row: Row) -> str:
    """The last question: instruction, then input, each on lines of its own."""
    return "\n".join(text for text in (row["instruction"], row["input"]) if text)


FORMS: dict[str, Callable[[Row], Row]] = {
    "jsonl": published,
    "messages": messages,
    "sharegpt": sharegpt,
}
"""Forms of training files, by the option of the recipe that asks for them."""


def file_names(output: InstructionOutput) -> dict[tuple[str, str], str]:
    """Names of the training files by form and split."""
    asked = [form for form in FORMS if getattr(output, form)]
    middle = {form: "" if form == "jsonl" else f".{form}" for form in asked}
    return {(form, s): f"{s}{middle[form]}.jsonl" for form in asked for s in (TRAIN, VALID)}


def write_training_file(shuffled: Sequence[str], form: str, split: str, output: str) -> Row:
    """Task: writes one training file; returns its rows, bytes and SHA-256."""
    rows = 0
    made = FORMS[form]
    with opened_for_writing(Path(output)) as file:
        for table in ranges(shuffled):
            part = table.filter(pc.equal(table.column("valid"), split == VALID))
            rows += part.num_rows
            for batch in part.to_batches(max_chunksize=4096):
                lines = (orjson.dumps(made(row)) + b"\n" for row in batch.to_pylist())
                file.write(b"".join(lines))
    path = Path(output)
    return {"rows": rows, "bytes": path.stat().st_size, "sha256": file_sha256(path)}


def ranges(shuffled: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of all files by ascending order, a range of it at a time."""
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
            parts.append(table.slice(begin, end - begin))
        yield in_order(pa.concat_tables(parts))


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
