"""JSON records as values with row numbers, and those of JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numba import njit
from numpy.typing import NDArray

from sources.flatjson import FlatKeys, FlatLines
from sources.lines import line_buffers
from sources.stream import Bad, Blocks, too_long, undecodable


@dataclass
class Values:
    """Consecutive records."""

    first: int
    """Row number of the first, from 1."""
    values: list[Any] = field(default_factory=list)
    """What was read; None where `bad` says why not."""
    bad: dict[int, Bad] = field(default_factory=dict)
    """By position in this run."""
    repeated: dict[int, dict[str, list[Any]]] = field(default_factory=dict)
    """Keys that an object has more than once, with all their values, by position in this run."""
    flat: list[tuple[int, FlatLines]] = field(default_factory=list)
    """Records taken apart in compiled code, by the position that the first line of each stands
    for; `values` has None in their places."""

    def add(self, raw: bytes, where: str = "") -> bool:
        """Read one value from its bytes; False if it is no JSON."""
        value, why = value_of(raw)
        if why is not None:
            self.refuse(Bad(why.reason, f"{where}{why.detail}"))
            return False
        self.values.append(value)
        return True

    def refuse(self, why: Bad) -> None:
        """Add a row that could not be read."""
        self.bad[len(self.values)] = why
        self.values.append(None)


def value_of(raw: bytes) -> tuple[Any, Bad | None]:
    """The value in the bytes, or why there is none.

    What Python's own json writes beyond the standard (NaN, Infinity) and raw control characters in
    strings are read as well: they leave no doubt about the text.
    """
    try:
        return orjson.loads(raw), None
    except orjson.JSONDecodeError as error:
        bad = undecodable(raw)
        if bad is not None:
            return None, bad
        try:
            value = json.loads(raw, strict=False)
            orjson.dumps(value, default=str)  # refuses lone surrogates
            return value, None
        except (ValueError, RecursionError, TypeError):
            return None, Bad("bad_json", str(error))


def line_values(blocks: Blocks, max_row: int, flat: FlatKeys | None = None) -> Iterator[Values]:
    """One record a line, numbered by line; a blank line is a row too (`empty`).

    flat: records that are taken apart instead of read, where they look like that.
    """
    row = 1
    for buffer in line_buffers(blocks, max_row):
        if isinstance(buffer, Bad):
            run = Values(row)
            run.refuse(buffer)
        else:
            run = _flat_values(buffer, row, max_row, blocks.encoding, flat)
        row += len(run.values)
        yield run


def _flat_values(
    buffer: bytes, first: int, max_row: int, encoding: str, flat: FlatKeys | None
) -> Values:
    """The records of the lines in a buffer, flat ones taken apart."""
    if flat is None or len(buffer) > max_row:
        return buffer_values(buffer, first, max_row, encoding)
    starts, ends = line_spans(np.frombuffer(buffer, np.uint8))
    found = flat.taken_apart(buffer, starts, ends)
    if found is None or not found.plain.any():
        return buffer_values(buffer, first, max_row, encoding)
    run = Values(first, [None] * len(starts), flat=[(0, found)])
    others = np.flatnonzero(~found.plain)
    if len(others):
        read = buffer_values(lines_at(buffer, starts, ends, others), first, max_row, encoding)
        at = others.tolist()
        for place, value in zip(at, read.values, strict=True):
            run.values[place] = value
        run.bad = {at[i]: why for i, why in read.bad.items()}
        run.repeated = {at[i]: keys for i, keys in read.repeated.items()}
    return run


def lines_at(
    buffer: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], chosen: NDArray[np.int64]
) -> bytes:
    """The chosen lines of a buffer, at least one, as a buffer of their own."""
    spans = zip(starts[chosen].tolist(), ends[chosen].tolist(), strict=True)
    lines = b"\n".join([buffer[start:end] for start, end in spans])
    whole = chosen[-1] < len(starts) - 1 or buffer.endswith(b"\n")
    return lines + b"\n" if whole else lines


def buffer_values(buffer: bytes, first: int, max_row: int, encoding: str) -> Values:
    """The records of the lines in a buffer; only a file's last line may lack its line feed."""
    run = Values(first)
    if len(buffer) <= max_row and _read_at_once(run, buffer):
        return run
    pieces = buffer.split(b"\n")
    closed = not pieces[-1]
    if closed:
        pieces.pop()
    values = run.values
    loads = orjson.loads
    for piece in pieces:
        try:
            values.append(loads(piece))
        except orjson.JSONDecodeError:
            _refused_line(run, piece, encoding)
    if len(buffer) > max_row:
        for i, piece in enumerate(pieces):
            if len(piece) > max_row:
                values[i] = None
                run.bad[i] = too_long("a line", len(piece), max_row)
    if not closed and len(values) - 1 in run.bad and pieces[-1].lstrip()[:1] in (b"{", b"["):
        why = run.bad[len(values) - 1]
        if why.reason in ("bad_json", "bad_utf8"):
            run.bad[len(values) - 1] = Bad("truncated", f"the file ends inside: {why.detail}")
    _find_repeated(run, pieces, np.frombuffer(buffer, np.uint8))
    return run


def line_spans(data: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the lines of a buffer that is not empty start and end, line feeds left out."""
    ends = np.flatnonzero(data == 10)
    if data[-1] != 10:
        ends = np.append(ends, len(data))
    return np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1]), ends


_IS_MARK = np.isin(np.arange(256), np.frombuffer(b'"\\:{}[]', np.uint8))


def _read_at_once(run: Values, buffer: bytes) -> bool:
    """Read lines that are a whole object each with one call of the parser, if all of them are.

    A look at every byte makes sure of it, so that no two broken lines can pass for whole ones.
    """
    data = np.frombuffer(buffer, np.uint8)
    starts, ends = line_spans(data)
    keys = object_keys(data, starts, ends, np.flatnonzero(_IS_MARK[data]))
    if (keys < 0).any():
        return False
    try:
        values = orjson.loads(b"[" + buffer.rstrip(b"\n").replace(b"\n", b",") + b"]")
    except orjson.JSONDecodeError:
        return False
    run.values = values
    have = np.fromiter(map(len, values), np.int64, len(values))
    for i in np.flatnonzero(keys != have).tolist():
        if repeats := repeats_in(buffer[starts[i] : ends[i]]):
            run.repeated[i] = repeats
    return True


def _refused_line(run: Values, piece: bytes, encoding: str) -> None:
    if not piece.strip():
        run.refuse(Bad("empty", "a blank line"))
        return
    why = undecodable(piece, encoding)
    if why is not None:
        run.refuse(why)
    else:
        run.add(piece)


def _find_repeated(run: Values, pieces: list[bytes], data: NDArray[np.uint8]) -> None:
    """Fill `run.repeated`: an object with fewer keys than were counted has some twice."""
    ends = np.flatnonzero(data == 10)
    starts = np.zeros(len(pieces) + 1, np.int64)
    starts[1 : len(ends) + 1] = ends + 1
    if len(ends) < len(pieces):
        starts[-1] = len(data)
    have = np.fromiter(
        (len(v) if type(v) is dict else -1 for v in run.values), np.int64, len(run.values)
    )
    # No object has more keys than colons; only where there are more does the exact count matter.
    colons = np.diff(np.searchsorted(np.flatnonzero(data == 58), starts))
    chosen = np.flatnonzero((colons > have) & (have >= 0))
    if not len(chosen):
        return
    spans = np.stack([starts[chosen], starts[chosen + 1]], axis=1).ravel()
    # Of the counts between all these offsets, every other one is of a line chosen.
    counts = key_counts(data, spans, 2)
    for i in chosen[counts != have[chosen]].tolist():
        repeats = repeats_in(pieces[i])
        if repeats:
            run.repeated[i] = repeats


def repeats_in(raw: bytes) -> dict[str, list[Any]]:
    pairs = json.loads(raw, object_pairs_hook=list, strict=False)
    seen: dict[str, list[Any]] = {}
    for key, value in pairs:
        seen.setdefault(key, []).append(value)
    return {key: values for key, values in seen.items() if len(values) > 1}


@njit(cache=True, nogil=True)
def object_keys(data, starts, ends, marks):  # type: ignore[no-untyped-def]
    """int64 [n]: keys of the object that is all there is in a line, or -1 where a line is no such.

    Line d is data[starts[d]:ends[d]]; marks: ascending positions of the bytes of _IS_MARK. Only
    brackets and strings are looked at: what a line with a count holds may still be no JSON, but it
    opens and closes in that line.
    """
    out = np.full(len(starts), -1, np.int64)
    k = 0
    for d in range(len(starts)):
        end = ends[d]
        depth = 0
        keys = 0
        inside = False
        whole = end - starts[d] >= 2 and data[starts[d]] == 123 and data[end - 1] == 125
        while k < len(marks) and marks[k] < end:
            i = marks[k]
            b = data[i]
            k += 1
            if b == 92:
                # What follows a backslash is no mark.
                k += k < len(marks) and marks[k] == i + 1
            elif b == 34:
                inside = not inside
            elif inside:
                continue
            elif b == 58:
                keys += depth == 1
            elif b == 123 or b == 91:
                depth += 1
            else:
                depth -= 1
                whole &= depth > 0 or i == end - 1
        if whole and depth == 0 and not inside:
            out[d] = keys
    return out


@njit(cache=True, nogil=True)
def key_counts(data, offsets, step=1):  # type: ignore[no-untyped-def]
    """int64 [n]: colons at the first level of each JSON object.

    Object d lies between offsets[step * d] and the offset after that.
    """
    out = np.zeros(len(offsets) // 2 if step == 2 else len(offsets) - 1, np.int64)
    for d in range(len(out)):
        depth = 0
        i = offsets[step * d]
        end = min(offsets[step * d + 1], len(data))
        while i < end:
            b = data[i]
            if b == 34:
                i += 1
                while i < end and data[i] != 34:
                    i += 2 if data[i] == 92 else 1
            elif b == 58:
                if depth == 1:
                    out[d] += 1
            elif b == 123 or b == 91:
                depth += 1
            elif b == 125 or b == 93:
                depth -= 1
            i += 1
    return out
