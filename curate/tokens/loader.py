"""Batches for training: rows of a split as tokens, positions, mask and segment boundaries.

    shards = Shards("shards/mine")
    loader = Loader(shards)
    batch = loader.batch(np.array([17, 4, 903]))

Any rows in any order cost the same: row i lies at a place that is computed, not looked for. One
compiled pass copies the tokens out of the mapped files and writes everything else beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import carray, njit, types  # type: ignore[attr-defined]
from numba.extending import intrinsic
from numpy.typing import NDArray

from curate.errors import CurateError
from curate.tokens.format.reader import Shards


@dataclass(frozen=True)
class Batch:
    """Rows ready for a model. B rows of L tokens, S segments in all."""

    tokens: NDArray[np.int32]
    """(B, L); beyond a row's documents the index's `pad_with`."""
    positions: NDArray[np.int32]
    """(B, L); count from 0 in every segment, and again in the padding."""
    mask: NDArray[np.bool_]
    """(B, L); True where the token is to be predicted from those before it in its segment. Never on
    a segment's first token or padding. The loss at position t is that of token t + 1, so it
    counts where mask[t + 1] is True."""
    boundaries: NDArray[np.int32]
    """(S + 1,); where segments begin and end in the flattened batch: 0, ..., B L. The padding of a
    row is a segment. This is what variable-length attention takes as `cu_seqlens`."""
    longest: int
    """Tokens of the longest segment (`max_seqlen`)."""


def _as_pointer(typingctx, address):  # type: ignore[no-untyped-def]
    """An address as a pointer that `carray` takes."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.uintp), generate


_pointer: Any = intrinsic(_as_pointer)


@njit(cache=True, nogil=True)
def _segment_count(first, part_of, at, parts_rows, width):  # type: ignore[no-untyped-def]
    """Segments of the rows, with one for each row's padding."""
    total = 0
    for b in range(len(part_of)):
        p = part_of[b]
        rows = carray(_pointer(first[p]), parts_rows[p] + 1, np.int64)
        total += rows[at[b] + 1] - rows[at[b]] + 1
    return total


@njit(cache=True, nogil=True)
def _gather(  # type: ignore[no-untyped-def]
    address,
    part_of,
    at,
    parts_rows,
    parts_segments,
    sample,
    spread,
    width,
    tokens,
    positions,
    mask,
    boundaries,
):
    """Fills the arrays of a batch; returns (boundaries written, longest segment)."""
    token, segment, first, bits = address
    nbytes = (width + 7) // 8
    count: Any = 1
    longest: Any = 0
    boundaries[0] = 0
    for b in range(len(part_of)):
        p = part_of[b]
        r = at[b]
        source = carray(_pointer(token[p]), (parts_rows[p], width), sample.dtype)[r]
        rows = carray(_pointer(first[p]), parts_rows[p] + 1, np.int64)
        segments = carray(_pointer(segment[p]), (parts_segments[p], 3), np.uint32)
        out = tokens[b]
        for t in range(width):
            out[t] = source[t]
        place = positions[b]
        shown = mask[b]
        begin: Any = 0
        for s in range(rows[r], rows[r + 1] + 1):
            end = np.int64(segments[s, 0]) if s < rows[r + 1] else width
            if end == begin:
                continue
            for t in range(end - begin):
                place[begin + t] = t
            if not bits[p]:
                shown[begin:end] = s < rows[r + 1]
                shown[begin] = 0
            boundaries[count] = b * width + end
            count += 1
            longest = max(longest, end - begin)
            begin = end
        if bits[p]:
            packed = carray(_pointer(bits[p]), (parts_rows[p], nbytes), np.uint8)[r]
            for k in range(width // 8):
                eight = spread[packed[k]]
                for j in range(8):
                    shown[8 * k + j] = eight[j]
            for t in range(width // 8 * 8, width):
                shown[t] = (packed[t >> 3] >> (t & 7)) & 1
    return count, longest


_SPREAD = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")


class Loader:
    """Gathers batches from one split. Any number of loaders and threads may read one split."""

    def __init__(self, shards: Shards) -> None:
        self.shards = shards
        self._rows_per_part = shards.split.rows_per_part
        parts = shards.parts
        self._address = (
            np.array([p.tokens.ctypes.data for p in parts], np.uintp),
            np.array([p.segments.ctypes.data for p in parts], np.uintp),
            np.array([p.rows.ctypes.data for p in parts], np.uintp),
            np.array([0 if p.mask is None else p.mask.ctypes.data for p in parts], np.uintp),
        )
        self._part_rows = np.array([len(p.tokens) for p in parts], np.int64)
        self._part_segments = np.array([len(p.segments) for p in parts], np.int64)
        self._sample = np.empty(0, shards.index.token_type)

    def batch(self, rows: NDArray[np.integer[Any]]) -> Batch:
        """The rows of these numbers, in this order. Raises CurateError where one does not exist."""
        wanted = np.asarray(rows, np.int64)
        width = self.shards.index.seq_length
        if wanted.size and not (wanted.min() >= 0 and wanted.max() < len(self.shards)):
            raise CurateError(
                f"there is no row {wanted.max() if wanted.min() >= 0 else wanted.min()} in "
                f"{self.shards.name}; rows are 0 to {len(self.shards) - 1}"
            )
        if len(wanted) * width > 2**31 - 1:
            raise CurateError(f"a batch of {len(wanted)} rows of {width} is too large for 32 bits")
        part_of, at = np.divmod(wanted, self._rows_per_part)
        shape = (len(wanted), width)
        tokens, positions = np.empty(shape, np.int32), np.empty(shape, np.int32)
        mask = np.empty(shape, np.bool_)
        total = _segment_count(self._address[2], part_of, at, self._part_rows, width)
        boundaries = np.empty(total + 1, np.int32)
        count, longest = _gather(
            self._address,
            part_of,
            at,
            self._part_rows,
            self._part_segments,
            self._sample,
            _SPREAD,
            width,
            tokens,
            positions,
            mask.view(np.uint8),
            boundaries,
        )
        return Batch(tokens, positions, mask, boundaries[:count], longest)
