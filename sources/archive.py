"""Archives unpacked once, within bounds, into a folder named by their content.

Members are stored under numbers, so no name of theirs ever becomes a path; `index.json` beside them
says which is which and what was refused. Headers are not believed: bytes are counted while they
are written.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Protocol, cast

from sources.adapter import SourceError
from sources.stream import BOUNDS, Bad, Bounds, Packed

_CHUNK = 1 << 20
_INDEX = "index.json"
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    UnicodeError,
)


@dataclass(frozen=True)
class Member:
    """A file of an archive, unpacked."""

    name: str
    """Its path in the archive, `/`-separated."""
    path: Path


@dataclass(frozen=True)
class Rejected:
    """A member, or a whole archive, that was not unpacked; it belongs in the ledger as one row."""

    name: str
    reason: str
    detail: str


class Budget:
    """What an archive and those inside it may still unpack to."""

    def __init__(self, packed: int, bounds: Bounds = BOUNDS) -> None:
        self.bounds = bounds
        self._packed = packed
        self._unpacked = 0

    def spend(self, count: int) -> str | None:
        """Count bytes written; the bound they break, or None."""
        self._unpacked += count
        if self._unpacked > self.bounds.total:
            return f"unpacks to more than {self.bounds.total} bytes"
        return self.bounds.broken(self._packed, self._unpacked)


class _Bomb(Exception):
    pass


def unpack(
    paths: tuple[Path, ...], kind: str, into: Path, budget: Budget
) -> tuple[list[Member], list[Rejected]]:
    """Unpack an archive (its parts joined) into `into/<sha256>/`, unless that was done before.

    Members with absolute or `..` paths, links, devices, encrypted, damaged and repeated ones are
    rejected and the others go on. Raises SourceError if the disk is full or the file unreadable.
    """
    folder = into / _sha256(paths)
    if not (folder / _INDEX).is_file():
        try:
            into.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name[:16]}-", dir=into))
        except OSError as error:
            raise SourceError(f"cannot write to {into}: {error.strerror}") from None
        try:
            index = _Index(scratch, budget)
            (_zip if kind == "zip" else _tar)(paths, index)
            index.write()
            _move(scratch, folder)
        except OSError as error:
            what = "no space left" if error.errno == errno.ENOSPC else str(error.strerror or error)
            raise SourceError(f"cannot unpack {paths[0].name} into {into}: {what}") from None
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    stored = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    members = [Member(m["name"], folder / m["file"]) for m in stored["members"]]
    return members, [Rejected(**r) for r in stored["rejected"]]


def _move(scratch: Path, folder: Path) -> None:
    try:
        os.replace(scratch, folder)
    except OSError:
        # Another process unpacked the same archive meanwhile; or a crash left half of it.
        if not (folder / _INDEX).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(scratch, folder)


def _sha256(paths: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while data := file.read(_CHUNK):
                digest.update(data)
    return digest.hexdigest()


class _Index:
    """Writes members under numbers and keeps the list of them."""

    def __init__(self, folder: Path, budget: Budget) -> None:
        self._folder = folder
        self._budget = budget
        self.bounds = budget.bounds
        self._members: list[dict[str, str]] = []
        self._names: set[str] = set()
        self.rejected: list[Rejected] = []

    def reject(self, name: str, reason: str, detail: str) -> None:
        self.rejected.append(Rejected(name, reason, detail))

    def accepts(self, name: str) -> bool:
        """Whether a member of that name may be unpacked; if not it is on the list of rejected."""
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":"):
            self.reject(name, "unsafe_path", "the member has an absolute path")
        elif ".." in parts or "\0" in name:
            self.reject(name, "unsafe_path", "the member's path leads out of its folder")
        elif name in self._names:
            self.reject(name, "repeated_member", "another member has the same name")
        else:
            self._names.add(name)
            return True
        return False

    def store(self, name: str, source: _Readable) -> bool:
        """Write a member; False if it was rejected."""
        path = self._folder / f"{len(self._members) + 1:06d}"
        written = 0
        kept = False
        try:
            with path.open("wb") as target:
                while data := source.read(_CHUNK):
                    written += len(data)
                    broken = self._budget.spend(len(data))
                    if written > self._budget.bounds.member:
                        broken = f"unpacks to more than {self._budget.bounds.member} bytes"
                    if broken:
                        self.reject(name, "bomb", f"the archive or member {broken}")
                        raise _Bomb
                    target.write(data)
            kept = True
        except _DAMAGE as error:
            self.reject(name, "corrupt", f"damaged after {written} bytes: {error}")
        finally:
            if not kept:
                path.unlink(missing_ok=True)
        if kept:
            self._members.append({"name": name, "file": path.name})
        return kept

    def cut_last(self, size: int, fault: Bad | None) -> None:
        """Account for a member of `size` bytes of which the archive held only the beginning: its
        whole lines stay, the cut one is what the rejection stands for.
        """
        member = self._members[-1]
        path = self._folder / member["file"]
        written = path.stat().st_size
        kept = 0 if fault is not None and fault.reason == "bomb" else _cut_after_last_line(path)
        what = fault.detail if fault is not None else "the archive ends inside this member"
        seen = f"{written} of {size} bytes there, {kept} in whole lines read; {what}"
        self.reject(member["name"], fault.reason if fault is not None else "truncated", seen)
        if not kept:
            path.unlink()
            self._members.pop()

    def write(self) -> None:
        """Write the index; its presence says that the folder is complete."""
        index = {"members": self._members, "rejected": [asdict(r) for r in self.rejected]}
        text = json.dumps(index, ensure_ascii=True, indent=1)
        (self._folder / _INDEX).write_text(text, encoding="utf-8")


def _cut_after_last_line(path: Path) -> int:
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(end - _CHUNK, 0)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                file.truncate(start + found + 1)
                return start + found + 1
            end = start
        file.truncate(0)
    return 0


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Take:
    """The next `left` bytes of a stream; fewer if it ends, without an error."""

    def __init__(self, source: _Readable, size: int) -> None:
        self._source = source
        self.left = size

    def read(self, size: int, /) -> bytes:
        data = self._source.read(min(size, self.left)) if self.left else b""
        self.left -= len(data)
        return data


def _tar(paths: tuple[Path, ...], index: _Index) -> None:
    with Packed(paths, index.bounds) as packed:
        done = 0
        try:
            # The stream is read forward only: nothing in it can make tarfile seek.
            stream = cast(IO[bytes], packed)
            with tarfile.open(fileobj=stream, mode="r|", bufsize=_CHUNK) as archive:
                for entry in archive:
                    done += 1
                    name = _tar_name(entry)
                    if entry.isdir():
                        continue
                    if not entry.isreg() or entry.issparse():
                        what = "a link" if entry.issym() or entry.islnk() else "no regular file"
                        index.reject(name, "unsafe_member", f"the member is {what}")
                    elif index.accepts(name):
                        # tarfile's own member reader forgets what it read before a cut.
                        part = _Take(cast(_Readable, archive.fileobj), entry.size)
                        if index.store(name, part) and part.left:
                            index.cut_last(entry.size, packed.fault)
                            return
        except _Bomb:
            return
        except _DAMAGE as error:
            if packed.fault is None:
                why = f"the tar archive is damaged after {done} members: {error}"
                index.reject("", "corrupt", why)
        if packed.fault is not None and not any(
            r.reason == packed.fault.reason for r in index.rejected
        ):
            index.reject("", packed.fault.reason, f"after {done} members {packed.fault.detail}")


def _tar_name(entry: tarfile.TarInfo) -> str:
    """The member's name, read as GBK where it is not UTF-8."""
    raw = entry.name.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def _zip(paths: tuple[Path, ...], index: _Index) -> None:
    if len(paths) > 1:
        index.reject("", "split_zip", "a zip archive in parts; join them with `zip -s 0`")
        return
    try:
        with zipfile.ZipFile(paths[0]) as archive:
            for entry in archive.infolist():
                _zip_member(archive, entry, index)
    except _Bomb:
        return
    except _DAMAGE as error:
        cut = "the zip archive is cut short or damaged"
        index.reject("", "truncated", f"{cut}: {error}")


def _zip_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, index: _Index) -> None:
    name = _zip_name(entry)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if entry.is_dir():
        return
    if kind and not stat.S_ISREG(kind):
        index.reject(name, "unsafe_member", "the member is a link or no regular file")
    elif entry.flag_bits & 1:
        index.reject(name, "encrypted", "the member is encrypted; unpack it and give the folder")
    elif index.accepts(name):
        try:
            with archive.open(entry) as source:
                index.store(name, source)
        except _DAMAGE as error:
            index.reject(name, "corrupt", f"cannot be unpacked: {error}")


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """The member's name; archives made on Chinese Windows have it in GBK without saying so."""
    name = entry.orig_filename
    if not entry.flag_bits & 0x800:
        raw = name.encode("cp437", "replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    # Written with backslashes by some Windows tools, which the format forbids.
    return name.replace("\\", "/")
