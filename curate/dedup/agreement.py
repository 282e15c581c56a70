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

What only one of the questions has (请一步步想, a sentence in front) makes no other row. A few rows
in a hundred come this far, so they are looked at one by one.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.dedup.normal import content_hashes, normal_texts
from curate.dedup.substance import ABOUT_FORM, PARTICLES, substance_hashes
from curate.textbatch import TextBatch

VERSION = 1
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

_NUMERALS = {c: str(n) for n, c in enumerate("二三四五六七八九", 2)} | {"两": "2"}
_NUMBER = re.compile(
    r"\d+(?:\.\d+)?|第一|[〇零一二三四五六七八九十百千万亿两]{2,}|[二三四五六七八九两]"
)
_IDEOGRAPH = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WORD = re.compile(r"[A-Za-z](?:[\w'’-]*[A-Za-z0-9])?", re.ASCII)
_NAME = re.compile(r"(?<![.?!:;\"“\n*(])(?<=[ ,])(?:[A-Z][\w'’-]*)", re.ASCII)
_QUOTED = re.compile(
    '《([^《》\n]+)》|“([^“”\n]+)”|「([^「」\n]+)」|『([^『』\n]+)』|"([^"\n]+)"|<([^<>\n]+)>'
)
_ABOUT_FORM = re.compile(ABOUT_FORM)
_NO_CONTENT = re.compile(r"[\W_]+")
_ANNOUNCING = re.compile(
    r"\b(?:so|thus|hence|therefore|the|final|answer|is)\b|因此|所以|最终|答案(?:是|为)?",
    re.IGNORECASE,
)
"""What announces an answer, and is none: The answer is (B), Final answer: (B)."""


@dataclass(frozen=True)
class _Question:
    numbers: Counter[str]
    names: frozenset[str]
    quoted: tuple[str, ...]
    content: str
    ideographs: Counter[str]
    about_form: bool


def _content(text: str) -> str:
    """Letters, digits and ideographs."""
    return _NO_CONTENT.sub("", text.lower())


def _question(text: str, answer: str) -> _Question:
    about_form = _ABOUT_FORM.search(text) is not None
    text = unicodedata.normalize("NFKC", text)
    ideographs = Counter(_IDEOGRAPH.findall(text))
    for particle in PARTICLES:
        ideographs.pop(particle, None)
    if ideographs:
        names = _WORD.findall(text)
    else:
        # Behind the end of a sentence a capital says nothing.
        inside = _NAME.findall(re.sub(r"([.?!:]['\"”)]*) +", r"\1", text))
        names = [n for n in inside if n != "I" and (len(n) <= 3 or n in answer)]
    return _Question(
        Counter(_NUMERALS.get(number, number) for number in _NUMBER.findall(text)),
        frozenset(name.lower() for name in names),
        tuple(_content(next(filter(None, found), "")) for found in _QUOTED.findall(text)),
        _content(text),
        ideographs,
        about_form,
    )


def _both_have_more(one: Iterable[str], other: Iterable[str]) -> bool:
    a, b = set(one), set(other)
    return bool(a - b) and bool(b - a)


def _same_question(one: _Question, other: _Question) -> bool:
    if bool(one.ideographs) != bool(other.ideographs):
        return False
    if _both_have_more(one.numbers, other.numbers) or _both_have_more(one.names, other.names):
        return False
    return all(q in other.content for q in one.quoted) or all(
        q in one.content for q in other.quoted
    )


def _reworded(one: _Question, other: _Question) -> int:
    """Ideographs of the one that stand for others in the other."""
    more = (one.ideographs - other.ideographs).total()
    return min(more, (other.ideographs - one.ideographs).total())


def _alike(one: str, other: str) -> bool:
    """Whether long answers share enough of their trigrams."""
    a, b = ({text[i : i + 3] for i in range(len(text) - 2)} for text in map(_content, (one, other)))
    return len(a & b) >= ALIKE * len(a | b)


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
    rows = np.unique(np.concatenate([left[looked_at], right[looked_at]]))
    texts = [batch[i] for i in rows.tolist()]
    cuts = [max(len(t) - n, 0) for t, n in zip(texts, answers[rows].tolist(), strict=True)]
    answered = [text[cut:] for text, cut in zip(texts, cuts, strict=True)]
    questions = [
        _question(text[:cut], answer)
        for text, cut, answer in zip(texts, cuts, answered, strict=True)
    ]
    sizes = [len(_content(text[: 4 * SHORT])) for text in answered]
    said = [_ANNOUNCING.sub("", text) for text in answered]
    batch = TextBatch.from_strings(said)
    whole, substance = content_hashes(normal_texts(batch))[:, 0], substance_hashes(batch)
    at = np.searchsorted(rows, np.stack([left[looked_at], right[looked_at]], axis=1))
    for k, (a, b) in zip(looked_at.tolist(), at.tolist(), strict=True):
        one, other = questions[a], questions[b]
        same = _same_question(one, other)
        size = min(sizes[a], sizes[b])
        if same and size >= SHORT:
            same = _alike(said[a], said[b])
        elif same:
            hashes = whole if one.about_form or other.about_form else substance
            label = size * LABEL < min(len(one.content), len(other.content))
            same = (
                bool(hashes[a] == hashes[b])
                and one.numbers == other.numbers
                and _reworded(one, other) <= (0 if label else REWORDED)
            )
        out[k] = same
    return out
