"""plex_url taken apart: where requests go, and below which path."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

import requests

from net.exchange import Origin

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Address(NamedTuple):
    """A server and the path that all of its own paths are below ("" or "/plex")."""

    origin: Origin
    base: str


def address_of(url: str) -> Address:
    """Take a whole URL apart, spelled as requests spells it (punycode, case, default port).

    Raises:
        requests.RequestException: It is no address that a request can be sent to.
    """
    prepared = requests.Request("GET", url).prepare().url or ""
    return Address(origin_of(prepared), urlsplit(prepared).path.rstrip("/"))


def origin_of(url: str) -> Origin:
    """Give the scheme, host and port of a URL that is spelled so already.

    Raises:
        requests.exceptions.InvalidURL: It has none.
    """
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise requests.exceptions.InvalidURL("plex_url needs http:// or https:// and a host")
    return Origin(parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme])
