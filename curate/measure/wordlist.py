"""Lists of terms in files, and the compiled search for all of them in a batch at once.

A file has a term a line; lines that begin with # are comments. A term is found in both scripts, in
full-width and half-width letters, in any case, and with blanks inside it; one that begins or ends
with a Latin letter or digit is found as a word of its own only.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.errors import RecipeError
from curate.measure.characters import BLANKS
from curate.textbatch import TextBatch

LONGEST = 32
"""Characters a term may have."""
_BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class WordLists:
    """Terms of several lists, ready to search. A term in two lists belongs to the first."""

    starts: NDArray[np.uint32]
    """[0x10000]: bit n - 1 is set where a term of n characters begins with the character."""
    pairs: NDArray[np.bool_]
    """[0x10000]: whether a term may begin with two characters, by `_pair` of them."""
    slots: NDArray[np.int64]
    """Open hash table: index of a form, or -1."""
    forms: NDArray[np.uint32]
    """Characters of all forms, end to end."""
    offsets: NDArray[np.int64]
    """Form i is forms[offsets[i]:offsets[i + 1]]."""
    term: NDArray[np.int64]
    """[forms]: the term a form is of; forms of one term differ in script."""
    category: NDArray[np.int64]
    """[forms]: the list a form is from."""
    terms: int

    def found(
        self, batch: TextBatch, categories: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """(different terms, characters covered), both [categories, n]; the longest term at a place
        counts, and places do not overlap.
        """
        distinct = np.zeros((categories, len(batch)), np.int32)
        covered = np.zeros((categories, len(batch)), np.int64)
        if len(self.term):
            met = np.full(self.terms, -1, np.int64)
            _search(
                batch.points,
                batch.offsets,
                _FOLDED,
                self.starts,
                self.pairs,
                self.slots,
                self.forms,
                self.offsets,
                self.term,
                self.category,
                met,
                distinct,
                covered,
            )
        return distinct, covered


def shipped(name: str) -> Path:
    """One of the project's own starter lists."""
    return Path(str(importlib.resources.files("curate.measure"))) / "wordlists" / f"{name}.txt"


def terms_in(path: Path) -> list[str]:
    """The terms of a file, in order. Raises RecipeError when it cannot be used."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise RecipeError(
            f"there is no word list {path}; a list is a text file, a term a line"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read word list {path}: {error}; save it as UTF-8 text") from None
    terms = [line.strip() for line in lines]
    terms = [term for term in terms if term and not term.startswith("#")]
    for number, term in enumerate(terms, 1):
        if len(folded(term)) > LONGEST:
            raise RecipeError(f"word list {path}, term {number}: longer than {LONGEST} characters")
    return terms


def folded(term: str) -> str:
    """A term as it is compared: no blanks, half-width letters, lower case."""
    return term.translate(_FOLDS)


def compiled(lists: Sequence[Sequence[str]]) -> WordLists:
    """The lists' terms, each in both scripts, ready to search."""
    forms: dict[str, tuple[int, int]] = {}
    terms: dict[str, int] = {}
    for category, words in enumerate(lists):
        # One call for all: a term a line, so that no phrase can match across terms.
        lines = "\n".join(words)
        versions = [convert(lines).split("\n")[: len(words)] for convert in _converters()]
        for word, simplified, *others in zip(words, *versions, strict=True):
            base = folded(simplified)
            term = terms.setdefault(base, len(terms))
            # Most words have one form.
            for form in dict.fromkeys((word, simplified, *others)):
                key = base if form == simplified else folded(form)
                if key and ord(key[0]) < 0x10000 and len(key) <= LONGEST:
                    forms.setdefault(key, (term, category))
    flat = np.frombuffer("".join(forms).encode("utf-32-le"), np.uint32)
    offsets = np.zeros(len(forms) + 1, np.int64)
    np.cumsum(list(map(len, forms)), out=offsets[1:])
    starts = np.zeros(0x10000, np.uint32)
    pairs = np.zeros(0x10000, np.bool_)
    size = 64
    while size < 4 * len(forms):
        size *= 2
    slots = np.full(size, -1, np.int64)
    _fill(flat, offsets, starts, pairs, slots)
    values = np.array(list(forms.values()), np.int64).reshape(-1, 2)
    return WordLists(
        starts,
        pairs,
        slots,
        flat,
        offsets,
        np.ascontiguousarray(values[:, 0]),
        np.ascontiguousarray(values[:, 1]),
        len(terms),
    )


@cache
def _converters() -> list[Callable[[str], str]]:
    """To simplified script, and to the traditional ones; loading them takes a while."""
    import opencc

    return [opencc.OpenCC(name).convert for name in ("t2s", "s2t", "s2hk", "s2tw")]


def _folded_points() -> NDArray[np.uint32]:
    """uint32 [0x10000]: lower case (ASCII) and half-width form of a character; blanks are 0."""
    table = np.arange(0x10000, dtype=np.uint32)
    table[0xFF01:0xFF5F] -= np.uint32(0xFEE0)
    upper = (table >= 0x41) & (table <= 0x5A)
    table[upper] += np.uint32(0x20)
    table[[code for code in BLANKS if code != 0x0A]] = 0  # no term goes over a line's end
    return table


_FOLDED = _folded_points()
_FOLDS: dict[int, str | None] = {
    code: chr(_FOLDED[code]) for code in np.flatnonzero(np.arange(0x10000) != _FOLDED).tolist()
} | dict.fromkeys(BLANKS)
"""The same for `str.translate`, line ends as well."""


@njit(cache=True, nogil=True, inline="always")
def _mixed(key):  # type: ignore[no-untyped-def]
    key = (key ^ (key >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return key ^ (key >> np.uint64(29))


@njit(cache=True, nogil=True, inline="always")
def _pair(a, b):  # type: ignore[no-untyped-def]
    mixed = (np.uint64(a) * np.uint64(0x9E3779B1)) ^ (np.uint64(b) * np.uint64(0x85EBCA6B))
    return (mixed >> np.uint64(12)) & np.uint64(0xFFFF)


@njit(cache=True, nogil=True)
def _fill(forms, offsets, starts, pairs, slots):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(slots) - 1)
    for f in range(len(offsets) - 1):
        first, length = offsets[f], offsets[f + 1] - offsets[f]
        starts[forms[first]] |= np.uint32(1) << np.uint32(length - 1)
        if length > 1:
            pairs[_pair(forms[first], forms[first + 1])] = True
        key = np.uint64(0)
        for i in range(offsets[f], offsets[f + 1]):
            key = (key + np.uint64(forms[i])) * _BASE
        slot = _mixed(key) & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = f


@njit(cache=True, nogil=True, inline="always")
def _in_word(c):  # type: ignore[no-untyped-def]
    return c < 0x80 and (0x30 <= c <= 0x39 or 0x41 <= (c & 0xDF) <= 0x5A)


@njit(cache=True, nogil=True)
def _longest(points, i, end, folded, starts, slots, forms, offsets):  # type: ignore[no-untyped-def]
    """(form, end of it in the text, characters) of the longest form at `i`; form is -1 for none."""
    mask = np.uint64(len(slots) - 1)
    lengths = starts[folded[points[i]]]
    key = np.uint64(0)
    n = 0
    best = -1
    best_end = i
    best_n = 0
    j = i
    while lengths and j < end:
        c = points[j]
        if c < 0x10000:
            c = folded[c]
        j += 1
        if c == 0:
            continue
        n += 1
        key = (key + np.uint64(c)) * _BASE
        wanted = lengths & np.uint32(1)
        lengths >>= np.uint32(1)
        if not wanted:
            continue
        slot = _mixed(key) & mask
        while slots[slot] >= 0:
            f = slots[slot]
            if offsets[f + 1] - offsets[f] == n:
                # Compared from the text's start of the term; blanks in it are passed over.
                k = offsets[f]
                at = i
                same = True
                while same and k < offsets[f + 1]:
                    x = points[at]
                    if x < 0x10000:
                        x = folded[x]
                    at += 1
                    if x == 0:
                        continue
                    same = x == forms[k]
                    k += 1
                # Latin terms are words: no av in java.
                if _in_word(points[j - 1]) and j < end and _in_word(points[j]):
                    same = False
                if same:
                    best = f
                    best_end = j
                    best_n = n
                    break
            slot = (slot + np.uint64(1)) & mask
    return best, best_end, best_n


@njit(cache=True, nogil=True)
def _search(  # type: ignore[no-untyped-def]
    points, offsets, folded, starts, pairs, slots, forms, form_offsets, term, category, met,
    distinct, covered,
):  # fmt: skip
    for d in range(len(offsets) - 1):
        end = offsets[d + 1]
        i = offsets[d]
        while i < end:
            c = points[i]
            if c >= 0x10000:
                i += 1
                continue
            a = folded[c]
            lengths = starts[a]
            if lengths == 0:
                i += 1
                continue
            if lengths & np.uint32(1) == 0 and i + 1 < end and points[i + 1] < 0x10000:
                b = folded[points[i + 1]]
                if b != 0 and not pairs[_pair(a, b)]:
                    i += 1
                    continue
            if _in_word(c) and i > offsets[d] and _in_word(points[i - 1]):
                i += 1
                continue
            f, after, n = _longest(points, i, end, folded, starts, slots, forms, form_offsets)
            if f < 0:
                i += 1
                continue
            covered[category[f], d] += n
            if met[term[f]] != d:
                met[term[f]] = d
                distinct[category[f], d] += 1
            i = after
