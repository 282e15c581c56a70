"""Builds of any size with nothing in them but rows made up: what `manifest.py` measures on.

Texts and measures are drawn by a seeded generator; duplicates, drops and quarantined rows are
strewn among them. Data and ledger are written by the very function that a build writes them with,
in partitions and shards as large as a build's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import curate.measure
from curate.decide import DECISION
from curate.dedup.kind import EXACT_KIND, NEAR_KIND
from curate.dedup.resolve import DUPLICATES
from curate.measure.base import Measure
from curate.outputs import Partition, write_shard
from curate.recipe import Recipe
from curate.refine import REWRITE_NAMES
from curate.rows import DOCUMENT, FILE
from curate.step import discovered
from curate.storage import write_arrow, write_json
from curate.textbatch import TextBatch
from manifests.manifest import accounts, corpus_manifest
from manifests.seal import write_sealed
from sources.licences import terms

PARTITION_ROWS = 32_768
SHARD_PARTITIONS = 8
SOURCES = ("forum", "news", "web")
FILE_ROWS = 500_000
REWRITES = ["invisible", "width", "spaces", "script"]
KEPT_POSITIONS = 1_000
"""The first rows of every partition are kept; they are what duplicates duplicate."""


@dataclass(frozen=True)
class _Piece:
    source: str
    file: str
    first: int
    rows: int


def _pieces(rows: int) -> list[_Piece]:
    """Partitions in the order of their ids."""
    pieces = []
    for number, source in enumerate(SOURCES):
        own = rows // len(SOURCES) + (number < rows % len(SOURCES))
        for file in range(-(-own // FILE_ROWS)):
            count = min(FILE_ROWS, own - file * FILE_ROWS)
            for first in range(0, count, PARTITION_ROWS):
                size = min(PARTITION_ROWS, count - first)
                pieces.append(_Piece(source, f"part-{file:03d}.jsonl", first, size))
    return pieces


def _texts(draw: np.random.Generator, rows: int) -> pa.Array:
    lengths = draw.integers(8, 53, rows)
    offsets = np.zeros(rows + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    points = np.uint32(0x4E00) + draw.zipf(1.3, int(offsets[-1])).clip(max=3000).astype(np.uint32)
    return TextBatch(points, offsets).to_arrow()


def _measured(draw: np.random.Generator, measures: list[Measure], rows: int) -> dict[str, pa.Array]:
    columns = {}
    for measure in measures:
        for name, kind in measure.columns.items():
            if pa.types.is_string(kind):
                values: Any = np.array(["zh", "zh", "zh", "und", "en"])[draw.integers(0, 5, rows)]
            elif pa.types.is_integer(kind):
                values = draw.integers(1, 60, rows).astype(np.int32)
            else:
                values = draw.random(rows).astype(np.float32)
            columns[name] = pa.array(values).cast(kind)
    return columns


def _written(folder: Path, number: int, pieces: list[_Piece], measures: list[Measure]) -> Partition:
    """Writes what a build has of a partition before its results are written."""
    piece, rows = pieces[number], pieces[number].rows
    draw = np.random.default_rng([25, number])
    fate = draw.random(rows)
    fate[:KEPT_POSITIONS] = 1.0
    quarantined, dropped = fate < 0.001, (fate >= 0.001) & (fate < 0.06)
    duplicates = np.flatnonzero((fate >= 0.06) & (fate < 0.13))
    texts = _texts(draw, rows).to_pylist()
    texts = ["" if q else t for q, t in zip(quarantined.tolist(), texts, strict=True)]
    ingested = pa.table(
        {
            "file": pa.array(np.zeros(rows, np.int32)),
            "row": pa.array(np.arange(piece.first + 1, piece.first + rows + 1)),
            "text": pa.array(texts, pa.large_string()),
            "meta": pa.nulls(rows, pa.string()),
            "quarantine": pa.array(np.where(quarantined, "bad_json", None), pa.string()),
            "detail": pa.array(np.where(quarantined, "unexpected end", None), pa.string()),
        },
        schema=DOCUMENT.schema.insert(0, FILE),
    )
    refined = pa.table(
        {
            **{name: ingested.column(name) for name in ingested.column_names},
            "bytes": pa.array(draw.integers(30, 160, rows)),
            "rewrites": pa.array(draw.integers(0, 1 << len(REWRITES), rows).astype(np.uint32)),
            **_measured(draw, measures, rows),
        }
    ).replace_schema_metadata({REWRITE_NAMES: json.dumps(REWRITES).encode()})
    values = [f"han_ratio={v:.6g}" for v in draw.random(rows).tolist()]
    decision = pa.table(
        [
            pa.array(np.where(dropped, word, None), pa.string())
            for word in ("quality.han_ratio.min", np.array(values, object), "min 0.3")
        ],
        schema=DECISION,
    )
    count = len(duplicates)
    # Clusters of every size: most rows are duplicated once, a few very often.
    other = draw.integers(0, number + 1, count)
    sizes = np.minimum([p.rows for p in pieces], KEPT_POSITIONS)
    kept = np.minimum(draw.zipf(1.5, count), sizes[other]) - 1
    exact = draw.random(count) < 0.3
    found = pa.table(
        {
            "position": duplicates,
            "kind": np.where(exact, EXACT_KIND, NEAR_KIND).astype(np.uint8),
            "kept_partition": other,
            "kept_position": kept,
            "similarity": np.where(exact, 1.0, draw.uniform(0.8, 1.0, count)).astype(np.float32),
        },
        schema=DUPLICATES,
    )
    name = f"{number:06d}.arrow"
    paths = [folder / "ingest" / f"{number:06d}" / "part-000000.arrow", folder / "refine" / name]
    paths += [folder / "decide" / name, folder / "dedup" / name]
    for path, table in zip(paths, (ingested, refined, decision, found), strict=True):
        write_arrow(path, table.combine_chunks())
    own = {"source": piece.source, "files": [piece.file], "licence": "CC0-1.0"}
    return Partition(*map(str, paths), **own, row_type="document")


def synthetic_build(folder: Path, rows: int) -> Path:
    """Writes a build of `rows` rows into `folder` and returns it; what is there already is used."""
    if (folder / "manifest.json").exists():
        return folder
    measures = [kind() for kind in discovered(curate.measure, Measure).values() if kind.default]
    pieces = _pieces(rows)
    work = folder / ".work"
    listing = work / "partitions.json"
    partitions = []
    for number in range(len(pieces)):
        partitions.append(_written(work, number, pieces, measures))
    write_json(listing, [p.as_json() for p in partitions])
    shards = []
    for shard, first in enumerate(range(0, len(pieces), SHARD_PARTITIONS)):
        members = list(range(first, min(first + SHARD_PARTITIONS, len(pieces))))
        data, fates = (f"{name}/{shard:05d}.parquet" for name in ("data", "ledger"))
        options = (str(folder), data, fates, None, None, " ")
        shards.append(write_shard(members, str(listing), measures, *options))
    every = accounts(
        [(fate[0], fate[4], fate[5]) for shard in shards for fate in shard["fates"]],
        [tuple(fate) for shard in shards for fate in shard["fates"]],
        [tuple(label) for shard in shards for label in shard["labels"]],
    )
    recipe = Recipe(
        name="synthetic",
        sources=[{"name": "jsonl", "label": s, "text": "text", "path": s} for s in SOURCES],
    )
    entry = {"name": "jsonl", "title": None, "homepage": None, "licence": "CC0-1.0"}
    entry |= {"licence_stated": "CC0-1.0", "terms": terms("CC0-1.0").as_json(), "refused": None}
    entry |= {"non_commercial": False, "row_type": "document", "render": "{text}"}
    steps = [step.fingerprint() for step in recipe.rewrites(recipe.sources[0])]
    entry["rewrites"] = [step for step in steps if step["step"] in REWRITES]
    manifest = corpus_manifest(
        name=recipe.name,
        recipe=recipe.model_dump(mode="json"),
        limit=None,
        measures=[measure.fingerprint() for measure in measures],
        sources={s: {**entry, "inputs": [], "members": [], "not_read": []} for s in SOURCES},
        every=every,
        outputs=sorted(
            (output for shard in shards for output in shard["outputs"]), key=lambda o: o["path"]
        ),
    )
    write_sealed(folder / "manifest.json", manifest)
    return folder
