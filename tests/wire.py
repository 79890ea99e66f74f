"""Small raw-socket servers for tests of the transport: they send exactly the bytes they are told."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

XML = "text/xml;charset=utf-8"
HTML = "text/html"


@dataclass(frozen=True)
class Asked:
    """One request as it came over the wire; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


Reply = Callable[[Asked, socket.socket], "bytes | None"]
"""Gives the bytes to send, or None after it has dealt with the socket and wants it closed."""


def answer(
    body: bytes = b"",
    status: int = 200,
    *,
    kind: str = XML,
    length: int | None = None,
    **headers: str,
) -> bytes:
    """Build one HTTP reply; ``Retry_After="3"`` becomes a header ``Retry-After: 3``."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}"]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Wire:
    """A server on a free loopback port; use it in a ``with`` block.

    Each connection has a thread and stays open until the reply is None or the
    peer goes. ``asked`` has the requests in the order they were read.
    """

    reply: Reply
    tls: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Wire:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        # shutdown wakes the accepting thread, which close alone does not on Linux.
        for sock in [self._listener, *self._open]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        for thread in self._threads:
            thread.join(10)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Its address as plex_url has it."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            self._start(self._serve, sock, self.connections)

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            with sock.makefile("rb") as reader:
                while (asked := _read(reader, number)) is not None:
                    self.asked.append(asked)
                    said = self.reply(asked, sock)
                    if said is None:
                        break
                    sock.sendall(said)
        except (OSError, ValueError):
            pass  # the peer went, or the test is over
        finally:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()


def _read(reader: object, number: int) -> Asked | None:
    line = reader.readline()  # type: ignore[attr-defined]
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while line := reader.readline().decode("latin-1").strip():  # type: ignore[attr-defined]
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", 0)))  # type: ignore[attr-defined]
    return Asked(method, target, headers, body, number)
