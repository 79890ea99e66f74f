"""What an exception of the libraries below us says about Plex: by class and errno only."""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import requests
import urllib3.exceptions as low

from errors import SyncError, half_updated, is_half_updated
from net.exchange import ConnectTimedOutError, ExchangeFailedError
from plex.error_types import (
    AuthError,
    BadAddress,
    BadResponse,
    NotInPlexYet,
    PlexPermanentError,
    PlexTemporaryError,
    Redirected,
    RejectedEdit,
    ServerTimeout,
    ServerUnreachable,
    TlsError,
)
from plex.response import PlexHttpError
from plex.statuses import fault_of


def fault_behind(exc: BaseException) -> SyncError:
    """Choose the typed error for any exception out of a call to Plex.

    Args:
        exc: What was raised; the exceptions linked to it count as well.

    Returns:
        The error to raise; a plain `PlexTemporaryError` for what nobody expected.
    """
    status = _status_in(exc)
    if status is not None:
        return fault_of(PlexHttpError(status, path=""))
    fault = _by_class(list(_linked(exc, context=False)))
    return fault or _by_class(list(_linked(exc, context=True))) or _otherwise(exc)


def _plexapi(exc: BaseException, name: str) -> bool:
    """Whether it is that class of plexapi.exceptions, found without importing plexapi."""
    return any(
        kind.__module__ == "plexapi.exceptions" and kind.__name__ == name
        for kind in type(exc).__mro__
    )


def _status_in(exc: BaseException) -> int | None:
    """HTTP status that an exception stands for, or None.

    plexapi keeps the number nowhere but at the head of its text, "(503) ...".
    """
    if _plexapi(exc, "PlexApiException"):
        head = re.match(r"\((\d{3})\)", str(exc))
        if head:
            return int(head[1])
        return 401 if _plexapi(exc, "Unauthorized") else None
    status = getattr(getattr(exc, "response", None), "status_code", None)
    return status if isinstance(status, int) and status >= 300 else None


def _linked(exc: BaseException, *, context: bool) -> Iterator[BaseException]:
    """The exception and those inside it, nearest first, each once.

    requests puts the cause into ``args``, urllib3 into ``reason``; ``__context__``
    is only asked for second, as it may hold something long dealt with.
    """
    waiting, seen = [exc], set[int]()
    while waiting:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        inner = [*link.args, getattr(link, "reason", None), link.__cause__]
        if context and not link.__suppress_context__:
            inner.append(link.__context__)
        waiting += [part for part in inner if isinstance(part, BaseException)]


_HUNG_UP = (
    http.client.RemoteDisconnected,
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
)
_CUT_OFF = (http.client.IncompleteRead, requests.exceptions.ChunkedEncodingError)
_UNREADABLE = (
    requests.exceptions.ContentDecodingError,
    ET.ParseError,
    http.client.HTTPException,
)
_ADDRESS = (
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    low.LocationValueError,
    http.client.InvalidURL,
    UnicodeError,
)
_NO_WAY = {
    errno.ECONNREFUSED: "refuses the connection",
    errno.EHOSTUNREACH: "cannot be reached from here (no route)",
    errno.ENETUNREACH: "cannot be reached from here (no network)",
    errno.EADDRNOTAVAIL: "cannot be reached from here (no free port on this machine)",
    errno.EACCES: "cannot be reached from here (a firewall forbids it)",
    errno.EPERM: "cannot be reached from here (a firewall forbids it)",
}


def _by_class(links: list[BaseException]) -> SyncError | None:
    """The fault for a chain of linked exceptions, most telling class first; None if none tells."""

    def first(*kinds: type[BaseException]) -> BaseException | None:
        return next((link for link in links if isinstance(link, kinds)), None)

    for link in links:
        if isinstance(link, SyncError):
            return link
        if isinstance(link, PlexHttpError):
            return fault_of(link)
    if first(requests.exceptions.InvalidHeader):
        return AuthError.about("plex_token has characters that no token has.")
    if first(*_ADDRESS):
        return BadAddress.about("plex_url is not an address that a request can be sent to.")
    if first(requests.exceptions.TooManyRedirects):
        return Redirected.about("The server at plex_url sends us in circles.")
    if first(requests.exceptions.ProxyError):
        return ServerUnreachable.about("A proxy between PlexSync and Plex failed.")
    tls = _by_tls([link for link in links if isinstance(link, ssl.SSLError)])
    if tls is not None:
        return tls
    if first(socket.gaierror):
        return ServerUnreachable.about("The name in plex_url is not known on this machine.")
    for link in links:
        if isinstance(link, OSError) and link.errno in _NO_WAY:
            return ServerUnreachable.about(f"Plex {_NO_WAY[link.errno]}.")
    if first(TimeoutError, requests.exceptions.Timeout, low.TimeoutError):
        if first(ConnectTimedOutError, requests.exceptions.ConnectTimeout):
            return ServerTimeout.about(
                "Plex did not accept a connection in time.",
                hint="A firewall that swallows packets looks like this, too.",
            )
        return ServerTimeout.about("Plex took the request and did not answer in time.")
    if first(*_HUNG_UP):
        return _no_answer("Plex hung up without an answer.", links)
    if first(http.client.BadStatusLine):
        return _no_answer("What answers at plex_url does not speak plain HTTP.", links)
    if first(*_CUT_OFF):
        return BadResponse.about("Plex's answer was cut off in the middle.")
    if first(ssl.SSLError, requests.exceptions.SSLError):
        if first(ssl.SSLError):
            return ServerUnreachable.about("The secure connection to Plex broke.")
        return _untrusted()
    if first(*_UNREADABLE):
        return BadResponse.about("Plex's answer could not be read.")
    if first(requests.exceptions.ConnectionError):
        return ServerUnreachable.about("The connection to Plex failed.")
    return None


def _by_tls(links: list[ssl.SSLError]) -> SyncError | None:
    """The fault for what the ssl module raised; None when that is only a lost connection."""
    for link in links:
        if isinstance(link, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            continue
        if isinstance(link, ssl.SSLCertVerificationError):
            return _untrusted()
        if "BAD_RECORD_MAC" in (link.reason or ""):
            continue  # damaged on the way, not refused
        return TlsError.about(
            "Plex and PlexSync cannot agree on a secure connection.",
            setting="plex_url",
            hint="An https:// address on a port that speaks plain http looks like this.",
        )
    return None


def _untrusted() -> SyncError:
    return TlsError.about(
        "The certificate of Plex is not trusted on this machine, or is for another name.",
        hint=(
            "Use the https://…plex.direct:32400 address as plex_url, http:// on your own "
            "network, or turn on plex_skip_tls_verify."
        ),
    )


def _no_answer(what: str, links: list[BaseException]) -> SyncError:
    """Plex closes plain http without a word when it demands https; the scheme tells which."""
    url = next((u for link in links if isinstance(u := _asked_url(link), str)), "")
    hint = (
        "If that happens every time, Plex demands secure connections (Settings, Network, "
        '"Secure connections" is "Required"): then plex_url must begin with https://.'
    )
    return ServerUnreachable.about(what, hint="" if url.startswith("https:") else hint)


def _asked_url(link: BaseException) -> object:
    if isinstance(link, ExchangeFailedError):
        return link.url
    return getattr(getattr(link, "request", None), "url", None)


def _otherwise(exc: BaseException) -> SyncError:
    """What has neither a status number nor a telling class inside."""
    if is_half_updated(exc):
        return PlexTemporaryError.about(f"Plex was not asked: {half_updated(exc)}.")
    if _plexapi(exc, "NotFound"):
        return NotInPlexYet.about("Plex answered, but does not have what was asked for.")
    if _plexapi(exc, "BadRequest"):
        return RejectedEdit.about("The request makes no sense to Plex.")
    if _plexapi(exc, "Unsupported"):
        return PlexPermanentError.about("Plex cannot do this with an item of that kind.")
    # plexapi stumbles over statuses it has no name for, and over empty answers.
    if isinstance(exc, TypeError) or _plexapi(exc, "PlexApiException") or _raised_in_plexapi(exc):
        return BadResponse.about("Plex's answer could not be read.")
    if isinstance(exc, OSError):
        return ServerUnreachable.about(f"The connection to Plex failed ({type(exc).__name__}).")
    return PlexTemporaryError.about(
        f"Talking to Plex failed in a way PlexSync does not know ({type(exc).__name__})."
    )


def _raised_in_plexapi(exc: BaseException) -> bool:
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else ""
    return str(name).partition(".")[0] == "plexapi"
