"""What two instructions are compared by, for deduplication.

A task writes it with the sketches of the texts:

- `text`: near duplicates are much alike in it. It is the row without the system's text and without
  wording that many rows of the partition share: neither says anything of the question.
- `answer`: how many characters of the text's end are the answer (`curate.dedup.agreement`).
- `rank`: where nearly the same questions go too, near duplicates are ranked by it.
- `quarantine`: why a row takes no part.

Exact duplicates, which only the sketch knows, are rows that ask the same: what the user said
before, instruction and input; or, where all answers are kept, the same as a whole. Of those from
sources of one priority the one of the highest `rank` stays, then the first.

Where questions are compared by themselves, `question` is the question without shared wording,
`opening` what is to be on one side of training and validation. Where nearly the same questions are
dropped, `substance` is what must be the same in two (`curate.dedup.substance`).

Rows made of records are compared as their records, so that the wording of a task plays no part. The
second task of a record is compared with second tasks only, as if written in another alphabet: the
tasks of one record are no duplicates of each other.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.dedup.agreement import WITHOUT_ANSWER
from curate.dedup.normal import exact_hashes
from curate.dedup.options import NearDedup
from curate.dedup.records import write_records
from curate.dedup.sketch import BANDS, Hashed, band_section, exact_section, hashed
from curate.dedup.substance import substance_hashes
from curate.instructions.data import tag_bits
from curate.instructions.history import sides
from curate.instructions.making import PART, RECORD
from curate.instructions.refine import conversations
from curate.measure.instruction.base import lined, lines_of
from curate.storage import column_array, read_arrow
from curate.textbatch import TextBatch
from curate.together import laid_together, write_apart

VERSION = 4
"""Raised whenever the same rows may be compared by something else."""

QUESTION = "question"
"""The column of questions,"""
QUESTION_SECTION = BANDS + 1
"""and the section of their band keys in a sketch."""

_ENDS = "[\n。！？：；:;?!]+"
_SHARED = 100
"""Rows of a partition from which their common wording is no likeness."""
_SHARED_SHARE = 200
"""And one in so many of its rows."""
_SHORTEST = 4
"""Shorter pieces of wording stay."""

_UNTAGGED = np.int64(1) << 31


_NOT_HASHED = Hashed(
    np.empty((0, 2), np.uint64), np.empty((0, 0), np.uint64), np.empty(0, np.bool_)
)


def write_comparison(
    refined: Sequence[str],
    decisions: Sequence[str],
    outputs: Sequence[str],
    sketches: Sequence[str],
    answers: Literal["keep_first", "keep_best", "keep_all"],
    reasons: Mapping[str, str],
    exact: bool,
    near: NearDedup | None,
    questions: NearDedup | None = None,
    substance: bool = False,
) -> None:
    """Task: writes what every row of refined partitions of one source is compared by, and sketches;
    an output and a sketch each.

    reasons: tags by column, as `curate.instructions.data.tag_bits` takes them. exact: whether exact
    duplicates are looked for. near, questions: the searches for rows that are alike, and for
    questions. substance: whether such questions are to be dropped, rather than kept on one side of
    a split only.
    """
    tables = [read_arrow(Path(path)) for path in refined]
    table, rows = laid_together(tables), [own.num_rows for own in tables]
    reason = _reasons(table, decisions)
    part = reason.is_null().to_numpy(zero_copy_only=False)
    rank = _weights(table, answers, reasons)
    compared: dict[str, pa.Array] = {"rank": pa.array(rank), "quarantine": reason}
    made = RECORD in table.column_names
    if made:
        question = own = text = _record(table)
    else:
        instructions = column_array(table, "instruction")
        wording = _own_wordings(instructions, rows)
        text = without_shared_wording(table, wording)
        question = asked(table)
        own = question if wording is instructions else asked(table, wording)
    # In one pass what exact duplicates have in common, where rows begin, and keys of questions.
    asks = hashed(question, part, True, questions if own is question else None)
    same = asks.hashes
    if answers == "keep_all" and not made:
        same = exact_hashes(TextBatch.from_arrow(column_array(table, "text")))[part]
    of_row = of_question = _NOT_HASHED
    if near is not None:
        of_row = asks if own is text and near == questions else hashed(text, part, False, near)
        compared |= {"text": text.to_arrow(), "answer": _answers(table)}
    if questions is not None:
        of_question = asks if own is question else hashed(own, part, False, questions)
        compared |= {
            QUESTION: own.to_arrow(),
            "opening": pa.array(_openings(table, part, asks.hashes[:, 0])),
        }
        if substance:
            compared["substance"] = pa.array(substance_hashes(question))
    write_apart(outputs, rows, pa.table(compared))
    same = same if exact else same[:0]
    first = last = 0
    for size, path in zip(rows, sketches, strict=True):
        taking = np.flatnonzero(part[first : first + size])
        begin, last = last, last + len(taking)
        hashes = same[begin:last]
        of_hashes = taking[: len(hashes)]
        sections = [exact_section(hashes, of_hashes, rank[first:][of_hashes])]
        sections += [band_section(f.between(begin, last), taking) for f in (of_row, of_question)]
        write_records(Path(path), sections)
        first += size


def _reasons(table: pa.Table, decisions: Sequence[str]) -> pa.Array:
    """Why rows take no part, string [rows]; null for those that do."""
    decided = laid_together([read_arrow(Path(path), ["reason"]) for path in decisions])
    return pc.coalesce(column_array(table, "quarantine"), column_array(decided, "reason"))


def _answers(table: pa.Table) -> pa.Array:
    """Characters of the answer that ends what a row is compared by, uint32 [rows]."""
    if RECORD in table.column_names:
        return pa.array(np.full(table.num_rows, WITHOUT_ANSWER, np.uint32))
    return pc.utf8_length(column_array(table, "output")).cast(pa.uint32())


def _record(table: pa.Table) -> TextBatch:
    """The records that rows were made of, those of further tasks in other letters."""
    record = TextBatch.from_arrow(column_array(table, RECORD))
    return in_other_letters(record, column_array(table, PART).to_numpy())


def _weights(table: pa.Table, answers: str, reasons: Mapping[str, str]) -> NDArray[np.uint32]:
    """The higher one stays, uint32 [rows]."""
    weight = np.zeros(table.num_rows, np.int64)
    if answers == "keep_best":
        longest = pc.utf8_length(column_array(table, "output")).to_numpy()
        weight = np.minimum(longest, _UNTAGGED - 1).astype(np.int64)
        weight[tag_bits(table, reasons) == 0] += _UNTAGGED
    return weight.astype(np.uint32)


def asked(table: pa.Table, instructions: pa.Array | None = None) -> TextBatch:
    """What the user said, up to the last question, one under the other. [rows].

    instructions: what of the instructions is taken, all unless given.
    """
    if instructions is None:
        instructions = column_array(table, "instruction")
    said = sides(column_array(table, "history"))
    fields = [
        TextBatch.from_arrow(instructions),
        TextBatch.from_arrow(column_array(table, "input")),
    ]
    if said.offsets[-1]:
        fields.insert(0, lined(TextBatch.from_arrow(said.user), said.offsets))
    return lines_of(fields)


def _openings(
    table: pa.Table, part: NDArray[np.bool_], asks: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """A hash of what rows that begin alike have in common, of those that take part; uint64 [rows].

    It is the first that a user said; of made rows the record. asks: the hashes of what the rows
    that take part ask, which is the same but for talks, and for further tasks of a record.
    """
    found = np.zeros(table.num_rows, np.uint64)
    found[part] = asks
    if RECORD in table.column_names:
        others = np.flatnonzero(column_array(table, PART).to_numpy() > 1)
        begun = column_array(table, RECORD).take(pa.array(others))
    else:
        said = sides(column_array(table, "history"))
        others = np.flatnonzero(np.diff(said.offsets))
        begun = said.user.take(pa.array(said.offsets[others]))
    hashes = exact_hashes(TextBatch.from_arrow(begun))[:, 0]
    found[others] = np.where(part[others], hashes, 0)
    return found


def in_other_letters(texts: TextBatch, part: NDArray[np.int16]) -> TextBatch:
    """The texts, those of part 2 and above with every character as another ideograph."""
    shift = np.repeat(part.astype(np.uint32) - 1, texts.lengths())
    moved = 0x4E00 + (texts.points * np.uint32(0x9E3779B1) + shift * np.uint32(0x85EBCA77)) % 0x5000
    return TextBatch(np.where(shift > 0, moved, texts.points).astype(np.uint32), texts.offsets)


def without_shared_wording(table: pa.Table, wording: pa.Array) -> TextBatch:
    """What was said in every row, without the pieces of its instruction that many rows have.

    wording: what `_own_wordings` leaves. A piece ends with a line or a sentence, or at a colon. An
    instruction that is nothing but such pieces leaves its input and answer to be compared.
    """
    fields = [wording, column_array(table, "input"), column_array(table, "output")]
    said = sides(column_array(table, "history"))
    return conversations(said, [TextBatch.from_arrow(values) for values in fields])


def _own_wordings(instructions: pa.Array, rows: Sequence[int]) -> pa.Array:
    """The instructions of partitions of so many rows without the wording that each shares."""
    if max(rows, default=0) < _SHARED:
        return instructions
    ends = [0, *itertools.accumulate(rows)]
    parts = [instructions[a:b] for a, b in itertools.pairwise(ends)]
    found = [_own_wording(part) for part in parts]
    if all(own is part for own, part in zip(found, parts, strict=True)):
        return instructions
    return pa.concat_arrays(found)


def _own_wording(instructions: pa.Array) -> pa.Array:
    """The instructions without the pieces that many of them have."""
    least = max(_SHARED, len(instructions) // _SHARED_SHARE)
    if len(instructions) < least:
        return instructions
    lists = pc.split_pattern_regex(instructions, _ENDS)
    pieces = lists.flatten()
    known = pieces.dictionary_encode()
    which = known.indices.to_numpy().astype(np.int64)
    row = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    count = len(known.dictionary)
    rows_with = np.bincount(np.unique(row * count + which) % count, minlength=count)
    long = pc.utf8_length(known.dictionary).to_numpy() >= _SHORTEST
    shared = (long & (rows_with >= least))[which]
    if not shared.any():
        return instructions
    ends = np.concatenate([[0], np.cumsum(np.bincount(row[~shared], minlength=len(instructions)))])
    own = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pieces.filter(pa.array(~shared)))
    mask = np.bincount(row[shared], minlength=len(instructions)) > 0
    joined = pc.binary_join(own, pa.scalar("\n", pa.large_string()))
    return pc.if_else(pa.array(mask), joined, instructions)
