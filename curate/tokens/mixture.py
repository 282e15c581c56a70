"""What is packed and how much of each build: the options of `curate pack`, and which documents."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from curate.dedup.normal import mixed
from curate.errors import RecipeError
from curate.recipe import explained

_mixed: Any = mixed.py_func


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Member(_Model):
    """One build of the mixture."""

    build: str
    """Folder of a build, or a JSON Lines file of instructions; relative to the mixture's file."""
    weight: float | None = Field(default=None, gt=0)
    """Share of the training tokens, relative to the other members' weights."""
    epochs: float = Field(default=1.0, gt=0, le=100)
    """How often each document is taken: 0.5 half of them, 2 all of them twice; of a build whose own
    mixture repeats rows, how often its training files are. Of a member with a weight it is the most
    it may be."""
    sources: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Only these sources of the build; all unless given."""


class Mixture(_Model):
    """Everything that decides what `curate pack` writes, but the tokenizer's content."""

    builds: tuple[Member, ...] = Field(min_length=1)
    seq_length: int = Field(default=4096, ge=8, le=1 << 24)
    """Tokens of a row."""
    bos: bool = True
    """Text: whether every document begins with the tokenizer's BOS."""
    eos: bool = True
    """Text: whether every document ends with the tokenizer's EOS."""
    prompt: Literal["alpaca", "plain", "chatml", "llama-2-zh", "template"] = "alpaca"
    """Instructions: the prompt format; `template` is the tokenizer's own chat template."""
    loss: Literal["answers", "last", "all"] = "answers"
    """Instructions: what is learnt: every answer, only the last one, or every token."""
    packing: Literal["best-fit", "concatenate"] = "best-fit"
    """`concatenate` cuts wherever a row is full, as others do; text only."""
    validation: float = Field(default=0.0, ge=0, lt=1)
    """Share of the documents held out, in rows of their own for each source. Of a build of
    instructions that has rows for validation these are held out, and no others."""
    seed: int = Field(default=0, ge=0, lt=1 << 63)
    """Decides the order of the rows and which documents a fraction of an epoch takes."""
    token_type: Literal["auto", "uint16", "uint32"] = "auto"
    """`auto`: uint16 for vocabularies of at most 65,536."""

    @model_validator(mode="after")
    def _all_weights_or_none(self) -> Mixture:
        weights = [member.weight is not None for member in self.builds]
        if any(weights) and not all(weights):
            raise ValueError("give every build a weight or none: shares of what else is unknown")
        return self


def checked(value: dict[str, Any], where: str) -> Mixture:
    """A mixture from plain values. Raises RecipeError, in words for the author."""
    try:
        return Mixture(**value)
    except ValidationError as error:
        raise RecipeError(explained(error, Mixture, where)) from None


def read(path: Path) -> dict[str, Any]:
    """The plain values of a mixture file, its builds' paths resolved beside it.

    Raises RecipeError when it is missing or not a mapping in YAML.
    """
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"there is no mixture file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read {path}: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        raise RecipeError(f"{path} is not valid YAML{line}") from None
    if not isinstance(value, dict) or not isinstance(value.get("builds"), list):
        raise RecipeError(f"{path} must be a mapping with a list of `builds`")
    for member in value["builds"]:
        if isinstance(member, dict) and isinstance(member.get("build"), str):
            member["build"] = str(path.parent / Path(member["build"]).expanduser())
    return value


def id_hashes(ids: Sequence[str]) -> NDArray[np.uint64]:
    """A 64-bit hash of every document id: the first 8 bytes of BLAKE2b, little-endian."""
    digests = b"".join(hashlib.blake2b(value.encode(), digest_size=8).digest() for value in ids)
    return np.frombuffer(digests, "<u8")


def held_out(hashes: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    """Which documents are validation: those whose hash lies in the first `share` of all values.

    It depends on the id alone, so a document is on the same side in every packing, and a greater
    share only adds documents.
    """
    return hashes < np.uint64(min(int(share * 2.0**64), 2**64 - 1))


def epochs_of(members: Sequence[Member], tokens: Sequence[int]) -> list[float]:
    """How often each member's documents are taken, from weights and the tokens it has.

    Without weights it is what the members say. With them, the largest mixture in these shares in
    which no member is taken more often than its `epochs`.
    """
    if members[0].weight is None:
        return [member.epochs for member in members]
    weights = [float(member.weight or 0) for member in members]
    total = min(
        (
            member.epochs * n / weight
            for member, weight, n in zip(members, weights, tokens, strict=True)
        ),
        default=0.0,
    )
    return [total * w / n if n else 0.0 for w, n in zip(weights, tokens, strict=True)]


def copies(
    tokens: NDArray[np.integer[Any]], hashes: NDArray[np.uint64], epochs: float, seed: int
) -> NDArray[np.int32]:
    """How often each document of a member is packed.

    Every document as often as whole epochs say; for the fraction that is left, documents in the
    order of a seeded hash until they hold that share of the tokens, to the nearest document.
    """
    whole = int(epochs)
    result = np.full(len(tokens), whole, np.int32)
    part = epochs - whole
    if part > 0 and len(tokens):
        order = np.argsort(_remixed(hashes, np.uint64(seed)), kind="stable")
        reached = np.cumsum(tokens[order], dtype=np.int64)
        # A document is in where more than half of it lies before the limit.
        inside = reached - tokens[order] // 2 <= part * int(reached[-1])
        result[order[inside]] += 1
    return result


def _remixed(hashes: NDArray[np.uint64], seed: np.uint64) -> NDArray[np.uint64]:
    """The hashes in another order for every seed."""
    with np.errstate(over="ignore"):
        salt = _mixed(np.array([seed]) + np.uint64(1))
        result: NDArray[np.uint64] = _mixed(hashes ^ salt)
    return result
