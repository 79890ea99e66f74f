"""One Stash over HTTP: credentials shown, bodies bounded, faults given our own names.

Safe for several threads. Nothing is taken from the environment (a proxy meant
for the internet must not see requests to Stash), redirects are not followed,
and the address is always our own, never one that Stash wrote.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any

from net.address import Origin, zoned
from net.answer import BodyDamagedError, BodyHalvedError, UnknownEncodingError
from net.exchange import Exchange
from net.headers import retry_after

from .exceptions import AGAIN, StashRefused, StashUnavailable, translate_stash_exception

if TYPE_CHECKING:
    from errors import SyncError
    from net.answer import Answer

    from .connection import StashConnection

_HEADER_TEXT = re.compile(r"[\x21-\x7e]+\Z")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BY_KEY = "ApiKey"


class Credentials:
    """What opens one Stash: its cookie first, the API key when the cookie is dead.

    A plugin's cookie dies an hour after Stash made it unless it is renewed: every answer that
    Stash gives to it carries a younger one, which is kept here. The API key never expires, but
    Stash refuses a wrong one even where no password is set, so it is only shown when the
    cookie was refused. Shared by all threads that ask.
    """

    def __init__(self, connection: StashConnection) -> None:
        self._lock = threading.Lock()
        self.cookie_name = connection.cookie_name
        self._cookie_value = connection.cookie_value
        self._api_key: str | None = None
        self._use_key = False
        self._asked_for_key = connection.cookie_value is None

    def headers(self) -> dict[str, str]:
        """Give the headers that show what opens Stash now, empty when there is nothing."""
        with self._lock:
            if self._use_key and self._api_key:
                return {_BY_KEY: self._api_key}
            if self._cookie_value is None:
                return {}
            return {"Cookie": f"{self.cookie_name}={self._cookie_value}"}

    def renew(self, value: str | None) -> None:
        """Keep a cookie that Stash re-issued; empty and odd ones are ignored."""
        if value and _HEADER_TEXT.match(value):
            with self._lock:
                self._cookie_value = value

    def should_ask_for_key(self) -> bool:
        """Tell one caller, once, to read the API key while the cookie still works."""
        with self._lock:
            if self._asked_for_key:
                return False
            self._asked_for_key = True
            return True

    def keep_key(self, key: object) -> None:
        """Remember the API key; Stash has "" when none was made."""
        if isinstance(key, str) and _HEADER_TEXT.match(key):
            with self._lock:
                self._api_key = key

    def forget_key(self) -> None:
        """Go back to the cookie, and have the key read again if it opens the door."""
        with self._lock:
            self._api_key = None
            self._use_key = False
            self._asked_for_key = self._cookie_value is None

    def after_refusal(self, shown: Mapping[str, str]) -> bool:
        """Take note that Stash refused what was shown; True when the key is left to try."""
        if _BY_KEY in shown:
            self.forget_key()
            return False
        with self._lock:
            self._use_key = self._api_key is not None
            return self._use_key

    def blank(self, text: str) -> str:
        """Take cookie and key out of something that Stash said."""
        with self._lock:
            secrets = [secret for secret in (self._cookie_value, self._api_key) if secret]
        for secret in secrets:
            text = text.replace(secret, "***")
        return text


@dataclass(frozen=True, slots=True)
class Reply:
    """What Stash said: status, content type (lower case, no parameters), body and ETag."""

    status: int
    content_type: str
    body: bytes
    etag: str = ""


class StashTransport:
    """Requests to one Stash, each with what opens it.

    Over https its certificate is checked, save on loopback, where it is hardly ever made out
    to that name; the one beside Stash's configuration is accepted for any (net/tls.py).
    """

    def __init__(
        self, connection: StashConnection, connect_timeout: float, read_timeout: float
    ) -> None:
        self.connection = connection
        self.credentials = Credentials(connection)
        host = zoned(connection.host.strip("[]"))
        self._exchange = Exchange(
            Origin(connection.scheme, host, connection.port),
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            verify=not connection.is_loopback,
            certificate=connection.certificate,
            repeatable={"GET", "POST"},  # questions only read; what changes Stash says ``once``
        )

    def close(self) -> None:
        """Close the idle connections; new ones are opened if it is used again."""
        self._exchange.close()

    def exchange(
        self,
        path: str,
        *,
        limit: int,
        question: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> Reply:
        """Send one request, and once more with the API key if the cookie was refused.

        What comes back is neither a refusal, a redirect nor a 5xx. A question is sent as JSON
        by POST; without one it is a GET. With ``once`` it changes something, so it is not sent
        again unless Stash refused to look at it.

        Raises:
            BodyTooLongError: The body is longer than ``limit`` bytes.
        """
        sent = {"User-Agent": "PlexSync", **(headers or {})}
        # Compressing costs more than the wire where both ends share a machine.
        sent["Accept-Encoding"] = "identity"
        method, body = "GET", None
        if question is not None:
            method = "POST"
            sent["Content-Type"] = sent["Accept"] = "application/json"
            body = json.dumps(question).encode()
        take = partial(self._take, limit=limit)
        for _ in range(2):
            shown = self.credentials.headers()
            try:
                reply = self._exchange.ask(method, path, {**sent, **shown}, body, take, once=once)
            except (OSError, HTTPException, BodyDamagedError) as exc:
                raise translate_stash_exception(exc, self.connection.url) from exc
            if reply is not None:
                return reply
            if not self.credentials.after_refusal(shown):
                break
        raise self._refused(shown)

    def unexpected(self, reply: Reply) -> SyncError:
        """Give the error for a status that Stash has no reason to send (not raised here)."""
        return StashUnavailable(
            f"Something at {self.connection.url} answers as Stash never does there "
            f"(HTTP {reply.status}). {AGAIN}"
        )

    def _take(self, answer: Answer, limit: int) -> Reply | None:
        """Read an answer; None when what the request showed was refused."""
        status = answer.status
        # GraphQL is refused with 401; a picture is sent to the login page instead.
        moved = status in _REDIRECTS and "location" in answer.headers
        if status == HTTPStatus.UNAUTHORIZED or moved:
            return None
        if status == HTTPStatus.FORBIDDEN:
            raise StashRefused(
                f"Stash at {self.connection.url} lets nobody in from here (HTTP 403), as it "
                "does after it was reached from the internet without a password being set. "
                "PlexSync waits; Stash's log and settings say how to lift this."
            )
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500:
            raise StashUnavailable(
                f"Stash at {self.connection.url} cannot answer now (HTTP {status}). {AGAIN}",
                retry_after=retry_after(answer.headers.get("retry-after", "")),
            )
        for text in answer.cookies:
            self.credentials.renew(_value_in(text, self.credentials.cookie_name))
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            body = answer.body(limit)
        except (BodyHalvedError, UnknownEncodingError):
            body = b""  # neither JSON nor a picture
        return Reply(status, kind, body, answer.headers.get("etag", ""))

    def _refused(self, shown: Mapping[str, str]) -> StashRefused:
        if not shown:
            what = "asks for a login, and has given PlexSync no session cookie"
        elif _BY_KEY in shown:
            what = "accepts neither PlexSync's session cookie nor its own API key any more"
        else:
            what = "no longer accepts PlexSync's session cookie"
        return StashRefused(
            f"Stash at {self.connection.url} {what}. "
            "PlexSync waits for the next hook or task, which brings a new cookie."
        )


def _value_in(text: str, name: str | None) -> str | None:
    """The value of a cookie, None if it is another one, malformed, or one to be forgotten."""
    try:
        cookie = SimpleCookie(text).get(name or "")
    except CookieError:
        return None
    if cookie is None or cookie["max-age"] == "0":
        return None
    return cookie.coded_value
