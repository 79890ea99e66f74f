"""Connections below the transports: no answer may drip for ever, none may be stale.

A read timeout only bounds the pause between two pieces, so a server that sends
a byte now and then holds a thread for days. Here every read, of headers too,
also has a share in one deadline for the whole answer.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from urllib3.response import HTTPResponse

READ_TIMEOUTS_PER_ANSWER = 4
"""A whole answer may take this many read timeouts, from the request's last byte on."""

IDLE_SECONDS = 15.0
"""Plex closes after 20 idle seconds (its Keep-Alive header); we go first, to avoid the race."""

SEND_SECONDS = 60.0
"""For handing one request to the network: an image over a slow link takes its time."""

HUNG_UP = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ssl.SSLEOFError)

_thread = threading.local()


class StaleConnectionError(ConnectionResetError):
    """The server had closed a kept connection before it saw our request."""


@contextmanager
def fresh_connection(wanted: bool) -> Iterator[None]:
    """Within it, requests of this thread open a new connection if ``wanted``."""
    _thread.fresh = wanted
    try:
        yield
    finally:
        _thread.fresh = False


class _TimedReader(io.RawIOBase):
    """A socket's bytes, until the deadline of the answer."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._pause = sock.gettimeout()
        self._end = (
            None
            if self._pause is None
            else time.monotonic() + self._pause * READ_TIMEOUTS_PER_ANSWER
        )

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


class _TimedSocket:
    """What http.client asks of a socket when it reads an answer."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._sock), 65536)


class TimedResponse(http.client.HTTPResponse):
    """An answer that has to be complete by its deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(cast("socket.socket", _TimedSocket(sock)), *args, **kwargs)


class BoundedConnection(HTTPConnection):
    """A connection that knows how long it has rested and whether it ever answered."""

    response_class = TimedResponse
    _answers = 0
    _rested_since = 0.0

    @property
    def is_connected(self) -> bool:
        """False makes urllib3 open it anew before the next request."""
        if getattr(_thread, "fresh", False):
            return False
        if self._answers and time.monotonic() - self._rested_since > IDLE_SECONDS:
            return False
        return super().is_connected

    def connect(self) -> None:
        """Open the connection; sending gets its own patience, not that of connecting."""
        super().connect()
        self._answers = 0

    def send(self, data: Any) -> None:
        """Hand bytes to the network."""
        if self.sock is None and self.auto_open:
            self.connect()
        if self.sock is not None:
            self.sock.settimeout(SEND_SECONDS)
        with self._telling_stale():
            super().send(data)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        """Read status and headers."""
        with self._telling_stale():
            response = super().getresponse()
        self._answers += 1
        self._rested_since = time.monotonic()
        return response

    @contextmanager
    def _telling_stale(self) -> Iterator[None]:
        try:
            yield
        except HUNG_UP as exc:
            if self._answers:
                raise StaleConnectionError(*exc.args) from exc
            raise


class BoundedTlsConnection(BoundedConnection, HTTPSConnection):
    """The same over TLS."""


class BoundedPool(HTTPConnectionPool):
    """Kept connections."""

    ConnectionCls = BoundedConnection


class BoundedTlsPool(HTTPSConnectionPool):
    """Kept TLS connections."""

    ConnectionCls = BoundedTlsConnection


POOLS = {"http": BoundedPool, "https": BoundedTlsPool}
