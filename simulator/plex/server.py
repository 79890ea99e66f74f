"""The listening side: connections, the order of things for one request, and faults."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from typing import TYPE_CHECKING, Final

from simulator.plex import faults
from simulator.plex.answers import error
from simulator.plex.control_api import ControlApi, Latency
from simulator.plex.faults import FaultPlan, Rule
from simulator.plex.journal import Entry, Journal
from simulator.plex.routes import PlexRoutes
from simulator.plex.wire import BadRequestError, Connection, Reply, Request, frame, wants_close

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.plex.library import Library
    from simulator.plex.server_page import ServerPage

_LOOPBACK: Final = ("127.", "::1", "::ffff:127.")
_HANG_SECONDS: Final = 3600.0
_RESET: Final = struct.pack("ii", 1, 0)


class _HangUp(Exception):
    """The connection is over; ``reset`` says it ends with RST instead of FIN."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self.reset = reset


class PlexStandIn:
    """One Plex server on one socket; every connection has its thread.

    Args:
        library: The sections and items it serves.
        page: Its name and identity.
        token: The owner's token.
        shared_token: A token that may only read.
        latency_ms: Wait before every Plex request is handled.
        tls: Context for https, or None for http.
        fill: Puts the first items into the empty library.
    """

    def __init__(
        self,
        library: Library,
        page: ServerPage,
        token: str,
        shared_token: str,
        latency_ms: float = 0.0,
        tls: ssl.SSLContext | None = None,
        fill: Callable[[], None] = lambda: None,
    ) -> None:
        self.library = library
        self.journal = Journal()
        self.faults = FaultPlan()
        self.latency = Latency(latency_ms)
        self.routes = PlexRoutes(library, page, token, shared_token)
        self.control = ControlApi(
            library, self.routes, self.journal, self.faults, self.latency, fill
        )
        self._tls = tls
        self._listener: socket.socket | None = None

    def listen(self, host: str, port: int) -> str:
        """Bind and listen; port 0 takes a free one. Gives the base address.

        Raises:
            OSError: If the port is taken.
        """
        listener = socket.create_server((host, port), backlog=256, reuse_port=False)
        self._listener = listener
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{host}:{listener.getsockname()[1]}"

    def serve(self) -> None:
        """Accept connections until the process ends."""
        if self._listener is None:
            raise RuntimeError("serve() before listen()")
        threading.stack_size(256 * 1024)
        while True:
            sock, address = self._listener.accept()
            local = str(address[0]).startswith(_LOOPBACK)
            threading.Thread(target=self._connection, args=(sock, local), daemon=True).start()

    def _connection(self, sock: socket.socket, local: bool) -> None:
        with contextlib.suppress(OSError, BadRequestError, ValueError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(self.library.switches.keepalive_seconds)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            connection = Connection(sock)
            counted = False
            try:
                while True:
                    request = connection.read()
                    if request is None:
                        break
                    if request.path.startswith("/sim/"):
                        self._control(sock, request, local)
                    else:
                        if not counted:
                            self.journal.connected()
                            counted = True
                        self._plex(sock, request)
                    if wants_close(request):
                        break
            except _HangUp as end:
                if end.reset:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.close()

    def _control(self, sock: socket.socket, request: Request, local: bool) -> None:
        reply = self.control.answer(request) if local else error(403)
        head, body = frame(request, reply, gzip=False, keepalive=20)
        sock.sendall(head + body)

    def _plex(self, sock: socket.socket, request: Request) -> None:
        entry = self.journal.open(request)
        if self.latency.milliseconds:
            time.sleep(self.latency.milliseconds / 1000)
        rule = self.faults.meet(request)
        if rule is not None:
            self._misbehave(sock, request, entry, rule)
            return
        self._send(sock, request, entry, self._answer(request))

    def _answer(self, request: Request) -> Reply:
        maintenance = self.library.switches.maintenance
        if maintenance:
            return faults.maintenance(request, maintenance)
        try:
            return self.routes.answer(request)
        except Exception as mistake:  # noqa: BLE001 -- a stand-in that dies helps nobody find out why
            text = json.dumps(f"stand-in broke: {type(mistake).__name__}: {mistake}")
            return Reply(500, text.encode(), "text/plain")

    def _send(
        self, sock: socket.socket, request: Request, entry: Entry, reply: Reply, fault: str = ""
    ) -> None:
        head, body = self._frame(request, reply)
        self.journal.close(entry, reply.status, len(body), fault)
        sock.sendall(head + body)

    def _frame(self, request: Request, reply: Reply) -> tuple[bytes, bytes]:
        switches = self.library.switches
        return frame(request, reply, gzip=switches.gzip, keepalive=switches.keepalive_seconds)

    def _misbehave(self, sock: socket.socket, request: Request, entry: Entry, rule: Rule) -> None:
        action, options = rule.action, rule.options
        entry.fault = action
        if action == "delay":
            rule.released.wait(rule.seconds(1.0))
            self._send(sock, request, entry, self._answer(request), action)
            return
        if action in faults.INSTEAD:
            if options.get("apply"):
                self._answer(request)
            reply = faults.answer(rule, request)
            self._send(sock, request, entry, reply, action)
            return
        if action in {"hang_headers", "reset_before", "raw"}:
            if options.get("apply"):
                self._answer(request)
            self.journal.close(entry, 0, 0, action)
            if action == "hang_headers":
                rule.released.wait(rule.seconds(_HANG_SECONDS))
            elif action == "raw":
                sock.sendall(str(options.get("body", "\x15\x03\x01")).encode("latin-1"))
            raise _HangUp(reset=action == "reset_before" and not options.get("polite"))
        self._answer_badly(sock, request, entry, rule)

    def _answer_badly(
        self, sock: socket.socket, request: Request, entry: Entry, rule: Rule
    ) -> None:
        """Faults of a request that is carried out: only its answer goes wrong."""
        action, options = rule.action, rule.options
        reply = self._answer(request)
        if action == "content_type":
            reply.content_type = str(options.get("content_type", "application/octet-stream"))
            self._send(sock, request, entry, reply, action)
            return
        if action == "reset_after":
            self.journal.close(entry, 0, 0, action)
            raise _HangUp(reset=not options.get("polite"))
        head, body = self._frame(request, reply)
        kept = body[: int(options.get("keep", len(body) // 2))]
        self.journal.close(entry, reply.status, len(kept), action)
        if action == "close":
            sock.sendall(head + body)
        elif action == "truncate":
            sock.sendall(head + kept)
        elif action == "hang_body":
            sock.sendall(head + kept)
            rule.released.wait(rule.seconds(_HANG_SECONDS))
        elif action == "slow_drip":
            sock.sendall(head)
            step = int(options.get("bytes", 64))
            for start in range(0, len(body), step):
                sock.sendall(body[start : start + step])
                rule.released.wait(rule.seconds(0.05))
            return
        raise _HangUp
