"""Names, acronyms and addresses in Latin letters on the Chinese side: the English side has them."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.pair.base import PairBatch, PairMeasure
from curate.measure.pair.words import word_counts
from curate.textbatch import TextBatch

_LINK = re.compile(
    r"(?:https?|ftp)://[!-~]+|www\.[!-~]+|[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
    re.IGNORECASE,
)


@njit(cache=True, nogil=True)
def _may_link(points, offsets, out):  # type: ignore[no-untyped-def]
    """Marks texts with an @, a :// or a www."""
    for d in range(len(offsets) - 1):
        end = offsets[d + 1]
        for i in range(offsets[d], end):
            c = points[i]
            if c == 0x40:
                out[d] = True
                break
            if c == 0x3A or (c | 0x20) == 0x77:
                if i + 2 >= end:
                    continue
                c1, c2 = points[i + 1], points[i + 2]
                slashes = c == 0x3A and c1 == 0x2F and c2 == 0x2F
                if slashes or (c != 0x3A and (c1 | 0x20) == 0x77 and (c2 | 0x20) == 0x77):
                    out[d] = True
                    break


def links(text: str) -> set[str]:
    """URLs and e-mail addresses, in lower case, without what closes the sentence around them."""
    return {found.rstrip(".,;:!?)]}>'\"").lower() for found in _LINK.findall(text)}


def unmatched_links(pairs: PairBatch) -> NDArray[np.int32]:
    """int32 [n]: URLs and e-mail addresses that only one side has."""

    def marked(batch: TextBatch) -> NDArray[np.bool_]:
        found = np.zeros(len(batch), np.bool_)
        _may_link(batch.points, batch.offsets, found)
        return found

    counts = np.zeros(len(pairs), np.int32)
    rows = np.flatnonzero(marked(pairs.zh) | marked(pairs.en)).tolist()
    for i, zh, en in zip(rows, pairs.zh.strings(rows), pairs.en.strings(rows), strict=True):
        counts[i] = len(links(zh) ^ links(en))
    return counts


class LatinWords(PairMeasure):
    """Words in Latin letters on the Chinese side, and the share that the English side has.

    `latin_agreement` is (found + 1) / (latin_words + 1): 1 where all are found or there are none.
    """

    name: ClassVar[str] = "latin"
    order: ClassVar[int] = 30
    columns: ClassVar[dict[str, pa.DataType]] = {
        "latin_words": pa.int32(),
        "latin_agreement": pa.float32(),
        "links_unmatched": pa.int32(),
    }

    def measure_batch(self, pairs: PairBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """Words and the share found of every pair, and the addresses only one side has."""
        counts = pairs.once(word_counts)
        agreement = (counts.zh_found + 1) / (counts.zh_words + 1)
        return {
            "latin_words": counts.zh_words,
            "latin_agreement": agreement.astype(np.float32),
            "links_unmatched": pairs.once(unmatched_links),
        }
