"""A source's folder while files are brought into it: locked, checked and recorded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sources.catalogue import Source, safe_path
from sources.check import Expected, Progress, sha256_of
from sources.download import (
    Downloaded,
    DownloadError,
    NotThere,
    Patience,
    download,
    land,
    open_client,
)
from sources.record import FetchRecord, FileRecord, now, read_record

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True)
class FetchedFile:
    """What became of one file."""

    name: str
    url: str | None
    bytes: int
    sha256: str
    outcome: str
    """"downloaded", "resumed", "copied", "already here" or "found in place"."""


@dataclass
class Fetched:
    """What a fetch left in the folder."""

    source: str
    destination: Path
    files: list[FetchedFile] = field(default_factory=list)
    revisions: dict[str, str] = field(default_factory=dict)
    """Commit by Hub repository."""
    received: int = 0
    """Bytes that were transferred in this run."""


@dataclass
class Folder:
    """A source's folder during a fetch: its record, what to ask, whom to tell."""

    path: Path
    record: FetchRecord
    client: httpx2.Client
    patience: Patience
    progress: Progress
    fetched: Fetched
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with every request, such as a token; never to another host than the one asked."""

    def bring(
        self,
        name: str,
        places: Sequence[str | Path],
        expected: Expected,
        revision: str | None = None,
    ) -> None:
        """Brings one file from the first of `places` (URLs, local files) that has it.

        Does nothing when the file is here and its SHA-256 is the expected or the recorded one.
        """
        target = self.target(name)
        if self._settled(name, target, expected):
            return
        missing: NotThere | None = None
        for place in places:
            try:
                if isinstance(place, Path):
                    got, outcome = copy(place, target, expected, self.progress), "copied"
                else:
                    got = download(
                        self.client,
                        place,
                        target,
                        expected=expected,
                        patience=self.patience,
                        progress=self.progress,
                        headers=self.headers,
                    )
                    outcome = "resumed" if got.resumed else "downloaded"
            except NotThere as error:
                missing = missing or error
                continue
            # Recorded before it is named: a crash between the two costs one question, no bytes.
            self.note(name, record_of(got, revision), outcome)
            land(got.partial, target)
            self.fetched.received += got.received
            self.progress.end(name, outcome)
            return
        raise missing or NotThere(f"The mirror has no {name}; it should lie there by that name.")

    def adopt(self, name: str) -> None:
        """Records a file that was put here by hand, as it is now."""
        target = self.target(name)
        self._keep(name, target, sha256_of(target))

    def target(self, name: str) -> Path:
        """The path of a file, certain to lie inside the folder. Raises DownloadError if not."""
        try:
            path = self.path / safe_path(name)
        except ValueError as error:
            raise DownloadError(f"Refused to write {error}.") from None
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise DownloadError(f"Refused to write {path}: a link leads out of {self.path}.")
        if path.is_dir():
            raise DownloadError(f"{path} is a folder where a file should be; move it away.")
        return path

    def note(self, name: str, entry: FileRecord, outcome: str) -> None:
        """Writes a file into the record and the result."""
        self.record.files[name] = entry
        self.record.write(self.path)
        self.fetched.files.append(FetchedFile(name, entry.url, entry.bytes, entry.sha256, outcome))

    def _settled(self, name: str, target: Path, expected: Expected) -> bool:
        if not target.exists():
            return False
        sha256 = sha256_of(target)
        if expected.problem(target, sha256) is not None:
            return False
        known = self.record.files.get(name)
        if not expected.checkable and known is not None and known.sha256 != sha256:
            return False
        self._keep(name, target, sha256)
        return True

    def _keep(self, name: str, target: Path, sha256: str) -> None:
        known = self.record.files.get(name)
        if known is not None and known.sha256 == sha256:
            outcome = "already here"
            self.fetched.files.append(
                FetchedFile(name, known.url, known.bytes, known.sha256, outcome)
            )
        else:
            outcome = "found in place"
            size = target.stat().st_size
            entry = FileRecord(url=None, sha256=sha256, bytes=size, date=now())
            self.note(name, entry, outcome)
        self.progress.end(name, outcome)


@contextmanager
def opened_folder(
    source: Source, destination: Path, patience: Patience | None, progress: Progress | None
) -> Iterator[Folder]:
    """The source's folder, made if needed, for this process alone."""
    from filelock import FileLock, Timeout

    patience = patience or Patience()
    try:
        destination.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(
            f"{destination} cannot be made ({error.strerror}); choose another folder with --to."
        ) from None
    lock = FileLock(destination / ".fetch.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DownloadError(
            f"Another fetch is writing into {destination}; wait for it, or choose --to DIR."
        ) from None
    except OSError as error:
        raise DownloadError(f"{destination} cannot be written ({error.strerror}).") from None
    try:
        with open_client(patience) as client:
            record = read_record(destination, source.name)
            yield Folder(
                destination,
                record,
                client,
                patience,
                progress or Progress(),
                Fetched(source.name, destination),
            )
    except OSError as error:
        where = error.filename or destination
        raise DownloadError(f"{where}: {error.strerror or error}.") from None
    finally:
        lock.release()


def copy(origin: Path, target: Path, expected: Expected, progress: Progress) -> Downloaded:
    """Copies a mirror's file to the partial name and checks it."""
    partial = target.with_name(target.name + ".partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    size = origin.stat().st_size
    progress.begin(target.name, 0, size)
    try:
        with origin.open("rb") as stream, partial.open("wb") as sink:
            while block := stream.read(1 << 20):
                sink.write(block)
                progress.advance(len(block))
    except OSError as error:
        raise DownloadError(f"{origin} could not be copied: {error.strerror}.") from None
    sha256 = sha256_of(partial)
    if (problem := expected.problem(partial, sha256)) is not None:
        partial.unlink()
        raise DownloadError(f"{origin} is not the file that was expected: {problem}.")
    return Downloaded(origin.absolute().as_uri(), partial, size, sha256, None, None, False, size)


def record_of(got: Downloaded, revision: str | None) -> FileRecord:
    """What fetch.json says of a file that has just arrived."""
    return FileRecord(
        url=got.url,
        sha256=got.sha256,
        bytes=got.bytes,
        etag=got.etag,
        last_modified=got.last_modified,
        revision=revision,
        date=now(),
    )


def data_files(folder: Path) -> list[str]:
    """Relative names of the files in a folder that are data: none hidden, none of our own."""
    names = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            relative = (Path(parent) / name).relative_to(folder).as_posix()
            try:
                safe_path(relative)
            except ValueError:
                continue
            if not name.startswith("."):
                names.append(relative)
    return names
