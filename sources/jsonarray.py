"""JSON arrays of any size, and objects written one after another, streamed as records.

A compiled scan finds where elements end; orjson reads each. An element that is no JSON costs its
own row: reading goes on at the next element that looks like the ones before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from sources.flatjson import FlatKeys, FlatLines
from sources.jsonlines import Values, key_counts, repeats_in, value_of
from sources.jsonscan import CLOSE, COMMA, STRAY, VALUE, boundary, plain_run
from sources.stream import Bad, Blocks, too_long, undecodable

_RESUMES = re.compile(rb"[,}\[\]]\s*(\{)")
_NEXT = re.compile(rb"\}\s*(\{)")
_GIVE_UP = 16
"""Elements without an end in sight after which the rest of a file is one row."""
_CANDIDATES = 2000
"""Places at which resuming after one bad element is tried."""


class JsonReader:
    """Reads the elements of an array, or of arrays and objects one after another."""

    def __init__(
        self, blocks: Blocks, max_row: int, array: bool, flat: FlatKeys | None = None
    ) -> None:
        self._blocks = blocks
        self._source = iter(blocks)
        self._max_row = max_row
        self._array = array
        self._flat = flat
        self._base = 1 if array else 0
        self._buffer = b""
        self._at = 0
        """Where in the buffer the current element starts."""
        self._state = np.zeros(3, np.int64)
        self._ended = False
        self._line = 1
        self._byte = 0
        self._keys: frozenset[str] = frozenset()
        self._lost = 0
        self._run = Values(1)
        self._stray = False
        self._dropped = 0
        self._ends = np.empty(1 << 14, np.int64)
        self._counts = np.empty(1 << 14, np.int64)

    def __iter__(self) -> Iterator[Values]:
        if self._array and not self._open():
            return
        self._state[:] = (self._base, 0, 0)
        scan = self._at
        after_comma = False
        while True:
            if scan == self._at and self._plain():
                scan = self._restart()
                after_comma = True
            scan, kind = boundary(
                np.frombuffer(self._buffer, np.uint8), scan, self._base, self._state
            )
            if kind == -1:
                if len(self._buffer) - self._at > self._max_row:
                    if not self._overgrown():
                        break
                    scan = self._restart()
                elif self._more():
                    scan -= self._dropped
                else:
                    if self._finish(after_comma):
                        scan = self._restart()
                        after_comma = False
                        continue
                    break
                yield from self._full()
                continue
            stop = scan + 1 if kind == VALUE else scan
            raw = self._buffer[self._at : stop]
            if kind == VALUE:
                raw = raw.lstrip(b", \t\r\n")
            length = scan - self._at
            taken = self._element(raw, stop, kind, after_comma)
            scan = self._at + length  # looking ahead may have moved the buffer
            after_comma = kind == COMMA
            self._stray = kind == STRAY
            if taken is not None:
                self._at = taken
                scan = self._restart()
            elif kind == CLOSE:
                self._at = scan + 1
                if not self._reopen():
                    break
                scan = self._restart()
                after_comma = False
            else:
                self._at = scan + 1
                scan += 1
        yield from self._full()

    def _plain(self) -> bool:
        """Read sound elements in bulk; True if there were any. The first doubtful one is left."""
        data = np.frombuffer(self._buffer, np.uint8)
        count = plain_run(data, self._at, self._base, self._ends, self._counts)
        at = self._at
        buffer = self._buffer
        values = self._run.values
        value = None
        comma = self._base
        loads = orjson.loads
        first = len(values)
        last = (at, at)
        flat, plain = self._taken_apart(count)
        for end, keys, known in zip(
            self._ends[:count].tolist(), self._counts[:count].tolist(), plain, strict=True
        ):
            if end - at > self._max_row:
                break
            value = None
            if not known:
                try:
                    value = loads(buffer[at:end])
                except orjson.JSONDecodeError:
                    break
                if type(value) is dict and len(value) != keys:
                    break
            values.append(value)
            last = (at, end)
            at = end + comma
        if at == self._at:
            return False
        if flat is not None:
            self._run.flat.append((first, flat.first(len(values) - first)))
            value = loads(buffer[slice(*last)])
        else:
            value = values[-1]
        if type(value) is dict:
            self._keys = frozenset(value)
        self._at = at
        return True

    def _taken_apart(self, count: int) -> tuple[FlatLines | None, list[bool]]:
        """The elements up to the first `count` ends that are flat, and which they are."""
        if self._flat is None or not count:
            return None, [False] * count
        ends = self._ends[:count] - self._at
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + self._base])
        piece = self._buffer[self._at : self._at + int(ends[-1])]
        found = self._flat.taken_apart(piece, starts, ends)
        if found is None or not found.plain.any():
            return None, [False] * count
        return found, found.plain.tolist()

    def _restart(self) -> int:
        self._state[:] = (self._base, 0, 0)
        return self._at

    def _full(self) -> Iterator[Values]:
        """Hand out what has been read of the buffer."""
        if self._run.values:
            run = self._run
            self._run = Values(run.first + len(run.values))
            yield run

    def _drop(self) -> int:
        gone = self._at
        self._line += self._buffer.count(b"\n", 0, gone)
        self._byte += gone
        self._buffer = self._buffer[gone:]
        self._at = 0
        return gone

    def _more(self) -> bool:
        """Append a block to the buffer; `_dropped` is how far positions moved."""
        self._dropped = 0
        if self._ended:
            return False
        block = next(self._source, b"")
        if not block:
            self._ended = True
            return False
        self._dropped = self._drop()
        self._buffer += block
        return True

    def _where(self, position: int) -> str:
        line = self._line + self._buffer.count(b"\n", 0, position)
        return f"line {line}, byte {self._byte + position}: "

    def _open(self) -> bool:
        while True:
            rest = self._buffer[self._at :].lstrip()
            if rest:
                break
            if not self._more():
                self._end_of_file(cut=False)
                return False
        self._at = len(self._buffer) - len(rest)
        if rest[:1] == b"[":
            self._at += 1
        return True

    def _reopen(self) -> bool:
        """After the end of an array: whether another array or a stray element follows."""
        while not (rest := self._buffer[self._at :].lstrip()):
            if not self._more():
                self._end_of_file(cut=False)
                return False
        self._at = len(self._buffer) - len(rest)
        if rest[:1] == b"[":
            self._at += 1
            return True
        start = self._at
        again = self._resume(start - 1)
        detail = f"{self._where(start)}data after the end of the array"
        if again is None:
            self._give_up(detail)
            return False
        if rest[:1] == b",":
            start += 1
        if again > start and self._buffer[start:again].strip():
            self._run.refuse(Bad("bad_json", detail))
        else:
            self._run.refuse(Bad("bad_json", f"{self._where(start)}array closed before its end"))
        self._at = again
        return True

    def _element(self, raw: bytes, stop: int, kind: int, after_comma: bool) -> int | None:
        """Add the element; where to restart if the scan cannot go on after it."""
        if not raw.strip():
            if kind == CLOSE and not after_comma:
                return None
            if kind == VALUE or self._stray:
                return None
            what = (
                "nothing between a comma and the next"
                if kind == COMMA
                else (
                    "nothing between the last comma and the end of the array"
                    if kind == CLOSE
                    else "a closing bracket too many"
                )
            )
            self._run.refuse(Bad("bad_json", f"{self._where(stop)}{what}"))
            return None
        value, why = value_of(raw)
        if why is None:
            if len(raw) > self._max_row:
                where = self._where(self._at)
                self._run.refuse(too_long(f"{where}an element", len(raw), self._max_row))
            else:
                self._keep(value, raw)
            if kind == STRAY:
                self._run.refuse(Bad("bad_json", f"{self._where(stop)}a closing bracket too many"))
            return None
        if self._blocks.encoding != "utf-8":
            why = undecodable(raw, self._blocks.encoding) or why
        why = Bad(why.reason, self._where(self._at) + why.detail)
        split = self._missing_comma(stop)
        if split is not None:
            return split
        if kind == VALUE or self._next_is_sound(stop + 1):
            self._run.refuse(why)
            return None
        again = self._resume(self._at)
        if again is None:
            # The scan's own boundary is the best there is.
            self._run.refuse(why)
            return None
        self._refuse_until(again, why)
        return again

    def _missing_comma(self, stop: int) -> int | None:
        """If the element is two that nothing separates, keep the first: where the second starts."""
        for count, match in enumerate(_NEXT.finditer(self._buffer, self._at, stop)):
            raw = self._buffer[self._at : match.start() + 1].lstrip(b", \t\r\n")
            value, bad = value_of(raw)
            if bad is None:
                self._keep(value, raw)
                return match.start(1)
            if count >= _CANDIDATES:
                break
        return None

    def _refuse_until(self, again: int, why: Bad) -> None:
        """Account for the bytes from the bad element to where reading resumes."""
        raw = self._buffer[self._at : again].rstrip(b", \t\r\n")
        value, bad = value_of(raw)
        if bad is None:
            self._keep(value, raw)
        else:
            self._run.refuse(why)

    def _keep(self, value: Any, raw: bytes) -> None:
        run = self._run
        run.values.append(value)
        if type(value) is dict:
            self._keys = frozenset(value)
            counted = key_counts(np.frombuffer(raw, np.uint8), np.array([0, len(raw)], np.int64))[0]
            if counted != len(value):
                repeats = repeats_in(raw)
                if repeats:
                    run.repeated[len(run.values) - 1] = repeats

    def _next_is_sound(self, start: int) -> bool:
        """Whether the element after a bad one reads well, which shows that only that one is bad."""
        while True:
            state = np.array([self._base, 0, 0], np.int64)
            data = np.frombuffer(self._buffer, np.uint8)
            stop, kind = boundary(data, start, self._base, state)
            if kind != -1:
                break
            rest = self._buffer[start:].strip()
            if len(self._buffer) - self._at > self._max_row:
                return False
            if not self._more():
                return not rest
            start -= self._dropped
        raw = self._buffer[start:stop].strip()
        if not raw:
            return kind == CLOSE
        value, bad = value_of(raw)
        return bad is None and self._alike(value)

    def _alike(self, value: Any) -> bool:
        if type(value) is not dict:
            return not self._keys
        return not self._keys or 2 * len(self._keys & value.keys()) >= len(self._keys)

    def _resume(self, bad_from: int) -> int | None:
        """Where after a bad element the next good one starts, as far as the buffer shows."""
        moved = self._at - bad_from
        while True:
            start = self._at - moved
            data = np.frombuffer(self._buffer, np.uint8)
            short = False
            for count, match in enumerate(_RESUMES.finditer(self._buffer, max(start, 0))):
                if count >= _CANDIDATES:
                    return None
                p = match.start(1)
                state = np.array([self._base, 0, 0], np.int64)
                stop, kind = boundary(data, p, self._base, state)
                if kind == -1 and not self._ended:
                    short = True
                    break
                raw = self._buffer[p : stop + 1 if kind == VALUE else stop]
                value, bad = value_of(raw)
                if bad is None and type(value) is dict and self._alike(value):
                    return p
            if not short and self._ended:
                return None
            if len(self._buffer) - self._at > self._max_row or not self._more():
                if short and self._ended:
                    continue
                return None

    def _overgrown(self) -> bool:
        """An element beyond `max_row`: resume inside it if its end was only misread."""
        seen = len(self._buffer) - self._at
        why = too_long(
            f"{self._where(self._at)}an element without an end so far", seen, self._max_row
        )
        self._lost += 1
        again = self._resume(self._at) if self._lost <= _GIVE_UP else None
        if again is not None:
            reason = Bad("bad_json", self._where(self._at) + "an element that does not end")
            self._refuse_until(again, reason)
            self._at = again
            return True
        if self._lost > _GIVE_UP:
            self._give_up(why.detail)
            return False
        # A real giant: scan on to its end without keeping it.
        scan = len(self._buffer)
        while True:
            self._at = scan
            if not self._more():
                self._run.refuse(why)
                self._end_of_file(cut=True)
                return False
            scan, kind = boundary(
                np.frombuffer(self._buffer, np.uint8), scan - self._dropped, self._base, self._state
            )
            if kind != -1:
                break
        self._run.refuse(why)
        self._at = scan + 1
        return kind != CLOSE or self._reopen()

    def _finish(self, after_comma: bool) -> bool:
        """The file has ended; True if reading resumes inside what is left."""
        raw = self._buffer[self._at :].strip()
        if not raw.strip(b", \t\r\n"):
            self._end_of_file(cut=self._array)
            return False
        value, bad = value_of(raw)
        if bad is None and not self._alike(value):
            # All that is left as one list: a bracket too many opened it.
            bad = Bad("bad_json", "what an opening bracket too many made of the rest")
            if self._resume(self._at) is None:
                bad = None
        if bad is None:
            self._keep(value, raw)
            self._end_of_file(cut=self._array)
            return False
        again = self._resume(self._at)
        if again is not None:
            self._refuse_until(again, Bad(bad.reason, self._where(self._at) + bad.detail))
            self._at = again
            return True
        fault = self._blocks.fault
        if fault is not None:
            self._run.refuse(fault)
        else:
            cut = f"{self._where(self._at)}the file ends inside this element"
            self._run.refuse(Bad("truncated", cut))
        return False

    def _end_of_file(self, cut: bool) -> None:
        if self._blocks.fault is not None:
            self._run.refuse(self._blocks.fault)
        elif cut:
            where = self._where(len(self._buffer))
            self._run.refuse(Bad("truncated", f"{where}the array is not closed"))

    def _give_up(self, detail: str) -> None:
        size = len(self._buffer) - self._at
        while True:
            self._at = len(self._buffer)
            if not self._more():
                break
            size += len(self._buffer)
        self._run.refuse(Bad("bad_json", f"{detail}; the rest, {size} bytes, is this one row"))
        if self._blocks.fault is not None:
            self._run.refuse(self._blocks.fault)


def array_values(blocks: Blocks, max_row: int, flat: FlatKeys | None = None) -> Iterator[Values]:
    """The elements of a JSON array, numbered from 1."""
    return iter(JsonReader(blocks, max_row, array=True, flat=flat))


def object_values(blocks: Blocks, max_row: int, flat: FlatKeys | None = None) -> Iterator[Values]:
    """JSON objects written one after another over several lines; one object is one record."""
    return iter(JsonReader(blocks, max_row, array=False, flat=flat))
