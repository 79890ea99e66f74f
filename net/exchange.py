"""The one way to a server: a few kept connections to one origin, by http.client alone.

A request through requests and urllib3 costs three times the processor time of one
through http.client, and a first sync of a large library consists of little else
(docs/adr/0010). What bounds an answer is in net/sockets.py for time and in
net/answer.py for size.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from net import sockets, tls
from net.answer import Answer
from net.headers import SwiftResponse, request_head
from net.sockets import HUNG_UP, SEND_SECONDS

if TYPE_CHECKING:
    import socket

    from net.address import Origin

_T = TypeVar("_T")

#: Bytes that travel in one piece with the head: one system call, and one packet on most wires.
SMALL_BODY = 64 * 1024


class ExchangeFailedError(OSError):
    """No answer, or half of one; the cause says why. ``url`` is scheme, host and port."""

    def __init__(self, origin: Origin) -> None:
        super().__init__("the exchange failed")
        self.url = origin.url


class ConnectTimedOutError(TimeoutError):
    """The connection was not accepted, or not secured, in time."""


class _StaleError(Exception):
    """The server had closed a kept connection before it saw our request."""


class _Connection:
    """One connection, opened when it is first used, with what has to be known to keep it.

    The timeout is seconds for opening it; contexts for TLS are tried in their order, none is
    plain HTTP.
    """

    def __init__(self, origin: Origin, timeout: float, contexts: Sequence[ssl.SSLContext]) -> None:
        self._origin = origin
        self._timeout = timeout
        self._contexts = contexts
        self._sock: socket.socket | None = None
        self._has_answered = False
        self.rested_since = 0.0

    def exchange(
        self,
        method: str,
        head: bytes,
        body: bytes | None,
        wait: float,
        meanwhile: Callable[[], object],
    ) -> SwiftResponse:
        """Send a request and read the head of its answer, waiting so many seconds for it."""
        try:
            sock = self._sock or self._connect()
            sock.settimeout(SEND_SECONDS)
            if body and len(body) <= SMALL_BODY:
                sock.sendall(head + body)
            else:
                sock.sendall(head)
                if body:
                    sock.sendall(body)
            while meanwhile() and not sockets.is_readable(sock):
                pass
            sock.settimeout(wait)
            response = SwiftResponse(sock, method=method)
            try:
                response.begin()
            except BaseException:
                response.close()
                raise
        except HUNG_UP as exc:  # http.client.RemoteDisconnected is one of them
            if self._has_answered:
                raise _StaleError from exc
            raise
        self._has_answered = True
        return response

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()

    def _connect(self) -> socket.socket:
        _, host, port = self._origin
        try:
            for context in self._contexts[:-1]:
                with contextlib.suppress(ssl.SSLCertVerificationError):
                    self._sock = sockets.connect(host, port, self._timeout, context)
                    return self._sock
            last = self._contexts[-1] if self._contexts else None
            self._sock = sockets.connect(host, port, self._timeout, last)
        except TimeoutError as exc:
            raise ConnectTimedOutError from exc
        except UnicodeError as exc:
            raise http.client.InvalidURL("a host that no name service takes") from exc
        return self._sock


class Exchange:
    """Requests to one server; several threads may ask at once.

    Nothing ever goes anywhere else: no proxy is used and no redirect followed. The timeouts are
    seconds, for opening a connection and of silence.

    Args:
        verify: False accepts any certificate.
        certificate: Path of a file with the server's own certificate, which is accepted for
            whatever name it was made out to; "" for none. It need not be there.
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
        certificate: str = "",
    ) -> None:
        self._origin = origin
        self._host = origin.authority
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._verify = verify
        self._repeatable = frozenset(repeatable)
        self._kept: list[_Connection] = []  # append and pop are atomic
        self._closings = 0
        self._certificate = certificate
        self._contexts: tuple[ssl.SSLContext, ...] = ()

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        take: Callable[[Answer], _T],
        meanwhile: Callable[[], object] = lambda: None,
        wait: float | None = None,
        *,
        once: bool = False,
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
                answer is there, and again until then while it says that more can be
                done; anew if it had to be sent twice. It must not raise.
            wait: Seconds of silence allowed, for this request only; None for the usual.
            once: Doing this twice does harm, although the method usually can be repeated.

        Raises:
            ExchangeFailedError: The connection failed, in ``take`` or before.
            http.client.InvalidURL, ValueError: Target or headers cannot be sent.
            Whatever else ``take`` raises.
        """
        head = request_head(method, target, self._host, headers, body)
        may_repeat = method in self._repeatable and not once
        connection = (self._rested() if may_repeat else None) or self._new()
        response, broken, closings = None, False, self._closings
        sent = (method, head, body, self._read_timeout if wait is None else wait, meanwhile)
        try:
            try:
                response = connection.exchange(*sent)
            except _StaleError:
                connection.close()
                connection = self._new()
                response = connection.exchange(*sent)
            return take(Answer(response))
        except (OSError, http.client.HTTPException) as exc:
            broken = True
            if isinstance(exc, ssl.SSLCertVerificationError):
                self._contexts = ()  # the file may hold another one by the next request
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
        if self._origin.scheme == "https" and not self._contexts:
            own = tls.pinned(self._certificate) if self._verify else None
            self._contexts = (*([own] if own else []), tls.usual(verify=self._verify))
        return _Connection(self._origin, self._connect_timeout, self._contexts)
