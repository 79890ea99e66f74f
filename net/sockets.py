"""Sockets below an exchange: no answer may drip for ever.

A read timeout only bounds the pause between two pieces, so a server that sends
a byte now and then holds a thread for days. Here every read, of headers too,
also has a share in one deadline for the whole answer.
"""

from __future__ import annotations

import io
import select
import socket
import ssl
import time
from typing import Any

#: A whole answer may take this many read timeouts, from the request's last byte on.
READ_TIMEOUTS_PER_ANSWER = 4
#: Plex closes after 20 idle seconds (its Keep-Alive header); we go first, to avoid the race.
IDLE_SECONDS = 15.0
#: For handing one request to the network: an image over a slow link takes its time.
SEND_SECONDS = 60.0
HUNG_UP = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ssl.SSLEOFError)


class _TimedReader(io.RawIOBase):
    """A socket's bytes, until the deadline of the answer; what http.client takes for a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._pause = sock.gettimeout()
        self._end = (
            None
            if self._pause is None
            else time.monotonic() + self._pause * READ_TIMEOUTS_PER_ANSWER
        )

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(self, 65536)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._pause is not None and self._end is not None:
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer took too long")
            self._sock.settimeout(min(self._pause, left))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def timed(sock: socket.socket) -> Any:
    """Give what http.client may read an answer from; its deadline is counted from now on.

    The socket's timeout is the longest silence; None never gives up.
    """
    return _TimedReader(sock)


def is_readable(sock: socket.socket) -> bool:
    """Say whether anything has come already, if only the end; True where nobody can tell."""
    try:
        return bool(select.select((sock,), (), (), 0)[0])
    except (OSError, ValueError):  # closed, or a number beyond what select takes
        return True


def connect(
    host: str, port: int, timeout: float, context: ssl.SSLContext | None = None
) -> socket.socket:
    """Open a connection, secured where there is a context for it.

    The host is a name or an address; an IPv6 address without brackets, a link-local one with
    its zone ("fe80::1%eth0"), which is ours to know and not the server's. The timeout is
    seconds, for opening and for each step of securing it.

    Raises:
        OSError: Nobody there, or no secure connection.
        UnicodeError: The name is none that could be looked up.
    """
    sock = socket.create_connection((host, port), timeout)
    try:
        # Head and body are two pieces; the second shall not wait for the first's receipt.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            name = host.partition("%")[0].rstrip(".")  # as certificates have it
            sock = context.wrap_socket(sock, server_hostname=name)
    except BaseException:
        sock.close()
        raise
    return sock
