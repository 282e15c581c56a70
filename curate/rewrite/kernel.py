"""The frame of a compiled rewrite: only flagged texts go through the kernel, the rest is copied.

A kernel is a compiled function `fill(points, offsets, wanted, *tables, out, out_offsets)` that
writes text `wanted[k]`, rewritten, to `out[out_offsets[k]:out_offsets[k + 1]]`. `rewritten` gives
it room, finds out which texts really changed and puts the batch together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.textbatch import TextBatch

_PORTION = 1 << 20
"""Characters that go through a kernel at a time: what it wrote is still in the processor's cache
when it is compared and copied, and the room it needs does not grow with the batch."""


def rewritten(
    batch: TextBatch,
    wanted: NDArray[np.int64],
    fill: Callable[..., None],
    *tables: Any,
    growth: int = 1,
) -> tuple[TextBatch, NDArray[np.int64]]:
    """The batch with `fill` applied to the texts at `wanted`, and the indices of those it changed.

    growth: the most characters that one can become.
    """
    if len(wanted) == 0:
        return batch, wanted
    lengths = batch.lengths()
    ends = np.cumsum(lengths[wanted])
    new_lengths = lengths.copy()
    changed = np.zeros(len(wanted), np.bool_)
    pieces: list[NDArray[np.uint32]] = []
    first = 0
    while first < len(wanted):
        done = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + _PORTION, "right")))
        part = wanted[first:last]
        out = np.empty((int(ends[last - 1]) - done) * growth, np.uint32)
        out_offsets = np.zeros(len(part) + 1, np.int64)
        fill(batch.points, batch.offsets, part, *tables, out, out_offsets)
        kept = _keep_changed(
            batch.points, batch.offsets, part, out, out_offsets, new_lengths, changed[first:last]
        )
        pieces.append(out[:kept])
        first = last
    if not changed.any():
        return batch, wanted[:0]
    indices = wanted[changed]
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(new_lengths, out=offsets[1:])
    points = np.empty(int(offsets[-1]), np.uint32)
    _splice(batch.points, batch.offsets, indices, np.concatenate(pieces), offsets, points)
    return TextBatch(points, offsets), indices


@njit(cache=True, nogil=True)
def _keep_changed(points, offsets, wanted, out, out_offsets, new_lengths, changed):  # type: ignore[no-untyped-def]
    """Moves the texts that differ from their origin to the front of `out`; returns their total."""
    kept = 0
    for k in range(len(wanted)):
        d = wanted[k]
        a = offsets[d]
        o = out_offsets[k]
        size = out_offsets[k + 1] - o
        same = size == offsets[d + 1] - a
        if same:
            difference = np.uint32(0)
            for j in range(size):
                difference |= points[a + j] ^ out[o + j]
            same = difference == 0
        if not same:
            changed[k] = True
            new_lengths[d] = size
            if kept != o:
                for j in range(size):
                    out[kept + j] = out[o + j]
            kept += size
    return kept


@njit(cache=True, nogil=True)
def _splice(points, offsets, changed, replacements, out_offsets, out):  # type: ignore[no-untyped-def]
    """`points` with the texts at `changed` replaced by those that stand in `replacements`."""
    start = 0
    taken = 0
    for d in changed:
        out[out_offsets[start] : out_offsets[d]] = points[offsets[start] : offsets[d]]
        size = out_offsets[d + 1] - out_offsets[d]
        out[out_offsets[d] : out_offsets[d + 1]] = replacements[taken : taken + size]
        taken += size
        start = d + 1
    out[out_offsets[start] :] = points[offsets[start] :]
