"""How a file is known to be right, and what a transfer tells its onlooker."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Expected:
    """What is known of a file beforehand; None where it is not."""

    bytes: int | None = None
    sha256: str | None = None
    git_blob: str | None = None
    """SHA-1 that git gives the content, which the Hub states for files outside LFS."""

    @property
    def checkable(self) -> bool:
        """Whether the content can be told from a wrong one."""
        return self.sha256 is not None or self.git_blob is not None

    def problem(self, path: Path, sha256: str) -> str | None:
        """What is wrong with the file at `path`, or None. Sizes come first: they explain more."""
        size = path.stat().st_size
        if self.bytes is not None and size != self.bytes:
            return f"it has {size:,} bytes and should have {self.bytes:,}"
        if self.sha256 is not None and sha256 != self.sha256:
            return f"its sha256 is {sha256} and should be {self.sha256}"
        if self.git_blob is not None and git_blob(path) != self.git_blob:
            return f"its git hash is not {self.git_blob}"
        return None


class Progress:
    """What a download tells its onlooker; this one keeps silent."""

    def begin(self, name: str, done: int, total: int | None) -> None:
        """A file starts, or starts again, with `done` bytes of `total`."""

    def advance(self, count: int) -> None:
        """`count` more bytes of the file begun last."""

    def wait(self, seconds: float, reason: str) -> None:
        """Nothing happens for a while, because of `reason`."""

    def end(self, name: str, outcome: str) -> None:
        """The file is done: "downloaded", "resumed", "already here", ..."""


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_blob(path: Path) -> str:
    """The SHA-1 of a file as a git object: of `blob SIZE NUL` and the content."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
