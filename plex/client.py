"""The way to Plex: raw queries for the worker's path, plexapi's objects for the rest.

Raw queries do without plexapi, whose import alone costs a quarter of a second;
it is loaded when `PlexClient.server` is first asked for. The libraries come out of one
``GET /library/sections``.
"""

from __future__ import annotations

import os
import sys
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from http.client import InvalidURL
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from net.address import address_of
from plex.error_types import AuthError, NotAPlexServer
from plex.exceptions import translate_plex_exception
from plex.fields import whole_number
from plex.response import parse_container
from plex.transport import PlexTransport, identity_headers, plexapi_session

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from plexapi.server import PlexServer
    from typing_extensions import Self

__all__ = ["PlexClient", "PlexServer", "SectionInfo"]


SECTIONS = "/library/sections"


@dataclass(frozen=True)
class SectionInfo:
    """One library, as ``GET /library/sections`` tells it.

    ``content_changed_at`` is a counter and no date; ``scanned_at`` is in epoch
    seconds. Both are 0 when Plex leaves them out. ``uuid`` stays the library's own for its
    life, and no other server has it. ``element`` is what Plex sent.
    """

    key: int
    title: str
    type: str
    locations: tuple[str, ...]
    content_changed_at: int
    scanned_at: int
    uuid: str = field(compare=False)
    element: Element = field(repr=False, compare=False)


def __getattr__(name: str) -> Any:
    """Give plexapi's ``PlexServer`` as a name of this module, loading it on first use."""
    if name != "PlexServer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = tame_plexapi()
    return found


class PlexClient:
    """One Plex server, by its address and token; nothing is sent before it is needed.

    The address may have a path below the host; the token is that of the server's owner. The
    timeouts are seconds, for opening a connection and of silence while an answer is awaited.
    ``client_identifier`` is the installation's own lasting one; None derives one from the
    address, the same in each process. All methods raise `errors.SyncError` and nothing else.
    """

    def __init__(
        self,
        url: str,
        token: str,
        connect_timeout: float = 5.0,
        read_timeout: float = 30.0,
        *,
        verify: bool = True,
        client_identifier: str | None = None,
    ) -> None:
        self._url = url.strip().rstrip("/")
        self._token = token.strip()
        self._read_timeout = read_timeout
        self._identifier = client_identifier or uuid.uuid5(uuid.NAMESPACE_URL, self._url).hex
        self._transport = PlexTransport(
            self._url,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            client_identifier=self._identifier,
            verify=verify,
        )
        self._session = plexapi_session(self._transport)
        self._making = threading.Lock()
        self._server: PlexServer | None = None
        self._machine_identifier: str | None = None
        self._friendly_name: str | None = None

    def __repr__(self) -> str:
        try:
            where = address_of(self._url).origin.url
        except InvalidURL:
            where = "an unreadable address"
        return f"<PlexClient {where}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections; the client may be used again."""
        self._transport.close()

    @property
    def server(self) -> PlexServer:
        """The server as plexapi sees it; made on first use, by one request."""
        with self._making:
            if self._server is None:
                self._check_token()
                try:
                    # Looked up by name at the time of use, so that it can be replaced.
                    make = getattr(sys.modules[__name__], "PlexServer")  # noqa: B009
                    if "plexapi" in sys.modules:
                        import plexapi  # noqa: PLC0415

                        # plexapi.server holds this very dict, so it is changed in place.
                        plexapi.BASE_HEADERS.update(identity_headers(self._identifier))
                    self._server = make(
                        self._transport.url,
                        self._token,
                        session=self._session,
                        timeout=self._read_timeout,
                    )
                except Exception as exc:  # noqa: BLE001 - every one becomes ours here
                    raise translate_plex_exception(exc) from None
            return self._server

    def query(
        self,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> Element | None:
        """Ask Plex one thing; give its MediaContainer, None when it confirms with an empty body.

        The path is below plex_url, such as "/library/metadata/42", and may have a query, encoded;
        params are names and values in the order they shall be sent, not encoded. A "PUT" is sent
        again if the connection was stale. ``meanwhile`` is called once the request has left, for
        what can be done until Plex answers; it must not raise.

        Raises:
            ItemGone: 404 on an item.
        """
        return parse_container(self._send(method, path, params, headers, meanwhile=meanwhile))

    def text(self, path: str, params: Sequence[tuple[str, str]] = ()) -> bytes:
        """Ask Plex one thing as ``query`` does; give the answer before it is parsed."""
        return self._send("GET", path, params)

    def picture(self, path: str, most: int) -> bytes:
        """Give the bytes of a picture, such as that at an item's ``thumb``.

        Raises ``AnswerTooLong`` if it has more than ``most``, ``NotAPlexServer`` for markup.
        """
        return self._send("GET", path, most=most)

    def upload(self, path: str, body: bytes) -> None:
        """Send bytes, such as an image to "/library/metadata/42/posters"; nothing repeats it here.

        Raises ``ImageTooLarge`` if Plex or its proxy takes no image of that size.
        """
        self._send("POST", path, body=body)

    def probe(self) -> str:
        """Give Plex's machine identifier, asked for anew and without using the token."""
        root = parse_container(self._send("GET", "/identity", token=False))
        found = "" if root is None else root.get("machineIdentifier", "")
        if not found:
            raise NotAPlexServer.about("The server at Plex URL does not say which Plex it is.")
        self._machine_identifier = found
        return found

    @property
    def machine_identifier(self) -> str:
        """The server's lasting identifier; asked for once."""
        return self._machine_identifier or self.probe()

    @property
    def friendly_name(self) -> str:
        """The server's name as its owner gave it, "" if none; asked for once, if at all."""
        if self._friendly_name is None and self._server is not None:
            self._friendly_name = str(self._server.friendlyName or "")
        if self._friendly_name is None:
            root = self.query("/")
            self._friendly_name = "" if root is None else root.get("friendlyName", "")
        return self._friendly_name

    def section(self, info: SectionInfo) -> Any:
        """A library as plexapi's section object, made of the answer that told of it.

        plexapi's own ``fetchItems`` knows no class for these elements, and its
        ``library.sections()`` needs a request more.
        """
        server = self.server
        from plexapi import library  # noqa: PLC0415 - plexapi is loaded once there is a server

        kinds: dict[str, Any] = {
            "movie": library.MovieSection,
            "show": library.ShowSection,
            "artist": library.MusicSection,
            "photo": library.PhotoSection,
        }
        return kinds.get(info.type, library.LibrarySection)(server, info.element, SECTIONS)

    def section_infos(self) -> list[SectionInfo]:
        """All libraries with what tells whether they changed, in Plex's order; one request."""
        root = self.query(SECTIONS)
        return [
            SectionInfo(
                key=key,
                title=element.get("title", ""),
                type=element.get("type", ""),
                locations=tuple(
                    path for place in element.iter("Location") if (path := place.get("path"))
                ),
                content_changed_at=whole_number(element.get("contentChangedAt")),
                scanned_at=whole_number(element.get("scannedAt")),
                uuid=element.get("uuid", ""),
                element=element,
            )
            for element in (() if root is None else root.iter("Directory"))
            if (key := whole_number(element.get("key")))
        ]

    def _check_token(self) -> None:
        if not self._token.isascii() or not self._token.isprintable() or " " in self._token:
            raise AuthError.about("Plex Token has characters that no token has.")

    def _send(
        self,
        method: str,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        token: bool = True,
        meanwhile: Callable[[], object] = lambda: None,
        most: int | None = None,
    ) -> bytes:
        sent = dict(headers or {})
        if token and self._token:
            self._check_token()
            sent["X-Plex-Token"] = self._token
        target = path
        if params:
            target += ("&" if "?" in path else "?") + encode_query(params)
        try:
            return self._transport.ask(method, target, sent, body, meanwhile, most=most).body
        except Exception as exc:  # noqa: BLE001 - every one becomes ours here
            fault = translate_plex_exception(exc)
        # Outside of the handler: what is below quotes whole URLs, and none of that travels on.
        raise fault


#: Each byte as it stands in a query, in a name as in a value: letters, digits, "_.-~" as they are.
_QUOTED = {byte: quote(bytes([byte]), safe="") for byte in range(256)}


def encode_query(params: Sequence[tuple[str, str]]) -> str:
    """Give names and values, in their order, as they stand behind the question mark."""
    return "&".join(f"{_quoted_name(name)}={_quoted(value)}" for name, value in params)


def _quoted(text: str) -> str:
    """Percent-encode as ``quote(text, safe="", errors="replace")``, in a third of the time."""
    if text.isalnum() and text.isascii():
        return text
    return text.encode(errors="replace").decode("latin-1").translate(_QUOTED)


# Of names there are few; the texts would fill the memory.
_quoted_name = lru_cache(1024)(_quoted)


def tame_plexapi() -> type[Any]:
    """Import plexapi so that neither a config.ini nor the environment can change what it does.

    Both are meant for scripts of the person whose account runs Stash, and could
    add a log file, another token or a timeout of their own. What comes back is plexapi's
    ``PlexServer``, which believes no longer that a list goes on for as long as its totalSize
    says: one that is wrong would have it ask for empty pages until that number is reached.
    """
    for name in [name for name in os.environ if name.startswith("PLEXAPI_")]:
        del os.environ[name]
    os.environ["PLEXAPI_CONFIG_PATH"] = os.devnull
    import plexapi  # noqa: PLC0415

    plexapi.CONFIG.data.clear()
    # An attribute that is empty would otherwise cost a request each time it is read.
    plexapi.CONFIG.data["plexapi"] = {"autoreload": "false"}
    from plexapi import server  # noqa: PLC0415

    class PlexServer(server.PlexServer):
        """plexapi's server, with an end to every list."""

        def query(self, key: str, *args: Any, **kwargs: Any) -> Any:
            """Ask; a page that is not full is the last one, whatever totalSize says."""
            data = super().query(key, *args, **kwargs)  # type: ignore[no-untyped-call]
            headers = kwargs.get("headers") or {}
            size = int(headers.get("X-Plex-Container-Size", 0))
            if data is not None and len(data) < size:
                start = int(headers.get("X-Plex-Container-Start", 0))
                data.set("totalSize", str(start + len(data)))
            return data

    return PlexServer
