"""Lines of a text as Arrow arrays, split and checked in bulk, and documents made of lines.

A line ends at a line feed, with or without a carriage return before it, and nowhere else: the
other characters that Python calls line ends occur inside the lines of parallel corpora.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from sources.stream import Bad, Blocks, too_long, undecodable

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]


def line_buffers(blocks: Blocks, max_row: int) -> Iterator[bytes | Bad]:
    """Bytes of whole lines, about a block at a time; a Bad stands for one line.

    The last line may lack its line feed. A line of more than `max_row` bytes is `too_long`; what a
    cut file ends with is one Bad in place of the incomplete last line.
    """
    waiting: list[bytes] = []
    held = 0
    skipped = 0
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if not cut:
            held += len(block)
            if skipped or held > max_row:
                skipped = held
                waiting.clear()
            else:
                waiting.append(block)
            continue
        head = block.find(b"\n") + 1
        if skipped or held + head > max_row + 2:
            yield too_long("a line", held + head, max_row)
            skipped = 0
            if cut > head:
                yield block[head:cut]
        else:
            waiting.append(block[:cut] if cut < len(block) else block)
            yield b"".join(waiting) if len(waiting) > 1 else waiting[0]
        waiting = [block[cut:]] if cut < len(block) else []
        held = len(block) - cut
    if blocks.fault is not None:
        yield blocks.fault
    elif skipped:
        yield too_long("a line", held, max_row)
    elif waiting:
        yield b"".join(waiting)


@dataclass
class Lines:
    """Consecutive lines without their line ends.

    data: uint8, the texts end to end; offsets: int64 [n + 1]. Lines in `bad` are empty there.
    """

    first: int
    """Row number of the first line, from 1."""
    data: Bytes
    offsets: Offsets
    bad: dict[int, Bad] = field(default_factory=dict)
    """Lines that are no text, by position in this run."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def array(self) -> pa.Array:
        """The lines as a large_string array, without copying."""
        return strings(self.data, self.offsets)


def strings(data: Bytes, offsets: Offsets) -> pa.Array:
    """A large_string array over bytes that are known to be UTF-8."""
    return pa.Array.from_buffers(
        pa.large_string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )


def lines(blocks: Blocks, max_row: int) -> Iterator[Lines]:
    """Every line of a text, numbered from 1."""
    row = 1
    for buffer in line_buffers(blocks, max_row):
        if isinstance(buffer, Bad):
            yield one_bad(row, buffer)
            row += 1
            continue
        run = checked(row, *split(buffer), encoding=blocks.encoding)
        if len(buffer) > max_row:
            _bound(run, max_row)
        yield run
        row += len(run)


def _bound(run: Lines, max_row: int) -> None:
    lengths = np.diff(run.offsets)
    long = np.flatnonzero(lengths > max_row)
    for i in long.tolist():
        run.bad[i] = too_long("a line", int(lengths[i]), max_row)
    if len(long):
        run.data, run.offsets = emptied(run.data, run.offsets, long)


def one_bad(row: int, bad: Bad) -> Lines:
    """A run of one line that could not be read."""
    return Lines(row, np.zeros(0, np.uint8), np.zeros(2, np.int64), {0: bad})


def split(buffer: bytes) -> tuple[Bytes, Offsets]:
    """The lines of a buffer end to end without line ends, and their offsets."""
    data = np.frombuffer(buffer, np.uint8)
    ends = np.flatnonzero(data == 10)
    if not buffer.endswith(b"\n"):
        ends = np.append(ends, len(data))
    out = np.empty(len(data), np.uint8)
    offsets = np.zeros(len(ends) + 1, np.int64)
    total = _without_ends(data, ends, out, offsets)
    return out[:total], offsets


@njit(cache=True, nogil=True)
def _without_ends(data, ends, out, offsets):  # type: ignore[no-untyped-def]
    k = 0
    start = 0
    for i in range(len(ends)):
        end = ends[i]
        stop = end - 1 if end > start and data[end - 1] == 13 else end
        for j in range(start, stop):
            out[k] = data[j]
            k += 1
        offsets[i + 1] = k
        start = end + 1
    return k


def checked(first: int, data: Bytes, offsets: Offsets, encoding: str = "utf-8") -> Lines:
    """A run of texts in which those that are not UTF-8 are marked bad and emptied."""
    array = strings(data, offsets)
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        pass
    else:
        return Lines(first, data, offsets)
    bad: dict[int, Bad] = {}
    for i in np.flatnonzero(_suspect(data, offsets)).tolist():
        reason = undecodable(data[offsets[i] : offsets[i + 1]].tobytes(), encoding)
        if reason is not None:
            bad[i] = reason
    data, offsets = emptied(data, offsets, np.fromiter(bad, np.int64, len(bad)))
    return Lines(first, data, offsets, bad)


def emptied(data: Bytes, offsets: Offsets, which: NDArray[np.int64]) -> tuple[Bytes, Offsets]:
    """The texts with those at `which` made empty."""
    lengths = np.diff(offsets)
    keep = np.ones(len(lengths), bool)
    keep[which] = False
    data = data[np.repeat(keep, lengths)]
    lengths[which] = 0
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return data, offsets


@njit(cache=True, nogil=True)
def _suspect(data, offsets):  # type: ignore[no-untyped-def]
    """Texts whose lead and continuation bytes do not add up, or that use a lead byte only invalid
    or rare sequences have; the caller looks at these closely.
    """
    out = np.zeros(len(offsets) - 1, np.bool_)
    for d in range(len(out)):
        need = 0
        for i in range(offsets[d], offsets[d + 1]):
            b = data[i]
            if b < 0x80:
                if need:
                    out[d] = True
                    break
            elif b < 0xC0:
                if need == 0:
                    out[d] = True
                    break
                need -= 1
            else:
                if need or b in (0xC0, 0xC1, 0xE0, 0xED) or b >= 0xF0:
                    out[d] = True
                    break
                need = 1 if b < 0xE0 else 2
        if need:
            out[d] = True
    return out


@njit(cache=True, nogil=True)
def blank(data, offsets):  # type: ignore[no-untyped-def]
    """Bool [n]: texts of white space alone (ASCII, no-break and ideographic space, byte order mark,
    zero-width space).
    """
    out = np.zeros(len(offsets) - 1, np.bool_)
    for d in range(len(out)):
        i = offsets[d]
        end = offsets[d + 1]
        while i < end:
            b = data[i]
            if b <= 32:
                i += 1
            elif b == 0xC2 and i + 1 < end and data[i + 1] == 0xA0:
                i += 2
            elif i + 2 < end and (
                (b == 0xE3 and data[i + 1] == 0x80 and data[i + 2] == 0x80)
                or (b == 0xEF and data[i + 1] == 0xBB and data[i + 2] == 0xBF)
                or (b == 0xE2 and data[i + 1] == 0x80 and data[i + 2] == 0x8B)
            ):
                i += 3
            else:
                break
        out[d] = i >= end
    return out


def documents(runs: Iterator[Lines], max_row: int) -> Iterator[Lines]:
    """Documents that blank lines separate, their lines joined by line feeds, numbered from 1.

    A document with a line that is no text, or of more than `max_row` bytes, is bad as a whole.
    """
    number = 1
    left = Lines(1, np.zeros(0, np.uint8), np.zeros(1, np.int64))
    oversize = False
    for run in runs:
        if oversize:
            # The rest of a document that was given out as too long belongs to that row.
            stops = np.flatnonzero(_separators(run))
            if not len(stops):
                continue
            run = _part(run, int(stops[0]), len(run))
            oversize = False
        run = _joined(left, run)
        empty = _separators(run)
        stops = np.flatnonzero(empty)
        complete = int(stops[-1]) + 1 if len(stops) else 0
        if int(run.offsets[-1] - run.offsets[complete]) > max_row:
            complete = len(run)
            oversize = True
        made = _grouped(_part(run, 0, complete), empty[:complete], number, max_row)
        left = _part(run, complete, len(run))
        number += len(made)
        if len(made):
            yield made
    made = _grouped(left, _separators(left), number, max_row)
    if len(made):
        yield made


def _separators(run: Lines) -> NDArray[np.bool_]:
    empty: NDArray[np.bool_] = blank(run.data, run.offsets)
    empty[list(run.bad)] = False
    return empty


def _part(run: Lines, start: int, stop: int) -> Lines:
    offsets = run.offsets[start : stop + 1]
    data = run.data[offsets[0] : offsets[-1]]
    bad = {i - start: why for i, why in run.bad.items() if start <= i < stop}
    return Lines(run.first + start, data, offsets - offsets[0], bad)


def _joined(a: Lines, b: Lines) -> Lines:
    if not len(a):
        return b
    bad = a.bad | {i + len(a): why for i, why in b.bad.items()}
    offsets = np.concatenate([a.offsets, b.offsets[1:] + a.offsets[-1]])
    return Lines(a.first, np.concatenate([a.data, b.data]), offsets, bad)


def _grouped(run: Lines, empty: NDArray[np.bool_], number: int, max_row: int) -> Lines:
    edges = np.diff(np.concatenate([[1], empty, [1]]).astype(np.int8))
    starts = np.flatnonzero(edges == -1)
    stops = np.flatnonzero(edges == 1)
    out = np.empty(len(run.data) + len(run), np.uint8)
    offsets = np.zeros(len(starts) + 1, np.int64)
    total = _join(run.data, run.offsets, starts, stops, out, offsets)
    bad: dict[int, Bad] = {}
    for i, why in run.bad.items():
        document = int(np.searchsorted(starts, i, "right")) - 1
        line = Bad(why.reason, f"line {run.first + i}: {why.detail}")
        bad.setdefault(document, line)
    for d in np.flatnonzero(np.diff(offsets) > max_row).tolist():
        bad[d] = too_long("a document", int(offsets[d + 1] - offsets[d]), max_row)
    data = out[:total]
    if bad:
        data, offsets = emptied(data, offsets, np.fromiter(bad, np.int64, len(bad)))
    return Lines(number, data, offsets, bad)


@njit(cache=True, nogil=True)
def _join(data, line_offsets, starts, stops, out, offsets):  # type: ignore[no-untyped-def]
    k = 0
    for d in range(len(starts)):
        for i in range(starts[d], stops[d]):
            if i > starts[d]:
                out[k] = 10
                k += 1
            for j in range(line_offsets[i], line_offsets[i + 1]):
                out[k] = data[j]
                k += 1
        offsets[d + 1] = k
    return k
