"""HTTP/1.1 by hand: one request read, one reply written, nothing in between.

``http.server`` spends more on parsing headers than a whole stand-in spends on
an answer, and the benchmark would measure that instead of PlexSync.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import select
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote


class BadRequestError(Exception):
    """Bytes that are no HTTP request."""


class Request:
    """One request: method, raw target, headers with lower-case names, body, the path's words.

    Of a GraphQL request ``operation`` is the operation's name, ``query`` its text
    and ``variables`` its variables; they are empty for all others.
    """

    def __init__(self, method: str, target: str, head: bytes, connection: Connection) -> None:
        self.method = method
        self.target = target
        self.headers = parse_headers(head)
        self.connection = connection
        self.body = b""
        self.path = unquote(target.partition("?")[0])
        self.words = [word for word in self.path.split("/") if word]
        self.operation = self.query = ""
        self.variables: Any = None

    @functools.cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The address's query, decoded, in order, repeats kept."""
        return parse_qsl(self.target.partition("?")[2], keep_blank_values=True)

    @property
    def wants_close(self) -> bool:
        """Whether the client asked for the connection to be closed after the reply."""
        return self.headers.get("connection", "").lower() == "close"

    def argument(self, name: str) -> str | None:
        """The first parameter of that name in the address, or None."""
        return next((value for key, value in self.pairs if key == name), None)


@dataclass(slots=True)
class Reply:
    """One reply, before it is framed; an empty ``content_type`` is not sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/html"
    headers: list[tuple[str, str]] = field(default_factory=list)


@functools.lru_cache(maxsize=4096)
def parse_headers(head: bytes) -> Mapping[str, str]:
    """Header lines (without the request line) as a mapping with lower-case names.

    A client sends the same lines again and again: they are read, and kept, once.
    """
    headers = {}
    for line in head.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers[name.lower()] = value.strip()
    return headers


class Connection:
    """A client's socket with the bytes read ahead of the request at hand.

    With ``strict`` the first byte has to be that of a method; else whatever comes,
    such as a greeting of TLS, is waited out to the end of its header.
    """

    def __init__(self, sock: socket.socket, *, strict: bool) -> None:
        self.sock = sock
        self._strict = strict
        self._ahead = b""

    def read(self) -> Request | None:
        """The next request; None when the client has left.

        Raises:
            BadRequestError: For anything that is no HTTP request.
            OSError: For a connection that broke or stayed idle too long.
        """
        block = self._until_empty_line()
        if block is None:
            return None
        line, _, head = block.partition(b"\r\n")
        words = line.decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/"):
            raise BadRequestError(repr(line[:80]))
        request = Request(words[0], words[1], head, self)
        length = request.headers.get("content-length", "0")
        if not length.isdigit():
            raise BadRequestError(f"Content-Length: {length}")
        request.body = self._exactly(int(length)) if length != "0" else b""
        return request

    def _until_empty_line(self) -> bytes | None:
        buffer = self._ahead
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            if self._strict and buffer and not buffer[:1].isalpha():
                raise BadRequestError("no method")
            more = self.sock.recv(65_536)
            if not more:
                return None
            buffer += more
        self._ahead = buffer[end + 4 :]
        return buffer[:end]

    def _exactly(self, count: int) -> bytes:
        body = bytearray(self._ahead)
        while len(body) < count:
            more = self.sock.recv(min(1_048_576, count - len(body)))
            if not more:
                raise BadRequestError("body cut short")
            body += more
        self._ahead = bytes(body[count:])
        return bytes(body[:count])

    @contextlib.contextmanager
    def watched(self) -> Iterator[Callable[[], threading.Event]]:
        """A function that begins to watch the client; the end of the block ends the watch.

        The event it gives is set once the client has closed the connection.
        """
        gone, over = threading.Event(), threading.Event()

        def look() -> None:
            with contextlib.suppress(OSError, ValueError):
                while not over.wait(0.02):
                    ready, _, _ = select.select([self.sock], [], [], 0)
                    if ready and not self.sock.recv(1, socket.MSG_PEEK):
                        break
            gone.set()

        @functools.cache
        def watch() -> threading.Event:
            threading.Thread(target=look, daemon=True).start()
            return gone

        try:
            yield watch
        finally:
            over.set()


def frame(request: Request, reply: Reply) -> bytes:
    """The reply's head as it goes over the wire, before ``reply.body``."""
    lines = [f"HTTP/1.1 {reply.status} {http.client.responses.get(reply.status, 'Unknown')}"]
    if reply.content_type:
        lines.append(f"Content-Type: {reply.content_type}")
    lines.append(f"Content-Length: {len(reply.body)}")
    lines.append(f"Connection: {'close' if request.wants_close else 'Keep-Alive'}")
    lines.append(f"Date: {formatdate(usegmt=True)}")
    lines.extend(f"{name}: {value}" for name, value in reply.headers)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
