"""From a token in a packed row back to the row of the published file it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import CurateError
from curate.storage import read_json
from curate.tokens.format.index import DOCUMENT, END, OFFSET, read_index
from curate.tokens.format.reader import Document, Segment, Shards


def segment_at(shards: Shards, row: int, token: int) -> Segment:
    """The segment that holds a token of a row. Raises CurateError for padding and beyond."""
    width = shards.index.seq_length
    if not 0 <= token < width:
        raise CurateError(f"there is no token {token} in a row; tokens are 0 to {width - 1}")
    segments = shards.segments(row)
    found = next((s for s in segments if s.begin <= token < s.end), None)
    if found is None:
        raise CurateError(
            f"token {token} of row {row} is padding; its documents end at {segments[-1].end}"
        )
    return found


def traced(shards: Shards, row: int, token: int) -> dict[str, Any]:
    """Everything known of where a token comes from, as JSON-ready values."""
    segment = segment_at(shards, row, token)
    document = shards.document(segment.document)
    build = shards.index.builds[document.build]
    path, _, number = document.id.partition("#")
    return {
        "shards": shards.index.name,
        "split": shards.name,
        "row_in_split": row,
        "token": token,
        "token_id": int(shards.tokens(row)[token]),
        "token_in_document": segment.offset + token - segment.begin,
        "document": document.id,
        "source": document.source,
        "file": path.partition("/")[2],
        "row": int(number) if number.isdigit() else None,
        "build": build.name,
        "build_fingerprint": build.fingerprint,
        "data_file": document.data_file,
        "data_row": document.data_row,
        **_upstream(shards, document, path.partition("/")[2]),
    }


def _upstream(shards: Shards, document: Document, unit: str) -> dict[str, Any]:
    """What the build's manifest says of the file a document was read from."""
    build = shards.index.builds[document.build]
    unknown: dict[str, Any] = {"licence": None, "homepage": None, "url": None, "inputs": []}
    if build.manifest is None:
        return unknown
    path = shards.folder / build.manifest
    try:
        entry = read_json(path)["sources"][document.source]
    except FileNotFoundError:
        raise CurateError(f"{path} is missing; copy the whole folder again") from None
    except (ValueError, KeyError):
        return unknown
    inputs = [i for i in entry["inputs"] if _is_of(i["file"], unit)] or entry["inputs"]
    urls = [i["url"] for i in inputs if i["url"]]
    return {
        "licence": entry["licence"],
        "homepage": entry["homepage"],
        "url": urls[0] if urls else entry["homepage"],
        "inputs": inputs,
    }


def _is_of(file: str, unit: str) -> bool:
    """Whether an input holds a unit: itself, its archive, or a side of aligned text."""
    return unit == file or unit.startswith(f"{file}/") or file.startswith(f"{unit}.")


def places(folder: Path, document: str) -> list[dict[str, Any]]:
    """Where the tokens of a document lie: split, row, its tokens begin to end, offset in the text.

    A document packed in several epochs, or longer than a row, is in several places; one that was
    not packed (`curate shards show` says why) in none. Raises CurateError when the folder holds no
    packed shards.
    """
    found: list[dict[str, Any]] = []
    for split in read_index(folder).splits:
        shards = Shards(folder, split)
        wanted = shards.numbers(document)
        for number, part in enumerate(shards.parts):
            at = np.flatnonzero(np.isin(part.segments[:, DOCUMENT], wanted))
            rows = np.searchsorted(part.rows, at, side="right") - 1
            for segment, row in zip(at.tolist(), rows.tolist(), strict=True):
                first = segment == int(part.rows[row])
                found.append(
                    {
                        "split": split,
                        "row": number * shards.split.rows_per_part + row,
                        "begin": 0 if first else int(part.segments[segment - 1, END]),
                        "end": int(part.segments[segment, END]),
                        "offset": int(part.segments[segment, OFFSET]),
                    }
                )
    return found
