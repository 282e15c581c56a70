"""What a file is, by its content: packing, encoding and format, from a bounded sample."""

from __future__ import annotations

import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

import orjson

from sources.charset import charset
from sources.delimited import sample_records
from sources.stream import Bad, Blocks, Packed, compression_of

SAMPLE = 512 << 10
"""Bytes of (unpacked) content looked at; of a plain file a few windows further on as well."""

_WINDOWS = 3
_WINDOW = 32 << 10
_LFS = b"version https://git-lfs.github.com/spec/"

_KNOWN = (
    (b"%PDF-", "a PDF file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it and give the folder"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it and give the folder"),
    (b"ARROW1\0\0", "an Arrow IPC file; save it as Parquet"),
    (b"\xff\xff\xff\xff", "an Arrow stream; save it as Parquet"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file; export it as CSV"),
    (b"\x7fELF", "a program"),
    (b"\x93NUMPY", "a NumPy array"),
)


@dataclass(frozen=True)
class Content:
    """What a file holds."""

    format: str
    """empty, text, jsonl, json_array, json_objects, csv, tsv, sgml, parquet, zip, tar, or bad."""
    encoding: str = "utf-8"
    compression: str | None = None
    delimiter: str = ","
    """Of csv and tsv."""
    problem: Bad | None = None
    """With format bad: why this is no data file and what to do."""
    sample: bytes = b""
    """The beginning of the text as UTF-8."""
    complete: bool = False
    """Whether the sample is the whole text."""


def content(path: Path, encoding: str | None = None) -> Content:
    """Look at a file. `encoding` overrules the guess. Raises OSError if it cannot be opened."""
    if path.is_dir():
        why = "a folder where a file was expected; give the folder itself as the source's path"
        return Content("bad", problem=Bad("not_a_file", why))
    with Packed(path) as packed:
        head = packed.read(SAMPLE + 1)
        compression = packed.compression
        fault = packed.fault
    complete = len(head) <= SAMPLE
    head = head[:SAMPLE]
    if not head and fault is not None:
        return Content("bad", compression=compression, problem=fault)
    bad = _foreign(head)
    if bad is not None:
        return Content("bad", compression=compression, problem=bad)
    if not head:
        return Content("empty", compression=compression, complete=True)
    for kind, is_kind in (
        ("parquet", head.startswith(b"PAR1")),
        ("zip", is_zip(head)),
        ("tar", is_tar(head)),
    ):
        if is_kind:
            return Content(kind, compression=compression)
    if encoding is None:
        encoding = charset(head)
        if compression is None and encoding == "utf-8" and not complete:
            encoding = charset(_spread(path, head))
    if not encoding.startswith(("utf-16", "utf-32")) and _binary(head):
        why = "binary data where text was expected"
        return Content("bad", compression=compression, problem=Bad("not_text_file", why))
    # One block is the sample; the file's own end is not the sample's.
    sample = next(iter(Blocks(path, encoding, block=SAMPLE)), b"")[:SAMPLE]
    if not complete:
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    form, delimiter = _format(sample, complete)
    if form == "html":
        why = "an HTML page where data was expected (an error or log-in page?); fetch it again"
        return Content("bad", encoding, compression, problem=Bad("html_page", why))
    return Content(form, encoding, compression, delimiter, None, sample, complete)


def is_zip(head: bytes) -> bool:
    """Whether the first bytes are a zip archive's."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def is_tar(head: bytes) -> bool:
    """Whether the first 512 bytes are a tar header, by its checksum."""
    if len(head) < 512 or not head[0]:
        return False
    try:
        tarfile.TarInfo.frombuf(head[:512], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def packing(path: Path) -> str | None:
    """Zip or tar if the file is an archive (a packed tar too), else None."""
    with path.open("rb") as file:
        head = file.read(1024)
    if is_zip(head):
        return "zip"
    if compression_of(head) is not None:
        with Packed(path) as packed:
            head = packed.read(1024)
    return "tar" if is_tar(head) else None


def _spread(path: Path, head: bytes) -> bytes:
    """The head and some windows of whole lines from further on in a plain file."""
    size = path.stat().st_size
    pieces = [head[: head.rfind(b"\n") + 1] or head]
    with path.open("rb") as file:
        for i in range(1, _WINDOWS + 1):
            file.seek(max(size * i // (_WINDOWS + 1), len(head)))
            window = file.read(_WINDOW)
            pieces.append(window[window.find(b"\n") + 1 : window.rfind(b"\n") + 1])
    return b"".join(pieces)


def _foreign(head: bytes) -> Bad | None:
    if head.startswith(_LFS):
        size = re.search(rb"\nsize (\d+)", head)
        of = f" of a file of {int(size[1])} bytes" if size else ""
        why = f"a git-LFS pointer{of}, not the data: run `git lfs pull` where it was cloned"
        return Bad("lfs_pointer", why)
    for magic, what in _KNOWN:
        if head.startswith(magic):
            return Bad("not_text_file", f"{what}, not a data file")
    return None


_CONTROLS = bytes(b for b in range(32) if b not in b"\t\n\v\f\r\x1a\x1b")


def _binary(head: bytes) -> bool:
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return controls * 100 > len(head)


def _format(sample: bytes, complete: bool) -> tuple[str, str]:
    start = sample.lstrip()
    lower = start[:512].lower()
    if re.match(rb"<!doctype\s+html|<html[\s>]|<\?xml[^>]*>\s*<!doctype\s+html", lower):
        return "html", ","
    if start[:1] == b"<" and re.search(
        rb"<(?:doc|seg|srcset|refset|tstset)\b", start[:65536], re.I
    ):
        return "sgml", ","
    form = _json_format(start, complete)
    if form is not None:
        return form, ","
    return _delimited_format(sample)


def _json_format(start: bytes, complete: bool) -> str | None:
    lines = [line for line in start.split(b"\n", 50)[:50] if line.strip()]
    if not lines:
        return None
    objects = sum(1 for line in lines if line.lstrip()[:1] == b"{" and _is_json(line))
    if objects * 2 > len(lines) or (objects and objects >= len(lines) - 1):
        return "jsonl"
    if start[:1] == b"[":
        if len(lines) > 1 and all(line[:1] == b"[" and _is_json(line) for line in lines[:10]):
            return "jsonl"
        rest = start[1:].lstrip()
        if rest[:1] == b"{" and re.match(rb'\{\s*(?:"|\}|$)', rest):
            return "json_array"
        if rest[:1] == b"]" and not rest[1:].strip():
            return "json_array"
        if rest[:1] in (b'"', b"[") or re.match(rb"[-0-9tfn]", rest):
            if complete and _is_json(start):
                return "json_array"
            # A text may start with a bracket; an array of strings or lists goes on as one.
            if re.match(rb'\[\s*(?:"(?:[^"\\]|\\.)*"\s*,\s*"|\[\s*["\[\d])', start[: 64 << 10]):
                return "json_array"
        return None
    if start[:1] == b"{" and re.match(rb'\{\s*(?:"(?:[^"\\]|\\.)*"\s*:|\})', start[: 64 << 10]):
        newline = start.find(b"\n")
        # A first line that opens an object and goes on below it; else one broken or giant line.
        if newline >= 0 and not re.search(rb"\}\s*$", start[:newline]):
            following = start[newline:].lstrip()[:1]
            return "jsonl" if following == b"{" and b"}" in start[:newline] else "json_objects"
        return "jsonl"
    return None


def _is_json(raw: bytes) -> bool:
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError:
        return False
    return True


def _delimited_format(sample: bytes) -> tuple[str, str]:
    lines = sample.split(b"\n", 1001)[:1000]
    lines = [line for line in lines if line.strip()]
    if not lines:
        return "text", ","
    tabs = [line.count(b"\t") for line in lines]
    usual = max(set(tabs), key=lambda n: (tabs.count(n), n))
    if usual and tabs.count(usual) >= 0.7 * len(lines):
        return "tsv", "\t"
    for delimiter in (",", ";", "|"):
        records = [r for r in sample_records(sample, delimiter, quoting=True) if r != [""]]
        if len(records) < 2 or len(records[0]) < 2:
            continue
        width = len(records[0])
        if sum(1 for record in records if len(record) == width) >= 0.95 * len(records):
            return "csv", delimiter
    return "text", ","


def width_of(records: list[list[str]]) -> int:
    """The usual number of columns."""
    widths = [len(record) for record in records] or [1]
    return max(set(widths), key=lambda n: (widths.count(n), n))


_NAME = re.compile(r"[A-Za-z_][\w .:/-]{0,40}|[\u4e00-\u9fff]{1,6}|")


def has_header(records: list[list[str]]) -> bool:
    """Whether the first record names the columns rather than being one of them.

    Names are short, distinct and word-like, or count 0, 1, 2…; and a later record is not like
    that in every column, else nothing tells them apart.
    """
    if not records or not records[0]:
        return False
    first = records[0]
    if len(set(first)) < len(first):
        return False
    if first == [str(i) for i in range(len(first))]:
        return True
    if not all(_NAME.fullmatch(cell.strip()) for cell in first) or not any(first):
        return False
    if {cell.strip().lower() for cell in first} & _COLUMN_NAMES:
        return True
    return any(
        not all(_NAME.fullmatch(cell.strip()) for cell in record) for record in records[1:50]
    ) and not any("\u4e00" <= c <= "\u9fff" for cell in first for c in cell)


_COLUMN_NAMES = frozenset(
    "text content title abstract keywords discipline category label review comment zh en chinese "
    "english source target sentence id url question answer document body summary 标题 内容 "
    "正文 文本 标签 评论 关键词 摘要".split()
)
