"""Which tokenised documents are packed, how often and where, and what is left out and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.storage import column_array
from curate.tokens.documents import read_entry
from curate.tokens.format.index import TRAIN, VALIDATION
from curate.tokens.mixture import Member, copies, epochs_of, held_out, id_hashes

DROPPED = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("build", pa.string(), nullable=False),
        # File in the build's folder and row there, counted from 0.
        pa.field("data_file", pa.string(), nullable=False),
        pa.field("data_row", pa.int64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        # What the document missed, as `name value`.
        pa.field("limit", pa.string()),
    ]
)
"""dropped.parquet: every document of the builds' chosen sources that is in no row."""

EMPTY = "empty"
TOO_LONG = "too_long"
MIXTURE = "mixture"


@dataclass(frozen=True)
class EntryPlan:
    """A tokenised data file and which member of the mixture it belongs to."""

    folder: Path
    member: int
    data_file: int
    """Number in the index's data_files."""


@dataclass
class Documents:
    """Every document of the chosen sources, in order of member, data file and row."""

    entry: NDArray[np.uint32]
    index: NDArray[np.uint32]
    """Number in its entry."""
    tokens: NDArray[np.uint32]
    source: NDArray[np.uint16]
    """Number in `sources`."""
    hashes: NDArray[np.uint64]
    reason: NDArray[np.uint16]
    """0, or the number of a reason in `reasons`."""
    repeats: NDArray[np.int32]
    """How often the build has it in its training files: so often an epoch takes it."""
    valid: NDArray[np.bool_]
    """Whether the build has it for validation."""
    sources: list[str]
    reasons: list[str]

    def __len__(self) -> int:
        return len(self.tokens)


def documents(entries: Sequence[EntryPlan], members: Sequence[Member]) -> Documents:
    """Reads the entries' lists of documents; about 29 bytes of memory for each."""
    columns: list[tuple[NDArray[np.generic], ...]] = []
    sources: dict[str, int] = {}
    reasons: dict[str, int] = {"": 0}
    for number, plan in enumerate(entries):
        entry = read_entry(plan.folder)
        wanted = members[plan.member].sources
        words = column_array(entry.documents, "source")
        names = words.dictionary.to_pylist()
        kept = np.array([wanted is None or name in wanted for name in names], bool)
        codes = words.indices.to_numpy()
        chosen = np.flatnonzero(kept[codes]) if len(codes) else np.empty(0, np.int64)
        used = np.unique(codes[chosen])
        for code in used.tolist():
            sources.setdefault(names[code], len(sources))
        table = np.zeros(max(len(names), 1), np.uint16)
        table[used] = [sources[names[code]] for code in used.tolist()]
        why = column_array(entry.documents, "reason").dictionary_encode()
        for word in why.dictionary.to_pylist():
            reasons.setdefault(word, len(reasons))
        coded = np.array([reasons[w] for w in why.dictionary.to_pylist()] or [0], np.uint16)
        reason = np.where(
            why.is_null().to_numpy(zero_copy_only=False),
            0,
            coded[why.indices.fill_null(0).to_numpy()],
        ).astype(np.uint16)
        ids = column_array(entry.documents, "id").take(pa.array(chosen)).to_pylist()
        columns.append(
            (
                np.full(len(chosen), number, np.uint32),
                chosen.astype(np.uint32),
                entry.lengths()[chosen],
                table[codes[chosen]],
                id_hashes(ids),
                reason[chosen],
                column_array(entry.documents, "repeats").to_numpy()[chosen],
                column_array(entry.documents, "valid").to_numpy(zero_copy_only=False)[chosen],
            )
        )
    kinds = (np.uint32, np.uint32, np.uint32, np.uint16, np.uint64, np.uint16, np.int32, np.bool_)
    whole = [
        np.concatenate([np.empty(0, kind), *(column[i] for column in columns)])
        for i, kind in enumerate(kinds)
    ]
    return Documents(*whole, list(sources), list(reasons))  # type: ignore[call-arg, arg-type]


@dataclass(frozen=True)
class Selection:
    """The fate of every document."""

    times: NDArray[np.int32]
    """How often it is in training rows."""
    validation: NDArray[np.bool_]
    """Whether it is in validation rows, and so in no training row."""
    epochs: list[float]
    """How often each member's training documents are taken."""

    def packed(self) -> NDArray[np.bool_]:
        """Documents that are in some row."""
        return (self.times > 0) | self.validation


def selection(
    docs: Documents,
    member_of: NDArray[np.int64],
    members: Sequence[Member],
    longest: int | None,
    validation: float,
    seed: int,
) -> Selection:
    """Decides what is packed; sets the reasons of what is not in `docs.reason`.

    member_of: member by document. longest: documents of more tokens are not packed at all (None:
    they are split). validation: share held out of members that have no validation documents of
    their own; those that have keep just these.
    """
    _mark(docs, (docs.reason == 0) & (docs.tokens == 0), EMPTY)
    if longest is not None:
        _mark(docs, (docs.reason == 0) & (docs.tokens > longest), TOO_LONG)
    usable = docs.reason == 0
    own_split = np.bincount(member_of, docs.valid, len(members)) > 0
    drawn = held_out(docs.hashes, validation) & ~own_split[member_of]
    out = (docs.valid | drawn) & usable
    train = usable & ~out
    # A document that two members hold is validated once.
    if len(members) > 1 and out.any():
        where = np.flatnonzero(out)
        first = np.unique(docs.hashes[where], return_index=True)[1]
        again = np.ones(len(where), bool)
        again[first] = False
        out[where[again]] = False
        _mark(docs, _at(where[again], len(docs)), MIXTURE)
    amounts = docs.tokens.astype(np.int64) * docs.repeats
    sizes = [int(amounts[train & (member_of == m)].sum()) for m in range(len(members))]
    epochs = epochs_of(members, sizes)
    times = np.zeros(len(docs), np.int32)
    for m, value in enumerate(epochs):
        where = np.flatnonzero(train & (member_of == m))
        times[where] = docs.repeats[where] * copies(amounts[where], docs.hashes[where], value, seed)
    _mark(docs, train & (times == 0), MIXTURE)
    return Selection(times, out, epochs)


def _at(where: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
    marks = np.zeros(n, bool)
    marks[where] = True
    return marks


def _mark(docs: Documents, which: NDArray[np.bool_], reason: str) -> None:
    if reason not in docs.reasons:
        docs.reasons.append(reason)
    docs.reason[which] = docs.reasons.index(reason)


def split_names(sources: Sequence[str]) -> dict[str, str]:
    """Split of each source's validation documents: a folder name that is safe and its own."""
    names: dict[str, str] = {}
    for source in sources:
        safe = re.sub(r"[^\w.-]", "_", source).strip(".")
        name = f"{VALIDATION}/{safe or '_'}"
        while name in names.values():
            name += "_"
        names[source] = name
    return names


def split_documents(docs: Documents, chosen: Selection) -> list[tuple[str, NDArray[np.uint32]]]:
    """(split, numbers of its documents, repeated ones repeated), training first."""
    result = [(TRAIN, np.repeat(np.arange(len(docs), dtype=np.uint32), chosen.times))]
    names = split_names(docs.sources)
    for number, source in enumerate(docs.sources):
        where = np.flatnonzero(chosen.validation & (docs.source == number)).astype(np.uint32)
        if len(where):
            result.append((names[source], where))
    return result
