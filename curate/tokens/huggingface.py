"""Any `tokenizer.json` behind the common `Tokenizer`."""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray

from curate.tokens.folder import ROLES, companions
from curate.tokens.tokenizer import (
    Encoded,
    Spans,
    Texts,
    Tokenizer,
    TokenizerError,
    joined,
    strings,
)

USUAL = {
    "bos": ("<s>", "<|begin_of_text|>", "<bos>", "[BOS]"),
    "eos": ("</s>", "<|end_of_text|>", "<|endoftext|>", "<eos>", "[EOS]"),
    "pad": ("<pad>", "[PAD]"),
    "unk": ("<unk>", "[UNK]"),
}
"""Names that stand for a role where no configuration lies beside the file."""


class HuggingFaceTokenizer(Tokenizer):
    """A tokenizer of the `tokenizers` library."""

    form = "tokenizers"

    def __init__(self, path: Path, content: dict[str, Any], threads: int) -> None:
        self.path = path
        # Padding and truncation would change what a text encodes to.
        content = {**content, "padding": None, "truncation": None}
        self._content = content
        text = json.dumps(content, ensure_ascii=False)
        try:
            self._plain = tokenizers.Tokenizer.from_str(text)
            self._special = tokenizers.Tokenizer.from_str(text)
        except Exception as error:
            raise TokenizerError(f"{path}: not a usable tokenizer.json ({error})") from None
        self._plain.encode_special_tokens = True
        self._threads = threads
        self._byte_level = "ByteLevel" in json.dumps(
            [content.get("pre_tokenizer"), content.get("decoder")]
        )
        model = content.get("model") or {}
        self.has_byte_fallback = self._byte_level or bool(model.get("byte_fallback"))
        added = self._plain.get_added_tokens_decoder()
        self.vocab_size = 1 + max(
            max(self._plain.get_vocab(with_added_tokens=True).values(), default=-1),
            max(added, default=-1),
        )
        self.special_tokens = {t.content: i for i, t in sorted(added.items()) if t.special}
        beside = companions(path.parent)
        self.chat_template = beside.chat_template
        ids = {role: self._role(role, beside.roles) for role in ROLES}
        self.bos_id, self.eos_id = ids["bos"], ids["eos"]
        self.pad_id, self.unk_id = ids["pad"], ids["unk"]
        canonical = json.dumps([content, ids], sort_keys=True, separators=(",", ":"))
        self.fingerprint = hashlib.sha256(canonical.encode()).hexdigest()

    def _role(self, role: str, named: dict[str, str]) -> int | None:
        if role in named:
            found = self._plain.token_to_id(named[role])
            return int(found) if found is not None else None
        usual = () if named else USUAL[role]
        return next((self.special_tokens[n] for n in usual if n in self.special_tokens), None)

    def _encodings(
        self, texts: Texts, special: bool, inner: bool = False, fast: bool = True
    ) -> list[tokenizers.Encoding]:
        tokenizer = self._inner if inner else self._special if special else self._plain
        tokenizer.encode_special_tokens = not special
        # The library reads this at every call; one process a core is how batches are spread.
        os.environ["TOKENIZERS_PARALLELISM"] = "true" if self._threads > 1 else "false"
        encode = tokenizer.encode_batch_fast if fast else tokenizer.encode_batch
        return encode(strings(texts), add_special_tokens=False)

    def encode_batch(self, texts: Texts, *, special: bool = False, inner: bool = False) -> Encoded:
        encodings = self._encodings(texts, special, inner)
        # The library hands ids out as lists only, which an array takes over faster than NumPy does.
        ids = array("I")
        ends = [0]
        for encoding in encodings:
            ids.fromlist(encoding.ids)
            ends.append(len(ids))
        return Encoded(np.frombuffer(ids, np.uint32), np.array(ends, np.int64))

    def offsets_batch(self, texts: Texts, *, special: bool = False) -> Spans | None:
        found = self._encodings(texts, special, fast=False)
        parts = [np.array(encoding.ids, np.uint32) for encoding in found]
        ids, offsets = joined(parts)
        pairs = [np.array(encoding.offsets, np.int64).reshape(-1, 2) for encoding in found]
        spans = np.concatenate(pairs) if pairs else np.zeros((0, 2), np.int64)
        starts, ends = spans[:, 0], spans[:, 1].copy()
        # The library gives a space that it put before a text the span of the first character.
        first = offsets[:-1][np.diff(offsets) > 1]
        mark = self.id_of("▁")
        own = (ids[first] == mark) & (starts[first] == 0) & (starts[first + 1] == 0)
        ends[first[own]] = 0
        return Spans(ids, offsets, starts, ends)

    def _text(self, ids: list[int], inner: bool) -> str:
        if not inner:
            return self._plain.decode(ids, skip_special_tokens=False)
        text = self._plain.decode(self._anchor + ids, skip_special_tokens=False)
        return text[len(self._plain.decode(self._anchor)) :]

    def _texts(self, batch: list[list[int]], inner: bool) -> list[str]:
        if inner:
            return [self._text(ids, inner) for ids in batch]
        return self._plain.decode_batch(batch, skip_special_tokens=False)

    @cached_property
    def _inner(self) -> tokenizers.Tokenizer:
        """The same tokenizer without what puts a space before a text."""
        return tokenizers.Tokenizer.from_str(json.dumps(_without_prefix(self._content)))

    @cached_property
    def _anchor(self) -> list[int]:
        """Ids of a letter, before which decoded ids keep the space they start with."""
        return list(self._plain.encode("a", add_special_tokens=False).ids)

    def piece(self, token_id: int) -> str:
        return self._plain.id_to_token(token_id) or ""

    def id_of(self, piece: str) -> int | None:
        found = self._plain.token_to_id(piece)
        return int(found) if found is not None else None

    @cached_property
    def is_byte(self) -> NDArray[np.bool_]:
        marks = np.zeros(self.vocab_size, np.bool_)
        if self._byte_level:
            alphabet = {c: b for b, c in enumerate(_byte_alphabet())}
            for token_id, piece in enumerate(self.pieces):
                if self.special_tokens.get(piece) == token_id or any(
                    c not in alphabet for c in piece
                ):
                    continue
                try:
                    bytes(alphabet[c] for c in piece).decode()
                except UnicodeDecodeError:
                    marks[token_id] = True
            return marks
        for byte in range(256):
            if (i := self.id_of(f"<0x{byte:02X}>")) is not None:
                marks[i] = self.has_byte_fallback
        return marks


def _without_prefix(value: Any) -> Any:
    """A tokenizer's description in which no step adds a space (or its mark) before a text."""
    if isinstance(value, list):
        kept = [v for v in value if not (isinstance(v, dict) and v.get("type") == "Prepend")]
        return [_without_prefix(v) for v in kept]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "Prepend":
        return None
    large = ("model", "added_tokens")
    result = {k: v if k in large else _without_prefix(v) for k, v in value.items()}
    if value.get("type") == "Metaspace":
        result["prepend_scheme"] = "never"
    if value.get("type") == "ByteLevel" and "add_prefix_space" in value:
        result["add_prefix_space"] = False
    return result


def _byte_alphabet() -> list[str]:
    """The character that byte-level vocabularies write for each byte (GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = (b for b in range(256) if b not in printable)
    moved = {b: 0x100 + n for n, b in enumerate(others)}
    return [chr(moved.get(b, b)) for b in range(256)]


def load(path: Path, threads: int) -> HuggingFaceTokenizer:
    """A `tokenizer.json` and what lies beside it. Raises TokenizerError where it is none."""
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise TokenizerError(f"{path}: not valid JSON ({error}); fetch the file again") from None
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        raise TokenizerError(f'{path}: not a tokenizer.json, which has a "model" object')
    return HuggingFaceTokenizer(path, content, threads)
