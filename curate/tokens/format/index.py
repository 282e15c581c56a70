"""`index.json`: what a folder of packed shards says about itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curate.errors import CurateError
from curate.storage import read_json

FORMAT = "curate-shards"
VERSION = 1

INDEX = "index.json"
DOCUMENTS = "documents.arrow"
DROPPED = "dropped.parquet"
TRAIN = "train"
VALIDATION = "validation"

TOKENS = "tokens.npy"
SEGMENTS = "segments.npy"
ROWS = "rows.npy"
MASK = "mask.npy"

END, DOCUMENT, OFFSET = 0, 1, 2
"""Columns of segments.npy."""

DOCUMENTS_PER_BATCH = 65_536
"""Rows of every record batch of documents.arrow but the last."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenizerFacts(_Model):
    """What must agree between the shards and whoever trains on them."""

    fingerprint: str
    """The tokenizer's own, as `curate.tokens.tokenizer` computes it."""
    vocab_size: int
    bos_id: int | None
    eos_id: int | None
    pad_id: int | None


class BuildFacts(_Model):
    """One build or file the documents come from."""

    name: str
    fingerprint: str
    """SHA-256 of the build's manifest.json, or of the JSON Lines file."""
    manifest: str | None
    """Copy of the build's manifest, relative to the folder; None for a JSON Lines file."""
    weight: float | None
    epochs: float
    sources: tuple[str, ...] | None
    """The sources taken; None for all."""


class SourceFacts(_Model):
    """What one source gave."""

    documents: int
    """Documents packed, each counted once."""
    train_tokens: int
    """Tokens in training rows; a document packed twice counts twice."""
    validation_tokens: int
    dropped_documents: int
    dropped_tokens: int


class Part(_Model):
    """A folder with consecutive rows of a split."""

    folder: str
    rows: int
    segments: int


class Split(_Model):
    """Rows for one use: `train`, or `validation/SOURCE`."""

    rows: int
    rows_per_part: int
    """Rows of every part but the last: row i lies in part i // rows_per_part."""
    segments: int
    tokens: int
    """Tokens of documents, padding not counted."""
    loss_tokens: int
    """Tokens a model is asked to predict."""
    fill: float
    """Share of rows x seq_length that holds tokens."""
    parts: tuple[Part, ...]


class FileFacts(_Model):
    """A file's size and checksum."""

    bytes: int
    sha256: str


class Index(_Model):
    """All of index.json. Holds nothing that differs between two equal packings."""

    format: Literal["curate-shards"]
    version: int
    name: str
    fingerprint: str
    """Of everything that decides the bytes of this folder."""
    kind: Literal["text", "instructions"]
    seq_length: int = Field(ge=2)
    token_type: Literal["uint16", "uint32"]
    pad_with: int
    """Id in the room that documents leave; no loss is taken there."""
    has_mask: bool
    """Whether parts have a mask.npy; without it every token but a segment's first has loss."""
    options: dict[str, Any]
    """How documents became tokens and rows."""
    tokenizer: TokenizerFacts
    builds: tuple[BuildFacts, ...]
    source_names: tuple[str, ...]
    data_files: tuple[tuple[int, str], ...]
    """(build, file in the build's folder) by the number that documents.arrow uses."""
    documents: int
    counts: dict[str, int]
    """tokens_in = tokens_packed + tokens_dropped, and documents in the same way."""
    dropped: dict[str, int]
    """Documents dropped by reason; each is in dropped.parquet."""
    sources: dict[str, SourceFacts]
    splits: dict[str, Split]
    files: dict[str, FileFacts]
    """Every file of the folder but this one."""

    def split(self, name: str) -> Split:
        """Raises CurateError, naming the splits there are."""
        if name not in self.splits:
            known = ", ".join(self.splits)
            raise CurateError(f"{self.name} has no split {name!r}; it has: {known}")
        return self.splits[name]


def read_index(folder: Path) -> Index:
    """The index of a shard folder. Raises CurateError when it is missing, damaged or newer."""
    path = folder / INDEX
    if not path.exists():
        raise CurateError(
            f"{folder} holds no packed shards: there is no {INDEX}; give the folder that "
            "`curate pack` wrote"
        )
    try:
        value = read_json(path)
        if value.get("format") == FORMAT and value.get("version", 0) > VERSION:
            raise CurateError(
                f"{path} has format version {value['version']}, newer than this program knows "
                f"({VERSION}); update the program"
            )
        return Index(**value)
    except (ValueError, TypeError, AttributeError, ValidationError):
        raise CurateError(
            f"{path} is damaged or not an index of packed shards; pack again"
        ) from None
