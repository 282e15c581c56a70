"""Writes a tokenizer's folder: both forms, compared before the folder appears."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.fingerprint import file_sha256
from curate.progress import Progress, Silent
from curate.storage import opened_for_writing, write_json
from curate.tokens import huggingface, sentencepiece
from curate.tokens.fastform import BPE, write_fast_form
from curate.tokens.tokenizer import MANIFEST, Tokenizer, TokenizerError, strings

VERSION = 1

TRICKY = (
    "",
    " ",
    " a",
    "  两个空格",
    "空格 在 中间  和末尾 ",
    "\n\n\t一\r\n",
    "a\0b\x01\x7f",
    "1234567890 １２３ 3.14 2018年11月",
    "<s> </s> <unk> <0x0A> <|im_start|>user\n你好<|im_end|>",
    "𠮷野家 𰻝𰻝面 🏳️‍🌈 e\u0301 \u200b\ufeff\u3000\ufffd",
    "哈" * 31 + "=" * 33 + " " * 35,
    "《红楼梦》第１２０回，“你好”——他说……",
)
"""Compared whatever else is: spaces, controls, spelled tokens, rare characters, runs."""


@dataclass
class Comparison:
    """Texts encoded by two tokenizers of one vocabulary."""

    texts: int = 0
    bytes: int = 0
    different: int = 0
    """Texts whose ids differ."""
    lossy: int = 0
    """Texts that decoding does not give back. A text with U+2581 always is one: SentencePiece
    writes spaces so."""
    example: str | None = None
    """The first text that differs."""

    def add(self, model: Tokenizer, fast: Tokenizer, texts: list[str]) -> None:
        """Compares ids of both, and what each decodes to with the text."""
        one, two = model.encode_batch(texts), fast.encode_batch(texts)
        self.texts += len(texts)
        self.bytes += sum(len(t.encode()) for t in texts)
        if not (np.array_equal(one.offsets, two.offsets) and np.array_equal(one.ids, two.ids)):
            for i, text in enumerate(texts):
                a = one.ids[one.offsets[i] : one.offsets[i + 1]]
                b = two.ids[two.offsets[i] : two.offsets[i + 1]]
                if not np.array_equal(a, b):
                    self.different += 1
                    self.example = self.example or text[:200]
        back, other = model.decode_batch(*one), fast.decode_batch(*two)
        for text, first, second in zip(texts, back, other, strict=True):
            self.lossy += not text == first == second


def save(
    folder: Path,
    model: Any,
    details: dict[str, Any],
    texts: Sequence[list[str] | pa.Array] = (),
    chat_template: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Writes `tokenizer.model`, `tokenizer.json` and what belongs to them; returns the manifest.

    The forms are compared on TRICKY and on `texts`. The folder appears whole or not at all.
    Raises TokenizerError where the folder holds something else, or a BPE model's forms differ.
    """
    told = progress or Silent()
    check_free(folder)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        with opened_for_writing(partial / "tokenizer.model") as file:
            file.write(model.SerializeToString(deterministic=True))
        write_fast_form(partial, model, chat_template)
        one = sentencepiece.load(partial / "tokenizer.model", 1)
        two = huggingface.load(partial / "tokenizer.json", 1)
        told.stage("compare forms", sum(map(_size, texts)))
        found = Comparison()
        found.add(one, two, list(TRICKY))
        for batch in texts:
            found.add(one, two, strings(batch))
            told.advance(_size(batch))
        if found.different and model.trainer_spec.model_type == BPE:
            raise TokenizerError(
                f"{found.different} of {found.texts} texts encode differently in tokenizer.json "
                f"and the SentencePiece model, for one: {found.example!r}; nothing was written"
            )
        files = sorted(p for p in partial.iterdir() if not p.name.startswith("."))
        manifest = {
            "schema_version": VERSION,
            "kind": "tokenizer",
            **details,
            "vocab_size": len(model.pieces),
            "fingerprints": {"sentencepiece": one.fingerprint, "tokenizers": two.fingerprint},
            "compared": asdict(found),
            "files": {p.name: {"bytes": p.stat().st_size, "sha256": file_sha256(p)} for p in files},
            "libraries": {
                n: importlib.metadata.version(n) for n in ("sentencepiece", "tokenizers")
            },
        }
        write_json(partial / MANIFEST, manifest)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return manifest


def _size(texts: list[str] | pa.Array) -> int:
    return int(texts.nbytes) if isinstance(texts, pa.Array) else sum(map(len, texts))


def check_free(folder: Path) -> None:
    """Raises TokenizerError where a folder holds something other than a tokenizer of ours."""
    ours = not folder.exists() or (folder / MANIFEST).exists()
    if not ours and (not folder.is_dir() or any(folder.iterdir())):
        raise TokenizerError(f"{folder}: exists and holds something else; name another folder")
