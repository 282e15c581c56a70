"""Reads packed shards: memory-mapped parts, documents by number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.errors import CurateError, RecipeError
from curate.tokens.format.index import (
    DOCUMENT,
    DOCUMENTS,
    DOCUMENTS_PER_BATCH,
    END,
    MASK,
    OFFSET,
    ROWS,
    SEGMENTS,
    TOKENS,
    TRAIN,
    Index,
    Part,
    Split,
    read_index,
)


@dataclass(frozen=True)
class PartArrays:
    """The mapped arrays of one part."""

    tokens: NDArray[Any]
    """(rows, seq_length), uint16 or uint32."""
    segments: NDArray[np.uint32]
    """(segments, 3): end in the row, document, offset of the first token in the document."""
    rows: NDArray[np.int64]
    """(rows + 1,): first segment of every row."""
    mask: NDArray[np.uint8] | None
    """(rows, ceil(seq_length / 8)): a bit a token, lowest bit first."""


@dataclass(frozen=True)
class Segment:
    """A run of tokens of one document in a row."""

    begin: int
    end: int
    document: int
    offset: int
    """Of the first token, counted in the document's tokens."""


@dataclass(frozen=True)
class Document:
    """Where a document comes from."""

    id: str
    source: str
    build: int
    """Position in the index's builds."""
    data_file: str
    """File in the build's folder that holds the text, or the JSON Lines file's name."""
    data_row: int
    """Row there, counted from 0."""
    tokens: int


def mapped(path: Path, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """A .npy file mapped into memory, its shape and type checked.

    Raises CurateError when the file is missing, cut or another one.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise CurateError(f"{path} is missing; copy the whole folder again or pack again") from None
    except (ValueError, OSError, EOFError) as error:
        raise CurateError(f"{path} is cut or damaged ({error}); pack again") from None
    if array.shape != shape or array.dtype != np.dtype(dtype):
        raise CurateError(
            f"{path} holds {array.shape} {array.dtype}, and index.json says {shape} {dtype}; "
            "the files are not of one packing"
        )
    return array


class Shards:
    """One split of a shard folder, open for reading.

    Raises CurateError when the folder is not one of packed shards, the split does not exist, or a
    file is missing or cut.
    """

    def __init__(self, folder: Path | str, split: str = TRAIN) -> None:
        self.folder = Path(folder)
        self.index: Index = read_index(self.folder)
        self.name = split
        self.split: Split = self.index.split(split)
        self.parts = [self._part(part) for part in self.split.parts]

    def _part(self, part: Part) -> PartArrays:
        root = self.folder / part.folder
        width = self.index.seq_length
        kind = self.index.token_type
        return PartArrays(
            tokens=mapped(root / TOKENS, (part.rows, width), kind),
            segments=mapped(root / SEGMENTS, (part.segments, 3), "uint32"),
            rows=mapped(root / ROWS, (part.rows + 1,), "int64"),
            mask=(
                mapped(root / MASK, (part.rows, (width + 7) // 8), "uint8")
                if self.index.has_mask
                else None
            ),
        )

    def __len__(self) -> int:
        return self.split.rows

    def check_tokenizer(self, fingerprint: str, name: str = "this") -> None:
        """Raises RecipeError unless the shards were made with the tokenizer of that fingerprint."""
        own = self.index.tokenizer.fingerprint
        if fingerprint != own:
            raise RecipeError(
                f"{name} is another tokenizer than the shards were made with "
                f"({fingerprint[:12]}, not {own[:12]})"
            )

    def _located(self, row: int) -> tuple[PartArrays, int]:
        if not 0 <= row < len(self):
            raise CurateError(
                f"there is no row {row} in {self.name}; rows are 0 to {len(self) - 1}"
            )
        return self.parts[row // self.split.rows_per_part], row % self.split.rows_per_part

    def tokens(self, row: int) -> NDArray[Any]:
        """The row's tokens, padding included; a view of the file."""
        part, at = self._located(row)
        return part.tokens[at]

    def segments(self, row: int) -> list[Segment]:
        """The row's segments in order."""
        part, at = self._located(row)
        found = part.segments[part.rows[at] : part.rows[at + 1]].tolist()
        result = []
        begin = 0
        for entry in found:
            result.append(Segment(begin, entry[END], entry[DOCUMENT], entry[OFFSET]))
            begin = entry[END]
        return result

    def mask(self, row: int) -> NDArray[np.bool_]:
        """True where a token is to be predicted from those before it in its segment."""
        part, at = self._located(row)
        if part.mask is not None:
            bits = np.unpackbits(part.mask[at], bitorder="little", count=self.index.seq_length)
            return bits.astype(bool)
        mask = np.zeros(self.index.seq_length, bool)
        for segment in self.segments(row):
            mask[segment.begin + 1 : segment.end] = True
        return mask

    @cached_property
    def _documents(self) -> pa.RecordBatchFileReader:
        path = self.folder / DOCUMENTS
        try:
            return pa.ipc.open_file(pa.memory_map(str(path), "rb"))
        except FileNotFoundError:
            raise CurateError(
                f"{path} is missing; copy the whole folder again or pack again"
            ) from None
        except (pa.ArrowInvalid, OSError) as error:
            raise CurateError(f"{path} is cut or damaged ({error}); pack again") from None

    def numbers(self, document: str) -> NDArray[np.int64]:
        """Numbers of the documents with that id: one for each packing of it, or none."""
        found: list[int] = []
        for at in range(self._documents.num_record_batches):
            ids = self._documents.get_batch(at).column("id")
            equal = pc.equal(ids, pa.scalar(document, ids.type)).to_numpy(zero_copy_only=False)
            found += (np.flatnonzero(equal) + at * DOCUMENTS_PER_BATCH).tolist()
        return np.array(found, np.int64)

    def document(self, number: int) -> Document:
        """The document of that number."""
        if not 0 <= number < self.index.documents:
            raise CurateError(
                f"{self.folder} names document {number}, and has {self.index.documents}; "
                "run `curate shards verify`"
            )
        batch = self._documents.get_batch(number // DOCUMENTS_PER_BATCH)
        row = {
            name: batch.column(name)[number % DOCUMENTS_PER_BATCH].as_py()
            for name in batch.schema.names
        }
        build, data_file = self.index.data_files[row["data_file"]]
        return Document(
            id=row["id"],
            source=self.index.source_names[row["source"]],
            build=build,
            data_file=data_file,
            data_row=row["data_row"],
            tokens=row["tokens"],
        )

    def documents(self) -> pa.Table:
        """The whole table of documents, mapped."""
        return self._documents.read_all()
