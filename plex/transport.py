"""The way to one Plex server, for our own queries and for plexapi: one exchange, one set of bounds.

- no proxies, .netrc, cookies or redirects: a redirected PUT becomes a GET, an edit
  lost without a word, and the token would travel along;
- a status that is no success is raised as `PlexHttpError` before plexapi turns
  it into a text, and a web page in place of an answer as `NotAPlexServer`;
- an answer that never ends, in bytes or in time, ends here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from http.client import InvalidURL
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.utils import get_encoding_from_headers

from net.address import Address, address_of
from net.exchange import Exchange
from plex.response import MOST_BYTES, accept

if TYPE_CHECKING:
    from net.answer import Answer

#: Our edits set values, so a PUT done twice is a PUT done once; an upload is not.
REPEATABLE = frozenset({"GET", "HEAD", "PUT"})


class Accepted(NamedTuple):
    """A success: its status, its headers by name in lower case, its body decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class PlexTransport:
    """Requests to one server; several threads may ask at once.

    Its address, plex_url, is taken apart when it is first needed; all else is as in
    `net.exchange.Exchange`, and for the identifier in `identity_headers`.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_timeout: float,
        read_timeout: float,
        client_identifier: str,
        verify: bool = True,
    ) -> None:
        self._url = url
        self._bounds: dict[str, Any] = {
            "connect_timeout": connect_timeout,
            "read_timeout": read_timeout,
            "verify": verify,
        }
        #: What goes with every request. One encoding that we decode ourselves, piece by
        #: piece, so that it is bounded.
        self.always = {**identity_headers(client_identifier), "Accept-Encoding": "gzip"}
        self._finding = threading.Lock()
        self._found: tuple[Exchange, Address] | None = None

    @property
    def url(self) -> str:
        """plex_url as a request spells it; without a zone, which requests would mangle.

        Raises ``http.client.InvalidURL`` if no request can be sent to it.
        """
        _, (origin, base) = self._where()
        return origin.url + base

    def target_of(self, url: str) -> str:
        """Give path and query below plex_url of a whole URL; as ``url`` if it leads elsewhere."""
        _, (origin, base) = self._where()
        asked, path = address_of(url)
        if asked.url != origin.url or not path.startswith(base):
            raise InvalidURL("a request to another address than Plex URL")
        parts = urlsplit(url)
        return parts.path.removeprefix(base) + (f"?{parts.query}" if parts.query else "")

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        meanwhile: Callable[[], object] = lambda: None,
        wait: float | None = None,
        most: int | None = None,
    ) -> Accepted:
        """Send one request and read its whole answer, see `net.exchange.Exchange.ask`.

        The target is path and query below plex_url, encoded. Headers are those beside the ones
        that show who we are. ``most`` is the longest answer that is read, in bytes,
        None for the usual.

        Raises:
            PlexHttpError, NotAPlexServer, BadResponse: See `plex.response.accept`.
            net.exchange.ExchangeFailedError, http.client.InvalidURL: No answer, or no
                address; `translate_plex_exception` knows them.
        """
        exchange, (_, base) = self._where()

        def take(answer: Answer) -> Accepted:
            path = target.partition("?")[0]
            found = accept(method, path, answer, most or MOST_BYTES)
            return Accepted(answer.status, answer.headers, found)

        sent = {**headers, **self.always}
        return exchange.ask(method, base + target, sent, body, take, meanwhile, wait)

    def close(self) -> None:
        """Close the kept connections; it may be used again."""
        if self._found is not None:
            self._found[0].close()

    def _where(self) -> tuple[Exchange, Address]:
        with self._finding:  # two exchanges would leave one that nobody closes
            if self._found is None:
                address = address_of(self._url)
                made = Exchange(address.origin, repeatable=REPEATABLE, **self._bounds)
                self._found = made, address
            return self._found


def plexapi_session(transport: PlexTransport) -> requests.Session:
    """Give plexapi's way: a session whose requests go through our transport, or nowhere.

    It raises what `PlexTransport.ask` and ``target_of`` raise, and
    ``requests.RequestException`` for what cannot be made a request.
    """
    session = requests.Session()
    session.trust_env = False
    adapter = _TransportAdapter(transport)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class _TransportAdapter(BaseAdapter):
    """What requests sends by."""

    def __init__(self, transport: PlexTransport) -> None:
        super().__init__()
        self._transport = transport
        self._written_below = {"host", "content-length", "connection"}
        self._written_below.update(name.lower() for name in transport.always)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send once; a timeout in two parts is for connecting and reading."""
        del stream, verify, cert, proxies  # the transport has its own mind about these
        body: Any = request.body
        accepted = self._transport.ask(
            request.method or "GET",
            self._transport.target_of(request.url or ""),
            {
                name: str(text)
                for name, text in request.headers.items()
                if name.lower() not in self._written_below
            },
            body.encode() if isinstance(body, str) else body,
            wait=timeout[1] if isinstance(timeout, tuple) else timeout,
        )
        return _as_requests_has_it(request, accepted)

    def close(self) -> None:
        self._transport.close()


def _as_requests_has_it(request: requests.PreparedRequest, accepted: Accepted) -> requests.Response:
    response = requests.Response()
    response.status_code = accepted.status
    response.headers.update(accepted.headers)
    response.url = request.url or ""
    response.request = request
    kind = accepted.headers.get("content-type", "")
    # requests would take text/* for Latin-1.
    told = "charset" in kind.lower()
    response.encoding = get_encoding_from_headers(response.headers) if told else "utf-8"
    response._content = accepted.body  # noqa: SLF001 - requests takes it as read
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001 - so it is
    return response


def identity_headers(client_identifier: str) -> dict[str, str]:
    """How PlexSync shows itself to Plex.

    The identifier is the same text for the life of an installation: Plex registers each new
    one as a new device and may mail its owner.
    """
    version = plugin_version()
    return {
        "X-Plex-Client-Identifier": client_identifier,
        "X-Plex-Product": "PlexSync",
        "X-Plex-Version": version,
        "X-Plex-Device": "Stash",
        "X-Plex-Device-Name": "PlexSync",
        "User-Agent": f"PlexSync/{version}",
    }


def plugin_version() -> str:
    """PlexSync's own version as its manifest says it, "0" if that cannot be read."""
    manifest = Path(__file__).resolve().parent.parent / "PlexSync.yml"
    try:
        found = re.search(r"(?m)^version:\s*[\"']?([\w.+-]+)", manifest.read_text("utf-8"))
    except OSError:
        return "0"
    return found[1] if found else "0"
