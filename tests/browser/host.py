"""Serves the host page: Stash's frame around the plugin, in front of the Stash stand-in."""

from __future__ import annotations

import contextlib
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.installation import Installation

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PARTS = ROOT / ".cache" / "browser"
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}


def plugin_files(kind: str) -> bytes:
    """Give the plugin's javascript or css as Stash serves it: its files in their order, joined."""
    manifest = yaml.safe_load((ROOT / "PlexSync.yml").read_text(encoding="utf-8"))
    return b"\n".join((ROOT / name).read_bytes() for name in manifest["ui"][kind])


class Host(BaseHTTPRequestHandler):
    """Answers a browser as Stash's server does."""

    protocol_version = "HTTP/1.1"
    stash_port = 0

    def do_GET(self) -> None:
        """Give a file of the host, of its libraries or of the plugin; else the page itself."""
        path = self.path.partition("?")[0]
        if path.startswith("/plugin/PlexSync/"):
            kind = path.rpartition("/")[2]
            self._reply(200, plugin_files(kind), KINDS[".js" if kind == "javascript" else ".css"])
            return
        name = Path(path).name
        folder = PARTS if path.startswith("/parts/") else HERE
        # Like Stash: a dot makes it a file, all else is a place inside the one page.
        file = folder / name if "." in name else HERE / "host.html"
        if file.is_file() and file.suffix in KINDS:
            self._reply(200, file.read_bytes(), KINDS[file.suffix])
        else:
            self._reply(404, b"", "text/plain")

    def do_POST(self) -> None:
        """Hand GraphQL on to the stand-in."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection("127.0.0.1", self.stash_port, timeout=120)
        try:
            connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            self._reply(reply.status, reply.read(), "application/json")
        except OSError:
            self._reply(502, b"", "text/plain")
        finally:
            connection.close()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _reply(self, status: int, body: bytes, kind: str) -> None:
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            self.send_header("Content-Type", kind + "; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


@contextlib.contextmanager
def host_page(env: Installation) -> Iterator[str]:
    """Serve the host page for an installation; give its address."""
    handler = type("EnvironmentHost", (Host,), {"stash_port": env.stash.port})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
