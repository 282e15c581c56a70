"""An index of evaluation questions for one pass over a corpus.

Questions with the same characters are one *unit*. A unit is looked for in one of two ways:

- by its n-grams: runs of `ngram` characters that few different questions share. Those in more
  than `common` questions are phrases of examination papers and are left out; the characters that
  the others cover are the unit's *distinctive* ones.
- a question too short for an n-gram, or made of phrases only (下列说法正确的是), by its whole text
  followed by its options or its answer.

What is too short for both is not looked for, and the report says so.

How much a question's text proves alone depends on what is left of it without the phrases that
questions are worded with (`phrases.txt`): see `ALONE`.
"""

from __future__ import annotations

import importlib.resources
import re
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.contamination.fold import folded
from curate.contamination.questions import Question
from curate.dedup.normal import mixed
from curate.storage import read_arrow, write_arrow
from curate.textbatch import TextBatch

VERSION = 1

BY_NGRAMS, WITH_OPTIONS, TOO_SHORT = 0, 1, 2
RULES = ("ngrams", "with_options", "too_short")

NEVER, WHOLE, IN_PART = 0, 1, 2
"""Whether the text of a question proves something without options or answer beside it: never, where
fewer than PROPER characters are no phrase; only whole, where it has fewer than LONG characters; or
in part."""
PROPER = 10
LONG = 30

KEY = 5
"""Characters at the start of a question by which those looked for with their options are found."""
OPTIONS = 6
"""Least characters of all options, for them to prove anything."""
EVIDENCE = 12
"""Least characters of question and options together."""

_BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Index:
    """Arrays, most of them offsets into another: unit u's text is
    `points[offsets[u]:offsets[u + 1]]`.
    """

    ngram: NDArray[np.int64]
    """[1]: characters of an n-gram."""
    points: NDArray[np.uint32]
    offsets: NDArray[np.int64]
    rule: NDArray[np.int8]
    """[units]: BY_NGRAMS, WITH_OPTIONS or TOO_SHORT."""
    distinctive: NDArray[np.int32]
    """[units]: characters that count, for BY_NGRAMS."""
    alone: NDArray[np.int8]
    """[units]: NEVER, WHOLE or IN_PART."""
    first: NDArray[np.int64]
    """[units]: number of the first question that is this unit."""
    unit: NDArray[np.int64]
    """[questions]: the unit of each."""
    grams: NDArray[np.uint64]
    """Sorted hashes of n-grams; gram g is in postings `gram_offsets[g]` to `gram_offsets[g + 1]`,
    each the unit and the position in it."""
    gram_offsets: NDArray[np.int64]
    posting_unit: NDArray[np.int32]
    posting_at: NDArray[np.int32]
    buckets: NDArray[np.int64]
    """[2^b + 1]: where grams with each value of their first b bits begin."""
    filter: NDArray[np.uint64]
    """[2^k / 64]: a bit for each first k bits that some gram has."""
    keys: NDArray[np.uint64]
    """Sorted hashes of the first KEY characters of units WITH_OPTIONS, which are
    `key_units[key_offsets[i]:key_offsets[i + 1]]`; `key_filter` is to them what `filter` is to
    grams."""
    key_offsets: NDArray[np.int64]
    key_units: NDArray[np.int32]
    key_filter: NDArray[np.uint64]
    option_points: NDArray[np.uint32]
    option_offsets: NDArray[np.int64]
    unit_options: NDArray[np.int64]
    """[units + 1]: the options of unit u are numbers `unit_options[u]` to `unit_options[u + 1]`."""
    unit_answer: NDArray[np.int64]
    """[units]: the number of the option that is the answer; -1 where it is not known."""

    def write(self, path: Path) -> None:
        """As an Arrow file of one row that is mapped back without a copy."""
        columns = {}
        for field in fields(self):
            values = pa.array(getattr(self, field.name))
            columns[field.name] = pa.LargeListArray.from_arrays(
                pa.array([0, len(values)], pa.int64()), values
            )
        write_arrow(path, pa.table(columns))

    @classmethod
    def read(cls, path: Path) -> Index:
        """Maps what `write` wrote."""
        table = read_arrow(path)
        return cls(
            **{name: table.column(name).chunk(0).values.to_numpy() for name in table.column_names}
        )


@njit(inline="always")
def rolled(h, entering, leaving, power):  # type: ignore[no-untyped-def]
    """The polynomial hash of the next window."""
    return (h - np.uint64(leaving) * power) * _BASE + np.uint64(entering)


@njit(cache=True, nogil=True)
def power_of(n):  # type: ignore[no-untyped-def]
    """What the first of n characters is multiplied by."""
    power = np.uint64(1)
    for _ in range(n - 1):
        power *= _BASE
    return power


@njit(cache=True, nogil=True)
def _grams(points, offsets, n, hashes, units, at):  # type: ignore[no-untyped-def]
    """Fills hash, unit and position of every n-gram; returns how many."""
    power = power_of(n)
    k = 0
    for d in range(len(offsets) - 1):
        h = np.uint64(0)
        for i in range(offsets[d], offsets[d + 1]):
            leaving = points[i - n] if i - n >= offsets[d] else np.uint32(0)
            h = rolled(h, points[i], leaving, power)
            if i - offsets[d] >= n - 1:
                hashes[k] = mixed(h)
                units[k] = d
                at[k] = i - n + 1 - offsets[d]
                k += 1
    return k


def _prefix_hashes(batch: TextBatch, units: NDArray[np.int64]) -> NDArray[np.uint64]:
    out = np.empty(len(units), np.uint64)
    for k, u in enumerate(units.tolist()):
        start = int(batch.offsets[u])
        head = batch.points[start : start + KEY]
        one = [np.empty(1, kind) for kind in (np.uint64, np.int64, np.int64)]
        _grams(head, np.array([0, KEY], np.int64), KEY, *one)
        out[k] = one[0][0]
    return out


def _filter(hashes: NDArray[np.uint64], smallest: int) -> NDArray[np.uint64]:
    """A bitmap about 1/16 full, indexed by the first bits."""
    bits = max(smallest, int(np.ceil(np.log2(max(1, len(hashes)) * 16))))
    where = hashes >> np.uint64(64 - bits)
    words = np.zeros(1 << (bits - 6), np.uint64)
    np.bitwise_or.at(words, where >> np.uint64(6), np.uint64(1) << (where & np.uint64(63)))
    return words


def _grouped(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """(distinct values, offsets of each in the order, order)."""
    order = np.argsort(values, kind="stable")
    distinct, starts = np.unique(values[order], return_index=True)
    return distinct, np.append(starts, len(values)).astype(np.int64), order


def built(questions: list[Question], ngram: int, common: int) -> Index:
    """The index of the questions."""
    texts = folded(TextBatch.from_strings([q.text for q in questions]))
    flat = [option for q in questions for option in q.options]
    options = folded(TextBatch.from_strings(flat))
    starts = np.cumsum([0, *(len(q.options) for q in questions)])
    lengths = texts.lengths()

    # Who shares which n-grams, counted over different texts.
    stems: dict[str, int] = {}
    stem_of = np.array([stems.setdefault(t, len(stems)) for t in texts.strings()], np.int64)
    _, stem_first = np.unique(stem_of, return_index=True)
    stem_texts = texts.taken(stem_first.astype(np.int64))
    room = int(np.maximum(stem_texts.lengths() - ngram + 1, 0).sum())
    hashes, owner, at = (np.empty(room, kind) for kind in (np.uint64, np.int64, np.int64))
    _grams(stem_texts.points, stem_texts.offsets, ngram, hashes, owner, at)
    _, gram_of = np.unique(hashes, return_inverse=True)
    pairs = np.unique(np.stack([gram_of, owner]), axis=1)
    sharing = np.bincount(pairs[0], minlength=int(gram_of.max(initial=-1)) + 1)
    rare = sharing[gram_of] <= common
    hashes, owner, at = hashes[rare], owner[rare], at[rare]
    distinctive = _covered(owner, at, ngram, stem_texts.lengths())

    # A unit is a stem looked for by its n-grams, or a stem with its options.
    unit_of: dict[tuple[int, tuple[str, ...]], int] = {}
    unit = np.zeros(len(questions), np.int64)
    option_strings = options.strings()
    for i in range(len(questions)):
        stem = int(stem_of[i])
        own = tuple(option_strings[starts[i] : starts[i + 1]])
        key = (stem, () if distinctive[stem] else own)
        unit[i] = unit_of.setdefault(key, len(unit_of))
    _, first = np.unique(unit, return_index=True)
    unit_stem = stem_of[first]
    unit_at = np.full(len(stems), -1, np.int64)
    by_ngrams = distinctive[unit_stem] > 0
    unit_at[unit_stem[by_ngrams]] = np.flatnonzero(by_ngrams)

    per_unit = [options.taken(np.arange(starts[i], starts[i + 1])) for i in first.tolist()]
    option_sizes = np.array([len(o.points) for o in per_unit], np.int64)
    rule = np.where(
        by_ngrams,
        BY_NGRAMS,
        np.where(
            (lengths[first] >= KEY)
            & (option_sizes >= OPTIONS)
            & (lengths[first] + option_sizes >= EVIDENCE),
            WITH_OPTIONS,
            TOO_SHORT,
        ),
    ).astype(np.int8)

    grams, gram_offsets, order = _grouped(hashes)
    bits = max(1, int(np.ceil(np.log2(max(2, len(grams))))))
    buckets = np.searchsorted(
        grams >> np.uint64(64 - bits), np.arange((1 << bits) + 1, dtype=np.uint64)
    )
    unit_texts = texts.taken(first.astype(np.int64))
    keyed = np.flatnonzero(rule == WITH_OPTIONS)
    keys, key_offsets, key_order = _grouped(_prefix_hashes(unit_texts, keyed))
    unit_options = np.cumsum([0, *map(len, per_unit)]).astype(np.int64)
    answers = np.array([questions[i].answer for i in first.tolist()], np.int64)
    return Index(
        ngram=np.array([ngram], np.int64),
        points=unit_texts.points,
        offsets=unit_texts.offsets,
        rule=rule,
        distinctive=distinctive[unit_stem].astype(np.int32),
        alone=_alone(unit_texts),
        first=first.astype(np.int64),
        unit=unit,
        grams=grams,
        gram_offsets=gram_offsets,
        posting_unit=unit_at[owner[order]].astype(np.int32),
        posting_at=at[order].astype(np.int32),
        buckets=buckets.astype(np.int64),
        filter=_filter(grams, 16),
        keys=keys,
        key_offsets=key_offsets,
        key_units=keyed[key_order].astype(np.int32),
        key_filter=_filter(keys, 12),
        option_points=np.concatenate([o.points for o in per_unit] or [options.points]),
        option_offsets=np.cumsum([0, *(n for o in per_unit for n in o.lengths().tolist())]),
        unit_options=unit_options,
        unit_answer=np.where(answers >= 0, unit_options[:-1] + answers, -1),
    )


@cache
def _phrases() -> re.Pattern[str]:
    text = (importlib.resources.files(__package__) / "phrases.txt").read_text(encoding="utf-8")
    lines = [line for line in text.split("\n") if line and not line.startswith("#")]
    phrases = folded(TextBatch.from_strings(sorted(lines, key=len, reverse=True))).strings()
    return re.compile("|".join(map(re.escape, phrases)))


def _alone(texts: TextBatch) -> NDArray[np.int8]:
    """NEVER, WHOLE or IN_PART for every text."""
    proper = np.array([len(_phrases().sub("", text)) for text in texts.strings()], np.int64)
    kinds = np.where(texts.lengths() < LONG, WHOLE, IN_PART)
    return np.where(proper < PROPER, NEVER, kinds).astype(np.int8)


def _covered(
    owner: NDArray[Any], at: NDArray[Any], n: int, lengths: NDArray[np.int64]
) -> NDArray[np.int64]:
    """[texts]: characters of each that some n-gram covers."""
    bounds = np.cumsum(np.append(0, lengths + 1))
    edges = np.zeros(int(bounds[-1]) + 1, np.int64)
    np.add.at(edges, bounds[owner] + at, 1)
    np.add.at(edges, bounds[owner] + at + n, -1)
    inside = np.append(0, np.cumsum(np.cumsum(edges) > 0))
    return inside[bounds[1:]] - inside[bounds[:-1]]
