"""The listening side of a stand-in: connections, faults, and the addresses that steer it."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

from simulator import faults
from simulator.faults import FaultPlan, Rule
from simulator.journal import Entry, Journal
from simulator.wire import BadRequestError, Connection, Reply, Request, frame

_HANG_SECONDS: Final = 3600.0
_RESET: Final = struct.pack("ii", 1, 0)


class Server(socketserver.ThreadingTCPServer):
    """One stand-in on one socket, port 0 takes a free one; every connection has its thread."""

    #: An idle connection is closed after this long, None is never.
    idle_seconds: ClassVar[float | None] = None
    #: What is no HTTP is answered with 400 at once, instead of never.
    strict: ClassVar[bool] = False
    #: Its public methods are called by requests below ``/sim/``.
    control: ControlApi

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, _Handler)
        self.latency_ms = 0.0
        self.journal = Journal()
        self.faults = FaultPlan()
        self.port = int(self.server_address[1])
        self.url = f"http://{address[0]}:{self.port}"

    def note(self, request: Request) -> Iterable[str]:
        """Look at a request as it arrives; give the journal's counters it belongs to."""
        raise NotImplementedError

    def answer(self, request: Request) -> Reply:
        """The reply to one request, with its effects carried out."""
        raise NotImplementedError

    def finish(self, request: Request, reply: Reply) -> None:
        """Give a reply, a fault's too, what every one of this server carries."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are everyday; everything else is printed."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(socketserver.BaseRequestHandler):
    """One connection."""

    server: Server
    request: socket.socket

    def handle(self) -> None:
        sock = self.request
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(self.server.idle_seconds)
        connection, counted = Connection(sock, strict=self.server.strict), False
        try:
            while (request := connection.read()) is not None:
                if request.path.startswith("/sim/"):
                    reply = self.server.control.carry_out(request)
                    sock.sendall(frame(request, reply) + reply.body)
                else:
                    if not counted:
                        self.server.journal.connected()
                        counted = True
                    self._serve(request)
                if request.wants_close:
                    break
        except BadRequestError:
            if self.server.strict:
                with contextlib.suppress(OSError):
                    sock.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        except OSError:
            return

    def _serve(self, request: Request) -> None:
        server = self.server
        entry = server.journal.open(request, server.note(request))
        if server.latency_ms:
            time.sleep(server.latency_ms / 1000)
        rule = server.faults.meet(request)
        if rule is None:
            reply = self._answer(request)
            self.request.sendall(self._head(request, entry, reply) + reply.body)
        else:
            entry.fault = rule.action
            self._misbehave(request, entry, rule)

    def _answer(self, request: Request) -> Reply:
        try:
            return self.server.answer(request)
        except Exception as mistake:  # noqa: BLE001 -- a stand-in that dies helps nobody find out why
            text = f"stand-in broke: {type(mistake).__name__}: {mistake}"
            return Reply(500, text.encode(), "text/plain")

    def _head(self, request: Request, entry: Entry, reply: Reply) -> bytes:
        """Complete a reply; note it before it leaves: who has it may ask the journal at once."""
        self.server.finish(request, reply)
        self.server.journal.close(entry, reply.status, len(reply.body))
        return frame(request, reply)

    def _misbehave(self, request: Request, entry: Entry, rule: Rule) -> None:
        action, options, send = rule.action, rule.options, self.request.sendall
        if action in faults.SILENT:
            if action == "reset_after" or options.get("apply"):
                self._answer(request)
            self.server.journal.close(entry, 0, 0)
            if action == "hang_headers":
                rule.wait(_HANG_SECONDS)
            elif action == "raw":
                send(str(options.get("body", "\x15\x03\x01")).encode("latin-1"))
            elif not options.get("polite"):
                self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self.request.close()
            raise ConnectionAbortedError
        if action == "delay":
            rule.wait(1.0)
        reply = faults.answer(rule)
        if reply is None:
            reply = self._answer(request)
        elif options.get("apply"):
            self._answer(request)
        if action == "content_type":
            reply.content_type = "application/octet-stream"
        head, body = self._head(request, entry, reply), reply.body
        if action in faults.HALF:
            send(head + body[: len(body) // 2])
            if action == "hang_body":
                rule.wait(_HANG_SECONDS)
        elif action == "slow_drip":
            send(head)
            step = int(options.get("bytes", 64))
            for start in range(0, len(body), step):
                send(body[start : start + step])
                rule.wait(0.05)
        else:
            send(head + body)
        if action in ("close", *faults.HALF):
            raise ConnectionAbortedError


class ControlApi:
    """What tests may ask of any stand-in: its methods, which ``simulator.control`` calls by name.

    Such requests are not in the journal, and no fault and no latency is for them.
    """

    def __init__(self, server: Server) -> None:
        self.server = server

    def carry_out(self, request: Request) -> Reply:
        """Call the method that a request names; a mistake is a 400 that says what it is."""
        name = request.path.removeprefix("/sim/")
        try:
            given, named = json.loads(request.body)
            result = getattr(self, name)(*given, **named)
        except Exception as mistake:  # noqa: BLE001 -- whatever it is, the test is to read it
            return Reply(400, f"{type(mistake).__name__}: {mistake}".encode(), "text/plain")
        return Reply(200, json.dumps(result).encode(), "application/json")

    def fault(self, action: str, **match_and_options: Any) -> int:
        """Put one fault in force, as ``simulator.faults.Rule`` says; gives its id."""
        return self.server.faults.add(action, match_and_options).id

    def faults(self) -> list[dict[str, Any]]:
        """Every rule: ``id``, ``seen`` (requests that matched) and ``hits`` (that met it)."""
        names = ("id", "action", "seen", "hits")
        return [{name: getattr(rule, name) for name in names} for rule in self.server.faults.rules]

    def clear_faults(self, rule_id: int | None = None) -> None:
        """Drop one rule or all; what hangs because of it goes on."""
        self.server.faults.remove(rule_id)

    def requests(self, *, headers: bool = True) -> list[dict[str, Any]]:
        """Requests in order: at, method, target, status, bytes_in/out, fault, headers...

        Of those to Stash also ``operation``, ``query`` and ``variables``.
        """
        return self.server.journal.report(headers=headers)

    def counts(self) -> dict[str, int]:
        """How many requests there were: ``total``, those ``refused`` and those of each kind.

        The kinds are what ``note`` of the stand-in's server gives. ``connections`` counts
        those that carried any of them.
        """
        return self.server.journal.counts()

    def clear_requests(self) -> None:
        """Forget the requests and set the counters to zero."""
        self.server.journal.clear()

    def latency(self, milliseconds: float) -> None:
        """Let every request wait this long before it is handled."""
        self.server.latency_ms = milliseconds


def run(make: Callable[..., Server]) -> None:
    """Be a stand-in's process: the options of ``make`` are the one argument, a JSON object.

    One JSON line on stdout, ``{"url", "pid"}``, says that it listens. It ends
    once whoever started it has closed its stdin, which dying does too.
    """
    # What it begins with is for ever; do not look through it for rubbish again and again.
    gc.disable()
    server = make(**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"))
    gc.freeze()
    gc.enable()
    sys.setswitchinterval(0.001)
    print(json.dumps({"url": server.url, "pid": os.getpid()}), flush=True)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


def _exit_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)
