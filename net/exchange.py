"""One server over a few kept connections, by http.client alone: for what is asked by the thousand.

A request through requests and urllib3 costs three times the processor time of one
through http.client, and a first sync of a large library consists of little else
(docs/adr/0008). The bounds are those of net/sockets.py.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from net import sockets
from net.head import SwiftResponse, request_head
from net.sockets import HUNG_UP, SEND_SECONDS

if TYPE_CHECKING:
    import socket

_T = TypeVar("_T")


class Origin(NamedTuple):
    """Where a server is: "http" or "https", host (IPv6 without brackets) and port."""

    scheme: str
    host: str
    port: int


class ExchangeFailedError(OSError):
    """No answer, or half of one; the cause says why. ``url`` is scheme, host and port."""

    def __init__(self, origin: Origin) -> None:
        super().__init__("the exchange failed")
        self.url = f"{origin.scheme}://{origin.host}:{origin.port}"


class ConnectTimedOutError(TimeoutError):
    """The connection was not accepted, or not secured, in time."""


class _StaleError(Exception):
    """The server had closed a kept connection before it saw our request."""


class _Connection(http.client.HTTPConnection):
    """One connection, with what has to be known to keep it."""

    sock: socket.socket | None
    has_answered = False
    rested_since = 0.0

    def connect(self) -> None:
        try:
            super().connect()
        except TimeoutError as exc:
            raise ConnectTimedOutError from exc

    def exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        wait: float,
        meanwhile: Callable[[], object],
    ) -> http.client.HTTPResponse:
        """Send a request and read the head of its answer, waiting so many seconds for it."""
        head = request_head(method, target, self._host, headers, body)
        try:
            if self.sock is None:
                self.connect()
            sock = cast("socket.socket", self.sock)
            sock.settimeout(SEND_SECONDS)
            sock.sendall(head)
            if body:
                sock.sendall(body)
            meanwhile()
            sock.settimeout(wait)
            response = SwiftResponse(sock, method=method)
            try:
                response.begin()
            except BaseException:
                response.close()
                raise
        except HUNG_UP as exc:  # http.client.RemoteDisconnected is one of them
            if self.has_answered:
                raise _StaleError from exc
            raise
        self.has_answered = True
        return response

    @cached_property
    def _host(self) -> str:
        """This server as the header "Host" names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        host = host if host.isascii() else host.encode("idna").decode("ascii")
        return host if self.port == self.default_port else f"{host}:{self.port}"


class _TlsConnection(_Connection, http.client.HTTPSConnection):
    """The same over TLS."""


class Exchange:
    """Requests to one server; several threads may ask at once.

    Args:
        origin: Where it is. Nothing ever goes anywhere else: no proxy is used and
            no redirect followed.
        connect_timeout: Seconds for opening a connection.
        read_timeout: Seconds of silence allowed.
        verify: False accepts any certificate.
        repeatable: Methods that do no harm when they are done twice; the others
            never use a kept connection, for it may be stale.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        connect_timeout: float,
        read_timeout: float,
        verify: bool,
        repeatable: Collection[str],
    ) -> None:
        self._origin = origin
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._verify = verify
        self._repeatable = frozenset(repeatable)
        self._kept: list[_Connection] = []  # append and pop are atomic
        self._closings = 0
        self._context: ssl.SSLContext | None = None

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        take: Callable[[http.client.HTTPResponse], _T],
        meanwhile: Callable[[], object] = lambda: None,
    ) -> _T:
        """Send one request; twice if a kept connection turned out closed and twice does no harm.

        Args:
            method: "GET", "PUT", ...
            target: Path and query, encoded.
            headers: All that are sent beside Host and Content-Length.
            body: What is sent, or None.
            take: Makes the result of the answer. The connection is kept only if it
                has read the body to its end.
            meanwhile: Called once the request has left, for what can be done until the
                answer is there; again if it had to be sent twice. It must not raise.

        Raises:
            ExchangeFailedError: The connection failed, in ``take`` or before.
            Whatever else ``take`` raises.
        """
        connection = (self._rested() if method in self._repeatable else None) or self._new()
        response, broken, closings = None, False, self._closings
        sent = (method, target, headers, body, self._read_timeout, meanwhile)
        try:
            try:
                response = connection.exchange(*sent)
            except _StaleError:
                connection.close()
                connection = self._new()
                response = connection.exchange(*sent)
            return take(response)
        except (OSError, http.client.HTTPException) as exc:
            broken = True
            raise ExchangeFailedError(self._origin) from exc
        finally:
            whole = response is not None and response.isclosed() and not response.will_close
            if whole and not broken and closings == self._closings:
                connection.rested_since = time.monotonic()
                self._kept.append(connection)
            else:
                if response is not None:
                    response.close()  # the connection knows nothing of one that is its last
                connection.close()

    def close(self) -> None:
        """Close the kept connections; new ones are opened when it is used again."""
        self._closings += 1  # those at work are closed when they have their answer
        while self._kept:
            self._kept.pop().close()

    def _rested(self) -> _Connection | None:
        """Give a kept connection that the server has no reason to have closed yet."""
        while self._kept:
            try:
                connection = self._kept.pop()
            except IndexError:  # another thread was faster
                return None
            if time.monotonic() - connection.rested_since <= sockets.IDLE_SECONDS:
                return connection
            connection.close()
        return None

    def _new(self) -> _Connection:
        scheme, host, port = self._origin
        if scheme == "https":
            if self._context is None:
                self._context = _tls(verify=self._verify)
            return _TlsConnection(host, port, timeout=self._connect_timeout, context=self._context)
        return _Connection(host, port, timeout=self._connect_timeout)


def pieces(response: http.client.HTTPResponse, size: int) -> Iterator[bytes]:
    """Yield the body as it comes, in pieces of at most so many bytes.

    Raises:
        http.client.IncompleteRead: It ended before it was complete.
        OSError: The connection failed.
    """
    while piece := response.read(size):
        yield piece
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)


def _tls(*, verify: bool) -> ssl.SSLContext:
    # The authorities that requests trusts, so that both ways to a server agree.
    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
