"""A batch of texts as one array of code points: what rewrites, measures and dedup work on.

Arrow keeps text as UTF-8, where a Han character is three bytes; the kernels want to see characters.
Decoding a whole batch at once costs little (hundreds of MB/s) and lets every later step be a loop
over integers in compiled code instead of a loop over Python strings.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core.cgutils import create_struct_proxy
from numba.extending import intrinsic
from numpy.typing import NDArray

Points = NDArray[np.uint32]
Offsets = NDArray[np.int64]

# Arrow's buffers and the masks below are little-endian, as are the machines Arrow is built for.


def _place(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Pointer to the 32 bits that begin at byte args[1] of the array args[0]."""
    array = create_struct_proxy(signature.args[0])(context, builder, args[0])  # type: ignore[no-untyped-call]
    return builder.bitcast(builder.gep(array.data, [args[1]]), ir.IntType(32).as_pointer())


def _load(typing: Any, data: Any, at: Any) -> Any:
    """The four bytes data[at:at + 4] as one uint32, at any alignment and unchecked."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_place(context, builder, signature, args), align=1)

    return types.uint32(data, at), generate


def _store(typing: Any, data: Any, at: Any, word: Any) -> Any:
    """data[at:at + 4] = the four bytes of `word`, at any alignment and unchecked."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _place(context, builder, signature, args), align=1)
        return context.get_dummy_value()

    return types.void(data, at, types.uint32), generate


_load_word: Any = intrinsic(_load)
_store_word: Any = intrinsic(_store)


@njit(cache=True, nogil=True)
def _count_points(data):  # type: ignore[no-untyped-def]
    total = 0
    for i in range(len(data)):
        total += (data[i] & 0xC0) != 0x80
    return total


@njit(cache=True, nogil=True)
def _decode(data, byte_offsets, points, offsets):  # type: ignore[no-untyped-def]
    """Fills `points` and `offsets`; returns the first text that is not UTF-8, or -1.

    Each round takes one byte that begins a character, so a batch that is not UTF-8 cannot write
    more points than `_count_points` found, and every read is within its text.
    """
    k = 0
    for d in range(len(byte_offsets) - 1):
        i = byte_offsets[d]
        end = byte_offsets[d + 1]
        whole = min(end - 3, len(data) - 4)  # up to here a word can be read
        while i < end:
            if i <= whole:
                word = _load_word(data, i)
                if word & np.uint32(0xC0C0F0) == np.uint32(0x8080E0):
                    c = (
                        ((word & np.uint32(0x0F)) << np.uint32(12))
                        | ((word >> np.uint32(2)) & np.uint32(0xFC0))
                        | ((word >> np.uint32(16)) & np.uint32(0x3F))
                    )
                    if c < np.uint32(0x800) or c >> np.uint32(11) == np.uint32(0x1B):
                        return d  # overlong, or a surrogate
                    points[k] = c
                    k += 1
                    i += 3
                    continue
                if word & np.uint32(0x80808080) == np.uint32(0) and i + 4 <= end:
                    points[k] = word & np.uint32(0x7F)
                    points[k + 1] = (word >> np.uint32(8)) & np.uint32(0x7F)
                    points[k + 2] = (word >> np.uint32(16)) & np.uint32(0x7F)
                    points[k + 3] = word >> np.uint32(24)
                    k += 4
                    i += 4
                    continue
            b = np.uint32(data[i])
            if b < 0x80:
                points[k] = b
                k += 1
                i += 1
                continue
            if b < 0xC2 or b > 0xF4:
                return d
            size = 2 if b < 0xE0 else 3 if b < 0xF0 else 4
            if i + size > end:
                return d
            c = b & np.uint32(0x7F >> size)
            for j in range(i + 1, i + size):
                if data[j] & 0xC0 != 0x80:
                    return d
                c = (c << np.uint32(6)) | np.uint32(data[j] & 0x3F)
            if size == 3 and (c < 0x800 or c >> np.uint32(11) == np.uint32(0x1B)):
                return d
            if size == 4 and (c < 0x10000 or c > 0x10FFFF):
                return d
            points[k] = c
            k += 1
            i += size
        offsets[d + 1] = k
    return -1


@njit(cache=True, nogil=True)
def _count_bytes(points):  # type: ignore[no-untyped-def]
    total = np.int64(len(points))
    for i in range(len(points)):
        c = points[i]
        total += np.int64(c >= 0x80) + np.int64(c >= 0x800) + np.int64(c >= 0x10000)
    return total


@njit(cache=True, nogil=True)
def _encode(points, offsets, data, byte_offsets):  # type: ignore[no-untyped-def]
    """Fills `data` and `byte_offsets`. A word is stored for three bytes too: the next character
    overwrites the fourth, and after the last one `data` has a byte to spare.
    """
    one, two, three, four = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    k = np.uint64(0)  # unsigned: no check for indices from the end
    for d in range(len(offsets) - 1):
        i = np.uint64(offsets[d])
        end = np.uint64(offsets[d + 1])
        while i < end:
            c = points[i]
            if c < 0x80:
                if i + four <= end:
                    c1, c2, c3 = points[i + one], points[i + two], points[i + three]
                    if (c1 | c2 | c3) < 0x80:
                        word = c | (c1 << np.uint32(8)) | (c2 << np.uint32(16))
                        _store_word(data, k, word | (c3 << np.uint32(24)))
                        k += four
                        i += four
                        continue
                data[k] = c
                k += one
                i += one
            elif c < 0x800:
                data[k] = 0xC0 | (c >> 6)
                data[k + one] = 0x80 | (c & 0x3F)
                k += two
                i += one
            elif c < 0x10000:
                while c - np.uint32(0x800) < np.uint32(0xF800):
                    word = np.uint32(0x8080E0) | (c >> np.uint32(12))
                    word |= (c << np.uint32(2)) & np.uint32(0x3F00)
                    _store_word(data, k, word | ((c & np.uint32(0x3F)) << np.uint32(16)))
                    k += three
                    i += one
                    if i >= end:
                        break
                    c = points[i]
            else:
                word = np.uint32(0x808080F0) | (c >> np.uint32(18))
                word |= (c >> np.uint32(4)) & np.uint32(0x3F00)
                word |= (c << np.uint32(10)) & np.uint32(0x3F0000)
                _store_word(data, k, word | ((c & np.uint32(0x3F)) << np.uint32(24)))
                k += four
                i += one
        byte_offsets[d + 1] = k


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
        """Batch of an Arrow string or large_string array; nulls become empty texts.

        Raises ValueError when a text is not UTF-8, which Arrow itself does not check in files.
        """
        array = array.cast(pa.large_string())
        if array.null_count:
            array = array.fill_null("")
        n = len(array)
        offsets = np.zeros(n + 1, np.int64)
        _, offset_buffer, data_buffer = array.buffers()
        if n == 0 or not data_buffer:
            return cls(np.zeros(0, np.uint32), offsets)
        byte_offsets = np.frombuffer(offset_buffer, np.int64)[array.offset : array.offset + n + 1]
        data = np.frombuffer(data_buffer, np.uint8)
        used = data[byte_offsets[0] : byte_offsets[-1]]
        points = np.empty(_count_points(used), np.uint32)
        bad = _decode(data, byte_offsets, points, offsets)
        if bad >= 0:
            raise ValueError(f"text {bad} of the batch is not valid UTF-8")
        return cls(points, offsets)

    def to_arrow(self) -> pa.Array:
        """The texts as an Arrow large_string array."""
        total = _count_bytes(self.points)
        data = np.empty(total + 1, np.uint8)
        byte_offsets = np.zeros(len(self.offsets), np.int64)
        _encode(self.points, self.offsets, data, byte_offsets)
        return pa.Array.from_buffers(
            pa.large_string(),
            len(self),
            [None, pa.py_buffer(byte_offsets), pa.py_buffer(data)[:total]],
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
        return [joined[a:b] for a, b in itertools.pairwise(bounds)]

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

    def spliced(self, indices: NDArray[np.int64], texts: TextBatch) -> TextBatch:
        """A batch in which the texts at `indices` are those of `texts`, in that order."""
        source = np.arange(len(self))
        source[indices] = len(self) + np.arange(len(texts))
        points = np.concatenate([self.points, texts.points])
        offsets = np.concatenate([self.offsets, self.offsets[-1] + texts.offsets[1:]])
        return TextBatch(points, offsets).taken(source)

    def heads(self, size: int) -> TextBatch:
        """The first `size` characters of every text."""
        offsets = np.zeros(len(self.offsets), np.int64)
        np.cumsum(np.minimum(self.lengths(), size), out=offsets[1:])
        points = np.empty(int(offsets[-1]), np.uint32)
        _gather(self.points, self.offsets, np.arange(len(self)), offsets, points)
        return TextBatch(points, offsets)

    def taken(self, indices: NDArray[np.int64]) -> TextBatch:
        """The texts at `indices`, in that order."""
        lengths = self.lengths()[indices]
        offsets = np.zeros(len(indices) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        points = np.empty(int(offsets[-1]), np.uint32)
        _gather(self.points, self.offsets, indices, offsets, points)
        return TextBatch(points, offsets)


def blocks(batch: TextBatch, characters: int = 1 << 16) -> Iterator[TextBatch]:
    """The batch in consecutive parts of about so many characters (or one longer text).

    What is computed of a part then stays in the processor's cache from one kernel to the next.
    """
    begin = 0
    while begin < len(batch):
        first = batch.offsets[begin]
        end = int(np.searchsorted(batch.offsets, first + characters, side="right")) - 1
        end = max(end, begin + 1)
        offsets = batch.offsets[begin : end + 1]
        yield TextBatch(batch.points[first : offsets[-1]], offsets - first)
        begin = end


@njit(cache=True, nogil=True)
def _gather(points, offsets, indices, out_offsets, out):  # type: ignore[no-untyped-def]
    for k in range(len(indices)):
        a = offsets[indices[k]]
        o = out_offsets[k]
        size = out_offsets[k + 1] - o
        out[o : o + size] = points[a : a + size]
