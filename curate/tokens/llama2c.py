"""Reads a llama2.c `tokenizer.bin`, which holds pieces and scores but no settings."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from curate.tokens.fastform import BPE, MARK
from curate.tokens.sentencepiece import Model, Piece
from curate.tokens.tokenizer import TokenizerError

_LONGEST = 1 << 12


def read_llama2c_tokenizer(path: Path) -> Any:
    """The SentencePiece model with these pieces and LLaMA's settings.

    Layout: int32 longest piece, then for every piece float32 score, int32 length, UTF-8 bytes, with
    spaces where SentencePiece has ▁. Ids 0 to 2 are unknown, BOS and EOS, the next 256 bytes.
    Raises TokenizerError where the file is no such tokenizer.
    """
    data = path.read_bytes()
    model = Model()
    at = 4
    try:
        while at < len(data):
            score, length = struct.unpack_from("<fi", data, at)
            text = data[at + 8 : at + 8 + length]
            if not 0 <= length <= _LONGEST or len(text) != length:
                raise ValueError(f"a piece of {length} bytes")
            at += 8 + length
            piece = text.decode().replace(" ", MARK)
            model.pieces.add(piece=piece, score=score, type=Piece.NORMAL)
    except (ValueError, struct.error) as error:
        raise TokenizerError(f"{path}: not a llama2.c tokenizer ({error})") from None
    if len(model.pieces) < 3 + 256:
        raise TokenizerError(f"{path}: not a llama2.c tokenizer (too few pieces)")
    for i, name in enumerate(("<unk>", "<s>", "</s>")):
        model.pieces[i].piece = name
        model.pieces[i].type = Piece.CONTROL if i else Piece.UNKNOWN
    for byte in range(256):
        model.pieces[3 + byte].piece = f"<0x{byte:02X}>"
        model.pieces[3 + byte].type = Piece.BYTE
    model.trainer_spec.model_type = BPE
    model.trainer_spec.vocab_size = len(model.pieces)
    model.trainer_spec.byte_fallback = True
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.remove_extra_whitespaces = False
    return model
