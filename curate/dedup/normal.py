"""The form of a text in which two texts are compared, and its 128-bit hash.

Two texts are exact duplicates when they have the same normal form:

- Unicode NFC, then full-width forms (U+FF01 to U+FF5E) to their ASCII twins, then lower case
  (character by character; ß stays ß);
- control, zero-width and other format characters and variation selectors removed;
- blanks and line ends removed, but for one blank where it parts two letters or digits of a script
  that writes blanks: `12 3` is not `123`, `a part` is not `apart`, while 中 文 is 中文.

Nothing else: every punctuation mark counts, so 好！ and 好？, or 1.5 and 15, are different texts.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.tables import stored
from curate.textbatch import Offsets, Points, TextBatch

# Bits above the 21 of a code point, in the table and in `NormalTexts.points`.
CODE = np.uint32((1 << 21) - 1)
CONTENT = np.uint32(1 << 21)
"""Letters, digits, ideographs and their marks: what shingles are made of."""
_BLANK = np.uint32(1 << 22)
_REMOVED = np.uint32(1 << 23)
_PARTED = np.uint32(1 << 24)
"""Content of a script that parts words by blanks."""
_COMPOSE = np.uint32(1 << 25)

_UNPARTED = (
    (0x2E80, 0x3000),
    (0x3005, 0x3008),
    (0x3021, 0x3030),
    (0x3031, 0x3400),
    (0x3400, 0xA4D0),
    (0xF900, 0xFB00),
    (0xFF66, 0xFFA0),
    (0x1AFF0, 0x1B300),
    (0x20000, 0x33480),
)
"""Ranges of scripts written without blanks: Han, kana, bopomofo, Yi."""

_VARIATIONS = ((0xFE00, 0xFE10), (0xE0100, 0xE01F0))


@cache
def _table() -> NDArray[np.uint32]:
    """`_built_table`, from the cache of tables."""
    versions = {"unicode": unicodedata.unidata_version}
    return stored("normal", lambda: {"table": _built_table()}, [__file__], versions)["table"]


def _built_table() -> NDArray[np.uint32]:
    """uint32 [0x110000]: the mapped code point with the bits above."""
    table = np.arange(0x110000, dtype=np.uint32)
    # Planes 4 to 13 are unassigned, 15 and 16 private: they stay as they are, and are no content.
    for code in [*range(0x34000), *range(0xE0000, 0xE1000)]:
        char = chr(code)
        category = unicodedata.category(char)
        lower = chr(code - 0xFEE0) if 0xFF01 <= code <= 0xFF5E else char
        if len(lower.lower()) == 1:
            lower = lower.lower()
        entry = np.uint32(ord(lower))
        if category[0] == "Z" or code in (0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85):
            entry |= _BLANK
        elif (
            category in ("Cc", "Cf", "Cs") or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF
        ):
            entry |= _REMOVED
        elif category[0] in "LNM":
            entry |= CONTENT
            if not any(a <= code < b for a, b in _UNPARTED):
                entry |= _PARTED
        if (
            category[0] == "M"
            or not unicodedata.is_normalized("NFC", char)
            or 0x1160 <= code < 0x1200
        ):
            entry |= _COMPOSE
        table[code] = entry
    return table


@njit(cache=True, nogil=True)
def _normalise(points, offsets, table, out, out_offsets, compose):  # type: ignore[no-untyped-def]
    k = 0
    for d in range(len(offsets) - 1):
        blank = False
        parted = False  # whether the last character written is content that blanks part
        flags = np.uint32(0)
        for i in range(offsets[d], offsets[d + 1]):
            entry = table[points[i]]
            flags |= entry
            if entry & (_BLANK | _REMOVED):
                blank = blank or (entry & _BLANK) != 0
                continue
            now_parted = (entry & _PARTED) != 0
            if blank and parted and now_parted:
                out[k] = 0x20
                k += 1
            out[k] = entry & (CODE | CONTENT)
            k += 1
            blank = False
            parted = now_parted
        compose[d] = (flags & _COMPOSE) != 0
        out_offsets[d + 1] = k
    return k


@dataclass(frozen=True)
class NormalTexts:
    """Normal forms end to end; text i is `points[offsets[i]:offsets[i + 1]]`.

    points: uint32, code points with the `CONTENT` bit set on letters, digits and ideographs.
    """

    points: Points
    offsets: Offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> str:
        text = self.points[self.offsets[i] : self.offsets[i + 1]] & CODE
        return text.astype(np.uint32).tobytes().decode("utf-32-le")


def normal_texts(batch: TextBatch) -> NormalTexts:
    """The normal form of every text in the batch."""
    out = np.empty(len(batch.points), np.uint32)
    offsets = np.zeros(len(batch) + 1, np.int64)
    compose = np.zeros(len(batch), np.bool_)
    total = _normalise(batch.points, batch.offsets, _table(), out, offsets, compose)
    if compose.any():
        changes: dict[int, str] = {}
        for i in np.flatnonzero(compose).tolist():
            text = batch[i]
            if not unicodedata.is_normalized("NFC", text):
                changes[i] = unicodedata.normalize("NFC", text)
        if changes:
            batch = batch.replaced(changes)
            out = np.empty(len(batch.points), np.uint32)
            total = _normalise(batch.points, batch.offsets, _table(), out, offsets, compose)
    return NormalTexts(out[:total], offsets)


@njit(inline="always")
def mixed(h):  # type: ignore[no-untyped-def]
    """MurmurHash3's 64-bit finaliser: a bijection; every input bit moves every output bit."""
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xFF51AFD7ED558CCD)
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xC4CEB9FE1A85EC53)
    h ^= h >> np.uint64(33)
    return h


@njit(inline="always")
def _rotated(x, r):  # type: ignore[no-untyped-def]
    return (x << np.uint64(r)) | (x >> np.uint64(64 - r))


@njit(inline="always")
def _pair(low, high):  # type: ignore[no-untyped-def]
    return np.uint64(low & CODE) | (np.uint64(high & CODE) << np.uint64(32))


@njit(cache=True, nogil=True)
def _murmur3_x64_128(points, offsets, out):  # type: ignore[no-untyped-def]
    c1 = np.uint64(0x87C37B91114253D5)
    c2 = np.uint64(0x4CF5AD432745937F)
    five = np.uint64(5)
    for d in range(len(offsets) - 1):
        h1 = np.uint64(0)
        h2 = np.uint64(0)
        i = offsets[d]
        end = offsets[d + 1]
        size = np.uint64(4 * (end - i))
        while i + 4 <= end:
            k1 = np.uint64(points[i] & CODE) | (np.uint64(points[i + 1] & CODE) << np.uint64(32))
            k2 = np.uint64(points[i + 2] & CODE) | (
                np.uint64(points[i + 3] & CODE) << np.uint64(32)
            )
            k1 = _rotated(k1 * c1, 31) * c2
            h1 = (_rotated(h1 ^ k1, 27) + h2) * five + np.uint64(0x52DCE729)
            k2 = _rotated(k2 * c2, 33) * c1
            h2 = (_rotated(h2 ^ k2, 31) + h1) * five + np.uint64(0x38495AB5)
            i += 4
        if i + 2 < end:
            h2 ^= _rotated(np.uint64(points[i + 2] & CODE) * c2, 33) * c1
        if i < end:
            k1 = np.uint64(points[i] & CODE)
            if i + 1 < end:
                k1 |= np.uint64(points[i + 1] & CODE) << np.uint64(32)
            h1 ^= _rotated(k1 * c1, 31) * c2
        h1 ^= size
        h2 ^= size
        h1 += h2
        h2 += h1
        h1 = mixed(h1)
        h2 = mixed(h2)
        h1 += h2
        h2 += h1
        out[d, 0] = h1
        out[d, 1] = h2


def content_hashes(texts: NormalTexts) -> NDArray[np.uint64]:
    """uint64 [n, 2]: MurmurHash3 x64-128 (seed 0) of the normal forms as UTF-32-LE."""
    out = np.empty((len(texts), 2), np.uint64)
    _murmur3_x64_128(texts.points, texts.offsets, out)
    return out


def exact_hashes(batch: TextBatch) -> NDArray[np.uint64]:
    """uint64 [n, 2]: equal for two texts exactly when their normal forms are (but for chance)."""
    return content_hashes(normal_texts(batch))
