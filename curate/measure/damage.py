"""How much of a text was lost to wrong decoding, for good: encoding repair cannot bring it back."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.measure.base import Measure
from curate.scan import CharClass, Scan
from curate.textbatch import TextBatch

# U+FFFD is EF BF BD in UTF-8: two of them are 锟斤拷 in GBK, one is ï¿½ in Windows-1252. The byte
# order mark EF BB BF is 锘 and half a character, or ï»¿.
_KUN, _JIN, _KAO, _XI = (ord(c) for c in "锟斤拷锘")
# Memory that was never written, 0xCC and 0xCD in debug builds, read as GBK.
_UNWRITTEN = tuple(ord(c) for c in "烫屯")


@njit(cache=True, nogil=True)
def _count(points, offsets, kun, jin, kao, unwritten, counts):  # type: ignore[no-untyped-def]
    for d in range(len(offsets) - 1):
        n = 0
        end = offsets[d + 1]
        i = offsets[d]
        while i < end:
            c = points[i]
            size = 0
            if c == kun:
                # 锟 alone is a character of names.
                if i + 1 < end and points[i + 1] == jin:
                    size = 3 if i + 2 < end and points[i + 2] == kao else 2
            elif c == unwritten[0] or c == unwritten[1]:
                j = i
                while j < end and points[j] == c:
                    j += 1
                if j - i < 3:
                    i = j
                    continue
                size = j - i
            elif c == 0xEF and i + 2 < end:
                b, e = points[i + 1], points[i + 2]
                if (b == 0xBF and e == 0xBD) or (b == 0xBB and e == 0xBF):
                    size = 3
            n += size
            i += max(size, 1)
        counts[d] = n


class Damage(Measure):
    """Characters that stand where others were lost.

    `mojibake_chars` counts known debris of failed decoding: 锟斤拷, ï¿½, ï»¿, and three or more of
    烫 or 屯 in a row. `damage_share` is that and the replacement characters over all characters.
    """

    name: ClassVar[str] = "damage"
    version: ClassVar[int] = 2
    order: ClassVar[int] = 15
    sides: ClassVar[bool] = True
    columns: ClassVar[dict[str, pa.DataType]] = {
        "replacement_chars": pa.int32(),
        "mojibake_chars": pa.int32(),
        "damage_share": pa.float32(),
    }

    def measure_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> dict[str, NDArray[np.generic] | pa.Array]:
        """Counts of every text, and their share of its characters (0.0 for an empty one)."""
        replaced = scanned.counts[:, CharClass.REPLACEMENT].astype(np.int32)
        debris = np.zeros(len(batch), np.int32)
        _count(batch.points, batch.offsets, _KUN, _JIN, _KAO, _UNWRITTEN, debris)
        share = (replaced + debris) / np.maximum(batch.lengths(), 1)
        return {
            "replacement_chars": replaced,
            "mojibake_chars": debris,
            "damage_share": share.astype(np.float32),
        }
