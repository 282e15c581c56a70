"""Tokenised documents, kept under a key of what made them, so that another packing re-uses them.

An entry is a folder with the documents of one data shard of a build, or of one stretch of a JSON
Lines file: `tokens.npy`, `offsets.npy`, `mask.npy` (instructions only) and `documents.arrow`. A
document that cannot be packed is there too, without tokens and with its reason.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import CurateError, RecipeError
from curate.fingerprint import file_sha256, fingerprint
from curate.storage import column_array, read_arrow, write_arrow, write_json
from curate.tokens.datafile import DataFile, example_batches, text_batches
from curate.tokens.encode import Encoded, IdType, PieceEncoder, encoded_texts
from curate.tokens.prompts import FORMATS, Format
from curate.tokens.template import ChatTemplate
from curate.tokens.tokenizer import Tokenizer, load_tokenizer

VERSION = 2

TEXT, INSTRUCTIONS = "text", "instructions"

ENTRY = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        # Row in the data file, counted from 0.
        pa.field("row", pa.int64(), nullable=False),
        # Why the document has no tokens, or null.
        pa.field("reason", pa.string()),
        # How often its build has it in the training files, and whether it is there for validation.
        pa.field("repeats", pa.int32(), nullable=False),
        pa.field("valid", pa.bool_(), nullable=False),
    ]
)


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


def _id_type(tokenizer: Tokenizer) -> IdType:
    """The type that ids are kept in."""
    return np.uint16 if tokenizer.vocab_size <= 1 << 16 else np.uint32


def _encoded_texts(
    file: DataFile, options: Options, tokenizer: Tokenizer
) -> Iterator[tuple[pa.RecordBatch, Encoded]]:
    """Text documents of a build in ENTRY's schema, with their tokens."""
    bos = tokenizer.bos_id if options.bos else None
    eos = tokenizer.eos_id if options.eos else None
    kind = _id_type(tokenizer)
    for ids, sources, rows, texts in text_batches(Path(file.path)):
        found = encoded_texts(tokenizer, texts, bos, eos, kind)
        empty = pa.array(np.diff(found.offsets) == 0)
        reasons = pc.if_else(empty, pa.scalar("empty"), pa.scalar(None, pa.string()))
        once = pa.array(np.ones(len(ids), np.int32))
        for_training = pa.array(np.zeros(len(ids), np.bool_))
        columns = [ids, sources, rows, reasons, once, for_training]
        yield pa.record_batch(columns, schema=ENTRY), found


def _encoded_examples(
    file: DataFile, options: Options, tokenizer: Tokenizer
) -> Iterator[tuple[pa.RecordBatch, Encoded]]:
    """Instructions in ENTRY's schema, with their tokens; rows that are none have a reason."""
    render = prompt_format(tokenizer, options.prompt)
    encoder = PieceEncoder(tokenizer)
    for rows in example_batches(file, render):
        found = encoder.encode([row.pieces for row in rows], options.learnt)
        table = [
            pa.array([row.id for row in rows], pa.string()),
            pa.array([row.source for row in rows], pa.string()).dictionary_encode(),
            pa.array([row.row for row in rows], pa.int64()),
            pa.array([row.reason for row in rows], pa.string()),
            pa.array([row.repeats for row in rows], pa.int32()),
            pa.array([row.valid for row in rows], pa.bool_()),
        ]
        yield pa.record_batch(table, schema=ENTRY), found


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
    kind = _id_type(tokenizer)
    tokens: list[np.ndarray[Any, Any]] = []
    masks: list[np.ndarray[Any, Any]] = []
    lengths: list[np.ndarray[Any, Any]] = []
    tables: list[pa.RecordBatch] = []
    unknown = 0
    batches = _encoded_texts if options.kind == TEXT else _encoded_examples
    for batch, found in batches(file, options, tokenizer):
        if tokenizer.unk_id is not None and not tokenizer.has_byte_fallback:
            unknown += int(np.count_nonzero(found.ids == tokenizer.unk_id))
        tokens.append(found.ids.astype(kind, copy=False))
        if found.mask is not None:
            masks.append(found.mask)
        lengths.append(np.diff(found.offsets))
        tables.append(batch)
    table = pa.Table.from_batches(tables, ENTRY).unify_dictionaries().combine_chunks()
    offsets = np.zeros(table.num_rows + 1, np.int64)
    np.cumsum(np.concatenate([*lengths, np.empty(0, np.int64)]), out=offsets[1:])
    with _folder_written(Path(folder)) as partial:
        np.save(partial / "tokens.npy", np.concatenate([*tokens, np.empty(0, kind)]))
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
    return counts


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
