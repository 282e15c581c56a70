"""A batch of texts as one array of code points: what rewrites, measures and dedup work on.

Arrow keeps text as UTF-8, where a Han character is three bytes; the kernels want to see characters.
Decoding a whole batch at once costs little (hundreds of MB/s) and lets every later step be a loop
over integers in compiled code instead of a loop over Python strings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

Points = NDArray[np.uint32]
Offsets = NDArray[np.int64]


@njit(cache=True, nogil=True)
def _decode(data, byte_offsets, points, offsets):  # type: ignore[no-untyped-def]
    k = 0
    for d in range(len(byte_offsets) - 1):
        i = byte_offsets[d]
        end = byte_offsets[d + 1]
        while i < end:
            b = np.uint32(data[i])
            if b < 0x80:
                points[k] = b
                i += 1
            elif b < 0xE0:
                points[k] = ((b & 0x1F) << 6) | (np.uint32(data[i + 1]) & 0x3F)
                i += 2
            elif b < 0xF0:
                points[k] = (
                    ((b & 0x0F) << 12)
                    | ((np.uint32(data[i + 1]) & 0x3F) << 6)
                    | (np.uint32(data[i + 2]) & 0x3F)
                )
                i += 3
            else:
                points[k] = (
                    ((b & 0x07) << 18)
                    | ((np.uint32(data[i + 1]) & 0x3F) << 12)
                    | ((np.uint32(data[i + 2]) & 0x3F) << 6)
                    | (np.uint32(data[i + 3]) & 0x3F)
                )
                i += 4
            k += 1
        offsets[d + 1] = k
    return k


@njit(cache=True, nogil=True)
def _encode(points, offsets, data, byte_offsets):  # type: ignore[no-untyped-def]
    k = 0
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1]):
            c = points[i]
            if c < 0x80:
                data[k] = c
                k += 1
            elif c < 0x800:
                data[k] = 0xC0 | (c >> 6)
                data[k + 1] = 0x80 | (c & 0x3F)
                k += 2
            elif c < 0x10000:
                data[k] = 0xE0 | (c >> 12)
                data[k + 1] = 0x80 | ((c >> 6) & 0x3F)
                data[k + 2] = 0x80 | (c & 0x3F)
                k += 3
            else:
                data[k] = 0xF0 | (c >> 18)
                data[k + 1] = 0x80 | ((c >> 12) & 0x3F)
                data[k + 2] = 0x80 | ((c >> 6) & 0x3F)
                data[k + 3] = 0x80 | (c & 0x3F)
                k += 4
        byte_offsets[d + 1] = k
    return k


class TextBatch:
    """`n` texts as code points. Treat it as immutable: a rewrite returns a new batch.

    points: uint32 [total characters], all texts end to end.
    offsets: int64 [n + 1]; text i is `points[offsets[i]:offsets[i + 1]]`.
    """

    __slots__ = ("offsets", "points")

    def __init__(self, points: Points, offsets: Offsets) -> None:
        self.points = points
        self.offsets = offsets

    @classmethod
    def from_strings(cls, texts: Sequence[str]) -> TextBatch:
        """Batch of Python strings; lone surrogates are an error (UnicodeEncodeError)."""
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(t) for t in texts], out=offsets[1:])
        points = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
        return cls(points, offsets)

    @classmethod
    def from_arrow(cls, array: pa.Array) -> TextBatch:
        """Batch of an Arrow string or large_string array; nulls become empty texts."""
        array = array.cast(pa.large_string())
        if array.null_count:
            array = array.fill_null("")
        n = len(array)
        if n == 0:
            return cls(np.zeros(0, np.uint32), np.zeros(1, np.int64))
        _, offset_buffer, data_buffer = array.buffers()
        byte_offsets = np.frombuffer(offset_buffer, np.int64)[array.offset : array.offset + n + 1]
        data = np.frombuffer(data_buffer, np.uint8) if data_buffer else np.zeros(0, np.uint8)
        points = np.empty(int(byte_offsets[-1] - byte_offsets[0]), np.uint32)
        offsets = np.zeros(n + 1, np.int64)
        total = _decode(data, byte_offsets, points, offsets)
        return cls(points[:total].copy() if total * 2 < len(points) else points[:total], offsets)

    def to_arrow(self) -> pa.Array:
        """The texts as an Arrow large_string array."""
        data = np.empty(len(self.points) * 4, np.uint8)
        byte_offsets = np.zeros(len(self.offsets), np.int64)
        total = _encode(self.points, self.offsets, data, byte_offsets)
        return pa.Array.from_buffers(
            pa.large_string(),
            len(self),
            [None, pa.py_buffer(byte_offsets), pa.py_buffer(data[:total].tobytes())],
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> str:
        return self.points[self.offsets[i] : self.offsets[i + 1]].tobytes().decode("utf-32-le")

    def lengths(self) -> NDArray[np.int64]:
        """Characters per text, int64 [n]."""
        return np.diff(self.offsets)

    def strings(self, indices: Iterable[int] | None = None) -> list[str]:
        """The texts as Python strings, all of them or those at `indices`."""
        if indices is not None:
            return [self[i] for i in indices]
        joined = self.points.tobytes().decode("utf-32-le")
        bounds = self.offsets.tolist()
        return [joined[a:b] for a, b in zip(bounds, bounds[1:], strict=False)]

    def replaced(self, changes: Mapping[int, str]) -> TextBatch:
        """A batch in which text i is `changes[i]`; the others are copied in bulk."""
        if not changes:
            return self
        lengths = self.lengths().copy()
        pieces: list[Points] = []
        start = 0
        for i in sorted(changes):
            text = changes[i]
            pieces.append(self.points[self.offsets[start] : self.offsets[i]])
            pieces.append(np.frombuffer(text.encode("utf-32-le"), np.uint32))
            lengths[i] = len(text)
            start = i + 1
        pieces.append(self.points[self.offsets[start] :])
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return TextBatch(np.concatenate(pieces), offsets)

    def taken(self, indices: NDArray[np.int64]) -> TextBatch:
        """The texts at `indices`, in that order."""
        lengths = self.lengths()[indices]
        offsets = np.zeros(len(indices) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        points = np.empty(int(offsets[-1]), np.uint32)
        _gather(self.points, self.offsets, indices, offsets, points)
        return TextBatch(points, offsets)


@njit(cache=True, nogil=True)
def _gather(points, offsets, indices, out_offsets, out):  # type: ignore[no-untyped-def]
    for k in range(len(indices)):
        a = offsets[indices[k]]
        o = out_offsets[k]
        for j in range(out_offsets[k + 1] - o):
            out[o + j] = points[a + j]
