"""Segments of the SGML and XML files in which test sets are published (doc and seg elements)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sources.stream import Bad, Blocks, undecodable

MAX_BYTES = 256 << 20
"""Largest SGML file; test sets have a few MB."""

_TAG = re.compile(
    rb"<(?P<close>/?)(?P<name>srcset|refset|tstset|doc|seg)\b(?P<rest>[^>]*)>", re.IGNORECASE
)
_ATTRIBUTE = re.compile(rb"""([A-Za-z_:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_ENTITY = re.compile(r"&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


@dataclass(frozen=True)
class Segment:
    """One seg element."""

    document: str
    """docid of the doc it is in."""
    id: str
    text: str
    bad: Bad | None = None


def segments(blocks: Blocks) -> list[Segment]:
    """Every segment of a file, in order; its damage, if any, as a last segment that is bad."""
    pieces: list[bytes] = []
    size = 0
    for block in blocks:
        size += len(block)
        if size > MAX_BYTES:
            why = Bad("too_long", f"an SGML file of over {MAX_BYTES} bytes")
            return [Segment("", "", "", why)]
        pieces.append(block)
    data = b"".join(pieces)
    found: list[Segment] = []
    document = ""
    position = 0
    for count, seg, raw, closed in _elements(data):
        if seg is None:
            document = count
            continue
        position += 1
        number = seg or str(position)
        bad = undecodable(raw, blocks.encoding)
        if bad is None and not closed:
            bad = Bad("truncated", f"segment {number} of {document or 'the file'} is not closed")
        text = "" if bad else _plain(raw.decode())
        found.append(Segment(document, number, text, bad))
    whole = re.search(rb"</(?:srcset|refset|tstset)\s*>", data[-4096:], re.IGNORECASE)
    cut_segment = bool(found) and found[-1].bad is not None and found[-1].bad.reason == "truncated"
    if blocks.fault is None and whole is None and not cut_segment:
        why = Bad("truncated", "the file ends before its set is closed")
        found.append(Segment(document, "", "", why))
    if blocks.fault is not None:
        if cut_segment:
            found.pop()
        found.append(Segment(document, "", "", blocks.fault))
    return found


def _elements(data: bytes):  # type: ignore[no-untyped-def]
    """(docid, None, b"", True) for a doc, (docid, seg id, content, closed) for a segment."""
    document = ""
    open_at = -1
    number = ""
    for match in _TAG.finditer(data):
        name = match["name"].lower()
        if name == b"seg" and match["close"]:
            if open_at >= 0:
                yield document, number, data[open_at : match.start()], True
            open_at = -1
            continue
        if open_at >= 0:
            yield document, number, data[open_at : match.start()], False
            open_at = -1
        if match["close"]:
            continue
        given = {
            m[1].lower(): (m[2] or m[3] or m[4] or b"") for m in _ATTRIBUTE.finditer(match["rest"])
        }
        if name == b"doc":
            document = given.get(b"docid", b"").decode("utf-8", "replace")
            yield document, None, b"", True
        elif name == b"seg":
            number = given.get(b"id", b"").decode("utf-8", "replace")
            open_at = match.end()
    if open_at >= 0:
        yield document, number, data[open_at:], False


def _plain(text: str) -> str:
    """The text of a segment: inner tags gone would be guessing, entities are not."""
    return _ENTITY.sub(_character, text).strip()


def _character(match: re.Match[str]) -> str:
    if match[3]:
        return _NAMED[match[3]]
    point = int(match[1]) if match[1] else int(match[2], 16)
    if 0 < point < 0x110000 and not 0xD800 <= point < 0xE000:
        return chr(point)
    return match[0]
