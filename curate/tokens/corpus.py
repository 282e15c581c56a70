"""Text to train or judge a tokenizer on: a finished build or files, streamed, sampled by hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.fingerprint import file_sha256, fingerprint
from curate.progress import Progress, Silent
from curate.storage import read_json
from curate.tokens.tokenizer import TokenizerError
from manifests.opened import named_inside

ROWS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        # None where the rows do not say.
        pa.field("lang", pa.string()),
    ]
)
FIELDS = ("system", "instruction", "input", "output")
"""Columns or keys that hold the text of a row where there is no `text`."""
BATCH = 4096
MAX_LINE = 1 << 26
"""Bytes; a longer line of a text file is not text."""


@dataclass(frozen=True)
class Corpus:
    """Where texts come from."""

    name: str
    files: tuple[Path, ...]
    bytes: int
    """UTF-8 bytes of all texts; of files, their size on disk."""
    fingerprint: str
    """Of a build: over the checksums of its data. Of files: over theirs."""


def build_corpus(folder: Path) -> Corpus:
    """The kept rows of a build. Raises TokenizerError where it is unfinished or empty."""
    manifest = folder / "manifest.json"
    if not manifest.exists():
        raise TokenizerError(
            f"{folder}: not a finished build (it has no manifest.json); "
            "name the folder that `curate build` printed, or let the build finish"
        )
    content = read_json(manifest)
    outputs = [o for o in content["outputs"] if str(o["path"]).startswith("data/")]
    files = tuple(folder / o["path"] for o in outputs)
    if missing := [f for f in files if not f.exists()]:
        raise TokenizerError(f"{missing[0]}: named by the build's manifest and not there; rebuild")
    if not sum(o["rows"] for o in outputs):
        raise TokenizerError(
            f"{folder}: the build kept no rows; its ledger says why; "
            "loosen the recipe's limits, or name another"
        )
    key = fingerprint("data", sorted([o["path"], o["sha256"]] for o in outputs))
    return Corpus(str(folder), files, int(content["counts"]["bytes_kept"]), key)


def file_corpus(paths: Iterable[Path]) -> Corpus:
    """Text (`.txt`: one a line), JSON Lines (`.jsonl`) or Parquet files, or folders of them.

    Raises TokenizerError where a path does not exist or holds no such file.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise TokenizerError(f"{path}: there is no such file or folder")
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [p for p in inside if p.is_file() and p.suffix in _READERS]
        if path.is_file() and path.suffix not in _READERS:
            raise TokenizerError(f"{path}: not a .txt, .jsonl or .parquet file")
    if not found:
        raise TokenizerError("no .txt, .jsonl or .parquet file to read text from")
    key = fingerprint("files", [[p.name, file_sha256(p)] for p in found])
    size = sum(p.stat().st_size for p in found)
    return Corpus(", ".join(map(str, paths)), tuple(found), size, key)


def corpus(place: Path) -> Corpus:
    """A build if the folder is one, else the files there."""
    if (place / "manifest.json").exists() or (place / ".work").exists():
        return build_corpus(place)
    if inside := named_inside(place):
        raise TokenizerError(f"{place}: not a build itself{inside}")
    return file_corpus([place])


def batches(corpus: Corpus, progress: Progress | None = None) -> Iterator[pa.RecordBatch]:
    """The rows in ROWS' schema, in order, a few thousand at a time."""
    told = progress or Silent()
    for path in corpus.files:
        for batch in _READERS[path.suffix](path):
            told.advance(batch.column("text").nbytes)
            yield batch


def sampled(
    corpus: Corpus, megabytes: float, seed: int, progress: Progress | None = None
) -> Iterator[pa.RecordBatch]:
    """About so many MB of the rows, each chosen by a hash of its id and the seed.

    Whether a row is chosen depends on nothing else, so the order of files, the batch size or rows
    added elsewhere make no difference beyond the share taken.
    """
    share = min(1.0, megabytes * 1e6 / max(corpus.bytes, 1))
    bound = int(share * 2**64)
    key = seed.to_bytes(8, "little", signed=True)
    for batch in batches(corpus, progress):
        if share >= 1:
            yield batch
            continue
        chosen = [
            i
            for i, row in enumerate(batch.column("id").to_pylist())
            if _hash(row.encode(), key) < bound
        ]
        if chosen:
            yield batch.take(pa.array(chosen))


def _hash(row: bytes, key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(row, digest_size=8, key=key).digest(), "little")


# Readers


def _parquet(path: Path) -> Iterator[pa.RecordBatch]:
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise TokenizerError(f"{path}: not a readable Parquet file ({error})") from None
    names = file.schema_arrow.names
    fields = ["text"] if "text" in names else [f for f in FIELDS if f in names]
    if not fields:
        raise TokenizerError(f"{path}: has no column text, instruction, input or output")
    wanted = [*(n for n in ("id", "source", "lang") if n in names), *fields]
    row = 0
    for batch in file.iter_batches(BATCH, columns=wanted):
        n = batch.num_rows
        ids = _plain(batch, "id") or pa.array([f"{path.name}#{row + i}" for i in range(n)])
        sources = _plain(batch, "source") or pa.repeat(path.name, n)
        texts = [pc.fill_null(batch.column(f).cast(pa.large_string()), "") for f in fields]
        text = texts[0] if len(texts) == 1 else _joined(texts)
        lang = _plain(batch, "lang") or pa.nulls(n, pa.string())
        row += n
        yield pa.RecordBatch.from_arrays([ids, sources, text, lang], schema=ROWS)


def _plain(batch: pa.RecordBatch, name: str) -> pa.Array | None:
    return batch.column(name).cast(pa.string()) if name in batch.schema.names else None


def _joined(texts: list[pa.Array]) -> pa.Array:
    """The fields of each row that are not empty, one a line."""
    blank = pa.scalar(None, pa.large_string())
    parts = [pc.if_else(pc.equal(t, ""), blank, t) for t in texts]
    line = pa.scalar("\n", pa.large_string())
    return pc.fill_null(pc.binary_join_element_wise(*parts, line, null_handling="skip"), "")


def _rows(path: Path, lines: Iterable[str]) -> Iterator[pa.RecordBatch]:
    held: list[str] = []
    row = 0
    for line in lines:
        held.append(line)
        if len(held) == BATCH:
            yield _row_batch(path, row, held)
            row += len(held)
            held = []
    if held:
        yield _row_batch(path, row, held)


def _row_batch(path: Path, row: int, texts: list[str]) -> pa.RecordBatch:
    n = len(texts)
    ids = pa.array([f"{path.name}#{row + i}" for i in range(n)])
    columns = [
        ids,
        pa.repeat(path.name, n),
        pa.array(texts, pa.large_string()),
        pa.nulls(n, pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=ROWS)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE):
            number += 1
            if len(line) == MAX_LINE:
                raise TokenizerError(f"{path}: line {number} is longer than {MAX_LINE:,} bytes")
            yield line.rstrip(b"\r\n")


def _text(path: Path) -> Iterator[pa.RecordBatch]:
    return _rows(path, (line.decode("utf-8", "replace") for line in _lines(path) if line))


def _json_lines(path: Path) -> Iterator[pa.RecordBatch]:
    def texts() -> Iterator[str]:
        for number, line in enumerate(_lines(path), 1):
            if line.strip():
                yield _text_of(path, number, line)

    return _rows(path, texts())


def _text_of(path: Path, number: int, line: bytes) -> str:
    try:
        value: Any = orjson.loads(line)
    except ValueError as error:
        raise TokenizerError(f"{path}: line {number} is not JSON ({error})") from None
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            return str(value["text"])
        parts = [value[f] for f in FIELDS if isinstance(value.get(f), str) and value[f]]
        if parts:
            return "\n".join(parts)
    raise TokenizerError(
        f"{path}: line {number} has no key text, instruction, input or output with a string"
    )


_READERS = {".parquet": _parquet, ".txt": _text, ".jsonl": _json_lines}
