"""One file over HTTP, resumed where it was cut and believed only as far as it can be checked.

The bytes grow in NAME.partial, with NAME.partial.json beside it for what the server said of them
(ETag, Last-Modified). A later run asks for the rest by Range, guarded by If-Range, so that a file
that changed upstream starts again instead of being glued to its predecessor.
"""

from __future__ import annotations

import email.utils
import errno
import json
import os
import random
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from curate.errors import CurateError
from curate.storage import write_json
from sources.check import Expected, Progress, sha256_of

if TYPE_CHECKING:
    import httpx2

_RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_PROGRESS: Final = 1 << 20
"""Bytes that must have been gained before the count of failures starts again."""


class DownloadError(CurateError):
    """A file that could not be had; what has arrived of it is kept for the next run."""


class NotThere(DownloadError):
    """The server says that there is no such file (404 or 410)."""


class _Again(Exception):
    """A failure that may pass; `after` is what the server asked for, in seconds."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True)
class Patience:
    """How long to keep trying."""

    attempts: int = 6
    """Tries in a row that bring less than 1 MiB between them."""
    first_wait: float = 1.0
    """Seconds before the second try; doubles with each further one, half of it at random."""
    longest_wait: float = 60.0
    """Seconds; the doubling stops here."""
    longest_retry_after: float = 900.0
    """Seconds; a server that asks for more than this is given up."""
    timeout: float = 30.0
    """Seconds without a connection or without a byte."""


@dataclass(frozen=True)
class Downloaded:
    """A complete and checked file, still under its partial name."""

    url: str
    partial: Path
    bytes: int
    sha256: str
    etag: str | None
    last_modified: str | None
    resumed: bool
    """Whether bytes of an earlier run were used."""
    received: int
    """Bytes that crossed the network in this run."""


def land(partial: Path, target: Path) -> None:
    """Gives a complete file its name: on disk first, then renamed, then the folder on disk."""
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(target)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.with_name(partial.name + ".json").unlink(missing_ok=True)


def open_client(patience: Patience) -> httpx2.Client:
    """An HTTP client that follows redirects and never waits for ever."""
    import httpx2

    return httpx2.Client(
        follow_redirects=True,
        timeout=httpx2.Timeout(patience.timeout),
        headers={"User-Agent": "curate", "Accept": "*/*"},
    )


def download(
    client: httpx2.Client,
    url: str,
    target: Path,
    *,
    expected: Expected | None = None,
    patience: Patience | None = None,
    progress: Progress | None = None,
    headers: Mapping[str, str] | None = None,
) -> Downloaded:
    """Brings `url` to `target`'s partial name, complete and checked; `land` then names it.

    Raises NotThere, or DownloadError with what happened and what to do.
    """
    transfer = _Transfer(
        client,
        url,
        target,
        expected or Expected(),
        patience or Patience(),
        progress or Progress(),
        dict(headers or {}),
    )
    try:
        return transfer.run()
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DownloadError(
                f"The disk is full at {target.parent}; free some space and run again, "
                f"the {transfer.have():,} bytes of {target.name} so far are kept."
            ) from None
        raise DownloadError(f"{target}: {error.strerror or error}") from None


@dataclass
class _Transfer:
    client: httpx2.Client
    url: str
    target: Path
    expected: Expected
    patience: Patience
    progress: Progress
    headers: dict[str, str]
    etag: str | None = None
    last_modified: str | None = None
    received: int = 0
    used: int = 0
    """Requests whose bytes are in the partial file; an earlier run counts as one."""
    resumed: bool = False
    partial: Path = field(init=False)
    state: Path = field(init=False)

    def __post_init__(self) -> None:
        self.partial = self.target.with_name(self.target.name + ".partial")
        self.state = self.partial.with_name(self.partial.name + ".json")

    def have(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0

    def run(self) -> Downloaded:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self._pick_up()
        self.progress.begin(self.target.name, self.have(), self.expected.bytes)
        best = self.have()
        failures = 0
        restarted = False
        while True:
            try:
                if (sha256 := self._finished()) is None:
                    self._request()
                    sha256 = self._checked()
                break
            except _Again as again:
                if self.have() >= best + _PROGRESS:
                    failures = 0
                best = max(best, self.have())
                failures += 1
                self._wait(again, failures)
            except _Wrong as wrong:
                # Bytes from several requests may have been glued together; one clean try tells.
                if restarted or (self.used <= 1 and not self.resumed):
                    self._discard()
                    raise DownloadError(
                        f"{self.url} is not the file that was expected: {wrong}. Upstream may have "
                        "changed it, or a copy is damaged; try another --mirror."
                    ) from None
                restarted = True
                self._discard()
                self.progress.begin(self.target.name, 0, self.expected.bytes)
        return Downloaded(
            self.url,
            self.partial,
            self.have(),
            sha256,
            self.etag,
            self.last_modified,
            self.resumed,
            self.received,
        )

    def _pick_up(self) -> None:
        """Takes over what an earlier run left, unless nothing could tell a changed file."""
        if not self.have():
            return
        with suppress(OSError, ValueError):
            state = json.loads(self.state.read_bytes())
            if isinstance(state, dict) and state.get("url") == self.url:
                self.etag = state.get("etag")
                self.last_modified = state.get("last_modified")
        self.resumed = True
        self.used = 1
        too_long = self.expected.bytes is not None and self.have() > self.expected.bytes
        if too_long or not (self._validator() or self.expected.checkable):
            self._discard()

    def _validator(self) -> str | None:
        """What If-Range may name: a strong ETag, else the date (RFC 9110, 13.1.5)."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return self.last_modified

    def _discard(self) -> None:
        self.partial.unlink(missing_ok=True)
        self.etag = self.last_modified = None
        self.resumed = False
        self.used = 0

    def _finished(self) -> str | None:
        """The SHA-256, when the partial file already is the whole one and that can be known."""
        if self.expected.checkable and self.expected.bytes == self.have() > 0:
            sha256 = sha256_of(self.partial)
            if (problem := self.expected.problem(self.partial, sha256)) is not None:
                raise _Wrong(problem)
            return sha256
        return None

    def _checked(self) -> str:
        """The SHA-256 of a body that the server called complete, after doubting it."""
        size = self.have()
        if self.expected.bytes is not None and size < self.expected.bytes:
            raise _Again(f"the answer ended after {size:,} of {self.expected.bytes:,} bytes")
        while True:
            sha256 = sha256_of(self.partial)
            problem = self.expected.problem(self.partial, sha256)
            sure = self.expected.bytes is not None or (self.expected.checkable and problem is None)
            if sure or not self._more():
                break
        if problem is not None:
            raise _Wrong(problem)
        return sha256

    def _more(self) -> bool:
        """Whether there were bytes behind the end that the server declared; they are then added.

        A Content-Length that is too small is invisible in the answer itself, so the next byte is
        asked for: 416 confirms the end. A server without Range, or one that fails now, is believed;
        but bytes behind the end spoil a connection that is used again, so it is asked twice.
        """
        before = self.have()
        for last in (False, True):
            try:
                self._request(probe=True)
                break
            except (_Again, DownloadError) as error:
                if self.have() > before:
                    raise
                if last or isinstance(error, DownloadError):
                    return False
        return self.have() > before

    def _request(self, probe: bool = False) -> None:
        """One request, written as it arrives. Returns when the server considers it complete.

        A probe only adds to what is there and never begins again.
        """
        import httpx2

        have = self.have()
        headers = {**self.headers, "Accept-Encoding": "identity"}
        if have or probe:
            headers["Range"] = f"bytes={have}-"
            if validator := self._validator():
                headers["If-Range"] = validator
        try:
            with self.client.stream("GET", self.url, headers=headers) as response:
                if (have or probe) and response.status_code == 416:
                    self._end_reached(response, have, probe)
                elif response.status_code == 206 or not probe:
                    self._receive(response, have)
        except httpx2.TransportError as error:
            raise _Again(_said(error)) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise DownloadError(f"{self.url}: {_said(error)}") from None

    def _end_reached(self, response: httpx2.Response, have: int, probe: bool) -> None:
        if probe:
            return
        total = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
        etag = response.headers.get("ETag")
        if (total and int(total[1]) != have) or (self.etag and etag and etag != self.etag):
            self._discard()
            raise _Again("the file changed upstream")

    def _receive(self, response: httpx2.Response, have: int) -> None:
        status = response.status_code
        if status in _RETRIED:
            raise _Again(f"the server answered {status}", _retry_after(response))
        if status in {404, 410}:
            raise NotThere(
                f"{self.url} is not there ({status}); upstream may have moved it: "
                "look at its homepage, or use --mirror DIR_OR_URL."
            )
        if status not in {200, 206}:
            raise DownloadError(
                f"{self.url}: the server answered {status} {response.reason_phrase}; "
                "check that you have access, or use --mirror DIR_OR_URL."
            )
        length = _number(response.headers.get("Content-Length"))
        if status == 206:
            total = self._continued(response, have)
        else:
            if have and length == have and self._unchanged(response):
                # A server without Range that declares just what is already here.
                return
            have, total = 0, length
            self.used = 0
            self.resumed = False
        if "text/html" in response.headers.get("Content-Type", "") and not re.search(
            r"\.x?html?$", self.target.name
        ):
            raise DownloadError(
                f"{self.url} answered with a web page instead of the file; open it in a browser to "
                "see what it asks for, then use --mirror DIR."
            )
        self._room(total, have)
        self._write(response, have, total)

    def _continued(self, response: httpx2.Response, have: int) -> int | None:
        """The total size that a 206 states. Raises _Again when it does not continue our bytes."""
        etag = response.headers.get("ETag")
        stated = re.fullmatch(
            r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "")
        )
        if stated is None or int(stated[1]) != have or (self.etag and etag and etag != self.etag):
            self._discard()
            raise _Again("the server sent another part than the one asked for")
        return _number(stated[3])

    def _unchanged(self, response: httpx2.Response) -> bool:
        etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
        return (etag, modified) == (self.etag, self.last_modified)

    def _room(self, total: int | None, have: int) -> None:
        free = shutil.disk_usage(self.target.parent).free
        if total is not None and total - have > free:
            raise DownloadError(
                f"{self.target.name} needs {total - have:,} more bytes and {self.target.parent} "
                f"has {free:,} free; make room, or use --to DIR on another disk."
            )

    def _write(self, response: httpx2.Response, have: int, total: int | None) -> None:
        self.etag = response.headers.get("ETag") or (self.etag if have else None)
        self.last_modified = response.headers.get("Last-Modified") or (
            self.last_modified if have else None
        )
        # Unbuffered: what was received is in the file even if this process is killed.
        with self.partial.open("ab" if have else "wb", buffering=0) as file:
            write_json(
                self.state,
                {"url": self.url, "etag": self.etag, "last_modified": self.last_modified},
            )
            self.progress.begin(self.target.name, have, self.expected.bytes or total)
            self.used += 1
            for block in response.iter_raw():
                view = memoryview(block)
                while view:
                    view = view[file.write(view) :]
                have += len(block)
                self.received += len(block)
                self.progress.advance(len(block))
                if self.expected.bytes is not None and have > self.expected.bytes:
                    raise _Wrong(f"it has more than {self.expected.bytes:,} bytes")

    def _wait(self, again: _Again, failures: int) -> None:
        kept = f"{self.have():,} bytes are kept and the next run goes on from there"
        if failures >= self.patience.attempts:
            raise DownloadError(
                f"{self.url}: {again} ({failures} tries); {kept}. "
                "Check the network, or use --mirror DIR_OR_URL."
            ) from None
        if again.after is not None and again.after > self.patience.longest_retry_after:
            raise DownloadError(
                f"{self.url}: {again} and asks to come back in {again.after:,.0f} seconds; {kept}."
            ) from None
        doubled = self.patience.first_wait * 2.0 ** (failures - 1)
        seconds = min(doubled, self.patience.longest_wait) * random.uniform(0.5, 1.0)
        seconds = max(seconds, again.after or 0.0)
        self.progress.wait(seconds, str(again))
        time.sleep(seconds)


class _Wrong(Exception):
    """A complete file that is not the expected one."""


def _retry_after(response: httpx2.Response) -> float | None:
    """Seconds that Retry-After asks for, given as a number or a date (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    with suppress(ValueError, TypeError):
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    return None


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and value.isascii() and value.isdigit() else None


def _said(error: Exception) -> str:
    """A transport error in a few words."""
    import httpx2

    if isinstance(error, httpx2.ConnectTimeout | httpx2.ConnectError):
        return f"no connection ({str(error) or 'timed out'})"
    if isinstance(error, httpx2.TimeoutException):
        return "the server fell silent"
    if isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError):
        return f"the connection was cut ({str(error) or type(error).__name__})"
    return str(error) or type(error).__name__
