"""SentencePiece models behind the common `Tokenizer`."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2

from curate.tokens.folder import companions
from curate.tokens.tokenizer import (
    MANIFEST,
    Encoded,
    Spans,
    Texts,
    Tokenizer,
    TokenizerError,
    joined,
    strings,
)

# The library generates the class at run time, so there is nothing for a type checker to find.
Model: Any = sentencepiece_model_pb2.ModelProto  # type: ignore[attr-defined]
Piece = Model.SentencePiece


def read_model(path: Path) -> Any:
    """The model as a protocol buffer. Raises TokenizerError where it is none."""
    data = path.read_bytes()
    try:
        # The library's own check: a parsed message need not be a usable model.
        SentencePieceProcessor().LoadFromSerializedProto(data)
        return Model.FromString(data)
    except (RuntimeError, ValueError, DecodeError):
        raise TokenizerError(
            f"{path}: neither a SentencePiece model nor a tokenizer.json, or cut short or damaged; "
            "fetch the file again"
        ) from None


class SentencePieceTokenizer(Tokenizer):
    """A SentencePiece model of any kind."""

    form = "sentencepiece"

    def __init__(self, path: Path, model: Any, threads: int) -> None:
        self.path = path
        self.model = model
        self._threads = threads
        data = model.SerializeToString(deterministic=True)
        self._processor = SentencePieceProcessor(model_proto=data)
        self.vocab_size = len(model.pieces)
        self.special_tokens = {
            piece.piece: i
            for i, piece in enumerate(model.pieces)
            if piece.type in (Piece.CONTROL, Piece.UNKNOWN)
        }
        self.has_byte_fallback = bool(model.trainer_spec.byte_fallback)
        beside = companions(path.parent) if (path.parent / MANIFEST).exists() else None
        self.chat_template = beside.chat_template if beside else None
        roles = beside.roles if beside else {}
        own = self._processor
        self.bos_id = self._role(roles.get("bos"), own.bos_id())
        self.eos_id = self._role(roles.get("eos"), own.eos_id())
        self.pad_id = self._role(roles.get("pad"), own.pad_id())
        self.unk_id = self._role(None, own.unk_id())
        ids = [self.bos_id, self.eos_id, self.pad_id, self.unk_id]
        self.fingerprint = hashlib.sha256(data + json.dumps(ids).encode()).hexdigest()

    def _role(self, token: str | None, own: int) -> int | None:
        if token is not None and token in self.special_tokens:
            return self.special_tokens[token]
        return own if own >= 0 else None

    @cached_property
    def _inner(self) -> SentencePieceProcessor:
        """The same model without the space it puts before a text."""
        model = Model()
        model.CopyFrom(self.model)
        model.normalizer_spec.add_dummy_prefix = False
        return SentencePieceProcessor(model_proto=model.SerializeToString())

    @cached_property
    def _special_pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self.special_tokens, key=lambda t: (-len(t), t))
        return re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")

    def encode_batch(self, texts: Texts, *, special: bool = False, inner: bool = False) -> Encoded:
        if special:
            return self._encode_special(strings(texts), inner)
        # The library reads bytes as they are; from Arrow they come without being decoded first.
        if isinstance(texts, pa.Array | pa.ChunkedArray):
            texts = texts.fill_null("") if texts.null_count else texts
            kind = pa.large_binary() if pa.types.is_large_string(texts.type) else pa.binary()
            values = texts.cast(kind).to_pylist()
        else:
            values = list(texts)
        processor = self._inner if inner else self._processor
        parts = processor.encode(values, return_type="numpy", num_threads=self._threads)
        return joined(parts)

    def _encode_special(self, texts: list[str], inner: bool) -> Encoded:
        """Texts cut at special tokens; only what starts a text gets the model's own space."""
        parts = []
        for text in texts:
            ids: list[int] = []
            for i, part in enumerate(self._special_pattern.split(text)):
                if i % 2:
                    ids.append(self.special_tokens[part])
                elif part:
                    ids += (self._inner if ids or inner else self._processor).encode(part)
            parts.append(np.array(ids, np.uint32))
        return joined(parts)

    def offsets_batch(self, texts: Texts, *, special: bool = False) -> Spans | None:
        values = strings(texts)
        if special:
            return self._special_spans(values)
        found = self._processor.encode(
            values, return_type="offset_mapping", num_threads=self._threads
        )
        parts = [np.array(f["ids"], np.uint32) for f in found]
        ids, offsets = joined(parts)
        pairs = [np.array(f["offsets"], np.int64).reshape(-1, 2) for f in found]
        spans = np.concatenate(pairs) if pairs else np.zeros((0, 2), np.int64)
        return Spans(ids, offsets, *_whole_characters(spans[:, 0], spans[:, 1], self.is_byte[ids]))

    def _special_spans(self, texts: list[str]) -> Spans:
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        offsets = [0]
        for text in texts:
            at = 0
            for i, part in enumerate(self._special_pattern.split(text)):
                if i % 2:
                    ids.append(self.special_tokens[part])
                    spans.append((at, at + len(part)))
                elif part:
                    processor = self._inner if len(ids) > offsets[-1] else self._processor
                    found = processor.encode(part, return_type="offset_mapping")
                    ids += found["ids"]
                    spans += [(at + a, at + b) for a, b in found["offsets"]]
                at += len(part)
            offsets.append(len(ids))
        both = np.array(spans, np.int64).reshape(-1, 2)
        array = np.array(ids, np.uint32)
        starts, ends = _whole_characters(both[:, 0], both[:, 1], self.is_byte[array])
        return Spans(array, np.array(offsets, np.int64), starts, ends)

    def _text(self, ids: list[int], inner: bool) -> str:
        return str((self._inner if inner else self._processor).decode(ids))

    def _texts(self, batch: list[list[int]], inner: bool) -> list[str]:
        processor = self._inner if inner else self._processor
        texts: list[str] = processor.decode(batch, num_threads=self._threads)
        return texts

    def piece(self, token_id: int) -> str:
        return str(self.model.pieces[token_id].piece)

    def id_of(self, piece: str) -> int | None:
        return self._ids.get(piece)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {piece.piece: i for i, piece in enumerate(self.model.pieces)}

    @cached_property
    def is_byte(self) -> NDArray[np.bool_]:
        return np.array([piece.type == Piece.BYTE for piece in self.model.pieces], np.bool_)


def _whole_characters(
    starts: NDArray[np.int64], ends: NDArray[np.int64], is_byte: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Spans in which every byte of a character covers it; the library gives it to the last byte."""
    ends = ends.copy()
    for i in np.flatnonzero(is_byte & (starts == ends))[::-1].tolist():
        ends[i] = ends[i + 1]
    return starts, ends


def load(path: Path, threads: int) -> SentencePieceTokenizer:
    """A SentencePiece model. Raises TokenizerError where it is none."""
    return SentencePieceTokenizer(path, read_model(path), threads)
