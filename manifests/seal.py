"""JSON files that carry their own SHA-256, so that a changed byte in them is found.

The last key is `checksum`, "sha256:" and 64 hex digits: the SHA-256 of the file's bytes with these
digits as zeros. Anyone can check it with a text editor and sha256sum.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from curate.storage import opened_for_writing

_KEY = "checksum"
_ZEROS = "0" * 64
_TAIL = re.compile(rb'"checksum": "sha256:([0-9a-f]{64})"\n\}\n\Z')


def sealed(value: dict[str, Any]) -> bytes:
    """The object as indented UTF-8 JSON with its checksum as the last key."""
    open_value = {k: v for k, v in value.items() if k != _KEY} | {_KEY: f"sha256:{_ZEROS}"}
    raw = json.dumps(open_value, ensure_ascii=False, indent=2).encode() + b"\n"
    return _TAIL.sub(
        lambda tail: tail[0].replace(_ZEROS.encode(), hashlib.sha256(raw).hexdigest().encode()), raw
    )


def write_sealed(path: Path, value: dict[str, Any]) -> None:
    """Writes the object with its checksum, at once or not at all."""
    with opened_for_writing(path) as file:
        file.write(sealed(value))


def seal_holds(raw: bytes) -> bool | None:
    """Whether a file's bytes are those that were sealed; None when they carry no seal."""
    tail = _TAIL.search(raw)
    if tail is None:
        return None
    digits = tail.start(1)
    digest = hashlib.sha256(raw[:digits])
    digest.update(_ZEROS.encode())
    digest.update(raw[digits + 64 :])
    return digest.hexdigest().encode() == tail[1]
