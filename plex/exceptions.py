"""Says in our own classes (`plex.error_types`) what went wrong while talking to Plex.

`translate_plex_exception` chooses by class, errno or status number only. plexapi tells
only 401 and 404 apart and stumbles over numbers that no standard names, so the transport
raises `PlexHttpError` before plexapi sees the reply. No text here ever holds the token, a
query string or a credential out of plex_url.
"""

from __future__ import annotations

import errno
import http.client
import json
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import requests
import urllib3.exceptions as low

from errors import SyncError, half_updated, is_half_updated
from net.address import address_of
from net.exchange import ConnectTimedOutError, ExchangeFailedError
from net.headers import retry_after
from net.sockets import HUNG_UP
from plex.error_types import (
    AuthError,
    BadAddress,
    BadResponse,
    ImageTooLarge,
    ItemGone,
    LibraryNotFound,
    NotAPlexServer,
    NotInPlexYet,
    PermissionDenied,
    PlexError,
    PlexNotFound,
    PlexPermanentError,
    PlexTemporaryError,
    RateLimited,
    Redirected,
    RejectedEdit,
    RequestTooLarge,
    ServerError,
    ServerStarting,
    ServerTimeout,
    ServerUnavailable,
    ServerUnreachable,
    TlsError,
)
from plex.response import PlexHttpError, check_markup

#: The types that everybody catches by name; all others are in plex/error_types.py.
__all__ = [
    "AuthError",
    "PlexNotFound",
    "PlexPermanentError",
    "PlexTemporaryError",
    "translate_plex_exception",
]

_SERVER_WIDE = frozenset(
    {"/", "/identity", "/library", "/library/sections", "/library/sections/all"}
)

_FACTS: dict[int, tuple[type[PlexError], str]] = {
    401: (AuthError, "Plex does not accept the token."),
    498: (AuthError, "Plex says that the token has expired."),
    403: (PermissionDenied, "The token's user may not do this in Plex."),
    405: (NotAPlexServer, "Plex itself takes this kind of request, so something stands before it."),
    407: (NotAPlexServer, "A proxy before Plex wants a login."),
    511: (NotAPlexServer, "The network wants a login first."),
    **dict.fromkeys((408, 598, 599), (ServerTimeout, "Plex or its proxy gave up waiting.")),
    429: (RateLimited, "Plex or its proxy wants fewer requests."),
    413: (RequestTooLarge, "The request was too large for Plex or its proxy."),
    414: (RequestTooLarge, "The request was too long for Plex or its proxy."),
    431: (RequestTooLarge, "The request was too long for Plex or its proxy."),
    **dict.fromkeys(
        (423, 425, 502, 503, 504, 507, 508, 509, *range(520, 528), 529, 530),
        (ServerUnavailable, "Plex or its proxy cannot serve right now."),
    ),
}
"""Statuses whose number alone decides; the 52x are those of a well-known proxy service."""


def translate_plex_exception(exc: BaseException) -> SyncError:
    """Give the error to raise for what requests, plexapi, the XML parser or our transport raised.

    Raise it ``from None``: the texts of requests and plexapi quote whole URLs. A `SyncError`
    comes back as it is. What nobody expected becomes a plain `PlexTemporaryError` about one
    scene, so that an odd scene cannot stop the others.
    """
    if isinstance(exc, SyncError):
        return exc
    if isinstance(exc, PlexHttpError):
        return _fault_of(exc)
    status = _status_in(exc)
    if status is not None:
        return _fault_of(PlexHttpError(status, path=""))
    fault = _by_class(list(_linked(exc, context=False)))
    return fault or _by_class(list(_linked(exc, context=True))) or _otherwise(exc)


# --- by class and errno ---


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


_HUNG_UP = (*HUNG_UP, ssl.SSLZeroReturnError)
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
            return _fault_of(link)
    if first(requests.exceptions.InvalidHeader):
        return AuthError.about("Plex Token has characters that no token has.")
    if first(*_ADDRESS):
        return BadAddress.about("Plex URL is not an address that a request can be sent to.")
    if first(requests.exceptions.TooManyRedirects):
        return Redirected.about("The server at Plex URL sends us in circles.")
    if first(requests.exceptions.ProxyError):
        return ServerUnreachable.about("A proxy between PlexSync and Plex failed.")
    tls = _by_tls([link for link in links if isinstance(link, ssl.SSLError)])
    if tls is not None:
        return tls
    if first(socket.gaierror):
        return ServerUnreachable.about("The name in Plex URL is not known on this machine.")
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
        return _no_answer("What answers at Plex URL does not speak plain HTTP.", links)
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
            "Use the https://…plex.direct:32400 address as Plex URL, http:// on your own "
            "network, or turn on Plex Skip TLS Verify."
        ),
    )


def _no_answer(what: str, links: list[BaseException]) -> SyncError:
    """Plex closes plain http without a word when it demands https; the scheme tells which."""
    url = next((u for link in links if isinstance(u := _asked_url(link), str)), "")
    hint = (
        "If that happens every time, Plex demands secure connections (Settings, Network, "
        '"Secure connections" is "Required"): then Plex URL must begin with https://.'
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


# --- by status number ---


def _fault_of(reply: PlexHttpError) -> SyncError:
    """Choose the error for a status that is no success; ``path`` is "" when nobody knows it."""
    status = reply.status
    path = reply.path.rstrip("/") or ("/" if reply.path else "")
    # What it means comes first, for who reads it; the number is for who is asked about it.
    number = f"({status} to {reply.method} {path})." if path else f"({status})."
    server_wide = path in _SERVER_WIDE
    hundreds = status // 100
    if status in (404, 410):
        return _missing(reply, path, server_wide=server_wide)
    if hundreds == 3:
        return _redirected(reply, number)
    if status in (413, 414) and re.search(r"/(posters?|arts?)$", path):
        return ImageTooLarge.about(f"The image was too large for Plex or its proxy {number}")
    wait = retry_after(reply.headers.get("retry-after", ""))
    if status == 503 and _in_maintenance(reply.excerpt):
        return ServerStarting.about("Plex is still starting up (maintenance).", retry_after=wait)
    if status in _FACTS:
        kind, fact = _FACTS[status]
        return kind.about(f"{fact.removesuffix('.')} {number}", retry_after=wait)
    if hundreds == 5:
        failed = ServerUnavailable if server_wide else ServerError
        return failed.about(f"Plex failed inside {number}", retry_after=wait)
    if hundreds == 4:
        # Plain http sent to the TLS port of a proxy is a 400 to everything; and Plex has no
        # reason to refuse a question, so whoever does is not Plex.
        asked = path and reply.method in ("GET", "HEAD")
        if server_wide or asked:
            return NotAPlexServer.about(f"Plex's own question was refused there {number}")
        return RejectedEdit.about(f"Plex refuses what was asked {number}")
    return BadResponse.about(f"Plex's answer makes no sense {number}")


def _missing(reply: PlexHttpError, path: str, *, server_wide: bool) -> SyncError:
    if server_wide:
        return NotAPlexServer.about(f"Plex's own {path} is missing at Plex URL ({reply.status}).")
    # A PUT to a section edits one item of it, so it is the item that may be gone.
    if re.match(r"/library/sections/\d+(/|$)", path) and reply.method != "PUT":
        return LibraryNotFound.about(f"Plex has no library at {path} ({reply.status}).")
    where = f" at {path}" if path else ""
    return ItemGone.about(f"Plex has nothing{where} any more ({reply.status}).")


def _redirected(reply: PlexHttpError, number: str) -> SyncError:
    location = reply.headers.get("location", "")
    if not location:
        return BadResponse.about(f"Plex sends us elsewhere and does not say where {number}")
    try:
        # Rebuilt from its parts: the target may carry credentials, a path or a query.
        where = f" ({address_of(location).origin.url})"
    except http.client.InvalidURL:
        where = ""
    return Redirected.about(f"The server at Plex URL sends us to another address{where}.")


def _in_maintenance(excerpt: bytes) -> bool:
    """Whether a 503's body is Plex's own notice, which comes as XML or JSON."""
    told: Any
    try:
        if excerpt.lstrip().startswith(b"{"):
            told = json.loads(excerpt)
        elif check_markup(excerpt) == "Response":
            told = ET.fromstring(excerpt.strip()).attrib  # noqa: S314 - just checked
        else:
            return False
    except (ValueError, LookupError, RecursionError, ET.ParseError, SyncError):
        return False
    if not isinstance(told, dict):
        return False
    return str(told.get("title")).lower() == "maintenance" or str(told.get("code")) == "503"
