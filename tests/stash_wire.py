"""A small Stash on a real socket for the adapter's own tests: enough to be asked, easy to break."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from stash.connection import StashConnection

if TYPE_CHECKING:
    from stash.client import StashClient

COOKIE = "THE-COOKIE-OF-THIS-TEST"
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


@dataclass(frozen=True)
class Asked:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    question: Mapping[str, Any]

    @property
    def operation(self) -> str:
        """Name of the GraphQL operation, or "" for anything else."""
        named = re.match(r"\s*query (\w+)", self.question.get("query", ""))
        return named.group(1) if named else ""


@dataclass(frozen=True)
class Answer:
    """What goes back; ``cut`` promises more bytes than it sends."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False

    @classmethod
    def of(
        cls, data: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Give a JSON answer."""
        kind = {"Content-Type": "application/json"}
        return cls(status, json.dumps(data).encode(), kind | dict(headers or {}))


@dataclass
class Wire:
    """The server's state, changed by tests while it runs.

    Attributes:
        scenes: Raw GraphQL scenes by id.
        covers: Content type and bytes by scene id.
        cookies: Cookies that are accepted; None means that none is needed.
        reissue: The cookie that every answer to an accepted cookie carries.
        scripted: Answers that are given before anything is looked at.
        hold: When set, answers wait for it.
        asked: Every request so far.
    """

    connection: StashConnection
    scenes: dict[int, dict[str, Any]] = field(default_factory=dict)
    covers: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    api_key: str = ""
    cookies: set[str] | None = None
    reissue: str = ""
    status: str = "OK"
    scripted: deque[Answer] = field(default_factory=deque)
    always: Answer | None = None
    hold: threading.Event | None = None
    asked: list[Asked] = field(default_factory=list)

    def operations(self) -> list[str]:
        """Names of the GraphQL operations asked so far, in order."""
        return [asked.operation for asked in self.asked if asked.method == "POST"]

    def answer(self, asked: Asked) -> Answer:
        """Answer as Stash 0.30.1 did where it was watched."""
        self.asked.append(asked)
        if self.hold is not None:
            self.hold.wait(30)
        if self.scripted:
            return self.scripted.popleft()
        if self.always is not None:
            return self.always
        key = asked.headers.get("ApiKey", "")
        cookie = asked.headers.get("Cookie", "").partition("=")[2]
        if key:
            # A wrong key is refused even where nothing is asked for.
            refused = key != self.api_key
        else:
            refused = self.cookies is not None and cookie not in self.cookies
        if refused and asked.method == "GET":
            return Answer(302, headers={"Location": "/login?returnURL=%2F"})
        if refused:
            return Answer(401, headers={"WWW-Authenticate": "FormBased"})
        extra = {}
        if self.reissue and cookie and not key:
            extra["Set-Cookie"] = f"session={self.reissue}; Path=/; Max-Age=3600; SameSite=Lax"
        if asked.method == "GET":
            return self._picture(asked.path)
        return Answer.of(self._resolve(asked), headers=extra)

    def _picture(self, path: str) -> Answer:
        wanted = re.match(r"/scene/(\d+)/screenshot\?t=\d+\Z", path)
        if wanted is None or int(wanted.group(1)) not in self.scenes:
            return Answer(404)
        kind, body = self.covers.get(int(wanted.group(1)), ("image/svg+xml", SVG))
        return Answer(200, body, {"Content-Type": kind})

    def _resolve(self, asked: Asked) -> dict[str, Any]:
        variables = asked.question["variables"]
        if self.status != "OK" and asked.operation not in {"SystemStatus", "Version"}:
            return {"errors": [{"message": "Internal system error. Error <nil>"}], "data": None}
        resolvers: dict[str, Callable[[], dict[str, Any]]] = {
            "ApiKey": lambda: {"configuration": {"general": {"apiKey": self.api_key}}},
            "SystemStatus": lambda: {"systemStatus": {"status": self.status}},
            "Version": lambda: {"version": {"version": "v0.30.1"}},
            "Settings": lambda: self._configuration(variables),
            "SceneAndSettings": lambda: {
                "findScene": self.scenes.get(int(variables["id"])),
                **self._configuration(variables),
            },
            "ScenePage": lambda: {"findScenes": {"scenes": self._page(variables)}},
            "StampPage": lambda: {"findScenes": {"scenes": self._page(variables)}},
            "Count": lambda: {"findScenes": {"count": len(self.scenes)}},
        }
        if asked.operation == "ScenesById":
            ids = [int(scene_id) for scene_id in variables["ids"]]
            for scene_id in ids:
                if scene_id not in self.scenes:
                    message = f"scene with id {scene_id} not found"
                    return {"errors": [{"message": message}], "data": None}
            found = {"findScenes": {"scenes": [self.scenes[each] for each in ids]}}
            return {"data": {**found, **self._configuration(variables)}}
        return {"data": resolvers[asked.operation]()}

    def _configuration(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        included = {k: v for k, v in self.settings.items() if k in variables["plugins"]}
        return {"configuration": {"plugins": included}}

    def _page(self, variables: Mapping[str, Any]) -> list[dict[str, Any]]:
        wanted = dict(variables["scenes"])
        after = wanted.pop("id")
        assert after["modifier"] == "GREATER_THAN"
        found = [
            scene
            for scene_id, scene in sorted(self.scenes.items())
            if scene_id > after["value"] and all(_meets(scene, *each) for each in wanted.items())
        ]
        return found[: variables["size"]]


def _meets(scene: Mapping[str, Any], key: str, criterion: Mapping[str, Any]) -> bool:
    if key == "path":
        like = re.escape(criterion["value"]).replace("%", ".*").replace("_", ".")
        paths = [file["path"] for file in scene["files"]]
        return any(re.fullmatch(like, path, re.IGNORECASE | re.DOTALL) for path in paths)
    if key == "studios":
        carried = [scene["studio"]] if scene["studio"] else []
    elif key == "groups":
        carried = [wrapped["group"] for wrapped in scene["groups"]]
    else:
        carried = scene[key]
    return any(ref["id"] in criterion["value"] for ref in carried)


def raw_scene(scene_id: int, **changed: Any) -> dict[str, Any]:
    """A scene as Stash answers with it, all optional parts empty."""
    empty: dict[str, Any] = {
        "id": str(scene_id),
        "title": f"Scene {scene_id}",
        "details": "",
        "date": None,
        "rating100": None,
        "director": "",
        "organized": False,
        "updated_at": "2026-11-22T19:07:36Z",
        "studio": None,
        "performers": [],
        "tags": [],
        "groups": [],
        "files": [{"path": f"/srv/lib/clip{scene_id}.mp4", "size": 1, "fingerprints": []}],
        "paths": {"screenshot": f"http://elsewhere:1/scene/{scene_id}/screenshot?t=1795374456"},
    }
    return empty | changed


@contextmanager
def running_wire(
    *, tls: ssl.SSLContext | None = None, cookie: str | None = COOKIE, host: str = "127.0.0.1"
) -> Iterator[Wire]:
    """Run one server on a free port of ``host`` until the block ends."""
    server = _Server((host, 0), _Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.wire = Wire(
        StashConnection(
            "https" if tls else "http",
            host,
            server.server_address[1],
            "session" if cookie else None,
            cookie,
        )
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.wire
    finally:
        if server.wire.hold is not None:
            server.wire.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    wire: Wire

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._serve(b"{}")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def _serve(self, body: bytes) -> None:
        headers = dict(self.headers.items())
        asked = Asked(self.command, self.path, headers, json.loads(body))
        answer = self.server.wire.answer(asked)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) + (100 if answer.cut else 0)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.close_connection = answer.cut

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def version_of(client: StashClient) -> str:
    """Ask Stash its version: the smallest question there is."""
    found = client.query("query Version { version { version } }", {})["version"]
    return str(found["version"])
