"""How varied a text's characters are, and how much of it a compressor would have to store.

Both depend on length when computed naively: five characters cannot have ten bits of entropy, and
nothing in them can repeat. So the ratios here compare with what the length allows.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.base import Measure
from curate.measure.characters import is_blank
from curate.measure.repetition import BASE, CONSIDERED, slot_of
from curate.scan import Scan
from curate.textbatch import TextBatch

ENOUGH = 256
"""Characters from which a text is expected to have all of log2(ENOUGH) bits, and no more."""
MATCH = 4
"""Characters that a compressor must find again to gain anything: a reference takes about two."""
REFERENCE = 2
"""Characters that a reference counts as, in the compressed text."""

_COLUMNS = ("entropy", "entropy_ratio", "compression_ratio")


class Entropy(Measure):
    """Variety of characters, and compressibility; blanks are left out.

    entropy: Shannon entropy of the text's characters in bits a character.
    entropy_ratio: that over log2 of the number of characters (of ENOUGH, if there are more), at
    most 1; 1 for a single character.
    compression_ratio: what a greedy LZ77 pass with an unlimited window leaves of the text, over the
    text: copies of MATCH or more characters become references of REFERENCE characters.

    Not on by default: it costs as much as all other measures of quality together, and what it finds
    in natural text the repetition measures find too.
    """

    name: ClassVar[str] = "entropy"
    order: ClassVar[int] = 45
    default: ClassVar[bool] = False
    columns: ClassVar[dict[str, pa.DataType]] = dict.fromkeys(_COLUMNS, pa.float32())

    def measure_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> dict[str, NDArray[np.generic] | pa.Array]:
        out = np.zeros((len(_COLUMNS), len(batch)), np.float32)
        longest = min(int(batch.lengths().max(initial=0)), CONSIDERED)
        slots = 64
        while slots < 2 * longest:
            slots *= 2
        _entropy(
            batch.points,
            batch.offsets,
            np.empty(longest, np.uint32),
            np.zeros(0x20000, np.int32),
            np.empty(slots, np.uint64),
            np.zeros(slots, np.int64),
            np.empty(slots, np.int32),
            np.arange(longest + 1) * np.log2(np.maximum(np.arange(longest + 1), 1)),
            out,
        )
        return dict(zip(_COLUMNS, out, strict=True))


@njit(cache=True, nogil=True)
def _stored(text, size, keys, stamps, stamp, mask, places):  # type: ignore[no-untyped-def]
    """Characters that the LZ77 pass leaves of text[:size].

    A copy is looked for where the MATCH characters at hand stood last, and taken at its full
    length (it may run into itself, as in a run of one character).
    """
    left = 0
    i = 0
    entered = 0  # positions before this one are in the table
    drop = np.uint64(1)
    for _ in range(MATCH):
        drop *= BASE
    key = np.uint64(0)
    while i < size:
        if i + MATCH > size:
            left += size - i
            break
        # The keys of all positions up to `i` enter the table, in order.
        found = -1
        while entered <= i:
            if entered == 0:
                for k in range(MATCH):
                    key = key * BASE + np.uint64(text[k])
            else:
                key = key * BASE + np.uint64(text[entered + MATCH - 1])
                key -= drop * np.uint64(text[entered - 1])
            slot = slot_of(key, mask)
            while stamps[slot] == stamp and keys[slot] != key:
                slot = (slot + np.uint64(1)) & mask
            if stamps[slot] == stamp:
                found = places[slot]
            else:
                found = -1
                stamps[slot] = stamp
                keys[slot] = key
            places[slot] = entered
            entered += 1
        if found < 0:
            left += 1
            i += 1
            continue
        length = 0
        while i + length < size and text[found + length] == text[i + length]:
            length += 1
        if length < MATCH:  # another sequence with the same key
            left += 1
            i += 1
            continue
        left += REFERENCE
        i += length
    return left


@njit(cache=True, nogil=True)
def _entropy(points, offsets, text, counts, keys, stamps, places, logs, out):  # type: ignore[no-untyped-def]
    for d in range(len(offsets) - 1):
        start = offsets[d]
        end = min(offsets[d + 1], start + CONSIDERED)
        size = 0
        for i in range(start, end):
            c = points[i]
            if not is_blank(c):
                text[size] = c
                size += 1
        if size == 0:
            continue
        # Characters beyond the first two planes share the counters of those below: too rare to
        # matter.
        total = 0.0
        for i in range(size):
            n = counts[text[i] & np.uint32(0x1FFFF)] + 1
            counts[text[i] & np.uint32(0x1FFFF)] = n
            total += logs[n] - logs[n - 1]
        for i in range(size):
            counts[text[i] & np.uint32(0x1FFFF)] = 0
        bits = max(np.log2(size) - total / size, 0.0)
        out[0, d] = bits
        out[1, d] = min(bits / np.log2(min(size, ENOUGH)), 1.0) if size > 1 else 1.0
        wanted = np.uint64(64)
        while wanted < np.uint64(2 * size):
            wanted *= np.uint64(2)
        mask = wanted - np.uint64(1)
        left = _stored(text, size, keys, stamps, d + 1, mask, places)
        out[2, d] = left / size
