"""A SentencePiece model as a Hugging Face `tokenizer.json` that gives the same ids.

Where the two libraries differ, and what is done about it:

- A SentencePiece model merges the pair whose result scores best, the leftmost of equals; the other
  library knows a fixed order of pairs. So merges are ordered by score, and models whose normal
  pieces tie (Chinese-LLaMA gave every new piece the score 0) cannot be converted faithfully:
  `tied_pieces` finds them, and `curate tokenizer extend` gives every new piece a score of its own.
- Only normal pieces are made by merging. `<s>` or `<0x0A>` spelled in a text must not become the
  token, though `<` and `s>` may both be pieces. The other library's unigram model makes no
  difference between kinds of pieces, so there such a text is cut after its first character.
- A piece is only built from characters that are pieces themselves here, since others turn to bytes
  before merging: `uncovered_pieces` finds those, which no text would ever give.
- The space before a text is always added, also before one that starts with a space, but not after a
  special token within a text. `Metaspace` alone leaves a text alone that starts with a space. Hence
  spaces are marked first, and the one added is a plain space that the next step marks.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers

from curate.storage import opened_for_writing, write_json
from curate.tokens.sentencepiece import Piece
from curate.tokens.tokenizer import TokenizerError

MARK = "▁"
"""What SentencePiece writes for a space (U+2581)."""
UNIGRAM, BPE = 1, 2


def merges(model: Any) -> list[tuple[str, str]]:
    """Every pair of pieces that forms a piece, best score first.

    Pairs that form the same piece stand by the length of the first part, shortest first: of a run
    of one character that is the order in which SentencePiece, going from the left, meets them.
    """
    # Runs of spaces may share one score. The leftmost merge first then means that a run begun is
    # made as long as it can be: the longest piece first.
    normal = {
        p.piece: (-p.score, -len(p.piece) if not p.piece.strip(MARK) else i)
        for i, p in enumerate(model.pieces)
        if p.type == Piece.NORMAL
    }
    ranked = [
        (*rank, cut, piece)
        for piece, rank in normal.items()
        for cut in range(1, len(piece))
        if piece[:cut] in normal and piece[cut:] in normal
    ]
    return [(piece[:cut], piece[cut:]) for _, _, cut, piece in sorted(ranked)]


def tied_pieces(model: Any) -> int:
    """How many normal pieces of a BPE model share their score with another, runs of spaces aside.

    For those `merges` has an order that gives the same pieces.
    """
    scores: dict[float, int] = {}
    for piece in model.pieces:
        if piece.type == Piece.NORMAL and len(piece.piece) > 1 and piece.piece.strip(MARK):
            scores[piece.score] = scores.get(piece.score, 0) + 1
    return sum(count for count in scores.values() if count > 1)


def uncovered_pieces(model: Any) -> list[str]:
    """Normal pieces with a character that is no piece, so that the fast form cannot give them."""
    normal = {p.piece for p in model.pieces if p.type == Piece.NORMAL}
    return sorted(piece for piece in normal if any(c not in normal for c in piece))


def fast_tokenizer(model: Any) -> tokenizers.Tokenizer:
    """The converted tokenizer. Raises TokenizerError for kinds of models that have no such form."""
    trainer, normal = model.trainer_spec, model.normalizer_spec
    if trainer.treat_whitespace_as_suffix or not normal.escape_whitespaces:
        raise TokenizerError(
            "the SentencePiece model marks spaces in a way that tokenizer.json cannot express "
            "(spaces as suffix, or not marked); use a model that marks them as LLaMA's does"
        )
    tokenizer = tokenizers.Tokenizer(_core(model))
    steps: list[Any] = []
    if normal.precompiled_charsmap:
        steps.append(normalizers.Precompiled(normal.precompiled_charsmap))
    if normal.remove_extra_whitespaces:
        steps.append(normalizers.Replace(Regex(r"\A +| +\z"), ""))
        steps.append(normalizers.Replace(Regex(" {2,}"), " "))
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", MARK)])
    # Where a text begins is not known after its start was cut off.
    where = "always" if steps else "first"
    before: list[Any] = []
    if normal.add_dummy_prefix:
        before += [
            pre_tokenizers.Metaspace(replacement=" ", prepend_scheme=where, split=False),
            pre_tokenizers.Metaspace(replacement=MARK, prepend_scheme="never", split=False),
        ]
    if trainer.model_type == UNIGRAM:
        before.append(pre_tokenizers.Split(Regex(_spelled(model)), "merged_with_previous"))
    if before:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(before)
    back = [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse()]
    if normal.add_dummy_prefix:
        back.append(decoders.Strip(content=" ", left=1))
    tokenizer.decoder = decoders.Sequence(back)
    marked = (Piece.UNKNOWN, Piece.CONTROL, Piece.USER_DEFINED)
    tokenizer.add_tokens(
        [
            AddedToken(p.piece, normalized=False, special=p.type != Piece.USER_DEFINED)
            for p in model.pieces
            if p.type in marked
        ]
    )
    return tokenizer


def _spelled(model: Any) -> str:
    """A pattern for the first character of a token that text must not become."""
    tokens = [p.piece for p in model.pieces if p.type in (Piece.UNKNOWN, Piece.CONTROL, Piece.BYTE)]
    return "|".join(f"{re.escape(t[0])}(?={re.escape(t[1:])})" for t in tokens if len(t) > 1)


def _core(model: Any) -> models.Model:
    trainer = model.trainer_spec
    if trainer.model_type == UNIGRAM:
        return models.Unigram(
            [(p.piece, p.score) for p in model.pieces],
            unk_id=next(i for i, p in enumerate(model.pieces) if p.type == Piece.UNKNOWN),
            byte_fallback=trainer.byte_fallback,
        )
    if trainer.model_type != BPE:
        raise TokenizerError("only BPE and unigram models have a form as tokenizer.json")
    return models.BPE(
        vocab={p.piece: i for i, p in enumerate(model.pieces)},
        merges=merges(model),
        unk_token=next(p.piece for p in model.pieces if p.type == Piece.UNKNOWN),
        fuse_unk=True,
        byte_fallback=trainer.byte_fallback,
    )


def write_fast_form(folder: Path, model: Any, chat_template: str | None) -> None:
    """Writes `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json`, the template.

    The class named is the general one: transformers' own LlamaTokenizer would build its pipeline
    anew and ignore the one in `tokenizer.json`.
    """
    tokenizer = fast_tokenizer(model)
    with opened_for_writing(folder / "tokenizer.json") as file:
        file.write(tokenizer.to_str(pretty=True).encode())
    roles = role_tokens(model)
    write_json(folder / "special_tokens_map.json", roles)
    named = set(roles.values())
    control = [p.piece for p in model.pieces if p.type == Piece.CONTROL and p.piece not in named]
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **roles,
        "additional_special_tokens": control,
        "clean_up_tokenization_spaces": False,
    }
    if chat_template is not None:
        with opened_for_writing(folder / "chat_template.jinja") as file:
            file.write(chat_template.encode())
    write_json(folder / "tokenizer_config.json", config)


def role_tokens(model: Any) -> dict[str, str]:
    """`bos_token`, `eos_token`, `unk_token` and `pad_token` of a model, those it has."""
    spec = model.trainer_spec
    by_role = {"bos": spec.bos_id, "eos": spec.eos_id, "unk": spec.unk_id, "pad": spec.pad_id}
    pieces = {p.piece for p in model.pieces}
    named = {
        "bos": spec.bos_piece,
        "eos": spec.eos_piece,
        "unk": spec.unk_piece,
        "pad": spec.pad_piece,
    }
    return {
        f"{role}_token": named[role]
        for role, token_id in by_role.items()
        if token_id >= 0 and named[role] in pieces
    }
