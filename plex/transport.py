"""plexapi's way to one Plex server: bounded in time and size, and only ever to that server.

plexapi is given a `PlexSession` and so keeps the bounds of `plex.exchange`, too:

- no proxies, .netrc or redirects: a redirected PUT becomes a GET, an edit lost
  without a word, and the token would travel along;
- a status that is no success is raised as `PlexHttpError` before plexapi turns
  it into a text, and a web page in place of an answer as `NotAPlexServer`;
- an answer that never ends, in bytes or in time, ends here.
"""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3

from net.adapter import BoundedAdapter
from plex.address import address_of, origin_of
from plex.body import PIECE, accept, by_name
from plex.identity import identity_headers

if TYPE_CHECKING:
    from net.exchange import Origin
    from plex.terms import Terms

REPEATABLE = frozenset({"GET", "HEAD", "PUT"})
"""Our edits set values, so a PUT done twice is a PUT done once; an upload is not."""


class PlexSession(requests.Session):
    """A session bound to one server; up to four threads may send through it at once.

    Args:
        url: plex_url; requests to any other scheme, host or port are refused.
        terms: What bounds a request, unless it names a read timeout of its own.
    """

    def __init__(self, url: str, terms: Terms) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = terms.verify
        # Cookies would be the one thing that threads share and change.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._url = url
        self._home: Origin | None = None
        self._terms = terms
        self._identity = identity_headers(terms.client_identifier)
        adapter = BoundedAdapter(terms.connect_timeout, REPEATABLE)
        self.mount("http://", adapter)
        self.mount("https://", adapter)
        if not terms.verify:
            # The user asked for it by a setting; a warning a request would drown the log.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request and read its whole answer.

        Returns:
            A response that means success, with its body, decompressed.

        Raises:
            PlexHttpError: Any other status.
            NotAPlexServer: A web page came back, or markup that Plex never sends.
            BadResponse: The answer is longer than allowed, cut off or damaged.
            requests.RequestException, urllib3.exceptions.HTTPError: No answer, or
                half of one; `plex.exceptions.translate_plex_exception` knows them.
        """
        self._stay_home(request.url or "")
        request.headers.update(self._identity)
        # One encoding that we decode ourselves, piece by piece, so that it is bounded.
        request.headers["Accept-Encoding"] = "gzip"
        kwargs.update(stream=True, allow_redirects=False, proxies={})
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._terms.read_timeout
        response = super().send(request, **kwargs)
        try:
            body = accept(
                request.method or "GET",
                self._path_of(request.url or ""),
                response.status_code,
                by_name(response.headers.items()),
                response.raw.stream(PIECE, decode_content=False),
                self._terms.most_bytes,
            )
        except BaseException:
            response.close()
            raise
        response._content = body  # noqa: SLF001 - requests takes it as read
        if "charset" not in response.headers.get("Content-Type", "").lower():
            response.encoding = "utf-8"  # requests would take text/* for Latin-1
        return response

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Never any: requests would read the redirect's body without a bound to look ahead."""
        del resp
        return None

    def _stay_home(self, url: str) -> None:
        if self._home is None:
            self._home = address_of(self._url).origin
        if origin_of(url) != self._home:
            raise requests.exceptions.InvalidURL("a request to another address than plex_url")

    def _path_of(self, url: str) -> str:
        base = urlsplit(self._url).path.rstrip("/")
        return urlsplit(url).path.removeprefix(base)
