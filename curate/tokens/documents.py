"""Tokenised documents, kept under a key of what made them, so that another packing re-uses them.

An entry is a folder with the documents of one data shard of a build, or of one stretch of a JSON
Lines file: `tokens.npy`, `offsets.npy`, `mask.npy` (instructions only) and `documents.arrow`. A
document that cannot be packed is there too, without tokens and with its reason.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import CurateError, RecipeError
from curate.fingerprint import file_sha256, fingerprint
from curate.storage import column_array, read_arrow, write_arrow, write_json
from curate.tokens.encode import Encoded, PieceEncoder, encoded_texts
from curate.tokens.example import BadExample, example
from curate.tokens.prompts import FORMATS, Format, Piece
from curate.tokens.template import ChatTemplate
from curate.tokens.tokenizer import Tokenizer, load_tokenizer

VERSION = 1

TEXT, INSTRUCTIONS = "text", "instructions"

BATCH_CHARACTERS = 1 << 20
"""Characters that go to the tokenizer in one call."""
LINES_BYTES = 32 << 20
"""Bytes of a JSON Lines file that make an entry; a longer line makes a longer one."""

ENTRY = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        # Row in the data file, counted from 0.
        pa.field("row", pa.int64(), nullable=False),
        # Why the document has no tokens, or null.
        pa.field("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class DataFile:
    """What becomes one entry: a file of documents, or a stretch of it."""

    path: str
    name: str
    """As index and ledger name it: relative to the build, or the JSON Lines file's name."""
    sha256: str
    label: str
    """First part of the ids of JSON Lines rows."""
    begin: int = 0
    end: int = 0
    """Bytes of the stretch; 0 and 0 for all of a Parquet file."""
    first_row: int = 0


@dataclass(frozen=True)
class Options:
    """What decides a document's tokens, besides its text."""

    kind: str
    tokenizer: str
    """Path."""
    tokenizer_fingerprint: str
    bos: bool
    eos: bool
    prompt: str
    learnt: str

    def key(self, file: DataFile) -> str:
        """The name of the entry."""
        template = None
        if self.kind == INSTRUCTIONS and self.prompt == "template":
            source = _tokenizer(self.tokenizer).chat_template or ""
            template = hashlib.sha256(source.encode()).hexdigest()
        own = [self.bos, self.eos] if self.kind == TEXT else [self.prompt, self.learnt, template]
        return fingerprint(
            "tokens",
            VERSION,
            [file.sha256, file.label, file.begin, file.end, file.first_row],
            [self.kind, self.tokenizer_fingerprint, own],
        )


@lru_cache(maxsize=2)
def _tokenizer(path: str) -> Tokenizer:
    return load_tokenizer(path)


def stretches(path: Path, sha256: str, label: str) -> list[DataFile]:
    """A JSON Lines file cut at line ends into stretches of about LINES_BYTES."""
    found = []
    size = path.stat().st_size
    begin = row = 0
    with path.open("rb") as file:
        while begin < size:
            file.seek(begin)
            block = file.read(LINES_BYTES)
            lines = block.count(b"\n")
            end = begin + len(block)
            if not block.endswith(b"\n"):
                rest = file.readline()
                end += len(rest)
                lines += 1
            found.append(DataFile(str(path), path.name, sha256, label, begin, end, row))
            begin, row = end, row + lines
    return found


@contextmanager
def _folder_written(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes `folder` when the block ends without an error."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        try:
            os.replace(temporary, folder)
        except OSError:
            # Another packing made the same entry meanwhile: one is as good as the other.
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@dataclass(frozen=True)
class _Batch:
    """Documents of one call to the tokenizer."""

    ids: list[str]
    sources: list[str]
    rows: list[int]
    texts: list[str]
    """Of text documents."""
    examples: list[list[Piece]]
    """Of instructions; empty where the row is none."""
    reasons: list[str | None]


def _grouped(documents: Iterator[tuple[str, str, int, Any]], render: Any) -> Iterator[_Batch]:
    """Batches of about BATCH_CHARACTERS from (id, source, row, text or mapping)."""
    batch = _Batch([], [], [], [], [], [])
    size = 0
    for name, source, row, content in documents:
        batch.ids.append(name)
        batch.sources.append(source)
        batch.rows.append(row)
        reason = None
        if render is None:
            batch.texts.append(content)
            size += len(content)
        else:
            pieces: list[Piece] = []
            try:
                if isinstance(content, BadExample):
                    raise content
                pieces = render(example(content))
            except BadExample as error:
                reason = error.reason
            batch.examples.append(pieces)
            size += sum(len(piece.text) for piece in pieces)
        batch.reasons.append(reason)
        if size >= BATCH_CHARACTERS:
            yield batch
            batch = _Batch([], [], [], [], [], [])
            size = 0
    if batch.ids:
        yield batch


def _parquet_documents(path: Path, kind: str) -> Iterator[tuple[str, str, int, Any]]:
    row = 0
    with pq.ParquetFile(path) as file:
        wanted = ["id", "source", "text"]
        if kind == INSTRUCTIONS:
            optional = [c for c in ("input", "history", "system") if c in file.schema_arrow.names]
            wanted = ["id", "source", "instruction", "output", *optional]
        for batch in file.iter_batches(batch_size=8192, columns=wanted):
            ids, sources = batch.column("id").to_pylist(), batch.column("source").to_pylist()
            if kind == TEXT:
                contents: list[Any] = batch.column("text").to_pylist()
            else:
                contents = batch.select(wanted[2:]).to_pylist()
            for name, source, content in zip(ids, sources, contents, strict=True):
                yield name, source, row, content
                row += 1


def _line_documents(file: DataFile) -> Iterator[tuple[str, str, int, Any]]:
    row = file.first_row
    with Path(file.path).open("rb") as stream:
        stream.seek(file.begin)
        at = file.begin
        while at < file.end:
            line = stream.readline()
            at += len(line)
            content: Any
            try:
                content = orjson.loads(line.strip().removeprefix(b"\xef\xbb\xbf"))
                if not isinstance(content, dict):
                    content = BadExample("not_an_object")
            except orjson.JSONDecodeError:
                content = BadExample("bad_json" if line.strip() else "empty_line")
            source = content.get("source") if isinstance(content, dict) else None
            yield (
                f"{file.label}/{file.name}#{row + 1:09d}",
                source if isinstance(source, str) and source else file.label,
                row,
                content,
            )
            row += 1


def prompt_format(tokenizer: Tokenizer, name: str) -> Format:
    """The prompt format of that name. Raises RecipeError for a template that does not compile."""
    if name != "template":
        return FORMATS[name]
    by_id = {number: text for text, number in tokenizer.special_tokens.items()}
    return ChatTemplate(
        tokenizer.chat_template or "",
        [*by_id.values()],
        by_id.get(tokenizer.bos_id) if tokenizer.bos_id is not None else None,
        by_id.get(tokenizer.eos_id) if tokenizer.eos_id is not None else None,
    )


def tokenise(file: DataFile, options: Options, folder: str) -> dict[str, Any]:
    """Task: writes the entry of one data file; returns its counts.

    Raises CurateError when the file is not the one the build's manifest speaks of, or the tokenizer
    is another one than at the start.
    """
    path = Path(file.path)
    if not file.end and file_sha256(path) != file.sha256:
        raise CurateError(
            f"{path} is not what the build's manifest says it is (another checksum); "
            "run the build again"
        )
    tokenizer = _tokenizer(options.tokenizer)
    if tokenizer.fingerprint != options.tokenizer_fingerprint:
        raise CurateError(f"tokenizer {options.tokenizer} changed while packing; run it again")
    render = None
    encoder = None
    if options.kind == INSTRUCTIONS:
        render = prompt_format(tokenizer, options.prompt)
        encoder = PieceEncoder(tokenizer)
    documents = _line_documents(file) if file.end else _parquet_documents(path, options.kind)
    bos = tokenizer.bos_id if options.bos else None
    eos = tokenizer.eos_id if options.eos else None
    narrow = tokenizer.vocab_size <= 1 << 16
    tokens: list[np.ndarray[Any, Any]] = []
    masks: list[np.ndarray[Any, Any]] = []
    lengths: list[np.ndarray[Any, Any]] = []
    tables: list[pa.RecordBatch] = []
    unknown = 0
    library = 0.0
    for batch in _grouped(documents, render):
        began = time.process_time()
        found: Encoded
        if encoder is None:
            found = encoded_texts(tokenizer, batch.texts, bos, eos)
        else:
            found = encoder.encode(batch.examples, options.learnt)
        library += time.process_time() - began
        if tokenizer.unk_id is not None:
            unknown += int(np.count_nonzero(found.ids == tokenizer.unk_id))
        tokens.append(found.ids.astype(np.uint16) if narrow else found.ids)
        if found.mask is not None:
            masks.append(found.mask)
        sizes = np.diff(found.offsets)
        lengths.append(sizes)
        reasons = [
            reason or ("empty" if size == 0 else None)
            for reason, size in zip(batch.reasons, sizes.tolist(), strict=True)
        ]
        tables.append(
            pa.record_batch(
                [
                    pa.array(batch.ids, pa.string()),
                    pa.array(batch.sources, pa.string()).dictionary_encode(),
                    pa.array(batch.rows, pa.int64()),
                    pa.array(reasons, pa.string()),
                ],
                schema=ENTRY,
            )
        )
    table = pa.Table.from_batches(tables, ENTRY).unify_dictionaries().combine_chunks()
    offsets = np.zeros(table.num_rows + 1, np.int64)
    np.cumsum(np.concatenate([*lengths, np.empty(0, np.int64)]), out=offsets[1:])
    kind = np.uint16 if narrow else np.uint32
    with _folder_written(Path(folder)) as partial:
        np.save(partial / "tokens.npy", np.concatenate([*tokens, np.empty(0, kind)]).astype(kind))
        np.save(partial / "offsets.npy", offsets)
        if options.kind == INSTRUCTIONS:
            np.save(partial / "mask.npy", np.concatenate([*masks, np.empty(0, np.uint8)]))
        write_arrow(partial / "documents.arrow", table)
        counts = {
            "documents": table.num_rows,
            "tokens": int(offsets[-1]),
            "unknown": unknown,
        }
        write_json(partial / "entry.json", counts)
    return {**counts, "clock": {"tokenizer": library}}


@dataclass(frozen=True)
class Entry:
    """An entry read back; token and mask arrays are mapped."""

    tokens: np.ndarray[Any, Any]
    offsets: np.ndarray[Any, Any]
    mask: np.ndarray[Any, Any] | None
    documents: pa.Table

    def lengths(self) -> np.ndarray[Any, Any]:
        """Tokens of every document. Raises RecipeError for one of more than 4,294,967,295."""
        sizes = np.diff(self.offsets)
        if len(sizes) and int(sizes.max()) >= 1 << 32:
            number = int(sizes.argmax())
            name = column_array(self.documents, "id")[number].as_py()
            raise RecipeError(
                f"document {name} has {sizes[number]:,} tokens, more than the format holds "
                "(4,294,967,295); split it in the build"
            )
        return sizes.astype(np.uint32)


def _loaded(path: Path) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = np.load(path, allow_pickle=False, mmap_mode="r")
    return array


def read_entry(folder: Path) -> Entry:
    """The entry in a folder. Raises CurateError when it is cut or damaged."""
    mask = folder / "mask.npy"
    try:
        return Entry(
            tokens=_loaded(folder / "tokens.npy"),
            offsets=np.asarray(_loaded(folder / "offsets.npy")),
            mask=_loaded(mask) if mask.exists() else None,
            documents=read_arrow(folder / "documents.arrow"),
        )
    except (OSError, ValueError, EOFError) as error:
        raise CurateError(
            f"tokenised documents in {folder} are damaged ({error}); remove that folder and run "
            "the same command again"
        ) from None
