"""Texts of several fields one under the other, as Arrow holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray


class Field(NamedTuple):
    """Texts, and the row that each belongs to."""

    texts: pa.Array
    """large_string [n]."""
    rows: NDArray[np.int64]
    """int64 [n], ascending."""


@njit(cache=True, nogil=True)
def _measure(offsets, rows, sizes):  # type: ignore[no-untyped-def]
    for i in range(len(rows)):
        size = offsets[i + 1] - offsets[i]
        if size:
            sizes[rows[i]] += size + (sizes[rows[i]] > 0)


@njit(cache=True, nogil=True)
def _add(data, offsets, rows, begins, at, out):  # type: ignore[no-untyped-def]
    for i in range(len(rows)):
        a, b = offsets[i], offsets[i + 1]
        if a == b:
            continue
        k = at[rows[i]]
        if k > begins[rows[i]]:
            out[k] = 0x0A
            k += 1
        out[k : k + b - a] = data[a:b]
        at[rows[i]] = k + b - a


def utf8_of(texts: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """(bytes, where texts begin and end in them, int64 [n + 1]) of a large_string array [n]."""
    texts = texts.fill_null("") if texts.null_count else texts
    _, offsets, data = texts.buffers()
    begin, end = texts.offset, texts.offset + len(texts) + 1
    return np.frombuffer(data or b"", np.uint8), np.frombuffer(offsets, np.int64)[begin:end]


def lines_of_fields(fields: Sequence[Field], count: int) -> pa.Array:
    """The texts of every row one under the other, empty ones left out; large_string [count].

    A row has the texts of the first field, then those of the second, and so on.
    """
    sizes = np.zeros(count, np.int64)
    parts = [(*utf8_of(field.texts), field.rows) for field in fields if len(field.texts)]
    for _, offsets, rows in parts:
        _measure(offsets, rows, sizes)
    ends = np.zeros(count + 1, np.int64)
    np.cumsum(sizes, out=ends[1:])
    out = np.empty(int(ends[-1]), np.uint8)
    at = ends[:-1].copy()
    for data, offsets, rows in parts:
        _add(data, offsets, rows, ends, at, out)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(out)]
    return pa.Array.from_buffers(pa.large_string(), count, buffers)
