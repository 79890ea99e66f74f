"""What an HTTP status says about Plex.

plexapi tells only 401 and 404 apart and stumbles over numbers that no standard
names, so the transport raises `PlexHttpError` before plexapi sees the reply.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from errors import SyncError
from net.headers import retry_after
from plex.error_types import (
    AuthError,
    BadResponse,
    ImageTooLarge,
    ItemGone,
    LibraryNotFound,
    NotAPlexServer,
    PermissionDenied,
    PlexError,
    RateLimited,
    Redirected,
    RejectedEdit,
    RequestTooLarge,
    ServerError,
    ServerStarting,
    ServerTimeout,
    ServerUnavailable,
)
from plex.response import PlexHttpError, check_markup

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
    408: (ServerTimeout, ""),
    598: (ServerTimeout, ""),
    599: (ServerTimeout, ""),
    429: (RateLimited, "That means too many requests."),
    413: (RequestTooLarge, "The request was too large for Plex or its proxy."),
    414: (RequestTooLarge, "The request was too long for Plex or its proxy."),
    431: (RequestTooLarge, "The request was too long for Plex or its proxy."),
    **dict.fromkeys(
        (423, 425, 502, 503, 504, 507, 508, 509, *range(520, 528), 529, 530),
        (ServerUnavailable, "Plex or its proxy cannot serve right now."),
    ),
}
"""Statuses whose number alone decides; the 52x are those of a well-known proxy service."""


def fault_of(reply: PlexHttpError) -> SyncError:
    """Choose the typed error for a status that is no success.

    Args:
        reply: What the transport saw; its ``path`` is "" when nobody knows it.

    Returns:
        The error to raise; ``retry_after`` is set when the server gave it.
    """
    status = reply.status
    path = reply.path.rstrip("/") or ("/" if reply.path else "")
    said = f"Plex answered {status}" + (f" to {reply.method} {path}." if path else ".")
    server_wide = path in _SERVER_WIDE
    hundreds = status // 100
    if status in (404, 410):
        return _missing(reply, path, server_wide=server_wide)
    if hundreds == _REDIRECTS:
        return _redirected(reply, said)
    if status in (413, 414) and re.search(r"/(posters?|arts?)$", path):
        return ImageTooLarge.about(f"{said} The image was too large for Plex or its proxy.")
    wait = retry_after(reply.headers.get("retry-after", ""))
    if status == _SERVICE_UNAVAILABLE and _in_maintenance(reply.excerpt):
        return ServerStarting.about("Plex is still starting up (maintenance).", retry_after=wait)
    if status in _FACTS:
        kind, fact = _FACTS[status]
        return kind.about(f"{said} {fact}".rstrip(), retry_after=wait)
    if hundreds == _SERVER_SIDE:
        return (ServerUnavailable if server_wide else ServerError).about(said, retry_after=wait)
    if hundreds == _CLIENT_SIDE:
        # Plain http sent to the TLS port of a proxy is a 400 to everything; and Plex has no
        # reason to refuse a question, so whoever does is not Plex.
        asked = path and reply.method in ("GET", "HEAD")
        return (NotAPlexServer if server_wide or asked else RejectedEdit).about(said)
    return BadResponse.about(said)


_REDIRECTS, _CLIENT_SIDE, _SERVER_SIDE = 3, 4, 5
_SERVICE_UNAVAILABLE = 503


def _missing(reply: PlexHttpError, path: str, *, server_wide: bool) -> SyncError:
    if server_wide:
        return NotAPlexServer.about(f"Plex's own {path} is missing at plex_url ({reply.status}).")
    # A PUT to a section edits one item of it, so it is the item that may be gone.
    if re.match(r"/library/sections/\d+(/|$)", path) and reply.method != "PUT":
        return LibraryNotFound.about(f"Plex has no library at {path} ({reply.status}).")
    where = f" at {path}" if path else ""
    return ItemGone.about(f"Plex has nothing{where} any more ({reply.status}).")


def _redirected(reply: PlexHttpError, said: str) -> SyncError:
    location = reply.headers.get("location", "")
    if not location:
        return BadResponse.about(said)
    try:
        to = urlsplit(location)
        # Rebuilt from its parts: the target may carry credentials, a path or a query.
        origin = f"{to.scheme}://{to.hostname}" + (f":{to.port}" if to.port else "")
    except ValueError:
        origin = ""
    where = f" ({origin})" if origin and to.scheme and to.hostname else ""
    return Redirected.about(f"The server at plex_url sends us to another address{where}.")


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
