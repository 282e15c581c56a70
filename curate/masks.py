"""Columns of words from bit masks: a bit a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def mask_words(masks: NDArray[Any], names: Sequence[str]) -> pa.DictionaryArray:
    """The names of the bits of every mask, parted by blanks, as dictionary of string [n].

    The dictionary is in the order of the masks.
    """
    # Few masks are different: found by their hashes, only those are sorted.
    known = pa.array(masks).dictionary_encode()
    distinct = known.dictionary.to_numpy()
    order = np.argsort(distinct)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    words = [
        " ".join(name for bit, name in enumerate(names) if mask >> bit & 1)
        for mask in distinct[order].tolist()
    ]
    index = pa.array(place[known.indices.to_numpy()])
    return pa.DictionaryArray.from_arrays(index, pa.array(words, pa.string()))
