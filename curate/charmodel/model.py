"""The model as a file: an Arrow IPC file that workers map into memory and share.

One row with a list for each array: `slots` (uint64), `single` (uint32) and `fold` (uint16). The
schema's metadata holds a JSON header: format, order, counts, what it was trained on, and the
SHA-256 of the arrays, which is compared as the file is opened. Nothing in it is code.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from curate.charmodel.alphabet import folding
from curate.charmodel.count import Counts
from curate.charmodel.estimate import Estimate, Level, estimated
from curate.errors import CurateError, RecipeError
from curate.storage import read_arrow, write_arrow

FORMAT = 1
ORDERS = (2, 3, 4)
STEP = 1 / 2048
"""Logarithms are stored as multiples of this many bits, negated, in 16 bits."""
_HEADER = b"curate.charmodel"
_ARRAYS = (("slots", pa.uint64()), ("single", pa.uint32()), ("fold", pa.uint16()))


@dataclass(frozen=True)
class CharModel:
    """Log probabilities of n-grams, quantised and hashed; immutable."""

    header: dict[str, Any]
    """`format`, `order`, `min_count`, `tokens`, `ngrams` (kept, by length), `trained_on`."""
    slots: NDArray[np.uint64]
    """Open hash table of n-grams of two tokens and more: 32 bits of fingerprint, 16 of log
    probability, 16 of log backoff. An empty slot is 0."""
    single: NDArray[np.uint32]
    """[0x10000]: log probability and log backoff of each token alone."""
    fold: NDArray[np.uint16]
    """[0x10000]: the token of each character."""

    @property
    def order(self) -> int:
        """Tokens of the longest n-grams."""
        return int(self.header["order"])


def trained(counts: Counts, min_count: int, trained_on: list[dict[str, Any]]) -> CharModel:
    """A model of the counts. The same counts give the same model.

    Raises CurateError when there was nothing to count.
    """
    if not counts.tokens:
        raise CurateError(
            "no text to train on: the files have no characters in the field asked for"
        )
    estimate = estimated(counts.tallies(), min_count)
    header = {
        "format": FORMAT,
        "order": counts.order,
        "min_count": min_count,
        "tokens": counts.tokens,
        "ngrams": [len(level.keys) for level in estimate.levels],
        "trained_on": sorted(trained_on, key=lambda entry: json.dumps(entry, sort_keys=True)),
    }
    return CharModel(header, _slots(estimate), _single(estimate), folding())


def save(model: CharModel, path: Path) -> None:
    """Writes the model; the same model gives the same bytes."""
    arrays = [getattr(model, name) for name, _ in _ARRAYS]
    header = {**model.header, "sha256": _digest(arrays)}
    lists = [
        pa.LargeListArray.from_arrays(pa.array([0, len(array)], pa.int64()), pa.array(array, kind))
        for array, (_, kind) in zip(arrays, _ARRAYS, strict=True)
    ]
    table = pa.table(dict(zip([name for name, _ in _ARRAYS], lists, strict=True)))
    text = json.dumps(header, ensure_ascii=False, sort_keys=True)
    write_arrow(path, table.replace_schema_metadata({_HEADER: text.encode()}))


def load(path: Path) -> CharModel:
    """The model in a file. Raises RecipeError when there is none, or not a whole one."""
    try:
        state = path.stat()
    except OSError:
        raise RecipeError(
            f"there is no model {path}; `curate model train FILES --out {path}` makes one"
        ) from None
    return _loaded(path, state.st_size, state.st_mtime_ns)


@cache
def _loaded(path: Path, size: int, changed: int) -> CharModel:
    refused = f"{path} is not a model of `curate model train`"
    try:
        table = read_arrow(path)
        header = json.loads((table.schema.metadata or {})[_HEADER])
        if header["format"] != FORMAT:
            raise RecipeError(
                f"{path} is a model of format {header['format']}, this version reads {FORMAT}; "
                "train it again"
            )
        arrays = []
        for name, kind in _ARRAYS:
            if table.schema.field(name).type != pa.large_list(kind):
                raise RecipeError(refused)
            arrays.append(table.column(name).chunk(0).flatten().to_numpy())
    except (pa.ArrowException, OSError, KeyError, ValueError, IndexError, TypeError) as error:
        raise RecipeError(f"{refused}: {error}") from None
    whole = (
        _digest(arrays) == header.pop("sha256", None)
        and header.get("order") in ORDERS
        and len(arrays[0]) & (len(arrays[0]) - 1) == 0 < len(arrays[0])
        and len(arrays[1]) == len(arrays[2]) == 0x10000
    )
    if not whole:
        raise RecipeError(
            f"{path} is damaged: its contents do not match its checksum; train it again"
        )
    return CharModel(header, *arrays)


def _digest(arrays: list[NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _quantised(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """-log2 in steps of STEP, as 16 bits; what is impossible gets the most."""
    bits = -np.log2(np.maximum(values, 1e-12))
    return np.clip(np.rint(bits / STEP), 0, 0xFFFF).astype(np.uint64)


def _packed(level: Level) -> NDArray[np.uint64]:
    return (_quantised(level.probability) << np.uint64(16)) | _quantised(level.backoff)


def _single(estimate: Estimate) -> NDArray[np.uint32]:
    single = np.full(
        0x10000, _quantised(np.array([estimate.unseen]))[0] << np.uint64(16), np.uint64
    )
    single[estimate.levels[0].keys] = _packed(estimate.levels[0])
    return single.astype(np.uint32)


def _slots(estimate: Estimate) -> NDArray[np.uint64]:
    size = 64
    while size < 1.5 * sum(len(level.keys) for level in estimate.levels[1:]):
        size *= 2
    slots = np.zeros(size, np.uint64)
    for level in estimate.levels[1:]:
        _fill(slots, level.keys, _packed(level))
    slots.flags.writeable = False
    return slots


@njit(cache=True, nogil=True, inline="always")
def mixed(key):  # type: ignore[no-untyped-def]
    """A hash of an n-gram's key: the high half tells n-grams apart, the low bits choose a slot."""
    key = (key ^ (key >> np.uint64(31))) * np.uint64(0x7FB5D329728EA185)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x81DADEF4BC2DD44D)
    return key ^ (key >> np.uint64(33))


@njit(cache=True, nogil=True)
def _fill(slots, keys, values):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(slots) - 1)
    for i in range(len(keys)):
        h = mixed(keys[i])
        slot = h & mask
        while slots[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = (max(h >> np.uint64(32), np.uint64(1)) << np.uint64(32)) | values[i]
