"""Files of fixed-size records grouped into buckets: what the stages of deduplication hand on.

A file holds one or more sections; a section is an array of records and where each bucket begins.
Buckets are read with one seek, so that a task reads its part of every file and nothing else.
Layout, little-endian: 8 bytes of magic; the records of all sections; then for each section its
record size, number of buckets and offsets (64 bits each); then the number of sections and the
length of these (64 bits each) and the magic again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from curate.errors import CurateError
from curate.storage import written

_MAGIC = b"CURDUP01"

Records = NDArray[Any]


def _closing(sections: Sequence[tuple[int, NDArray[np.int64]]]) -> bytes:
    parts = [
        np.array([itemsize, len(offsets) - 1], "<i8").tobytes() + offsets.astype("<i8").tobytes()
        for itemsize, offsets in sections
    ]
    size = sum(len(part) for part in parts)
    return b"".join([*parts, np.array([len(sections), size], "<i8").tobytes(), _MAGIC])


def _append(file: IO[bytes], records: Records) -> None:
    # Not `tofile`, which opens and closes the file once more for every array.
    if len(records):
        file.write(np.ascontiguousarray(records).view(np.uint8).data)


def write_records(path: Path, sections: Sequence[tuple[Records, NDArray[np.int64]]]) -> None:
    """Write (records, offsets) pairs; bucket i of one is `records[offsets[i]:offsets[i + 1]]`."""
    with written(path) as temporary, temporary.open("wb") as file:
        file.write(_MAGIC)
        for records, _ in sections:
            _append(file, records)
        file.write(_closing([(records.itemsize, offsets) for records, offsets in sections]))


def write_runs(path: Path, dtype: np.dtype[Any], runs: Iterable[Records]) -> None:
    """Write one section with a bucket for every run; runs are written as they come."""
    offsets = [0]
    with written(path) as temporary, temporary.open("wb") as file:
        file.write(_MAGIC)
        for run in runs:
            _append(file, np.asarray(run, dtype))
            offsets.append(offsets[-1] + len(run))
        file.write(_closing([(dtype.itemsize, np.array(offsets, np.int64))]))


class RecordFile:
    """Reads sections of such a file. Raises CurateError when it is not one, or not whole."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.offsets: list[NDArray[np.int64]] = []
        self._starts: list[int] = []
        self._itemsizes: list[int] = []
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            if size < 32 or file.read(8) != _MAGIC:
                raise self._damaged()
            file.seek(size - 24)
            sections, length = np.frombuffer(file.read(16), "<i8").tolist()
            if file.read(8) != _MAGIC or not 0 <= length <= size - 32 or length % 8:
                raise self._damaged()
            file.seek(size - 24 - length)
            numbers = np.frombuffer(file.read(length), "<i8").astype(np.int64)
        at, start = 0, 8
        for _ in range(sections):
            itemsize, buckets = (int(n) for n in numbers[at : at + 2])
            offsets = numbers[at + 2 : at + 3 + buckets]
            at += 3 + buckets
            self.offsets.append(offsets)
            self._itemsizes.append(itemsize)
            self._starts.append(start)
            start += itemsize * int(offsets[-1])
        if start != size - 24 - length:
            raise self._damaged()

    def _damaged(self) -> CurateError:
        return CurateError(
            f"{self.path} is damaged; delete it and run the same command again to make it anew"
        )

    def read(self, section: int, dtype: Any, first: int = 0, last: int | None = None) -> Records:
        """Records of buckets first..last - 1 (by default of all buckets)."""
        offsets = self.offsets[section]
        last = len(offsets) - 1 if last is None else last
        begin, end = int(offsets[first]), int(offsets[last])
        at = self._starts[section] + begin * self._itemsizes[section]
        return np.fromfile(self.path, dtype, count=end - begin, offset=at)

    def mapped(self, section: int, dtype: Any) -> Records:
        """All records of a section as a read-only map of the file, for binary searches."""
        count = int(self.offsets[section][-1])
        if count == 0:
            return np.zeros(0, dtype)
        return np.memmap(self.path, dtype, "r", self._starts[section], (count,))
