"""The stand-in's socket: HTTP/1.1 with kept connections, sessions, GraphQL, covers and faults."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

from simulator.stash.app import Context, StashApp
from simulator.stash.control_api import ControlApi, ControlError
from simulator.stash.faults import INSTEAD, LOGIN_PAGE, FaultPlan, Rule
from simulator.stash.journal import Entry, Journal
from simulator.stash.schema import RequestError
from simulator.stash.sessions import Caller, UnauthorizedError, cookie_value
from simulator.stash.versions import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

# As long as Stash's own, which comes with status 200 where a scene has no cover.
DEFAULT_COVER = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9"/>'.ljust(733)
JSON, HTML = "application/json", "text/html; charset=utf-8"


class StashServer(ThreadingHTTPServer):
    """Serves one ``StashApp``.

    Args:
        app: What answers.
        address: Host and port to bind; port 0 takes a free one.
        tls: Context for https, or None.
        latency: Seconds that every request waits before it is handled.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        app: StashApp,
        address: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        latency: float = 0.0,
    ) -> None:
        super().__init__(address, Handler)
        self.app, self.tls, self.latency = app, tls, latency
        self.faults = FaultPlan()
        self.journal = Journal()
        self.control = ControlApi(self)
        host, port = str(self.server_address[0]), int(self.server_address[1])
        self.scheme = "https" if tls else "http"
        reachable = "127.0.0.1" if host == "0.0.0.0" else host
        self.url = f"{self.scheme}://{reachable}:{port}"
        app.listen(self.scheme, host, port)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are everyday; everything else is printed."""
        import sys  # noqa: PLC0415 - only here

        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    server: StashServer
    entry: Entry
    caller: Caller
    rule: Rule | None

    def setup(self) -> None:
        """Shake hands here, in the connection's own thread."""
        self.server.journal.connections += 1
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.wire: socket.socket = self.request
        super().setup()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing; the journal knows."""

    def version_string(self) -> str:
        """Stash names no server."""
        return "stash-stand-in"

    def handle_one_request(self) -> None:
        """Serve one request; a client that went away ends the connection quietly."""
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        """Every method goes the same way."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/sim/"):
            self._control(body)
            return
        posted = self._posted(body)
        self.entry = Entry(self.command, self.path, dict(self.headers.items()))
        self.server.journal.open(self.entry, posted)
        time.sleep(self.server.latency)
        self.rule = self.server.faults.meet(
            self.command, self.path, self.entry.operation, self.entry.query
        )
        if self.rule:
            self.entry.fault = self.rule.action
        if self.rule is None or self._before(self.rule):
            self._answer(posted)

    do_POST = do_HEAD = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names

    # --- faults -----------------------------------------------------------------------------

    def _before(self, rule: Rule) -> bool:
        """Act out what comes before the answer; False when there is none any more."""
        if rule.action == "delay":
            rule.released.wait(rule.seconds(1.0))
        elif rule.action == "hang":
            rule.released.wait(rule.seconds(3600.0))
            self.close_connection = True
            return False
        elif rule.action == "reset_before":
            self._reset()
            return False
        elif rule.action in INSTEAD:
            options, kind = rule.options, HTML
            status, content = int(options.get("status", 500)), str(options.get("body", "")).encode()
            if rule.action == "html200":
                status, content = 200, LOGIN_PAGE
            elif rule.action == "unauthorized":
                status, content = 401, b""
            elif rule.action == "graphql_error":
                error = {"message": options.get("message", "database is locked"), "path": []}
                content = json.dumps({"errors": [error], "data": None}).encode()
                status, kind = int(options.get("status", 200)), JSON
            extra = {str(name): str(value) for name, value in options.get("headers", {}).items()}
            self.reply(status, content, str(options.get("content_type", kind)), extra)
            return False
        return True

    def _reset(self) -> None:
        """Cut the connection so that the client sees a reset."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            self.wire.close()

    # --- answers ----------------------------------------------------------------------------

    def _posted(self, body: bytes) -> dict[str, Any] | None:
        """The GraphQL request of a body, None for anything else."""
        if self.command != "POST" or urlsplit(self.path).path != "/graphql":
            return None
        with contextlib.suppress(ValueError):
            found = json.loads(body)
            if isinstance(found, dict):
                return found
        return {}

    def _answer(self, posted: dict[str, Any] | None) -> None:
        parts = urlsplit(self.path)
        key = self.headers.get("ApiKey") or parse_qs(parts.query).get("apikey", [""])[0]
        try:
            self.caller = self.server.app.sessions.authenticate(
                key, cookie_value(self.headers.get("Cookie"))
            )
        except UnauthorizedError:
            self.caller = Caller(known=False, visited={}, refresh=False)
            self.reply(401, b"", "", {"Www-Authenticate": "FormBased"})
            return
        if parts.path == "/login":
            self.reply(200, LOGIN_PAGE, HTML)
        elif not self.caller.known and parts.path == "/graphql":
            self.reply(401, b"", "", {"Www-Authenticate": "FormBased"})
        elif not self.caller.known:
            self.reply(302, b"", "", {"Location": f"/login?returnURL={quote(self.path, safe='')}"})
        elif posted is not None:
            self._graphql(posted)
        elif parts.path.startswith("/scene/") and parts.path.endswith("/screenshot"):
            self._screenshot(parts.path.split("/")[2])
        else:  # as in Stash, whose pages make their own routes
            self.reply(200, b"<!DOCTYPE html><title>Stash</title>", HTML)

    def _graphql(self, posted: dict[str, Any]) -> None:
        kind, refusal = JSON, 422
        accepted = self.headers.get("Accept") or ""
        # Since 0.29 this is what anything means, and its refusals are 400 (watched on
        # 0.29.3, 0.30.1 and develop); before, only who asked for it got it, with 422.
        is_newer = VERSIONS.index(self.server.app.version) >= VERSIONS.index("0.29")
        if "application/graphql-response+json" in accepted:
            kind = "application/graphql-response+json"
        elif is_newer and "*/*" in accepted and "application/json" not in accepted:
            kind, refusal = "application/graphql-response+json", 400
        proto = self.headers.get("X-Forwarded-Proto") or self.server.scheme
        base = f"{proto}://{self.headers.get('Host') or 'localhost'}"
        with self._watching() as watch:
            context = Context(self.server.app, base, self.caller.visited, watch)
            try:
                status, reply = 200, self.server.app.execute(posted, context)
            except RequestError as error:
                status, reply = refusal, {"errors": error.errors, "data": None}
        text = json.dumps(reply, ensure_ascii=False, separators=(",", ":"))
        self.reply(status, text.encode(), kind, {"Cache-Control": "no-store"})

    def _screenshot(self, number: str) -> None:
        database = self.server.app.database
        with database.lock:
            scene = database.scene(int(number)) if number.isdigit() else None
        if scene is None:
            self.reply(404, b"Not Found\n", "text/plain; charset=utf-8")
            return
        cover = scene.cover_bytes()
        if not cover:
            self.reply(200, DEFAULT_COVER, "image/svg+xml")
            return
        png = cover.startswith(b"\x89PNG")
        self.reply(200, cover, "image/png" if png else "image/jpeg")

    @contextlib.contextmanager
    def _watching(self) -> Iterator[Any]:
        """A function that starts to watch the client, and the end of the watch.

        Its event is set once the client has closed the connection. Over TLS a
        client that waits for a reply sends nothing but its goodbye.
        """
        over = threading.Event()

        def watch() -> threading.Event:
            gone = threading.Event()

            def look() -> None:
                while not over.is_set():
                    try:
                        ready, _, _ = select.select([self.wire], [], [], 0.02)
                        if ready and (self.server.tls or not self.wire.recv(1, socket.MSG_PEEK)):
                            gone.set()
                            return
                    except (OSError, ValueError):
                        gone.set()
                        return
                    if ready:  # a request in the pipe already: the client is there
                        over.wait(0.02)

            threading.Thread(target=look, daemon=True).start()
            return gone

        try:
            yield watch
        finally:
            over.set()

    def _control(self, body: bytes) -> None:
        try:
            wanted = json.loads(body) if body else None
            content = self.server.control.handle(self.command, self.path, wanted)
            status, reply = 200, json.dumps(content).encode()
        except (ControlError, ValueError, KeyError, TypeError) as error:
            status, reply = 400, f"{type(error).__name__}: {error}".encode()
        self.rule = None
        self.entry = Entry(self.command, self.path, {})
        self.caller = Caller(known=True, visited={}, refresh=False)
        self.reply(status, reply, JSON)

    def reply(
        self, status: int, content: bytes, kind: str, extra: dict[str, str] | None = None
    ) -> None:
        """Send an answer, or what a fault leaves of it."""
        rule, sent = self.rule, content
        action = rule.action if rule else ""
        if action == "reset_after":
            self._reset()
            return
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        if getattr(self, "caller", None) and self.caller.refresh and status != 401:
            cookie = self.server.app.sessions.set_cookie(self.caller.visited)
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if action in {"truncate", "hang_body"}:
            sent = content[: len(content) // 2]
        # Before it leaves: who has the answer may ask the journal at once.
        self.entry.status, self.entry.bytes_out = status, len(sent)
        self.entry.seconds = time.time() - self.entry.at
        self.wfile.write(b"" if self.command == "HEAD" else sent)
        self.wfile.flush()
        if rule is not None and action == "hang_body":
            rule.released.wait(rule.seconds(3600.0))
        if action in {"truncate", "hang_body", "close"}:
            self.close_connection = True
