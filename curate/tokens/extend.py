"""Adds Chinese pieces to a LLaMA-style SentencePiece model, whose own ids stay as they are.

A BPE model merges the pair whose result scores best. New pieces score below every old one, each
its own score in the order of the donor's: text without Chinese encodes as before, and
`tokenizer.json` can give the same ids. (With one score of 0 for all new pieces, the usual way, they
merge first and from the left, which a fixed order of merges cannot express.)

Merging builds a piece from two others. A donor trained by likelihood has pieces that no chain of
merges ends in; they would only be dead rows of the embedding, so they are left out and counted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from sentencepiece import SentencePieceProcessor

from curate.progress import Progress
from curate.tokens.fastform import BPE, MARK, tied_pieces
from curate.tokens.sentencepiece import Model, Piece
from curate.tokens.tokenizer import TokenizerError
from curate.tokens.train import PAD, Characters, Training, trained_model

Choice = Literal["chinese", "all"]

CHINESE = (
    "\u2e80-\u2fdf\u3001-\u303f\u3100-\u312f\u31a0-\u31bf\u31c0-\u31ef\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff5e\U00020000-\U0003ffff"
)
"""Regex class: Han characters and radicals, bopomofo, Chinese and full-width punctuation."""
_SOME = re.compile(f"[{CHINESE}]")
_RUNS = re.compile(f"[{CHINESE}·—…“”‘’]+")


@dataclass
class Extension:
    """An extended model and what became of the donor's pieces."""

    model: Any
    added: list[str]
    special: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    """By reason: in_base, not_chinese, uncovered (a character is no piece), unreachable (no chain
    of merges gives it), over_size."""


def chinese_runs(texts: Iterable[str]) -> Iterator[str]:
    """Runs of Chinese characters and punctuation: what a donor of new pieces is trained on."""
    for text in texts:
        yield from _RUNS.findall(text)


def is_chinese(piece: str) -> bool:
    """Whether a piece has a Chinese character and no digit.

    LLaMA has a token a digit, so that numbers are spelled alike everywhere; `5月` would break that.
    """
    return bool(_SOME.search(piece)) and not any(unicodedata.category(c) == "Nd" for c in piece)


def learnt_donor(
    texts: Iterable[str],
    new_pieces: int,
    coverage: float,
    characters: Characters = "sample",
    progress: Progress | None = None,
) -> Any:
    """A model trained on the Chinese runs of texts, with pieces enough to choose `new_pieces` from.

    Raises TokenizerError where there are more characters than that.
    """
    # Some pieces the base has, some have digits, and every model has its bytes.
    size = 3 + 256 + new_pieces + 1000 + new_pieces // 20
    options = Training(size, "bpe", coverage, characters, prefix=False, exact=False)
    return trained_model(chinese_runs(texts), options, progress)


def check_base(model: Any) -> None:
    """Raises TokenizerError unless the model is one whose merges can be added to."""
    if model.trainer_spec.model_type != BPE or not model.trainer_spec.byte_fallback:
        raise TokenizerError(
            "the base is not a LLaMA-style model (BPE with byte fallback); pieces can only be "
            "added to such a one, others are trained anew: `curate tokenizer train`"
        )
    if model.normalizer_spec.precompiled_charsmap:
        raise TokenizerError(
            f"the base rewrites text before encoding ({model.normalizer_spec.name}), so decoding "
            "could not give it back; use a base without normalisation, as LLaMA's"
        )
    if tied := tied_pieces(model):
        raise TokenizerError(
            f"{tied:,} pieces of the base share their score with another, so no tokenizer.json can "
            "give the ids it gives; extend the model that it was made from instead"
        )


def extended(
    base: Any,
    donor: Any,
    size: int | None = None,
    choice: Choice = "chinese",
    special: tuple[str, ...] = (),
) -> Extension:
    """The base with the donor's best pieces, then the special tokens, at the end of the vocabulary.

    `size` counts all pieces of the result; without it every usable piece is added.
    Raises TokenizerError where the base or the size does not suit.
    """
    check_base(base)
    left_out: dict[str, list[str]] = {"in_base": [], "not_chinese": []}
    present = {p.piece for p in base.pieces}
    fresh = [t for t in dict.fromkeys(special) if t not in present]
    usable: list[str] = []
    order = sorted(
        (-p.score, i, p.piece) for i, p in enumerate(donor.pieces) if p.type == Piece.NORMAL
    )
    for _, _, piece in order:
        if piece in present:
            left_out["in_base"].append(piece)
        elif choice == "chinese" and not is_chinese(piece):
            left_out["not_chinese"].append(piece)
        else:
            usable.append(piece)
    characters = [p for p in usable if len(p) == 1]
    covered = present | set(characters)
    longer = [p for p in usable if len(p) > 1]
    left_out["uncovered"] = [p for p in longer if any(c not in covered for c in p)]
    uncovered = set(left_out["uncovered"])
    longer = [p for p in longer if p not in uncovered]
    room = None if size is None else size - len(base.pieces) - len(fresh)
    if room is not None and room < len(characters):
        least = size - room + len(characters) if size is not None else 0
        raise TokenizerError(
            f"a vocabulary of {size:,} is too small: the base has {len(base.pieces):,} pieces, and "
            f"{len(characters):,} characters and {len(fresh)} special tokens come to it; "
            f"give --size {least} or more, or lower --coverage"
        )
    chosen, unreachable = _reachable(base, characters, longer, room)
    left_out["unreachable"] = unreachable
    taken = {*chosen, *unreachable}
    left_out["over_size"] = [p for p in longer if p not in taken]
    added = characters + chosen
    if not added and not fresh:
        raise TokenizerError("the donor has no piece that the base lacks: nothing to add")
    model = _with_pieces(base, added, fresh)
    return Extension(model, added, fresh, left_out)


def _reachable(
    base: Any, characters: list[str], longer: list[str], room: int | None
) -> tuple[list[str], list[str]]:
    """(the first pieces that merging can give, those on the way that it cannot).

    A piece is given by some text if and only if it is given by itself alone: merges within it go
    the same way anywhere, unless a neighbour takes a part of it. Leaving out a piece may cut
    another off, so this is repeated until nothing changes.
    """
    unreachable: list[str] = []
    dead: set[str] = set()
    while True:
        alive = [p for p in longer if p not in dead]
        chosen = alive if room is None else alive[: room - len(characters)]
        model = _with_pieces(base, characters + chosen, [])
        model.normalizer_spec.add_dummy_prefix = False
        processor = SentencePieceProcessor(model_proto=model.SerializeToString())
        texts = [p.replace(MARK, " ") for p in chosen]
        lengths = map(len, processor.encode(texts, return_type="numpy") if texts else [])
        lost = [p for p, n in zip(chosen, lengths, strict=True) if n != 1]
        if not lost:
            return chosen, unreachable
        unreachable += lost
        dead.update(lost)


def _with_pieces(base: Any, pieces: list[str], control: list[str]) -> Any:
    model = Model()
    model.CopyFrom(base)
    # Runs of spaces score far below all others, which must not put new pieces there.
    lowest = min(p.score for p in base.pieces if p.type == Piece.NORMAL and p.piece.strip(MARK))
    for rank, piece in enumerate(pieces, 1):
        # Whole numbers, so that single precision keeps them apart (up to 2^24).
        model.pieces.add(piece=piece, score=float(int(lowest) - rank), type=Piece.NORMAL)
    for token in control:
        model.pieces.add(piece=token, score=0.0, type=Piece.CONTROL)
        if token == PAD and model.trainer_spec.pad_id < 0:
            model.trainer_spec.pad_id = len(model.pieces) - 1
            model.trainer_spec.pad_piece = token
    model.trainer_spec.vocab_size = len(model.pieces)
    return model
