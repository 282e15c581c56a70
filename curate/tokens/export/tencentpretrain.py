"""TencentPretrain's `dataset.pt`: pickled records end to end, without header or index.

Text (`--data_processor lm`): a record a packed row. The reader drops the last id of a record from
its input, so a row of L tokens trains with `--seq_length` L - 1. It knows no document boundaries:
the documents of a row see one another there. The record's count stops before the last token: with
TencentPretrain's own count the model would learn to write padding after it.

Instructions (`--data_processor alpaca` or `llm_sft`): a record a document, with the lengths of its
prompt and of all of it. There is one prompt length: of a dialogue only the last answer is learnt.

The pickles hold lists and integers only. Nothing here reads a pickle.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from curate.tokens.export.folder import new_folder
from curate.tokens.format.reader import Shards

FILE = "dataset.pt"


def write_tencentpretrain(
    shards: Shards, out: Path, advance: Callable[[int], None]
) -> dict[str, Any]:
    """Writes the split; returns rows, records, tokens and documents with some answers left out."""
    write = _instructions if shards.index.has_mask else _text
    facts = {"rows": 0, "records": 0, "tokens": 0, "partly_learnt": 0}
    with new_folder(out) as folder, (folder / FILE).open("wb") as sink:
        for row in range(len(shards)):
            write(shards, row, sink, facts)
            facts["rows"] += 1
            advance(1)
    return facts


def _dump(sink: IO[bytes], ids: list[int], padding: int, marks: list[int]) -> None:
    pickle.dump(((ids, padding), marks), sink, protocol=4)


def _text(shards: Shards, row: int, sink: IO[bytes], facts: dict[str, int]) -> None:
    end = shards.segments(row)[-1].end
    ids = shards.tokens(row)[:end].tolist()
    _dump(sink, ids, shards.index.seq_length - end, [end - 1])
    facts["records"] += 1
    facts["tokens"] += end


def _instructions(shards: Shards, row: int, sink: IO[bytes], facts: dict[str, int]) -> None:
    tokens, mask = shards.tokens(row), shards.mask(row)
    for segment in shards.segments(row):
        ids = tokens[segment.begin : segment.end].tolist()
        learnt = np.flatnonzero(mask[segment.begin : segment.end])
        # The last run of learnt tokens; what follows it is not learnt and not needed.
        breaks = np.flatnonzero(np.diff(learnt) > 1)
        first = int(learnt[breaks[-1] + 1] if len(breaks) else learnt[0])
        total = int(learnt[-1]) + 1
        _dump(sink, ids[:total], shards.index.seq_length - total, [first, total])
        facts["records"] += 1
        facts["tokens"] += total
        facts["partly_learnt"] += int(len(breaks) > 0)
