"""HTTP to one Plex server: bounded in time and size, and only ever to that server.

plexapi is given a `PlexSession` and so keeps these bounds, too:

- no proxies, .netrc or redirects: a redirected PUT becomes a GET, an edit lost
  without a word, and the token would travel along;
- a status that is no success is raised as `PlexHttpError` before plexapi turns
  it into a text, and a web page in place of an answer as `NotAPlexServer`;
- an answer that never ends, in bytes or in time, ends here.
"""

from __future__ import annotations

from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from net.adapter import BoundedAdapter
from plex.body import MOST_BYTES, check_body, read_body, read_excerpt
from plex.exceptions import PlexHttpError
from plex.identity import identity_headers

REPEATABLE = frozenset({"GET", "HEAD", "PUT"})
"""Our edits set values, so a PUT done twice is a PUT done once; an upload is not."""

SUCCESS = frozenset(range(200, 300)) - {206}
"""We never ask for a part, so a partial answer is half of one."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


class PlexSession(requests.Session):
    """A session bound to one server; up to four threads may send through it at once.

    Args:
        url: plex_url; requests to any other scheme, host or port are refused.
        connect_timeout: Seconds for opening a connection.
        read_timeout: Seconds of silence allowed, unless a request says otherwise.
        verify: False accepts any certificate.
        client_identifier: See `plex.identity.identity_headers`.
        most_bytes: Longest answer that is read, decompressed.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_timeout: float,
        read_timeout: float,
        verify: bool = True,
        client_identifier: str,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = verify
        # Cookies would be the one thing that threads share and change.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._url = url
        self._base: str | None = None
        self._home: tuple[str, str, int] | None = None
        self._read_timeout = read_timeout
        self._most_bytes = most_bytes
        self._identity = identity_headers(client_identifier)
        adapter = BoundedAdapter(connect_timeout, REPEATABLE)
        self.mount("http://", adapter)
        self.mount("https://", adapter)
        if not verify:
            # The user asked for it by a setting; a warning a request would drown the log.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> requests.Response:
        """Send a request whose path and query are encoded already; errors as ``send``.

        requests would take the URL apart, encode it again and merge settings that
        we do not have, which costs more than all else on a kept connection.
        """
        if self._base is None:
            # Prepared once as requests does it: punycode, case, default port.
            self._base = (requests.Request("GET", self._url).prepare().url or "").rstrip("/")
        request = requests.PreparedRequest()
        request.prepare_method(method)
        request.url = self._base + target
        request.prepare_headers(headers)
        request.prepare_body(body, None)
        request.hooks = {}
        return self.send(request)

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
            kwargs["timeout"] = self._read_timeout
        response = super().send(request, **kwargs)
        try:
            if response.status_code not in SUCCESS:
                raise PlexHttpError(
                    response.status_code,
                    method=request.method or "GET",
                    path=self._path_of(request.url or ""),
                    headers=response.headers,
                    excerpt=read_excerpt(response),
                )
            body = read_body(response, self._most_bytes)
        except BaseException:
            response.close()
            raise
        check_body(response, body)
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
            # Prepared as every request is, so that both are spelled alike.
            self._home = _origin(requests.Request("GET", self._url).prepare().url or "")
        if _origin(url) != self._home:
            raise requests.exceptions.InvalidURL("a request to another address than plex_url")

    def _path_of(self, url: str) -> str:
        base = urlsplit(self._url).path.rstrip("/")
        return urlsplit(url).path.removeprefix(base)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise requests.exceptions.InvalidURL("plex_url needs http:// or https:// and a host")
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme]
