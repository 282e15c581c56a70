"""The tables beside the rows: documents packed, documents dropped, the builds' manifests, sums."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curate.storage import column_array, written
from curate.tokens.documents import read_entry
from curate.tokens.format.index import DOCUMENTS, DOCUMENTS_PER_BATCH, DROPPED
from curate.tokens.inputs import Input
from curate.tokens.selection import DROPPED as DROPPED_SCHEMA
from curate.tokens.selection import EMPTY, MIXTURE, TOO_LONG, Documents, EntryPlan, Selection

DOCUMENT = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        # Numbers in the index's source_names and data_files.
        pa.field("source", pa.uint16(), nullable=False),
        pa.field("data_file", pa.uint32(), nullable=False),
        # Row in the data file, counted from 0.
        pa.field("data_row", pa.int64(), nullable=False),
        pa.field("tokens", pa.uint32(), nullable=False),
    ]
)
"""documents.arrow: one row per packed document; segments name it by its number."""


def write_documents(
    target: Path,
    entries: list[EntryPlan],
    docs: Documents,
    kept: NDArray[np.int64],
) -> None:
    """documents.arrow, in batches of DOCUMENTS_PER_BATCH."""
    target.mkdir(parents=True, exist_ok=True)
    pending: list[pa.RecordBatch] = []
    bounds = np.searchsorted(docs.entry[kept], np.arange(len(entries) + 1))
    with (
        written(target / DOCUMENTS) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, DOCUMENT) as writer,
    ):
        for number, entry in enumerate(entries):
            own = kept[bounds[number] : bounds[number + 1]]
            if not len(own):
                continue
            table = read_entry(entry.folder).documents
            where = pa.array(docs.index[own])
            pending.append(
                pa.record_batch(
                    [
                        column_array(table, "id").take(where),
                        pa.array(docs.source[own]),
                        pa.array(np.full(len(own), entry.data_file, np.uint32)),
                        column_array(table, "row").take(where),
                        pa.array(docs.tokens[own]),
                    ],
                    schema=DOCUMENT,
                )
            )
            while sum(len(b) for b in pending) >= DOCUMENTS_PER_BATCH:
                whole = pa.Table.from_batches(pending).combine_chunks()
                writer.write_table(whole.slice(0, DOCUMENTS_PER_BATCH))
                pending = whole.slice(DOCUMENTS_PER_BATCH).to_batches()
        if pending:
            writer.write_table(pa.Table.from_batches(pending).combine_chunks())


def write_dropped(
    target: Path,
    entries: list[EntryPlan],
    inputs: list[Input],
    docs: Documents,
    chosen: Selection,
    seq_length: int,
) -> None:
    """dropped.parquet: one row per document that is in no row, in their order."""
    limits = {
        TOO_LONG: [f"seq_length {seq_length}"] * len(inputs),
        MIXTURE: [f"epochs {epochs:.6g}" for epochs in chosen.epochs],
        EMPTY: ["tokens 1"] * len(inputs),
    }
    names = [(given.name, file.name) for given in inputs for file in given.files]
    with written(target / DROPPED) as temporary:
        with pq.ParquetWriter(temporary, DROPPED_SCHEMA, compression="zstd") as writer:
            lost = np.flatnonzero(docs.reason)
            bounds = np.searchsorted(docs.entry[lost], np.arange(len(entries) + 1))
            for number, entry in enumerate(entries):
                own = lost[bounds[number] : bounds[number + 1]]
                if not len(own):
                    continue
                table = read_entry(entry.folder).documents
                where = pa.array(docs.index[own])
                reasons = [docs.reasons[r] for r in docs.reason[own].tolist()]
                build, data_file = names[entry.data_file]
                columns = {
                    "id": column_array(table, "id").take(where),
                    "source": column_array(table, "source").take(where),
                    "build": [build] * len(own),
                    "data_file": [data_file] * len(own),
                    "data_row": column_array(table, "row").take(where),
                    "reason": reasons,
                    "tokens": docs.tokens[own].astype(np.int64),
                    "limit": [limits[r][entry.member] if r in limits else None for r in reasons],
                }
                writer.write_table(pa.table(columns, schema=DROPPED_SCHEMA))


def copied_manifests(target: Path, inputs: list[Input]) -> list[str | None]:
    """Copies each build's manifest, so that a token can be traced where the build is not."""
    copied: dict[str, str] = {}
    result: list[str | None] = []
    for given in inputs:
        if given.manifest is None:
            result.append(None)
            continue
        if given.fingerprint not in copied:
            name = f"builds/{given.name}.json"
            if name in copied.values():
                name = f"builds/{given.name}-{given.fingerprint[:8]}.json"
            (target / "builds").mkdir(exist_ok=True)
            shutil.copyfile(given.manifest, target / name)
            copied[given.fingerprint] = name
        result.append(copied[given.fingerprint])
    return result


def counts(docs: Documents, chosen: Selection) -> dict[str, Any]:
    """Sums that must agree: everything in is packed or dropped."""
    copies = chosen.times.astype(np.int64) + chosen.validation
    kept = copies > 0
    tokens = docs.tokens.astype(np.int64)
    packed = int((tokens * copies).sum())
    dropped = int(tokens[~kept].sum())
    reasons = np.bincount(docs.reason, minlength=len(docs.reasons))
    sources = {}
    for number, source in enumerate(docs.sources):
        own = docs.source == number
        sources[source] = {
            "documents": int(np.count_nonzero(own & kept)),
            "train_tokens": int((tokens * chosen.times)[own].sum()),
            "validation_tokens": int(tokens[own & chosen.validation].sum()),
            "dropped_documents": int(np.count_nonzero(own & ~kept)),
            "dropped_tokens": int(tokens[own & ~kept].sum()),
        }
    return {
        "counts": {
            "documents_in": len(docs),
            "documents_packed": int(np.count_nonzero(kept)),
            "documents_dropped": int(np.count_nonzero(~kept)),
            "tokens_in": packed + dropped,
            "tokens_packed": packed,
            "tokens_dropped": dropped,
        },
        "dropped": {docs.reasons[r]: int(n) for r, n in enumerate(reasons.tolist()) if r and n},
        "sources": dict(sorted(sources.items())),
    }
