"""Hashes of the sides, by which the ledger shows one source with many targets and the reverse."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.dedup.normal import exact_hashes
from curate.measure.pair.base import PairBatch, PairMeasure


class SideHashes(PairMeasure):
    """64 bits of the hash of each side's normal form, the one that exact duplicates share.

    A hash is for comparing rows with each other, so no limit on it makes sense, and it does not
    compress: it is off unless a recipe asks for it.
    """

    name: ClassVar[str] = "side_hashes"
    order: ClassVar[int] = 95
    columns: ClassVar[dict[str, pa.DataType]] = {"zh_hash": pa.int64(), "en_hash": pa.int64()}
    default: ClassVar[bool] = False

    def measure_batch(self, pairs: PairBatch) -> dict[str, NDArray[np.generic] | pa.Array]:
        """One signed integer a side."""
        return {
            "zh_hash": exact_hashes(pairs.zh)[:, 0].copy().view(np.int64),
            "en_hash": exact_hashes(pairs.en)[:, 0].copy().view(np.int64),
        }
