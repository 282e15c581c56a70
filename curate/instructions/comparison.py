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
from curate.instructions.lines import Field, lines_of_fields
from curate.instructions.making import PART, RECORD
from curate.instructions.wording import own_wordings
from curate.storage import column_array, read_arrow
from curate.textbatch import TextBatch
from curate.together import laid_together, write_apart

VERSION = 4
"""Raised whenever the same rows may be compared by something else."""

QUESTION = "question"
"""The column of questions,"""
QUESTION_SECTION = BANDS + 1
"""and the section of their band keys in a sketch."""

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
    made = RECORD in tables[0].column_names
    table, rows = laid_together(tables), [own.num_rows for own in tables]
    reason = _reasons(table, decisions)
    part = reason.is_null().to_numpy(zero_copy_only=False)
    length = pc.utf8_length(column_array(table, "output")).to_numpy()
    answered = np.full(len(length), WITHOUT_ANSWER, np.uint32) if made else length.astype(np.uint32)
    rank = _weights(table, length, answers, reasons)
    compared: dict[str, pa.Array] = {"rank": pa.array(rank), "quarantine": reason}
    if made:
        question = own = text = _record(table).to_arrow()
    else:
        instructions = column_array(table, "instruction")
        wording = own_wordings(instructions, rows)
        text = without_shared_wording(table, wording)
        question = asked(table)
        own = question if wording is instructions else asked(table, wording)
    # In one pass what exact duplicates have in common, where rows begin, and keys of questions.
    asks = hashed(
        TextBatch.from_arrow(question), part, True, questions if own is question else None
    )
    same = asks.hashes
    if answers == "keep_all" and not made:
        same = exact_hashes(TextBatch.from_arrow(column_array(table, "text")))[part]
    of_row = of_question = _NOT_HASHED
    if near is not None:
        of_row = asks
        if own is not text or questions is None or near.hashes != questions.hashes:
            of_row = hashed(TextBatch.from_arrow(text), part, False, near)
        compared |= {"text": text, "answer": pa.array(answered)}
    if questions is not None:
        of_question = asks
        if own is not question:
            of_question = hashed(TextBatch.from_arrow(own), part, False, questions)
        compared |= {
            QUESTION: own,
            "opening": pa.array(_openings(table, part, asks.hashes[:, 0])),
        }
        if substance:
            compared["substance"] = pa.array(substance_hashes(TextBatch.from_arrow(question)))
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


def _record(table: pa.Table) -> TextBatch:
    """The records that rows were made of, those of further tasks in other letters."""
    record = TextBatch.from_arrow(column_array(table, RECORD))
    return in_other_letters(record, column_array(table, PART).to_numpy())


def _weights(
    table: pa.Table, length: NDArray[np.int64], answers: str, reasons: Mapping[str, str]
) -> NDArray[np.uint32]:
    """The higher one stays, uint32 [rows]; length: characters of the outputs."""
    if answers != "keep_best":
        return np.zeros(table.num_rows, np.uint32)
    weight = np.minimum(length, _UNTAGGED - 1).astype(np.int64)
    weight[tag_bits(table, reasons) == 0] += _UNTAGGED
    return weight.astype(np.uint32)


def asked(table: pa.Table, instructions: pa.Array | None = None) -> pa.Array:
    """What the user said, up to the last question, one under the other; large_string [rows].

    instructions: what of the instructions is taken, all unless given.
    """
    said = sides(column_array(table, "history"))
    every = np.arange(table.num_rows)
    if instructions is None:
        instructions = column_array(table, "instruction")
    fields = [
        Field(said.user, np.repeat(every, np.diff(said.offsets))),
        Field(instructions, every),
        Field(column_array(table, "input"), every),
    ]
    return lines_of_fields(fields, table.num_rows)


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


def without_shared_wording(table: pa.Table, wording: pa.Array) -> pa.Array:
    """What was said in every row, without the pieces of its instruction that many rows have;
    large_string [rows].

    wording: what `own_wordings` leaves. An instruction that is nothing but such pieces leaves its
    input and answer to be compared.
    """
    said = sides(column_array(table, "history"))
    every, turns = np.arange(table.num_rows), len(said.user)
    # User and assistant in turn.
    both = pa.concat_arrays([said.user, said.assistant])
    both = both.take(pa.array(np.arange(2 * turns).reshape(2, turns).T.ravel()))
    fields = [
        Field(both, np.repeat(every, 2 * np.diff(said.offsets))),
        Field(wording, every),
        Field(column_array(table, "input"), every),
        Field(column_array(table, "output"), every),
    ]
    return lines_of_fields(fields, table.num_rows)
