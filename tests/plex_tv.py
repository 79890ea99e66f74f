"""A plex.tv that knows one PIN, on a real socket."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class PlexTv(BaseHTTPRequestHandler):
    """What a test changes about it, and what it was asked: method, path and client identifier.

    ``token`` is empty until the code was entered; ``status`` is how a look at the PIN is
    answered; a ``silent`` one hangs up.
    """

    address = ""
    token = ""
    status = 200
    silent = False
    seen: list[tuple[str, str, str]]

    def do_POST(self) -> None:
        """Give out the PIN, or tell how it stands."""
        identifier = self.headers.get("X-Plex-Client-Identifier") or ""
        type(self).seen.append((self.command, self.path, identifier))
        if self.silent:
            self.close_connection = True
            return
        body = f'<pin id="4711" code="ABCD" authToken="{self.token}"/>'.encode()
        self.send_response(201 if self.command == "POST" else self.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 - http.server's name

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(kind: type[PlexTv] = PlexTv) -> Iterator[type[PlexTv]]:
    """A fresh one for one block; ``address`` is where it listens."""
    handler: type[PlexTv] = type("Handler", (kind,), {"seen": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    handler.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield handler
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
