"""What two instructions are compared by, for deduplication.

- `key`: exact duplicates have the same. It is the question: what the user said before, instruction
  and input; or, where all answers are kept, the whole row.
- `text`: near duplicates are much alike in it. It is the row without the system's text and without
  wording that many rows of the partition share: neither says anything of the question.
- `answer`: how many characters of the text's end are the answer (`curate.dedup.agreement`).
- `weight`: of exact duplicates from sources of one priority the highest stays, then the first.
  Where nearly the same questions go too, it ranks near duplicates as well (`rank`).

Questions by themselves are a file of their own: `text` is the question without shared wording,
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
from curate.dedup.normal import content_hashes, normal_texts
from curate.dedup.substance import substance_hashes
from curate.instructions.data import tag_bits
from curate.instructions.history import sides
from curate.instructions.making import PART, RECORD
from curate.instructions.refine import conversations
from curate.measure.instruction.base import lined, lines_of
from curate.storage import column_array, read_arrow
from curate.textbatch import TextBatch
from curate.together import laid_together, write_apart

VERSION = 3
"""Raised whenever the same rows may be compared by something else."""

_ENDS = "[\n。！？：；:;?!]+"
_SHARED = 100
"""Rows of a partition from which their common wording is no likeness."""
_SHARED_SHARE = 200
"""And one in so many of its rows."""
_SHORTEST = 4
"""Shorter pieces of wording stay."""

_UNTAGGED = np.int64(1) << 31


def write_comparison(
    refined: Sequence[str],
    outputs: Sequence[str],
    answers: Literal["keep_first", "keep_best", "keep_all"],
    reasons: Mapping[str, str],
    questions: Sequence[str] | None = None,
    substance: bool = False,
) -> None:
    """Task: writes what every row of refined partitions of one source is compared by, an output
    each.

    reasons: tags by column, as `curate.instructions.data.tag_bits` takes them. questions: where
    their files go, if questions are compared by themselves; substance: whether they are to be
    dropped, rather than kept on one side of a split only.
    """
    parts = [read_arrow(Path(path)) for path in refined]
    table, rows = laid_together(parts), [part.num_rows for part in parts]
    quarantine = column_array(table, "quarantine")
    weight = pa.array(_weights(table, answers, reasons))
    made = RECORD in table.column_names
    if made:
        own = record = _record(table)
        key = text = record.to_arrow()
    else:
        whole = column_array(table, "text")
        key = whole if answers == "keep_all" else asked(table).to_arrow()
        wording = _own_wordings(column_array(table, "instruction"), rows)
        text = without_shared_wording(table, wording).to_arrow()
        if questions is not None:
            own = asked(table, wording)
    compared = {
        "key": key,
        "text": text,
        "answer": _answers(table),
        "weight": weight,
        "rank": weight,
        "quarantine": quarantine,
    }
    write_apart(outputs, rows, pa.table(compared))
    if questions is None:
        return
    compared = {
        "text": own.to_arrow(),
        "opening": pa.array(content_hashes(normal_texts(openings(table)))[:, 0]),
        "quarantine": quarantine,
    }
    if substance:
        compared |= {
            "substance": pa.array(substance_hashes(record if made else asked(table))),
            "rank": weight,
        }
    write_apart(questions, rows, pa.table(compared))


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


def openings(table: pa.Table) -> TextBatch:
    """What rows that begin alike have in common: the first words of the user; the record of made
    rows. [rows].
    """
    if RECORD in table.column_names:
        return TextBatch.from_arrow(column_array(table, RECORD))
    first = lines_of(
        [TextBatch.from_arrow(column_array(table, f)) for f in ("instruction", "input")]
    )
    said = sides(column_array(table, "history"))
    talks = np.flatnonzero(np.diff(said.offsets))
    opening = TextBatch.from_arrow(said.user.take(pa.array(said.offsets[talks])))
    return first.spliced(talks, opening)


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
    return pa.concat_arrays([_own_wording(instructions[a:b]) for a, b in itertools.pairwise(ends)])


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
