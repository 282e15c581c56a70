"""Whether the words of the Chinese side are translated, by a small lexicon of common words.

Nothing else sees that a pair of plausible length without numbers or names is misaligned. The
lexicon (`lexicon.txt`, written for this project) is small on purpose: of the words of a sentence it
knows a few, and a translation has most of these few.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.pair.base import PairBatch, PairMeasure
from curate.measure.pair.ennumbers import letter

LEXICON = Path(__file__).with_name("lexicon.txt")
_STEM = 6
_LONGEST = 4


class Lexicon(NamedTuple):
    """A lexicon as arrays. Entries are Chinese words, stems the first six letters of English ones.

    zh_keys: int64 [entries], sorted; a word's code points, 16 bits each.
    zh_lengths: uint8 [0x10000], a bit for every length of entry that a character begins.
    en_keys: int64 [stems], sorted; 5 bits a letter.
    stems, stem_starts: int32; the stems of entry i are stems[stem_starts[i]:stem_starts[i + 1]].
    found, missing: float64 [entries]; the log-likelihood ratio of a translation against an
    unrelated text where the entry is translated, and where it is not.
    """

    zh_keys: NDArray[np.int64]
    zh_lengths: NDArray[np.uint8]
    en_keys: NDArray[np.int64]
    stems: NDArray[np.int32]
    stem_starts: NDArray[np.int32]
    found: NDArray[np.float64]
    missing: NDArray[np.float64]


def zh_key(word: str) -> int:
    """A word of at most four characters as the arrays have it."""
    key = 0
    for c in word:
        key = key << 16 | ord(c)
    return key - (1 << 64) if key >= 1 << 63 else key


def _en_key(word: str) -> int:
    key = 0
    for c in word[:_STEM]:
        key = key << 5 | (ord(c) - 0x60)
    return key


def _forms(word: str) -> set[str]:
    """The regular forms of an English word: plural, past, -ing."""
    bare = word.removesuffix("e")
    forms = {word, word + "s", word + "es", word + "ed", bare + "ed", word + "ing", bare + "ing"}
    if word.endswith("y"):
        forms |= {word[:-1] + "ies", word[:-1] + "ied"}
    return forms


@cache
def lexicon() -> Lexicon:
    """The lexicon of this package, read once."""
    words: dict[str, set[int]] = {}
    shares: dict[str, tuple[int, int]] = {}
    for line in LEXICON.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        zh, related, unrelated, *english = line.split()
        keys = {_en_key(form) for word in english for form in _forms(word)}
        words[zh] = keys
        shares[zh] = int(related), int(unrelated)
    zh_words = sorted(words, key=zh_key)
    en_keys = np.array(sorted(set().union(*words.values())), np.int64)
    lengths = np.zeros(0x10000, np.uint8)
    for word in zh_words:
        lengths[ord(word[0])] |= 1 << len(word)
    rows = [np.searchsorted(en_keys, sorted(words[word])) for word in zh_words]
    sizes = np.array([len(row) for row in rows])
    related, unrelated = (np.array([shares[word] for word in zh_words]) / 100).T
    stems = np.concatenate(rows).astype(np.int32)
    return Lexicon(
        np.array([zh_key(word) for word in zh_words], np.int64),
        lengths,
        en_keys,
        stems,
        np.concatenate(([0], np.cumsum(sizes))).astype(np.int32),
        np.log(related / unrelated),
        np.log((1 - related) / (1 - unrelated)),
    )


class LexiconCounts(NamedTuple):
    """[n] each, but for the last; a word that occurs twice in a text counts once."""

    words: NDArray[np.int32]
    """Words of the lexicon on the Chinese side."""
    found: NDArray[np.int32]
    """Those of them of which the English side has a translation."""
    evidence: NDArray[np.float64]
    """The sum of their log-likelihood ratios: above 0 for translations."""
    entries: NDArray[np.int64]
    """[2, entries]: pairs of the batch with the entry, and those in which it is translated."""


@njit(cache=True, nogil=True)
def _index(keys, key):  # type: ignore[no-untyped-def]
    at = np.searchsorted(keys, key)
    return at if at < len(keys) and keys[at] == key else -1


@njit(cache=True, nogil=True)
def _entries(points, start, end, keys, lengths, stamps, stamp, found):  # type: ignore[no-untyped-def]
    """Fills the distinct entries of points[start:end], longest first, and returns their number."""
    n = 0
    i = start
    while i < end:
        c = points[i]
        mask = int(lengths[c]) if c < 0x10000 else 0
        size = _LONGEST if mask else 0
        taken = 1
        while size > 0:
            if mask >> size & 1 and i + size <= end:
                key = np.int64(0)
                plane = True
                for k in range(i, i + size):
                    key = (key << 16) | np.int64(points[k])
                    plane = plane and points[k] < 0x10000
                at = _index(keys, key) if plane else -1
                if at >= 0:
                    if stamps[at] != stamp:
                        stamps[at] = stamp
                        found[n] = at
                        n += 1
                    taken = size
                    break
            size -= 1
        i += taken
    return n


@njit(cache=True, nogil=True)
def _mark_stems(points, start, end, keys, stamps, stamp):  # type: ignore[no-untyped-def]
    """Stamps the stems of points[start:end]."""
    key = np.int64(0)
    size = 0
    for i in range(start, end + 1):
        value = letter(points[i]) if i < end else 0
        if value:
            if size < _STEM:
                key = (key << 5) | value
            size += 1
        elif size:
            at = _index(keys, key)
            if at >= 0:
                stamps[at] = stamp
            key = np.int64(0)
            size = 0


@njit(cache=True, nogil=True)
def _compare(  # type: ignore[no-untyped-def]
    zh, zh_offsets, en, en_offsets, zh_keys, lengths, en_keys, stems, stem_starts,
    found, missing, counts, evidence, totals,
):  # fmt: skip
    zh_stamps = np.zeros(len(zh_keys), np.int64)
    en_stamps = np.zeros(len(en_keys), np.int64)
    entries = np.empty(len(zh_keys), np.int32)
    for d in range(len(zh_offsets) - 1):
        stamp = d + 1
        n = _entries(
            zh, zh_offsets[d], zh_offsets[d + 1], zh_keys, lengths, zh_stamps, stamp, entries
        )
        if n == 0:
            continue
        _mark_stems(en, en_offsets[d], en_offsets[d + 1], en_keys, en_stamps, stamp)
        counts[0, d] = n
        for i in range(n):
            entry = entries[i]
            translated = False
            for k in range(stem_starts[entry], stem_starts[entry + 1]):
                if en_stamps[stems[k]] == stamp:
                    translated = True
                    break
            counts[1, d] += translated
            totals[0, entry] += 1
            totals[1, entry] += translated
            evidence[d] += found[entry] if translated else missing[entry]


def lexicon_counts(pairs: PairBatch) -> LexiconCounts:
    """Words of the lexicon on the Chinese side of every pair, and those that are translated."""
    counts = np.zeros((2, len(pairs)), np.int32)
    evidence = np.zeros(len(pairs))
    known: Any = tuple(lexicon())
    totals = np.zeros((2, len(known[0])), np.int64)
    zh, en = pairs.zh, pairs.en
    compare: Any = _compare
    compare(zh.points, zh.offsets, en.points, en.offsets, *known, counts, evidence, totals)
    return LexiconCounts(counts[0], counts[1], evidence, totals)


class LexiconMeasure(PairMeasure):
    """Common words of the Chinese side of which the English side has a usual translation.

    `lexicon_words` counts those words, each once; `lexicon_agreement` is
    (translated + 1) / (lexicon_words + 1). `lexicon_evidence` weighs them: it is the logarithm of
    how much likelier they are in a translation than in an unrelated text.
    """

    name: ClassVar[str] = "pair_lexicon"
    order: ClassVar[int] = 50
    columns: ClassVar[dict[str, pa.DataType]] = {
        "lexicon_words": pa.int32(),
        "lexicon_agreement": pa.float32(),
        "lexicon_evidence": pa.float32(),
    }

    def measure_batch(self, pairs: PairBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """Words and the share found of every pair."""
        counts = pairs.once(lexicon_counts)
        agreement = (counts.found + 1) / (counts.words + 1)
        return {
            "lexicon_words": counts.words,
            "lexicon_agreement": agreement.astype(np.float32),
            "lexicon_evidence": counts.evidence.round(2).astype(np.float32),
        }
