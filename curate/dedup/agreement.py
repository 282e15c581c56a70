"""Whether two rows of question and answer, alike as a whole, are one row in two wordings.

A long prompt or a long answer makes rows alike that are not the same: an utterance to be labelled
inside a prompt of 300 characters, 公司 R and 公司 W, one program asked for in two languages. So
questions and answers of a pair are looked at by themselves, and it stays two rows where

- one question has ideographs and the other none;
- each question has a number, a name or a quotation that the other does not have. Names are Latin
  words; in a question without ideographs those with a capital inside a sentence that the answer has
  as well, or of at most three letters. A quotation is there wherever its words are;
- an answer is short (`SHORT`), and the answers differ in more than marks, particles and what
  announces an answer (in anything, where the question is about form), or the questions differ in a
  number, or in more ideographs on both sides than `REWORDED`; where the answer is a mere label
  beside its question, in any;
- the answers, long ones, share less than half of their trigrams (`ALIKE`): two questions about one
  passage.

What only one of the questions has (请一步步想, a sentence in front) makes no other row. What
numbers, names and quotations are, `curate.dedup.traits` says.
"""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from curate.dedup.normal import content_hashes, mixed, normal_texts
from curate.dedup.shingle import Shingles, distinct, end_to_end, jaccard
from curate.dedup.substance import ABOUT_FORM, substance_hashes
from curate.dedup.traits import (
    CODE,
    CONTENT,
    NAMES,
    NUMBERS,
    QUOTED,
    WORD,
    Traits,
    entry_of,
    is_in,
    tables,
    traits,
)
from curate.textbatch import TextBatch, blocks

VERSION = 2
"""Raised whenever the same rows may be judged otherwise."""

WITHOUT_ANSWER = (1 << 32) - 1
"""Stands for the length of an answer in rows that are no question and answer: all agree."""

SHORT = 32
"""Answers with fewer letters, digits and ideographs than this must be equal."""
REWORDED = 2
"""Ideographs that one of two questions with equal short answers may have instead of others, as
列举 for 说出."""
ALIKE = 0.5
"""Jaccard similarity of the trigrams of answers that are not short."""
LABEL = 8
"""Answers that are shorter than their question by this factor are labels."""

_ANNOUNCING = TextBatch.from_strings(
    ["so", "thus", "hence", "therefore", "the", "final", "answer", "is"]
)
"""Words that announce an answer, and are none: The answer is (B), Final answer: (B). In Chinese
因此, 所以, 最终, 答案, 答案是 and 答案为."""


@njit(cache=True, nogil=True)
def _both_have_more(found, a, a_end, b, b_end):  # type: ignore[no-untyped-def]
    """Whether each of two ascending runs has a value that the other does not have."""
    more = False
    other_more = False
    while a < a_end or b < b_end:
        if b == b_end or (a < a_end and found[a] < found[b]):
            more = True
            a += 1
        elif a == a_end or found[b] < found[a]:
            other_more = True
            b += 1
        else:
            value = found[a]
            while a < a_end and found[a] == value:
                a += 1
            while b < b_end and found[b] == value:
                b += 1
    return more and other_more


@njit(inline="always")
def _has_all(found, begin, end, content, other, other_end):  # type: ignore[no-untyped-def]
    """Whether content[other:other_end] has all of some quotations."""
    for k in range(begin, end):
        first = np.int64(found[k] >> np.uint64(32))
        last = np.int64(found[k] & np.uint64(0xFFFFFFFF))
        if not is_in(content, first, last, content, other, other_end):
            return False
    return True


@njit(cache=True, nogil=True)
def _same_question(content, content_offsets, bounds, found, ideographs, pairs, out):  # type: ignore[no-untyped-def]
    for k in range(len(pairs)):
        a = pairs[k, 0]
        b = pairs[k, 1]
        out[k] = False
        chinese = ideographs[a] < ideographs[a + 1]
        if chinese != (ideographs[b] < ideographs[b + 1]):
            continue
        i = bounds[3 * a : 3 * a + 4]
        j = bounds[3 * b : 3 * b + 4]
        n, m = NUMBERS, NAMES
        if _both_have_more(found, i[n], i[n + 1], j[n], j[n + 1]):
            continue
        if _both_have_more(found, i[m], i[m + 1], j[m], j[m + 1]):
            continue
        q = QUOTED
        c, c_end = content_offsets[b], content_offsets[b + 1]
        if not _has_all(found, i[q], i[q + 1], content, c, c_end):
            c, c_end = content_offsets[a], content_offsets[a + 1]
            if not _has_all(found, j[q], j[q + 1], content, c, c_end):
                continue
        out[k] = True


@njit(cache=True, nogil=True)
def _reworded(points, offsets, bounds, found, rows, pairs, out):  # type: ignore[no-untyped-def]
    """Ideographs of one question that stand for others in the other, of every pair.

    rows: the rows that pairs are of. Where numbers differ it is more than questions may have.
    """
    counts = np.zeros(0x40000, np.int32)
    for k in range(len(pairs)):
        a = rows[pairs[k, 0]]
        b = rows[pairs[k, 1]]
        i, i_end = bounds[3 * a + NUMBERS], bounds[3 * a + NUMBERS + 1]
        j, j_end = bounds[3 * b + NUMBERS], bounds[3 * b + NUMBERS + 1]
        while i < i_end and j < j_end and found[i] == found[j]:
            i += 1
            j += 1
        if i < i_end or j < j_end:
            out[k] = REWORDED + 1
            continue
        for p in range(offsets[a], offsets[a + 1]):
            counts[points[p]] += 1
        for p in range(offsets[b], offsets[b + 1]):
            counts[points[p]] -= 1
        more = 0
        other_more = 0
        for d in (a, b):
            for p in range(offsets[d], offsets[d + 1]):
                count = counts[points[p]]
                more += max(count, 0)
                other_more += max(-count, 0)
                counts[points[p]] = 0
        out[k] = min(more, other_more)


@njit(cache=True, nogil=True)
def _sizes(points, offsets, table, out):  # type: ignore[no-untyped-def]
    """Letters, digits and ideographs of answers, as far as it matters whether they are short."""
    for d in range(len(offsets) - 1):
        size = 0
        for i in range(offsets[d], min(offsets[d + 1], offsets[d] + 4 * SHORT)):
            size += (entry_of(points[i], table) & CONTENT) != 0
        out[d] = size


@njit(cache=True, nogil=True)
def _without_announcing(points, offsets, table, words, word_offsets, out, out_offsets):  # type: ignore[no-untyped-def]
    k = 0
    for d in range(len(offsets) - 1):
        i = offsets[d]
        end = offsets[d + 1]
        outside = True  # whether no word goes on here
        while i < end:
            c = points[i]
            nothing = i
            if c == 0x7B54 and i + 1 < end and points[i + 1] == 0x6848:  # 答案是, 答案为
                nothing = i + 2
                if nothing < end and points[nothing] in (0x662F, 0x4E3A):
                    nothing += 1
            elif i + 1 < end:
                following = points[i + 1]
                if (
                    (c == 0x56E0 and following == 0x6B64)  # 因此
                    or (c == 0x6240 and following == 0x4EE5)  # 所以
                    or (c == 0x6700 and following == 0x7EC8)  # 最终
                ):
                    nothing = i + 2
            if outside and c < 0x180:
                last = i
                while last < end and entry_of(points[last], table) & WORD:
                    last += 1
                for word in range(len(word_offsets) - 1):
                    at = word_offsets[word]
                    if last - i != word_offsets[word + 1] - at:
                        continue
                    j = i
                    while j < last:
                        folded = entry_of(points[j], table) & CODE
                        if folded == 0x131:  # ı
                            folded = np.uint32(0x69)
                        elif folded == 0x17F:  # ſ
                            folded = np.uint32(0x73)
                        if folded != words[at + j - i]:
                            break
                        j += 1
                    if j == last:
                        nothing = last
            if nothing > i:
                outside = False
                i = nothing
                continue
            outside = not entry_of(c, table) & WORD
            out[k] = c
            k += 1
            i += 1
        out_offsets[d + 1] = k


@njit(cache=True, nogil=True)
def _trigrams(points, offsets, table, out, out_offsets):  # type: ignore[no-untyped-def]
    k = 0
    for d in range(len(offsets) - 1):
        last = np.uint64(0)
        size = 0
        for i in range(offsets[d], offsets[d + 1]):
            entry = entry_of(points[i], table)
            if entry & CONTENT:
                last = ((last << np.uint64(21)) | np.uint64(entry & CODE)) & np.uint64(
                    (1 << 63) - 1
                )
                size += 1
                if size >= 3:
                    out[k] = mixed(last)
                    k += 1
        out_offsets[d + 1] = k


def without_announcing(batch: TextBatch) -> TextBatch:
    """The answers without what announces them."""
    points = np.empty(len(batch.points), np.uint32)
    offsets = np.zeros(len(batch) + 1, np.int64)
    words = _ANNOUNCING
    _without_announcing(
        *(batch.points, batch.offsets, tables()["letters"], words.points, words.offsets),
        *(points, offsets),
    )
    return TextBatch(points[: offsets[-1]], offsets)


def _alike(said: TextBatch, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether long answers share enough of their trigrams, bool [m]."""
    parts = []
    for block in blocks(said):
        values = np.empty(len(block.points), np.uint64)
        offsets = np.zeros(len(block) + 1, np.int64)
        _trigrams(block.points, block.offsets, tables()["letters"], values, offsets)
        parts.append(distinct(Shingles(values[: offsets[-1]], offsets)))
    sets = end_to_end(parts)
    sizes = np.diff(sets.offsets)
    similarity = jaccard(sets, pairs[:, 0], pairs[:, 1], ALIKE)
    return (similarity >= ALIKE) | (sizes[pairs] == 0).all(axis=1)


def _equal(
    said: TextBatch,
    questions: TextBatch,
    own: Traits,
    sizes: NDArray[np.int64],
    rows: NDArray[np.int64],
    pairs: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether short answers, and what their questions ask, are the same, bool [m].

    said, questions: of `rows`, which pairs are of; own, sizes: of all rows.
    """
    about = pc.match_substring_regex(questions.to_arrow(), ABOUT_FORM).to_numpy(False)
    whole, substance = content_hashes(normal_texts(said))[:, 0], substance_hashes(said)
    hashes = np.where(about[pairs].any(axis=1, keepdims=True), whole[pairs], substance[pairs])
    asked = own.content.lengths()[rows]
    label = sizes[rows][pairs].min(axis=1) * LABEL < asked[pairs].min(axis=1)
    reworded = np.empty(len(pairs), np.int64)
    ideographs = own.ideographs
    _reworded(
        *(ideographs.points, ideographs.offsets, own.bounds, own.found),
        *(rows, pairs, reworded),
    )
    return (hashes[:, 0] == hashes[:, 1]) & (reworded <= np.where(label, 0, REWORDED))


def agreeing(
    batch: TextBatch, answers: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether pairs of rows are one row in two wordings, bool [m].

    batch: rows that end with their answer; answers: its length in characters, int64 [n], or
    WITHOUT_ANSWER. left, right: rows of every pair.
    """
    out = np.ones(len(left), np.bool_)
    looked_at = np.flatnonzero(
        (answers[left] != WITHOUT_ANSWER) & (answers[right] != WITHOUT_ANSWER)
    )
    rows, pairs = _distinct(np.stack([left[looked_at], right[looked_at]], axis=1))
    # The rows as twice as many texts, questions and answers in turn.
    texts = batch.taken(rows)
    cuts = np.maximum(texts.offsets[1:] - answers[rows], texts.offsets[:-1])
    offsets = np.append(np.stack([texts.offsets[:-1], cuts], axis=1).ravel(), texts.offsets[-1])
    parts = TextBatch(texts.points, offsets)
    questions = parts.taken(np.arange(0, 2 * len(rows), 2))
    said = parts.taken(np.arange(1, 2 * len(rows), 2))
    own = traits(questions, said)
    same = np.empty(len(pairs), np.bool_)
    _same_question(
        *(own.content.points, own.content.offsets, own.bounds, own.found),
        *(own.ideographs.offsets, pairs, same),
    )
    sizes = np.empty(len(rows), np.int64)
    _sizes(said.points, said.offsets, tables()["letters"], sizes)
    long = sizes[pairs].min(axis=1) >= SHORT
    both = np.flatnonzero(same & long)
    used, index = _distinct(pairs[both])
    same[both] = _alike(without_announcing(said.taken(used)), index)
    both = np.flatnonzero(same & ~long)
    used, index = _distinct(pairs[both])
    short = without_announcing(said.taken(used))
    same[both] = _equal(short, questions.taken(used), own, sizes, used, index)
    out[looked_at] = same
    return out


def _distinct(pairs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(the rows that are in pairs, ascending; the pairs by their place among these)."""
    rows, index = np.unique(pairs, return_inverse=True)
    return rows, index.reshape(pairs.shape)
