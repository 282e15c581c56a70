"""Trains a SentencePiece model that treats bytes, spaces and digits as LLaMA's does."""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from sentencepiece import SentencePieceTrainer

from curate.progress import Progress, Silent
from curate.tokens.sentencepiece import Model
from curate.tokens.tokenizer import TokenizerError

Kind = Literal["bpe", "unigram"]
Characters = Literal["sample", "simplified", "both"]

LINE = 4000
"""Characters; a longer line is cut. Pieces have at most 16, so little is lost at the cuts."""
_LINE_BYTES = 4 * LINE + 8
_MADE = re.compile(rb"merges=(\d+)")


@dataclass(frozen=True)
class Training:
    """What decides a trained model, besides the text."""

    size: int
    """Pieces in all: 3 with a role, 256 bytes, special tokens, characters, and what is learnt."""
    kind: Kind = "bpe"
    """bpe, as LLaMA: also as tokenizer.json with identical ids. unigram: by likelihood."""
    coverage: float = 0.9995
    """Share of the sample's characters that get a piece; the rest become bytes. SentencePiece's
    documentation advises 0.9995 for languages with as many characters as Chinese."""
    characters: Characters = "sample"
    """Which get a piece whether the sample has them or not, see `required_characters`."""
    special: tuple[str, ...] = ()
    """Control tokens: never made from text. One named `<pad>` becomes the padding token."""
    prefix: bool = True
    """Whether a space goes before every text, as LLaMA does."""
    exact: bool = True
    """Whether a text that gives fewer pieces than `size` is an error."""


def trained_model(texts: Iterable[str], options: Training, progress: Progress | None = None) -> Any:
    """A SentencePiece model of the texts, as a protocol buffer.

    The same texts in the same order give the same bytes on any machine: one thread, since the
    unigram trainer adds in the order its threads finish.
    Raises TokenizerError where the size does not suit the text.
    """
    told = progress or Silent()
    out = io.BytesIO()
    told.stage("train", options.size, "merges" if options.kind == "bpe" else "pieces")
    try:
        with _watched(told):
            SentencePieceTrainer.Train(
                sentence_iterator=lines(texts),
                model_writer=out,
                model_type=options.kind,
                vocab_size=options.size,
                character_coverage=options.coverage,
                required_chars=required_characters(options.characters),
                control_symbols=[t for t in options.special if t != PAD],
                pad_id=3 if PAD in options.special else -1,
                byte_fallback=True,
                split_digits=True,
                allow_whitespace_only_pieces=True,
                normalization_rule_name="identity",
                remove_extra_whitespaces=False,
                add_dummy_prefix=options.prefix,
                hard_vocab_limit=options.exact,
                max_sentence_length=_LINE_BYTES,
                shuffle_input_sentence=False,
                train_extremely_large_corpus=True,
                num_threads=1,
                minloglevel=0,
            )
    except RuntimeError as error:
        raise TokenizerError(_said(str(error), options)) from None
    model = Model.FromString(out.getvalue())
    # Nothing of how it was run belongs into a file that the same inputs must give again.
    model.trainer_spec.ClearField("model_prefix")
    return model


PAD = "<pad>"


def required_characters(which: Characters) -> str:
    """Characters by the national standards, without repeats.

    `simplified`: the 6,763 Han characters of GB 2312. `both`: also the 5,401 that Big5 calls
    frequently used, 8,836 together. `sample`: none.
    """
    if which == "sample":
        return ""
    gb = bytes(b for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF) for b in (row, cell))
    found = dict.fromkeys(gb.decode("gb2312", "ignore"))
    if which == "both":
        cells = [*range(0x40, 0x7F), *range(0xA1, 0xFF)]
        big5 = bytes(b for row in range(0xA4, 0xC7) for cell in cells for b in (row, cell))
        # Frequently used characters end at C67E, within a row.
        found |= dict.fromkeys(big5[: big5.index(b"\xc6\x7e") + 2].decode("big5"))
    return "".join(found)


def lines(texts: Iterable[str]) -> Iterator[str]:
    """The lines of the texts that are not empty, long ones in parts."""
    for text in texts:
        for line in text.split("\n"):
            for start in range(0, len(line), LINE):
                yield line[start : start + LINE]


def _said(error: str, options: Training) -> str:
    if found := re.search(r"smaller than required_chars\. (\d+) vs (\d+)", error):
        return (
            f"a vocabulary of {options.size:,} is too small: bytes, special tokens and the "
            f"characters that cover {options.coverage:.4%} of the sample need {found[2]} pieces; "
            "raise --size or lower --coverage"
        )
    if found := re.search(r"Please set it to a value <= (\d+)", error):
        return (
            f"a vocabulary of {options.size:,} is more than the sample can fill: it gives "
            f"{int(found[1]):,} pieces; lower --size or raise --sample-mb"
        )
    if "sentences_.empty()" in error:
        return "the sample holds no text; raise --sample-mb or name a build with rows"
    if "meta pieces" in error or "meta_pieces" in error:
        return f"a vocabulary of {options.size:,} has no room for bytes and special tokens"
    return f"SentencePiece cannot train on this sample: {error}"


@contextmanager
def _watched(progress: Progress) -> Iterator[None]:
    """Reads the trainer's log, which it writes to standard error, for the merges made so far."""
    reading, writing = os.pipe()
    own = os.dup(2)

    def follow() -> None:
        made = 0
        with os.fdopen(reading, "rb") as log:
            for line in log:
                if (found := _MADE.search(line)) and int(found[1]) > made:
                    progress.advance(int(found[1]) - made)
                    made = int(found[1])

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        os.dup2(writing, 2)
        yield
    finally:
        os.dup2(own, 2)
        os.close(own)
        os.close(writing)
        thread.join()
