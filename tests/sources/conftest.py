"""A real HTTP server on loopback whose misbehaviour a test scripts request by request."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Content:
    """What a path serves, and how truthfully."""

    body: bytes
    etag: str | None = '"one"'
    last_modified: str | None = None
    ranges: bool = True
    declared: int | None = None
    """Content-Length of a whole answer, when it is to be a lie."""
    cut_after: int | None = None
    """Bytes of each answer's body before the connection is cut."""
    cuts: int = 10**9
    """How many answers are cut."""
    chunk: int = 1 << 16
    pause: float = 0.0
    """Seconds between chunks."""
    failures: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Status and headers of the first answers, before it succeeds."""
    type: str = "application/octet-stream"
    location: str | None = None
    on_request: Callable[[Content, int], None] | None = None
    """Called with this content and the number of the request, from 1, before it is answered."""
    headers: dict[str, str] = field(default_factory=dict)
    requests: int = 0


@dataclass
class Request:
    """A line of the server's log."""

    method: str
    path: str
    range: str | None
    if_range: str | None
    authorization: str | None
    time: float
    status: int = 0
    sent: int = 0


@dataclass
class Server:
    """The running server: what it serves and what it was asked."""

    url: str
    contents: dict[str, Content] = field(default_factory=dict)
    log: list[Request] = field(default_factory=list)

    def of(self, path: str) -> list[Request]:
        """The requests for one path."""
        return [request for request in self.log if request.path == path]

    @property
    def sent(self) -> int:
        """Bytes of all bodies together."""
        return sum(request.sent for request in self.log)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return None

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            request = Request(
                self.command,
                self.path,
                self.headers.get("Range"),
                self.headers.get("If-Range"),
                self.headers.get("Authorization"),
                time.monotonic(),
            )
            server.log.append(request)
            content = server.contents.get(self.path)
            if content is None:
                return self._head(request, 404, {"Content-Length": "0"})
            content.requests += 1
            if content.on_request:
                content.on_request(content, content.requests)
            if content.location:
                return self._head(
                    request, 302, {"Location": content.location, "Content-Length": "0"}
                )
            if content.failures:
                status, headers = content.failures.pop(0)
                return self._head(request, status, {"Content-Length": "0", **headers})
            return self._serve(request, content)

        def _serve(self, request: Request, content: Content) -> None:
            body, status = content.body, 200
            headers = {"Content-Type": content.type, **content.headers}
            if content.etag:
                headers["ETag"] = content.etag
            if content.last_modified:
                headers["Last-Modified"] = content.last_modified
            valid = request.if_range in {None, content.etag, content.last_modified}
            if request.range and content.ranges and valid:
                start = int(request.range.removeprefix("bytes=").removesuffix("-"))
                total = len(body)
                if start >= total:
                    headers |= {"Content-Range": f"bytes */{total}", "Content-Length": "0"}
                    return self._head(request, 416, headers)
                headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
                body, status = body[start:], 206
            declared = content.declared if status == 200 else None
            headers["Content-Length"] = str(len(body) if declared is None else declared)
            self._head(request, status, headers)
            if self.command == "HEAD":
                return None
            cut = content.cut_after is not None and content.cuts > 0
            if cut:
                content.cuts -= 1
                body = body[: content.cut_after]
            for start in range(0, len(body), content.chunk):
                self.wfile.write(body[start : start + content.chunk])
                request.sent += len(body[start : start + content.chunk])
                time.sleep(content.pause)
            if cut or declared is not None:
                self.close_connection = True
            return None

        def _head(self, request: Request, status: int, headers: dict[str, str]) -> None:
            request.status = status
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

    return Handler


def _run() -> Iterator[Server]:
    server = Server("")
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    listener.daemon_threads = True
    listener.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.url = f"http://127.0.0.1:{listener.server_address[1]}"
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    listener.shutdown()
    listener.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A scripted server."""
    yield from _run()


@pytest.fixture
def other_server() -> Iterator[Server]:
    """A second one, on another port."""
    yield from _run()


@pytest.fixture
def content() -> type[Content]:
    """The class of what a server serves."""
    return Content


@pytest.fixture
def body() -> bytes:
    """About 700 kB that no two places of are alike."""
    return b"".join(hashlib.sha512(b"%d" % number).digest() for number in range(11_000))
