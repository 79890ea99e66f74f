"""One Stash over HTTP: credentials shown, bodies bounded, faults given our own names.

Safe for several threads. Nothing is taken from the environment (a proxy meant
for the internet must not see requests to Stash), redirects are not followed,
and the address is always our own, never one that Stash wrote.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
import urllib3

from net.adapter import BoundedAdapter

from .credentials import Credentials, Kind
from .exceptions import AGAIN, StashRefused, StashUnavailable, translate_stash_exception

if TYPE_CHECKING:
    from errors import SyncError

    from .connection import StashConnection

_CHUNK = 64 * 2**10
_LONGEST_STAY_AWAY = 3600.0


class BodyTooLargeError(Exception):
    """The body is longer than the caller wanted; the rest was not read."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What Stash said: status, content type (lower case, no parameters) and body."""

    status: int
    content_type: str
    body: bytes


class StashTransport:
    """Requests to one Stash, each with what opens it.

    Args:
        connection: Where Stash is. Over https its certificate is checked, save
            on loopback, where it is hardly ever made out to that name.
        connect_timeout: Seconds for the TCP connection.
        read_timeout: Longest silence in an answer, in seconds.
    """

    def __init__(
        self, connection: StashConnection, connect_timeout: float, read_timeout: float
    ) -> None:
        self.connection = connection
        self.credentials = Credentials(connection)
        self._timeout = (connect_timeout, read_timeout)
        session = requests.Session()
        session.trust_env = False
        # The one cookie is in credentials: requests' own jar is not made for threads.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Compressing costs more than the wire where both ends share a machine.
        session.headers["Accept-Encoding"] = "identity"
        # All our questions only read, so any may be asked twice.
        adapter = BoundedAdapter(connect_timeout, {"GET", "POST"})
        session.mount(f"{connection.scheme}://", adapter)
        if connection.scheme == "https" and connection.is_loopback:
            session.verify = False
            # On stderr, Stash would show this warning as an error of the plugin.
            warnings.filterwarnings(
                "ignore",
                message=r"Unverified HTTPS request is being made to host '(localhost|127\.|\[?::1)",
                category=urllib3.exceptions.InsecureRequestWarning,
            )
        self._session = session

    def close(self) -> None:
        """Close the idle connections; new ones are opened if it is used again."""
        self._session.close()

    def exchange(
        self, method: str, path: str, *, limit: int, question: Mapping[str, Any] | None = None
    ) -> Reply:
        """Send one request, and once more with the API key if the cookie was refused.

        Args:
            method: "GET" or "POST".
            path: Absolute path on Stash, with its query.
            limit: Longest body to read, in bytes.
            question: JSON body of a POST, or None.

        Returns:
            A reply that is neither a refusal, a redirect nor a 5xx.

        Raises:
            BodyTooLargeError: The body is longer than ``limit``.
            SyncError: One of stash.exceptions, about the server.
        """
        for _ in range(2):
            shown, headers = self.credentials.headers()
            try:
                reply = self._send(method, path, headers, limit, question)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
                raise translate_stash_exception(exc, self.connection.url) from exc
            if reply is not None:
                return reply
            if not self.credentials.after_refusal(shown):
                break
        raise self._refused(shown, headers)

    def unexpected(self, reply: Reply) -> SyncError:
        """Give the error for a status that Stash has no reason to send (not raised here)."""
        return StashUnavailable(
            f"Something at {self.connection.url} answered with HTTP {reply.status}, which Stash "
            f"does not do there. {AGAIN}"
        )

    def _send(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        limit: int,
        question: Mapping[str, Any] | None,
    ) -> Reply | None:
        """Send one request; None when what it showed was refused."""
        with self._session.request(
            method,
            self.connection.url + path,
            headers=headers if question is None else {**headers, "Accept": "application/json"},
            json=question,
            timeout=self._timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            status = response.status_code
            # GraphQL is refused with 401; a picture is sent to the login page instead.
            if status == requests.codes.unauthorized or response.is_redirect:
                return None
            if status == requests.codes.forbidden:
                raise StashRefused(
                    f"Stash at {self.connection.url} lets nobody in from here (HTTP 403), as it "
                    "does after it was reached from the internet without a password being set. "
                    "PlexSync waits; Stash's log and settings say how to lift this."
                )
            if status == requests.codes.too_many_requests or status >= 500:
                raise StashUnavailable(
                    f"Stash at {self.connection.url} cannot answer now (HTTP {status}). {AGAIN}",
                    retry_after=_seconds(response.headers.get("Retry-After")),
                )
            for cookie in response.cookies:
                if cookie.name == self.credentials.cookie_name:
                    self.credentials.renew(cookie.value)
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            return Reply(status, kind, _bounded_body(response, limit))

    def _refused(self, shown: Kind, headers: dict[str, str]) -> StashRefused:
        if not headers:
            what = "asks for a login, and has given PlexSync no session cookie"
        elif shown is Kind.COOKIE:
            what = "no longer accepts PlexSync's session cookie"
        else:
            what = "accepts neither PlexSync's session cookie nor its own API key any more"
        return StashRefused(
            f"Stash at {self.connection.url} {what}. "
            "PlexSync waits for the next hook or task, which brings a new cookie."
        )


def _bounded_body(response: requests.Response, limit: int) -> bytes:
    chunks = []
    length = 0
    for chunk in response.iter_content(_CHUNK):
        length += len(chunk)
        if length > limit:
            raise BodyTooLargeError
        chunks.append(chunk)
    promised = response.headers.get("Content-Length", "")
    encoded = response.headers.get("Content-Encoding", "identity") != "identity"
    if promised.isdecimal() and not encoded and int(promised) != length:
        # urllib3 before 2 takes a connection that broke for the end of the body.
        raise requests.ConnectionError("the answer broke off")
    return b"".join(chunks)


def _seconds(retry_after: str | None) -> float | None:
    if retry_after is None or not retry_after.isdecimal() or not retry_after.isascii():
        return None
    return min(float(retry_after), _LONGEST_STAY_AWAY)
