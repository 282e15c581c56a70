"""The texts to be deduplicated: partitions on disk, and where in them a text is.

Every row of every partition has an ordinal, its position when all partitions are laid end to end.
Of two texts the better-ranked one stays: the higher priority of its source, then the greater length
in characters (or what a partition ranks its rows by instead), then the lower ordinal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.errors import CurateError
from curate.storage import column_array, read_arrow, read_json, write_listing
from curate.textbatch import TextBatch

ROW_BITS = 24
"""Rows in a partition are below 2^24."""
ORDINAL_BITS = 36
"""Rows in a corpus are below 2^36."""

Ordinals = NDArray[np.uint64]


@dataclass(frozen=True)
class TextPartition:
    """One partition of the corpus."""

    texts: str
    """Arrow IPC file with a large_string column `text`; where it has a column `quarantine`, rows
    with a value there take no part."""
    sketch: str
    """Where the sketch of this partition is written; keyed by texts, decision and options."""
    rows: int
    decision: str | None = None
    """Arrow IPC file with a column `reason`: rows with a reason take no part."""
    priority: int = 50
    """0 to 255; of two duplicates the one of higher priority stays."""
    ranked: bool = False
    """Whether near duplicates, too, are ranked by a column of `texts`, `rank` (uint32), instead of
    their length; in a corpus all partitions are, or none."""
    column: str = "text"
    """What of `texts` is compared; in a corpus the same of all."""
    section: int = 1
    """Where its band keys are in the sketch."""
    sides: str | None = None
    """Where the side records of a partition of pairs are written, when sides are compared."""


def write_corpus(path: Path, partitions: Sequence[TextPartition]) -> None:
    """Write the list of partitions that tasks read."""
    write_listing(path, [asdict(partition) for partition in partitions])


def text_column(path: str, column: str = "text") -> pa.Array:
    """A column of texts of a partition, mapped from its file."""
    return column_array(read_arrow(Path(path), [column]), column).cast(pa.large_string())


def taking_part(table: pa.Table, decision: str | None) -> NDArray[np.bool_]:
    """Which rows of a partition (the table of its texts) are open to deduplication, bool [rows]."""
    part = np.ones(table.num_rows, np.bool_)
    if "quarantine" in table.column_names:
        part &= column_array(table, "quarantine").is_null().to_numpy(zero_copy_only=False)
    if decision is not None:
        reasons = column_array(read_arrow(Path(decision), ["reason"]), "reason")
        part &= reasons.is_null().to_numpy(zero_copy_only=False)
    return part


class Corpus:
    """The partitions listed in a file of `write_corpus`, and random access to their texts."""

    def __init__(self, path: str | Path) -> None:
        self.partitions = [TextPartition(**entry) for entry in read_json(Path(path))]
        self.firsts = np.zeros(len(self.partitions) + 1, np.int64)
        np.cumsum([partition.rows for partition in self.partitions], out=self.firsts[1:])
        if any(partition.rows >= 1 << ROW_BITS for partition in self.partitions):
            raise CurateError(f"a partition has {1 << ROW_BITS:,} rows or more; use smaller ones")
        if len(self) >= 1 << ORDINAL_BITS:
            raise CurateError(f"a corpus of {len(self):,} rows is more than one build can take")
        self._priorities = np.array([p.priority for p in self.partitions], np.int64)

    def __len__(self) -> int:
        return int(self.firsts[-1])

    @property
    def ordinal_bits(self) -> int:
        """Bits that hold every ordinal."""
        return max(len(self) - 1, 1).bit_length()

    def partition_of(self, ordinals: Ordinals) -> NDArray[np.int64]:
        """Number of the partition each ordinal is in."""
        found = np.searchsorted(self.firsts, ordinals.astype(np.int64), side="right") - 1
        return found.astype(np.int64)

    def _by_partition(self, ordinals: Ordinals) -> list[tuple[int, NDArray[np.int64]]]:
        numbers = self.partition_of(ordinals)
        cuts = np.flatnonzero(np.diff(numbers)) + 1
        parts = np.split(ordinals.astype(np.int64), cuts)
        return [
            (int(self.partition_of(part[:1].astype(np.uint64))[0]), part)
            for part in parts
            if len(part)
        ]

    def _column(self, number: int) -> pa.Array:
        """What is compared of a partition."""
        partition = self.partitions[number]
        return text_column(partition.texts, partition.column)

    def texts(self, ordinals: Ordinals) -> TextBatch:
        """The texts at ascending ordinals."""
        # Each partition's map is dropped before the next: pages of a map count as memory in use.
        arrays = [
            self._column(number).take(pa.array(part - self.firsts[number]))
            for number, part in self._by_partition(ordinals)
        ]
        return TextBatch.from_arrow(pa.concat_arrays(arrays) if arrays else pa.array([], "str"))

    def sizes(self, ordinals: Ordinals) -> NDArray[np.int64]:
        """UTF-8 bytes of the texts at ascending ordinals, without reading them."""
        sizes = [np.zeros(0, np.int64)]
        for number, part in self._by_partition(ordinals):
            column = self._column(number)
            offsets = np.frombuffer(column.buffers()[1], np.int64)
            at = part - self.firsts[number] + column.offset
            sizes.append(offsets[at + 1] - offsets[at])
        return np.concatenate(sizes)

    def ranks(self, ordinals: Ordinals, lengths: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Rank of texts of these lengths in characters; lower is better, ties go by ordinal.

        ordinals: ascending. Where partitions have ranks of their own, these stand for the lengths.
        """
        priority = self._priorities[self.partition_of(ordinals)]
        if self.ranked:
            lengths = self.values(ordinals, "rank").astype(np.int64)
        return rank(priority, lengths)

    @property
    def ranked(self) -> bool:
        """Whether partitions have ranks of their own."""
        return any(partition.ranked for partition in self.partitions)

    def values(self, ordinals: Ordinals, name: str) -> NDArray[Any]:
        """What a column of the partitions' texts, of numbers, says at ascending ordinals."""
        parts = []
        for number, part in self._by_partition(ordinals):
            column = column_array(read_arrow(Path(self.partitions[number].texts), [name]), name)
            parts.append(column.to_numpy()[part - self.firsts[number]])
        return np.concatenate(parts)

    def excerpt(self, ordinals: Ordinals, names: Sequence[str] = ()) -> Excerpt:
        """The rows at ascending ordinals with these columns of numbers, and what ranks them."""
        names = [*names, "rank"] if self.ranked else list(names)
        texts: list[pa.Array] = []
        values: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        for number, part in self._by_partition(ordinals):
            table = read_arrow(Path(self.partitions[number].texts))
            at = part - self.firsts[number]
            texts.append(self._column(number).take(pa.array(at)))
            for name in names:
                values[name].append(column_array(table, name).to_numpy()[at])
        priority = self._priorities[self.partition_of(ordinals)]
        columns = {name: np.concatenate(parts) for name, parts in values.items()}
        return Excerpt(ordinals, pa.concat_arrays(texts), columns, priority)


@dataclass(frozen=True)
class Excerpt:
    """Some rows of a corpus in memory, asked as the corpus is. Partitions are opened once for all
    that is asked, which for few rows of each is most of the cost.
    """

    ordinals: Ordinals
    """Ascending; at least one."""
    text: pa.Array
    columns: dict[str, NDArray[Any]]
    priority: NDArray[np.int64]

    def _at(self, ordinals: Ordinals) -> NDArray[np.int64]:
        return np.searchsorted(self.ordinals, ordinals).astype(np.int64)

    def texts(self, ordinals: Ordinals) -> TextBatch:
        """The texts at ascending ordinals."""
        return TextBatch.from_arrow(self.text.take(pa.array(self._at(ordinals))))

    def sizes(self, ordinals: Ordinals) -> NDArray[np.int64]:
        """UTF-8 bytes of the texts at ascending ordinals."""
        offsets = np.frombuffer(self.text.buffers()[1], np.int64)
        at = self._at(ordinals) + self.text.offset
        return offsets[at + 1] - offsets[at]

    def ranks(self, ordinals: Ordinals, lengths: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Rank of texts of these lengths, as `Corpus.ranks` gives it."""
        if "rank" in self.columns:
            lengths = self.values(ordinals, "rank").astype(np.int64)
        return rank(self.priority[self._at(ordinals)], lengths)

    def values(self, ordinals: Ordinals, name: str) -> NDArray[Any]:
        """What a column of numbers says at ascending ordinals."""
        return self.columns[name][self._at(ordinals)]


def rank(priority: NDArray[np.int64] | int, lengths: NDArray[np.int64]) -> NDArray[np.uint64]:
    """uint64: 8 bits of 255 - priority, then 40 bits that fall as the length rises."""
    above = np.asarray(255 - priority, np.uint64) << np.uint64(40)
    return above | (np.uint64((1 << 40) - 1) - lengths.astype(np.uint64))
