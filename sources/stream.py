"""A published file as blocks of UTF-8: unpacked within bounds, decoded, never all at once.

What stops a file short (a cut gzip, a damaged block, a bomb) does not raise: everything readable is
handed out first and `Blocks.fault` then says what happened, so that a reader can end with a row.
"""

from __future__ import annotations

import bz2
import codecs
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

BLOCK = 4 << 20
"""Bytes of text in a block; also the size of most record batches."""

_READ = 256 << 10
_STEP = 1 << 20
"""Most bytes one call of a decompressor may produce (zstd: see _Zstd)."""
_XZ_MEMORY = 1 << 30

_DAMAGE = "\udcff"
DAMAGE = _DAMAGE.encode("utf-8", "surrogatepass")
"""What stands for undecodable bytes of a file that is not UTF-8; itself never valid UTF-8."""


class Bad(NamedTuple):
    """Why a row (or a file) cannot be used: a short reason code and what was seen."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Bounds:
    """How far a packed file may unpack before it is taken for a bomb."""

    ratio: int = 200
    """Unpacked bytes per packed byte; text stays below 30."""
    ratio_from: int = 100 << 20
    """Unpacked bytes below which the ratio does not matter."""
    member: int = 512 << 30
    """Most unpacked bytes of one file or archive member."""
    total: int = 2 << 40
    """Most unpacked bytes of one archive, archives inside it included."""

    def broken(self, packed: int, unpacked: int) -> str | None:
        """What bound is broken, in words, or None."""
        if unpacked > self.ratio_from and unpacked > self.ratio * max(packed, 1):
            return (
                f"unpacks to more than {self.ratio} times its size ({unpacked} bytes from {packed})"
            )
        if unpacked > self.member:
            return f"unpacks to more than {self.member} bytes"
        return None


BOUNDS = Bounds()


def too_long(what: str, size: int, max_row: int) -> Bad:
    """Why a row of `size` bytes is not kept; `what` is it, with its article."""
    allowed = f"{max_row / (1 << 20):g} MB"
    return Bad("too_long", f"{what} ({size} bytes); max_row_mb allows {allowed}")


_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)


def compression_of(head: bytes) -> str | None:
    """The compression a file's first bytes announce: gzip, bzip2, xz, zstd or None."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    # Skippable frames come first in files written by parallel zstd tools.
    if len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F:
        return "zstd"
    return None


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)

    def decompress(self, data: bytes, limit: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, limit)

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


class _Zstd:
    """A zstd frame. The library cannot bound one call's output, so its input is bounded instead:
    a block of 128 KiB takes at least 4 bytes.
    """

    def __init__(self) -> None:
        import zstandard

        self._inner = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj(
            write_size=_STEP
        )
        self._waiting = b""

    def decompress(self, data: bytes, limit: int) -> bytes:
        data = self._waiting + data if self._waiting else data
        now, self._waiting = data[:4096], data[4096:]
        return self._inner.decompress(now)

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data) + self._waiting


_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "gzip": _Gzip,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY),
    "zstd": _Zstd,
}


def _damaged(error: Exception) -> bool:
    """Whether a decompressor's error means bad data (zstandard has an exception of its own)."""
    return isinstance(error, (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)) or (
        type(error).__name__ == "ZstdError"
    )


class Packed:
    """The bytes of one file, or of several joined end to end, decompressed if they are packed.

    `read(n)` serves tarfile and the block iterator. After it has returned b"" early, `fault` tells
    why; it never raises for bad data.
    """

    def __init__(self, paths: Path | tuple[Path, ...], bounds: Bounds = BOUNDS) -> None:
        self._paths = list(paths) if isinstance(paths, tuple) else [paths]
        self._bounds = bounds
        self._file: IO[bytes] | None = None
        self.fault: Bad | None = None
        self.packed = 0
        """Bytes read from disk so far."""
        self.unpacked = 0
        """Bytes handed out so far."""
        head = self._raw(_READ)
        self.compression = compression_of(head)
        self._source = self._members(head) if self.compression else iter(())
        self._rest = b"" if self.compression else head
        self.unpacked += len(self._rest)

    def __enter__(self) -> Packed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file on disk."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self, size: int = BLOCK) -> bytes:
        """`size` bytes, fewer only at the end."""
        pieces = [self._rest] if self._rest else []
        have = len(self._rest)
        while have < size:
            piece = next(self._source, b"") if self.compression else self._plain(size - have)
            if not piece:
                break
            pieces.append(piece)
            have += len(piece)
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._rest = data[size:]
        return data[:size] if self._rest else data

    def _raw(self, size: int) -> bytes:
        while self._file is not None or self._paths:
            if self._file is None:
                self._file = self._paths.pop(0).open("rb", buffering=0)
            data = self._file.read(size)
            if data:
                self.packed += len(data)
                return data
            self.close()
        return b""

    def _plain(self, size: int) -> bytes:
        data = self._raw(size)
        self.unpacked += len(data)
        return data

    def _members(self, data: bytes) -> Iterator[bytes]:
        kind = self.compression or ""
        make = _DECOMPRESSORS[kind]
        decompressor = make()
        while True:
            try:
                out = decompressor.decompress(data, _STEP)
            except Exception as error:
                if not _damaged(error):
                    raise
                reason = "truncated" if "truncat" in str(error).lower() else "corrupt"
                self._stop(reason, f"{kind} data is damaged ({error})")
                return
            data = b""
            self.unpacked += len(out)
            broken = self._bounds.broken(self.packed, self.unpacked)
            if broken:
                self._stop("bomb", f"the {kind} file {broken}")
                return
            if out:
                yield out
            if decompressor.eof:
                # Another member may follow, with zero padding between.
                data = decompressor.unused_data.lstrip(b"\0")
                while not data:
                    chunk = self._raw(_READ)
                    if not chunk:
                        return
                    data = chunk.lstrip(b"\0")
                decompressor = make()
            elif decompressor.needs_input:
                data = self._raw(_READ)
                if not data:
                    self._stop("truncated", f"the {kind} data ends early")
                    return

    def _stop(self, reason: str, what: str) -> None:
        self.fault = Bad(
            reason, f"{what}, after {self.packed} bytes on disk, {self.unpacked} unpacked"
        )


def _mark_damage(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _DAMAGE, error.end


codecs.register_error("curate.damage", _mark_damage)

_BOMS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


class Blocks:
    """A file's text as UTF-8 bytes in blocks of BLOCK, byte order mark removed.

    UTF-8 input passes unchecked (readers judge it row by row); other encodings are transcoded and
    bytes that mean nothing there become DAMAGE. Iterate once; then see `fault`.
    """

    def __init__(
        self,
        path: Path | tuple[Path, ...],
        encoding: str = "utf-8",
        bounds: Bounds = BOUNDS,
        block: int = BLOCK,
    ) -> None:
        self._path = path
        self._bounds = bounds
        self._block = block
        self.encoding = codecs.lookup(encoding).name
        self.fault: Bad | None = None

    def __iter__(self) -> Iterator[bytes]:
        bom = _BOMS.get(self.encoding, b"")
        decoder = None
        if self.encoding not in ("utf-8", "ascii"):
            decoder = codecs.getincrementaldecoder(self.encoding)("curate.damage")
        with Packed(self._path, self._bounds) as packed:
            first = True
            while data := packed.read(self._block):
                if first and bom and data.startswith(bom):
                    data = data[len(bom) :]
                first = False
                if decoder is not None:
                    data = decoder.decode(data).encode("utf-8", "surrogatepass")
                if data:
                    yield data
            self.fault = packed.fault
            # A character cut by the end of a whole file is damage; of a cut file it is the cut.
            if decoder is not None and self.fault is None:
                tail = decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
                if tail:
                    yield tail


def undecodable(row: bytes, encoding: str = "utf-8") -> Bad | None:
    """The first byte of a row that is not text, as a reason and where it is; None for good rows."""
    try:
        row.decode()
    except UnicodeDecodeError as error:
        if encoding not in ("utf-8", "ascii") and row[error.start : error.start + 3] == DAMAGE:
            before = len(row[: error.start].decode())
            return Bad("bad_encoding", f"not {encoding} after {before} characters of the row")
        seen = row[error.start : error.start + 4].hex(" ")
        return Bad("bad_utf8", f"not UTF-8 at byte {error.start} of the row: {seen}")
    return None
