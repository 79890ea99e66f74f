"""HTTP/1.1 by hand: one request read, one reply written, nothing in between.

``http.server`` spends more on parsing headers than the whole stand-in spends
on an answer, and the benchmark would measure that instead of PlexSync.
"""

from __future__ import annotations

import socket
import time
import zlib
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote

PHRASES: Final = {
    200: "OK",
    201: "Created",
    204: "No Content",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Payload Too Large",
    414: "URI Too Long",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_MOST_HEADER_BYTES: Final = 4 * 1024 * 1024
_MOST_BODY_BYTES: Final = 256 * 1024 * 1024


class BadRequestError(Exception):
    """Bytes that are no HTTP request."""


class Request:
    """One request: method, raw target, headers with lower-case names, body."""

    __slots__ = ("_pairs", "body", "head", "headers", "method", "path", "raw_query", "target")

    def __init__(self, method: str, target: str, head: bytes, body: bytes) -> None:
        self.method = method
        self.target = target
        self.head = head
        self.headers = parse_headers(head)
        self.body = body
        raw_path, _, self.raw_query = target.partition("?")
        self.path = unquote(raw_path)
        self._pairs: list[tuple[str, str]] | None = None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The query's parameters, decoded, in order, repeats kept."""
        if self._pairs is None:
            self._pairs = parse_qsl(self.raw_query, keep_blank_values=True)
        return self._pairs

    def argument(self, name: str) -> str | None:
        """The first query parameter of that name, or None."""
        return next((value for key, value in self.pairs if key == name), None)

    def plex_argument(self, name: str) -> str | None:
        """An ``X-Plex-*`` value, which Plex takes from the query or from a header."""
        value = self.argument(name)
        return self.headers.get(name.lower()) if value is None else value


@dataclass(slots=True)
class Reply:
    """One reply, before it is compressed and framed."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/html"
    headers: list[tuple[str, str]] = field(default_factory=list)


def parse_headers(head: bytes) -> dict[str, str]:
    """Header lines (without the request line) as a mapping with lower-case names."""
    headers = {}
    for line in head.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers[name.lower()] = value.strip()
    return headers


class Connection:
    """A client's socket with the bytes read ahead of the request at hand."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._ahead = b""

    def read(self) -> Request | None:
        """The next request; None when the client has left.

        Raises:
            BadRequestError: For anything that is no HTTP request.
            OSError: For a connection that broke or stayed idle too long.
        """
        block = self._until(b"\r\n\r\n")
        if block is None:
            return None
        line, _, head = block.partition(b"\r\n")
        words = line.decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/"):
            raise BadRequestError(repr(line[:80]))
        request = Request(words[0], words[1], head, b"")
        if request.headers.get("expect", "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.body = self._body(request.headers)
        return request

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            chunks: list[bytes] = []
            while True:
                size_line = self._until(b"\r\n") or b"0"
                size = int(size_line.split(b";")[0], 16)
                chunk = self._exactly(size + 2)[:-2]
                if not size:
                    return b"".join(chunks)
                chunks.append(chunk)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > _MOST_BODY_BYTES:
            raise BadRequestError(f"Content-Length: {length}")
        return self._exactly(int(length)) if length != "0" else b""

    def _until(self, mark: bytes) -> bytes | None:
        buffer = self._ahead
        while True:
            end = buffer.find(mark)
            if end >= 0:
                self._ahead = buffer[end + len(mark) :]
                return buffer[:end]
            more = self.sock.recv(65_536)
            if not more:
                self._ahead = b""
                return None
            buffer += more
            if len(buffer) > _MOST_HEADER_BYTES:
                raise BadRequestError("endless header")

    def _exactly(self, count: int) -> bytes:
        chunks, have = [self._ahead], len(self._ahead)
        while have < count:
            more = self.sock.recv(min(1_048_576, count - have))
            if not more:
                raise BadRequestError("body cut short")
            chunks.append(more)
            have += len(more)
        whole = b"".join(chunks)
        self._ahead = whole[count:]
        return whole[:count]


class Clock:
    """The Date header, put together once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def date(self) -> str:
        """Now, as HTTP writes it."""
        second = int(time.time())
        if second != self._second:
            now = time.gmtime(second)
            day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[now.tm_wday]
            month = (
                "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
            )[now.tm_mon - 1]  # fmt: skip
            self._text = time.strftime(f"{day}, %d {month} %Y %H:%M:%S GMT", now)
            self._second = second
        return self._text


_CLOCK: Final = Clock()


def frame(request: Request, reply: Reply, *, gzip: bool, keepalive: int) -> tuple[bytes, bytes]:
    """(head, body) of the reply as they go over the wire.

    The head carries Plex's own headers; ``keepalive`` is the idle time it
    announces in seconds.
    """
    body = reply.body
    lines = [f"HTTP/1.1 {reply.status} {PHRASES.get(reply.status, 'Unknown')}"]
    lines.append("X-Plex-Protocol: 1.0")
    lines.append("Cache-Control: no-cache")
    if (
        gzip
        and body
        and reply.content_type != "text/html"
        and "gzip" in request.headers.get("accept-encoding", "")
        and not any(name.lower() == "content-encoding" for name, _ in reply.headers)
    ):
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        packed = packer.compress(body) + packer.flush()
        lines.append("Content-Encoding: gzip")
        lines.append("Vary: Origin, X-Plex-Token")
        lines.append(f"X-Plex-Content-Compressed-Length: {len(packed)}")
        lines.append(f"X-Plex-Content-Original-Length: {len(body)}")
        body = packed
    lines.append(f"Content-Type: {reply.content_type}")
    lines.append(f"Content-Length: {len(body)}")
    lines.append(f"Connection: {'close' if wants_close(request) else 'Keep-Alive'}")
    if not wants_close(request):
        lines.append(f"Keep-Alive: timeout={keepalive}")
    lines.append(f"Date: {_CLOCK.date()}")
    lines.extend(f"{name}: {value}" for name, value in reply.headers)
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return head, b"" if request.method == "HEAD" else body


def wants_close(request: Request) -> bool:
    """Whether the client asked for the connection to be closed after the reply."""
    return request.headers.get("connection", "").lower() == "close"
