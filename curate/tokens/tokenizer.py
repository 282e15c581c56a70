"""Tokenizers as the rest of the project sees them: batches of texts to arrays of ids, and back.

Two forms load: a SentencePiece model (`*.model`) and a Hugging Face `tokenizer.json`, each alone or
in a folder with `tokenizer_config.json`, `special_tokens_map.json` and `chat_template.jinja`.
Special tokens (BOS, EOS, chat markers) are never made from text unless asked: a document that
spells `<|im_start|>` or `</s>` holds these characters, not a command to the model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.errors import CurateError

Texts: TypeAlias = pa.Array | pa.ChunkedArray | Sequence[str]


class TokenizerError(CurateError):
    """A tokenizer that cannot be loaded, or lacks what the work at hand needs."""


class Encoded(NamedTuple):
    """Token ids of a batch of texts, end to end."""

    ids: NDArray[np.uint32]
    offsets: NDArray[np.int64]
    """Text i has ids[offsets[i] : offsets[i + 1]]; one more entry than texts."""


class Spans(NamedTuple):
    """`Encoded`, with the characters each token covers in its own text."""

    ids: NDArray[np.uint32]
    offsets: NDArray[np.int64]
    starts: NDArray[np.int64]
    """Code points of the text before the token."""
    ends: NDArray[np.int64]
    """Exclusive. Tokens that are bytes of one character all span that character; a token for the
    space that the tokenizer itself puts before a text spans nothing (start equals end)."""


class Tokenizer(ABC):
    """What every tokenizer can do, whatever library stands behind it."""

    path: Path
    """File or folder it was loaded from."""
    form: str
    """`sentencepiece` or `tokenizers`."""
    fingerprint: str
    """SHA-256, as hex, of what decides ids: the model and the added and special tokens. The chat
    template has no part in it. The two forms of one vocabulary differ in it."""
    vocab_size: int
    """Ids run from 0 to vocab_size - 1, added tokens included."""
    special_tokens: dict[str, int]
    """Control tokens by their text: BOS, EOS, PAD, UNK and chat markers."""
    chat_template: str | None
    """Jinja source, or None."""
    has_byte_fallback: bool
    """Whether every text can be encoded without the unknown token."""
    bos_id: int | None
    eos_id: int | None
    pad_id: int | None
    unk_id: int | None

    @abstractmethod
    def encode_batch(self, texts: Texts, *, special: bool = False, inner: bool = False) -> Encoded:
        """Ids of each text, without BOS or EOS; a null is an empty text.

        `special` reads the text of a special token as that token, as a rendered chat template
        needs; otherwise such text is encoded like any other. `inner` says that the texts go on from
        earlier ones, so that the tokenizer puts no space of its own before them.
        """

    @abstractmethod
    def offsets_batch(self, texts: Texts, *, special: bool = False) -> Spans | None:
        """As `encode_batch`, with character spans; None where the library does not give them."""

    def decode(
        self, ids: Sequence[int] | NDArray[np.uint32], *, special: bool = False, inner: bool = False
    ) -> str:
        """The text of ids. Raises ValueError for ids outside the vocabulary.

        `special` writes special tokens as their text; otherwise they are left out. `inner` says
        that the ids go on from earlier ones, so that a space at their start is part of the text.
        """
        values = np.asarray(ids, np.int64)
        if not len(values):
            return ""
        if values.min() < 0 or values.max() >= self.vocab_size:
            raise ValueError(f"{self.path}: ids must be from 0 to {self.vocab_size - 1}")
        parts: list[str] = []
        start = 0
        for cut in [*np.flatnonzero(self.is_special[values]).tolist(), len(values)]:
            if cut > start:
                parts.append(self._text(values[start:cut].tolist(), inner or start > 0))
            if special and cut < len(values):
                parts.append(self.piece(int(values[cut])))
            start = cut + 1
        return "".join(parts)

    @abstractmethod
    def _text(self, ids: list[int], inner: bool) -> str:
        """The text of ids none of which is special."""

    @abstractmethod
    def _texts(self, batch: list[list[int]], inner: bool) -> list[str]:
        """`_text` of a batch."""

    def decode_batch(
        self,
        ids: NDArray[np.uint32],
        offsets: NDArray[np.int64],
        *,
        special: bool = False,
        inner: bool = False,
    ) -> list[str]:
        """`decode` for each text of a batch laid out as `Encoded`."""
        bounds = list(pairwise(offsets.tolist()))
        if len(ids) and ids.max() < self.vocab_size and not self.is_special[ids].any():
            return self._texts([ids[a:b].tolist() for a, b in bounds], inner)
        return [self.decode(ids[a:b], special=special, inner=inner) for a, b in bounds]

    @abstractmethod
    def piece(self, token_id: int) -> str:
        """The vocabulary entry as the tokenizer spells it (▁ for a space, <0xE4> for a byte)."""

    @abstractmethod
    def id_of(self, piece: str) -> int | None:
        """The id of a vocabulary entry, None where there is none."""

    def text_of(self, token_id: int) -> str | None:
        """The text a token stands for; None where that is less than a character."""
        if self.is_special[token_id]:
            return self.piece(token_id)
        return None if self.is_byte[token_id] else self._text([token_id], inner=True)

    @cached_property
    def pieces(self) -> list[str]:
        """All vocabulary entries by id."""
        return [self.piece(i) for i in range(self.vocab_size)]

    @cached_property
    def is_special(self) -> NDArray[np.bool_]:
        """By id: whether it is a special token."""
        marks = np.zeros(self.vocab_size, np.bool_)
        marks[list(self.special_tokens.values())] = True
        return marks

    @cached_property
    @abstractmethod
    def is_byte(self) -> NDArray[np.bool_]:
        """By id: whether the token stands for less than a whole character."""


def strings(texts: Texts) -> list[str]:
    """The texts as Python strings, nulls as empty ones."""
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        texts = texts.fill_null("") if texts.null_count else texts
        values: list[str] = texts.to_pylist()
        return values
    return list(texts)


def joined(parts: Sequence[NDArray[np.int32] | NDArray[np.uint32]]) -> Encoded:
    """One batch from the ids of every text."""
    lengths = [len(p) for p in parts]
    offsets = np.zeros(len(parts) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    ids = np.concatenate(parts) if parts else np.zeros(0, np.uint32)
    # Ids are never negative, so int32 and uint32 are the same bytes.
    return Encoded(ids.view(np.uint32), offsets)


def load_tokenizer(
    path: Path | str, *, threads: int = 1, require_bos: bool = False, require_bytes: bool = False
) -> Tokenizer:
    """Loads a SentencePiece model, a `tokenizer.json`, or a folder that holds one of them.

    In a folder written by `curate tokenizer` both forms give identical ids and the SentencePiece
    model is used; in any other folder `tokenizer.json` comes first, since tokens added later are
    only there. `threads` is how many cores a batch may take.
    Raises TokenizerError where there is no tokenizer, it is damaged, or it lacks BOS
    (`require_bos`) or an encoding for every character (`require_bytes`).
    """
    from curate.tokens import huggingface, sentencepiece

    path = Path(path)
    if not path.exists():
        raise TokenizerError(f"{path}: there is no such tokenizer file or folder")
    found = _file_in(path) if path.is_dir() else path
    loads = huggingface.load if found.suffix == ".json" else sentencepiece.load
    tokenizer = loads(found, threads)
    tokenizer.path = path
    if require_bos and tokenizer.bos_id is None:
        raise TokenizerError(
            f"{path}: the tokenizer has no BOS token, which packing needs; name one in "
            'tokenizer_config.json ("bos_token") or pack without BOS'
        )
    if require_bytes and not tokenizer.has_byte_fallback:
        raise TokenizerError(
            f"{path}: the tokenizer has no byte tokens, so characters outside its vocabulary would "
            "be lost; use one trained with byte fallback (`curate tokenizer train` makes them)"
        )
    return tokenizer


MANIFEST = "tokenizer_manifest.json"
"""What `curate tokenizer` leaves beside the two forms it wrote and compared."""


def _file_in(folder: Path) -> Path:
    """The tokenizer file of a folder, by the order `load_tokenizer` documents."""
    fast, model = folder / "tokenizer.json", folder / "tokenizer.model"
    if (folder / MANIFEST).exists() and model.exists():
        return model
    if fast.exists():
        return fast
    models = [model] if model.exists() else sorted(folder.glob("*.model"))
    if len(models) == 1:
        return models[0]
    if models:
        names = ", ".join(m.name for m in models)
        raise TokenizerError(f"{folder}: holds several models ({names}); name the file you mean")
    raise TokenizerError(
        f"{folder}: holds neither tokenizer.json nor a SentencePiece model (*.model)"
    )
