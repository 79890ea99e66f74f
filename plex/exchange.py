"""The short way to one Plex server, for the worker's own requests.

Bounded as `plex.transport` is, and refusing the same, without requests in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from net.exchange import Exchange, pieces
from plex.address import address_of
from plex.body import PIECE, accept, by_name
from plex.identity import identity_headers
from plex.transport import REPEATABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from http.client import HTTPResponse

    from plex.terms import Terms


class PlexExchange:
    """Requests to one server; up to four threads may ask at once.

    Args:
        url: plex_url; taken apart when it is first needed.
        terms: What bounds a request.
    """

    def __init__(self, url: str, terms: Terms) -> None:
        self._url = url
        self._terms = terms
        # One encoding that we decode ourselves, piece by piece, so that it is bounded.
        self._always = {**identity_headers(terms.client_identifier), "Accept-Encoding": "gzip"}
        self._exchange: Exchange | None = None
        self._base = ""

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> bytes:
        """Send one request and give its whole answer, decompressed.

        Args:
            method: "GET", "PUT" or "POST".
            target: Path below plex_url and query, encoded.
            headers: Beside those that show who we are.
            body: Bytes to send, or None.
            meanwhile: See `net.exchange.Exchange.ask`.

        Raises:
            PlexHttpError, NotAPlexServer, BadResponse: See `plex.body.accept`.
            net.exchange.ExchangeFailedError, requests.RequestException: No answer,
                or no address; `plex.exceptions.translate_plex_exception` knows them.
        """
        exchange = self._exchange
        if exchange is None:
            exchange = self._exchange = self._make()

        def take(response: HTTPResponse) -> bytes:
            path = target.partition("?")[0]
            raw = pieces(response, PIECE)
            head: object = response.headers  # net.head has read a usual one already
            headers = head if isinstance(head, dict) else by_name(response.headers.items())
            return accept(method, path, response.status, headers, raw, self._terms.most_bytes)

        sent = {**headers, **self._always}
        return exchange.ask(method, self._base + target, sent, body, take, meanwhile)

    def close(self) -> None:
        """Close the kept connections; it may be used again."""
        if self._exchange is not None:
            self._exchange.close()

    def _make(self) -> Exchange:
        origin, self._base = address_of(self._url)
        return Exchange(
            origin,
            connect_timeout=self._terms.connect_timeout,
            read_timeout=self._terms.read_timeout,
            verify=self._terms.verify,
            repeatable=REPEATABLE,
        )
