"""Megatron's indexed dataset: `text_document.bin` with tokens, `text_document.idx` with lengths.

Every segment is a sequence and a document, in the order of the rows, so that a reader of whole
sequences meets every token once and no padding. The layout is that of Megatron-LM's
`IndexedDataset`, version 1, as its reader checks it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.errors import RecipeError
from curate.tokens.export.folder import begins, new_folder, used
from curate.tokens.format.reader import Shards

PREFIX = "text_document"
_MAGIC = b"MMIDIDX\x00\x00"
_CODES = {"int32": 4, "uint16": 8}


def write_index(path: Path, sizes: NDArray[np.int64], kind: np.dtype[Any]) -> None:
    """An index of sequences of these lengths that lie end to end, each a document of its own."""
    pointers = (np.cumsum(sizes) - sizes) * kind.itemsize
    with path.open("wb") as sink:
        sink.write(_MAGIC)
        sink.write(np.array([1], "<u8").tobytes())
        sink.write(np.array([_CODES[kind.name]], "u1").tobytes())
        sink.write(np.array([len(sizes), len(sizes) + 1], "<u8").tobytes())
        sink.write(sizes.astype("<i4").tobytes())
        sink.write(pointers.astype("<i8").tobytes())
        sink.write(np.arange(len(sizes) + 1, dtype="<i8").tobytes())


def write_megatron(shards: Shards, out: Path, advance: Callable[[int], None]) -> dict[str, Any]:
    """Writes the split. Raises RecipeError for instructions, whose mask the format cannot hold."""
    if shards.index.has_mask:
        raise RecipeError(
            "Megatron's index has no place for a loss mask; export instructions to huggingface "
            "or tencentpretrain"
        )
    # The format has no 32-bit unsigned type.
    kind = np.dtype("uint16" if shards.index.token_type == "uint16" else "int32")
    lengths = []
    with new_folder(out) as folder:
        with (folder / f"{PREFIX}.bin").open("wb") as sink:
            for part in shards.parts:
                lengths.append(part.segments[:, 0].astype(np.int64) - begins(part))
                filled = used(part)
                columns = np.arange(shards.index.seq_length)
                for row in range(0, len(part.tokens), 1024):
                    block = part.tokens[row : row + 1024]
                    real = columns[None, :] < filled[row : row + 1024, None]
                    sink.write(block[real].astype(kind).tobytes())
                    advance(len(block))
        sizes = np.concatenate([*lengths, np.empty(0, np.int64)])
        write_index(folder / f"{PREFIX}.idx", sizes, kind)
    return {"rows": len(shards), "sequences": len(sizes), "tokens": int(sizes.sum())}
