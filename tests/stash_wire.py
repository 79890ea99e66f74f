"""Stash's stand-in in the test's own process, for the adapter's own tests: easy to break."""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.stash.server import StashControlApi, StashServer
from simulator.stash.sessions import Sessions
from simulator.wire import Reply, Request
from stash.connection import StashConnection

if TYPE_CHECKING:
    from stash.client import StashClient

COOKIE = "THE-COOKIE-OF-THIS-TEST"
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


@dataclass(slots=True)
class Doors(Sessions):
    """Cookies by their names: those that are ``accepted``, and what takes their place."""

    accepted: set[str] = field(default_factory=lambda: {COOKIE})
    reissue: str = COOKIE

    def make(self, visited: Mapping[str, int] | None = None) -> str:
        """The cookie that every answer to an accepted one carries."""
        return self.reissue

    def read(self, value: str) -> tuple[str, dict[str, int]] | None:
        """User of an accepted cookie, and no hooks."""
        return (self.username, {}) if value in self.accepted else None


class Wire(StashServer):
    """A Stash, changed by tests while it runs; ``control`` has what all stand-ins' have.

    Attributes:
        connection: The way to it.
        doors: Whom it lets in; at first whoever comes.
        scripted: Replies that are given before anything is looked at, one for each request.
        always: The reply to every request, if any.
        hold: When set, replies wait for it.
    """

    control: StashControlApi

    def __init__(self, scenes: int, tls: ssl.SSLContext | None, cookie: str | None) -> None:
        super().__init__(scenes=scenes)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        name, scheme = "session" if cookie else None, "https" if tls else "http"
        self.connection = StashConnection(scheme, "127.0.0.1", self.port, name, cookie)
        self.doors = self.app.sessions = Doors(self.app.database.clock)
        self.scripted: deque[Reply] = deque()
        self.always: Reply | None = None
        self.hold: threading.Event | None = None

    def answer(self, request: Request) -> Reply:
        """What was scripted, or what Stash answers."""
        if self.hold is not None:
            self.hold.wait(30)
        if self.scripted:
            return self.scripted.popleft()
        return self.always or super().answer(request)

    def let_in(self, *cookies: str) -> None:
        """From now on nobody without one of these cookies, or the key, is let in."""
        self.doors.username, self.doors.accepted = "me", set(cookies)

    def keep(self, *scenes: int) -> None:
        """Take all other scenes away."""
        for number in [one for one in self.app.database.scenes if one not in scenes]:
            self.control.delete_scene(number)

    def asked(self) -> list[dict[str, Any]]:
        """Every request so far, as ``ControlApi.requests`` tells them; header names are lower."""
        return self.journal.report(headers=True)

    def operations(self) -> list[str]:
        """Names of the GraphQL operations asked so far, in order."""
        return [asked["operation"] for asked in self.asked() if asked["method"] == "POST"]


def plain(status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with these headers and those of the connection."""
    return Reply(status, body, "", list((headers or {}).items()))


def of_json(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON reply."""
    kind = {"Content-Type": "application/json"}
    return plain(status, json.dumps(data).encode(), kind | dict(headers or {}))


@contextmanager
def running_wire(
    scenes: int = 1, *, tls: ssl.SSLContext | None = None, cookie: str | None = COOKIE
) -> Iterator[Wire]:
    """Run one with the first ``scenes`` of the catalogue until the block ends."""
    with Wire(scenes, tls, cookie) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            if server.hold is not None:
                server.hold.set()
            server.shutdown()
            thread.join()


def version_of(client: StashClient) -> str:
    """Ask Stash its version: the smallest question there is."""
    found = client.query("query Version { version { version } }", {})["version"]
    return str(found["version"])
