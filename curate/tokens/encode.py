"""Examples and documents as token ids, with what is learnt marked.

Pieces of an example are encoded apart, so an answer begins and ends at a token boundary whatever
the tokenizer would merge across the seam; that is also what the model meets at inference, where the
prompt is encoded before there is an answer. A SentencePiece model takes the beginning of what it is
given for the beginning of a text and puts a space before it: a piece that continues one is
therefore encoded behind a guard, a letter whose tokens are then taken away again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.errors import RecipeError
from curate.tokens.prompts import Part, Piece
from curate.tokens.tokenizer import Texts, Tokenizer

_GUARDS = ("\n", "\x02", "。", "|", "的", "a")
_PROBES = ("中文", "a cat", "1 + 1", "\n", " x", "，好", "word")


IdType = type[np.uint16] | type[np.uint32]


@dataclass(frozen=True)
class Encoded:
    """Token ids of several documents, end to end."""

    ids: NDArray[Any]
    """uint16 or uint32."""
    offsets: NDArray[np.int64]
    mask: NDArray[np.uint8] | None
    """1 where a token is learnt; None where all are."""


@njit(cache=True, nogil=True)
def _framed(ids, offsets, bos, eos, out, out_offsets):  # type: ignore[no-untyped-def]
    """Copies documents with BOS before and EOS after each that is not empty (-1: without)."""
    at = 0
    out_offsets[0] = 0
    for d in range(len(offsets) - 1):
        if offsets[d + 1] > offsets[d]:
            if bos >= 0:
                out[at] = bos
                at += 1
            for i in range(offsets[d], offsets[d + 1]):
                out[at] = ids[i]
                at += 1
            if eos >= 0:
                out[at] = eos
                at += 1
        out_offsets[d + 1] = at
    return at


def encoded_texts(
    tokenizer: Tokenizer, texts: Texts, bos: int | None, eos: int | None, kind: IdType
) -> Encoded:
    """Texts as documents, ids of type `kind`; an empty one has no tokens, not even BOS and EOS."""
    ids, offsets = tokenizer.encode_batch(texts)
    extra = (bos is not None) + (eos is not None)
    count = len(offsets) - 1
    out = np.empty(len(ids) + extra * count, kind)
    out_offsets = np.empty(count + 1, np.int64)
    n = _framed(
        ids, offsets, -1 if bos is None else bos, -1 if eos is None else eos, out, out_offsets
    )
    return Encoded(out[:n], out_offsets, None)


class PieceEncoder:
    """Encodes pieces of examples with one tokenizer.

    Raises RecipeError where the tokenizer cannot encode the continuation of a text.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._guard = self._found_guard()

    def _lists(self, texts: Sequence[str]) -> list[NDArray[np.uint32]]:
        ids, offsets = self._tokenizer.encode_batch(list(texts))
        return [ids[offsets[i] : offsets[i + 1]] for i in range(len(texts))]

    def _found_guard(self) -> tuple[str, NDArray[np.uint32]] | None:
        """A guard that stays apart from what follows it, or None where none is needed.

        None is needed where the ids of a text are the same at its beginning and behind a guard.
        """
        usable: list[tuple[str, NDArray[np.uint32]]] = []
        for guard in _GUARDS:
            alone, *behind = self._lists([guard, *(guard + probe for probe in _PROBES)])
            if not len(alone) or not all(
                np.array_equal(ids[: len(alone)], alone) for ids in behind
            ):
                continue
            rest = [ids[len(alone) :] for ids in behind]
            fresh = self._lists(_PROBES)
            if all(np.array_equal(a, b) for a, b in zip(rest, fresh, strict=True)):
                return None
            usable.append((guard, alone))
        if not usable:
            raise RecipeError(
                "this tokenizer merges whatever stands before an answer with it; "
                "use `--prompt plain`, which encodes question and answer as texts of their own"
            )
        return usable[0]

    def _continued(self, texts: Sequence[str]) -> list[NDArray[np.uint32]]:
        """Ids of texts that continue another one."""
        if self._guard is None:
            return self._lists(texts)
        guard, alone = self._guard
        found = self._lists([guard + text for text in texts])
        result = []
        for text, ids in zip(texts, found, strict=True):
            if not np.array_equal(ids[: len(alone)], alone):
                # The guard merged with this text: rare, so the text is taken as a beginning.
                ids = self._lists([text])[0]
            else:
                ids = ids[len(alone) :]
            result.append(ids)
        return result

    def encode(self, examples: Sequence[list[Piece]], learnt: str) -> Encoded:
        """Examples end to end. `learnt` is "answers", "last" (only the last turn's) or "all"."""
        prepared = [_joined(self._resolved(pieces)) for pieces in examples]
        texts: dict[bool, list[str]] = {True: [], False: []}
        for pieces in prepared:
            for piece in pieces:
                if isinstance(piece.content, str):
                    texts[piece.fresh].append(piece.content)
        ready = {
            True: iter(self._lists(texts[True]) if texts[True] else []),
            False: iter(self._continued(texts[False]) if texts[False] else []),
        }
        runs: list[NDArray[np.uint32]] = [np.empty(0, np.uint32)]
        flags: list[bool] = [False]
        offsets = np.zeros(len(examples) + 1, np.int64)
        total = 0
        for number, pieces in enumerate(prepared):
            last = max((piece.turn for piece in pieces), default=-1)
            for piece in pieces:
                ids = (
                    next(ready[piece.fresh])
                    if isinstance(piece.content, str)
                    else np.array([piece.content], np.uint32)
                )
                runs.append(ids)
                answer = piece.turn >= 0 and (learnt == "answers" or piece.turn == last)
                flags.append(learnt == "all" or answer)
                total += len(ids)
            offsets[number + 1] = total
        lengths = [len(run) for run in runs]
        mask = np.repeat(np.array(flags, np.uint8), lengths)
        return Encoded(np.concatenate(runs), offsets, mask)

    def _resolved(self, pieces: list[Piece]) -> list[_Run]:
        """Control tokens by their ids where the tokenizer has them, else by their letters."""
        result: list[_Run] = []
        for piece in pieces:
            content: str | int = piece.text
            if piece.part is Part.BOS:
                if self._tokenizer.bos_id is None:
                    continue
                content = self._tokenizer.bos_id
            elif piece.part is Part.EOS:
                assert self._tokenizer.eos_id is not None
                content = self._tokenizer.eos_id
            elif piece.part in (Part.CONTROL, Part.STOP):
                known = self._tokenizer.special_tokens.get(piece.text)
                content = piece.text if known is None else known
            if content != "":
                result.append(_Run(content, piece.turn, piece.fresh))
        return result


@dataclass(frozen=True)
class _Run:
    """A piece that is either text to encode or one id."""

    content: str | int
    turn: int
    fresh: bool


def _joined(runs: list[_Run]) -> list[_Run]:
    """Neighbouring prompt texts as one, so that a tokenizer may merge within the prompt."""
    result: list[_Run] = []
    for run in runs:
        before = result[-1] if result else None
        if (
            before is not None
            and isinstance(before.content, str)
            and isinstance(run.content, str)
            and before.turn == run.turn == -1
            and not run.fresh
        ):
            result[-1] = _Run(before.content + run.content, -1, before.fresh)
        else:
            result.append(run)
    return result


def required_controls(tokenizer: Tokenizer, kind: str, options: Any) -> None:
    """Raises RecipeError where the options need a control token that the tokenizer lacks."""
    if kind == "text":
        if options.bos and tokenizer.bos_id is None:
            raise RecipeError("the tokenizer has no BOS token; give --no-bos, or add one to it")
        if options.eos and tokenizer.eos_id is None:
            raise RecipeError("the tokenizer has no EOS token; give --no-eos, or add one to it")
    elif options.prompt == "template":
        if not tokenizer.chat_template:
            raise RecipeError(
                "the tokenizer has no chat template; give another --prompt, or put a "
                "chat_template into its tokenizer_config.json"
            )
    elif options.prompt != "chatml":
        if tokenizer.eos_id is None:
            raise RecipeError(
                f"the tokenizer has no EOS token to end answers with, as --prompt {options.prompt} "
                "needs; give --prompt chatml, or add one to it"
            )
        if tokenizer.bos_id is None:
            raise RecipeError(
                f"the tokenizer has no BOS token, which --prompt {options.prompt} begins with; "
                "give --prompt chatml, or add one to it"
            )
