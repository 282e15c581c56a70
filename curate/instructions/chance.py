"""Choices made by the hash of an id: the same in every build, on every machine, in any order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

_MASK = (1 << 64) - 1


def id_hashes(ids: Iterable[str], purpose: str) -> NDArray[np.uint64]:
    """A 64-bit hash an id, uint64 [n]; hashes for different purposes have nothing in common."""
    # Copies of one state: to set up another for every id takes longer than to hash it.
    begun = _hasher(purpose)
    digests = []
    for row_id in ids:
        own = begun.copy()
        own.update(row_id.encode())
        digests.append(own.digest())
    return np.frombuffer(b"".join(digests), "<u8")


def _hasher(purpose: str) -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=8, person=purpose.encode()[:16])


def mixed(hashes: NDArray[np.uint64], salt: int) -> NDArray[np.uint64]:
    """Other hashes, one a salt, of the same ids, uint64 [n].

    The finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
    OOPSLA 2014).
    """
    z = hashes + np.uint64((salt * 0x9E3779B97F4A7C15) & _MASK)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def below(hashes: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """A number from 0 to count - 1 (count below 2**31) for every hash, int64 [n]."""
    return (((hashes >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32)).astype(np.int64)


class Chance:
    """The draws of one id for one purpose (SplitMix64 started from its hash)."""

    def __init__(self, row_id: str, purpose: str) -> None:
        own = _hasher(purpose)
        own.update(row_id.encode())
        self._state = int.from_bytes(own.digest(), "little")

    def below(self, count: int) -> int:
        """A number from 0 to count - 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((z ^ (z >> 31)) * count) >> 64

    def drawn(self, items: Sequence[T], count: int) -> list[T]:
        """`count` of the items in random order (Fisher and Yates)."""
        pool = list(items)
        for i in range(min(count, len(pool))):
            j = i + self.below(len(pool) - i)
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:count]
