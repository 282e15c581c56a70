"""CSV and TSV as columns of text, split in bulk.

Quoting follows RFC 4180 where it is on: a field that starts with a quote ends with one, doubled
quotes inside stand for one, and such a field may hold delimiters and line ends. A record whose
quotes do not add up costs its first line; reading goes on at the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sources.lines import Lines, checked
from sources.stream import Bad, Blocks, too_long

_FINE, _BAD_QUOTES = 0, 1


@njit(cache=True, nogil=True)
def _scan(data, delimiter, quoting, width, final, fields, flags, records, kinds):  # type: ignore[no-untyped-def]
    """Split whole records.

    fields: int64 [f, 2] start and end of each field without its quotes; flags: uint8 [f], 1 where
    doubled quotes are inside. records: int64 [r + 1, 3] first field, start and end byte; kinds:
    uint8 [r]. width: expected fields, 0 if unknown; a record of another width that runs over
    lines is taken for one with a lost quote. Returns records, bytes used.
    """
    n = len(data)
    f = 0
    r = 0
    i = 0
    start = 0
    first = 0
    newline_inside = -1
    while True:
        if i >= n and start >= n:
            break
        malformed = False
        ended = False
        incomplete = False
        # One field.
        if quoting and i < n and data[i] == 34:
            i += 1
            flags[f] = 0
            fields[f, 0] = i
            while i < n:
                b = data[i]
                if b == 34:
                    if i + 1 < n and data[i + 1] == 34:
                        flags[f] = 1
                        i += 2
                        continue
                    break
                if b == 10 and newline_inside < 0:
                    newline_inside = i
                i += 1
            if i >= n:
                incomplete = True
                malformed = final
            else:
                fields[f, 1] = i
                i += 1
                if (i + 1 < n and data[i] == 13 and data[i + 1] == 10) or (
                    i + 1 == n and data[i] == 13
                ):
                    i += 1
                if i >= n:
                    # What follows the quote is not known yet unless the file ends here.
                    incomplete = not final
                    ended = final
                elif data[i] == delimiter:
                    pass
                elif data[i] == 10:
                    ended = True
                else:
                    malformed = True
        else:
            flags[f] = 0
            fields[f, 0] = i
            while i < n and data[i] != delimiter and data[i] != 10:
                i += 1
            end = i
            if i >= n or data[i] == 10:
                ended = True
                if end > fields[f, 0] and data[end - 1] == 13:
                    end -= 1
                if i >= n and not final:
                    incomplete = True
            fields[f, 1] = end
        if incomplete and not malformed:
            break
        if not malformed:
            f += 1
            if not ended:
                i += 1
                if i >= n and not final:
                    break
                continue
            if width > 0 and f - first != width and newline_inside >= 0:
                malformed = True
        if malformed:
            stop = newline_inside
            if stop < 0:
                stop = start
                while stop < n and data[stop] != 10:
                    stop += 1
            if stop >= n and not final:
                break
            f = first
            i = stop
            kinds[r] = 1
        else:
            kinds[r] = 0
        records[r, 0] = first
        records[r, 1] = start
        records[r, 2] = min(i, n)
        r += 1
        i += 1
        start = i
        first = f
        newline_inside = -1
        if i >= n:
            break
    records[r, 0] = first
    return r, min(start, n)


@njit(cache=True, nogil=True)
def _gather(data, fields, flags, which, out, offsets):  # type: ignore[no-untyped-def]
    k = 0
    for r in range(len(which)):
        f = which[r]
        if f >= 0:
            i = fields[f, 0]
            end = fields[f, 1]
            if flags[f]:
                while i < end:
                    out[k] = data[i]
                    k += 1
                    i += 2 if data[i] == 34 else 1
            else:
                for j in range(i, end):
                    out[k] = data[j]
                    k += 1
        offsets[r + 1] = k
    return k


@dataclass
class Table:
    """Consecutive records of `width` fields."""

    first: int
    """Row number of the first record, from 1."""
    bad: dict[int, Bad]
    """Records that are no rows of the table, by position; all their columns are empty."""
    _data: NDArray[np.uint8]
    _fields: NDArray[np.int64]
    _flags: NDArray[np.uint8]
    _starts: NDArray[np.int64]
    _encoding: str
    _width: int

    def __len__(self) -> int:
        return len(self._starts)

    def bound(self, max_row: int) -> None:
        """Mark the records whose fields have more than `max_row` bytes."""
        for r in range(len(self._starts)):
            first = self._starts[r]
            if first >= 0:
                last = first + self._width - 1
                size = int(self._fields[last, 1] - self._fields[first, 0])
                if size > max_row:
                    self.bad[r] = too_long("a record", size, max_row)
                    self._starts[r] = -1

    def column(self, index: int) -> Lines:
        """Column `index`, from 0; what is not UTF-8 is bad in it."""
        which = np.where(self._starts >= 0, self._starts + index, -1)
        good = which[which >= 0]
        size = int((self._fields[good, 1] - self._fields[good, 0]).sum())
        out = np.empty(size, np.uint8)
        offsets = np.zeros(len(which) + 1, np.int64)
        total = _gather(self._data, self._fields, self._flags, which, out, offsets)
        return checked(self.first, out[:total], offsets, self._encoding)


def tables(
    blocks: Blocks, delimiter: str, quoting: bool, width: int, max_row: int, header: bool = False
) -> Iterator[Table]:
    """Every record of a delimited text, numbered from 1; with `header` the first is left out.

    Records of another number of columns are `wrong_columns`, those whose quotes do not add up
    `bad_quotes`, blank lines `empty`.
    """
    row = 1
    buffer = b""
    skipping = 0
    source = iter(blocks)
    ended = False
    while not ended:
        block = next(source, b"")
        ended = not block
        if skipping:
            cut = block.find(b"\n") + 1
            skipping += cut or len(block)
            if not cut and not ended:
                continue
            yield _one_bad(row, too_long("a record", skipping, max_row))
            row += 1
            skipping = 0
            block = block[cut:]
        buffer = buffer + block if buffer else block
        cut_short = ended and blocks.fault is not None
        while buffer:
            table, used = _table(
                buffer, delimiter, quoting, width, ended and not cut_short, row, blocks.encoding
            )
            if header and len(table):
                table = _without_first(table)
                header = False
            if len(table):
                if len(buffer) > max_row:
                    table.bound(max_row)
                yield table
                row += len(table)
            buffer = buffer[used:]
            if len(buffer) <= max_row or used:
                break
            # No record ends within the bound: a lost quote, or a giant.
            line_end = buffer.find(b"\n") + 1
            if not line_end:
                skipping = len(buffer)
                buffer = b""
            else:
                yield _one_bad(row, _bad_quotes(buffer[:line_end]))
                row += 1
                buffer = buffer[line_end:]
    if blocks.fault is not None:
        yield _one_bad(row, blocks.fault)


def _one_bad(row: int, bad: Bad) -> Table:
    none = np.zeros((0, 2), np.int64)
    return Table(
        row,
        {0: bad},
        np.zeros(0, np.uint8),
        none,
        np.zeros(0, np.uint8),
        np.full(1, -1),
        "utf-8",
        0,
    )


def _bad_quotes(record: bytes) -> Bad:
    return Bad("bad_quotes", f"quotes that do not add up: {_seen(record)}")


def _seen(record: bytes) -> str:
    return record[:120].decode("utf-8", "replace").strip()


def _without_first(table: Table) -> Table:
    bad = {i - 1: why for i, why in table.bad.items() if i}
    return Table(
        table.first,
        bad,
        table._data,
        table._fields,
        table._flags,
        table._starts[1:],
        table._encoding,
        table._width,
    )


def _table(
    buffer: bytes, delimiter: str, quoting: bool, width: int, final: bool, row: int, encoding: str
) -> tuple[Table, int]:
    data = np.frombuffer(buffer, np.uint8)
    separators = int(np.count_nonzero(data == ord(delimiter)))
    newlines = int(np.count_nonzero(data == 10))
    fields = np.empty((separators + newlines + 2, 2), np.int64)
    flags = np.empty(len(fields), np.uint8)
    records = np.empty((newlines + 3, 3), np.int64)
    kinds = np.empty(newlines + 2, np.uint8)
    count, used = _scan(data, ord(delimiter), quoting, width, final, fields, flags, records, kinds)
    starts = records[:count, 0].copy()
    widths = np.diff(records[: count + 1, 0])
    bad: dict[int, Bad] = {}
    for r in np.flatnonzero((widths != width) | (kinds[:count] != _FINE)).tolist():
        record = buffer[records[r, 1] : records[r, 2]]
        if kinds[r] == _BAD_QUOTES:
            bad[r] = _bad_quotes(record)
        elif not record.strip():
            bad[r] = Bad("empty", "a blank line")
        else:
            what = f"{widths[r]} columns instead of {width}: {_seen(record)}"
            bad[r] = Bad("wrong_columns", what)
        starts[r] = -1
    return Table(row, bad, data, fields, flags, starts, encoding, width), used


def sample_records(
    sample: bytes, delimiter: str, quoting: bool, limit: int = 1000
) -> list[list[str]]:
    """The first whole records of a sample as strings, without those whose quotes are wrong."""
    data = np.frombuffer(sample, np.uint8)
    if not len(data):
        return []
    separators = int(np.count_nonzero(data == ord(delimiter)))
    newlines = int(np.count_nonzero(data == 10))
    fields = np.empty((separators + newlines + 2, 2), np.int64)
    flags = np.empty(len(fields), np.uint8)
    records = np.empty((newlines + 3, 3), np.int64)
    kinds = np.empty(newlines + 2, np.uint8)
    count, _ = _scan(data, ord(delimiter), quoting, 0, True, fields, flags, records, kinds)
    found: list[list[str]] = []
    for r in range(min(count, limit)):
        if kinds[r] != _FINE:
            continue
        record = []
        for f in range(records[r, 0], records[r + 1, 0]):
            text = sample[fields[f, 0] : fields[f, 1]].decode("utf-8", "replace")
            record.append(text.replace('""', '"') if flags[f] else text)
        found.append(record)
    return found
