"""The Stash stand-in as a server: ``python -m simulator.stash`` starts it as a process."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from simulator.faults import LOGIN_PAGE
from simulator.server import Server
from simulator.stash.context import Context
from simulator.stash.control_api import StashControlApi
from simulator.stash.schema import RequestError
from simulator.stash.sessions import UnauthorizedError
from simulator.wire import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.stash.app import StashApp

# As long as Stash's own, which comes with status 200 where a scene has no cover.
DEFAULT_COVER: Final = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9"/>'.ljust(733)
_HTML: Final = "text/html; charset=utf-8"
_OPERATION: Final = re.compile(r"\s*(?:query|mutation)\s+(\w+)")


class StashServer(Server):
    """Serves one ``StashApp``."""

    kinds = ("refused",)

    def __init__(self, app: StashApp, address: tuple[str, int]) -> None:
        super().__init__(address)
        self.app = app
        self.control = StashControlApi(self, app.stash)
        app.listen(self.port)

    def note(self, request: Request) -> list[str]:
        """Count by the operation's name, or else by method and path."""
        if request.method == "POST" and request.path == "/graphql":
            posted: dict[str, Any] = {}
            with contextlib.suppress(ValueError):
                posted = json.loads(request.body)
            request.query = str(posted.get("query") or "")
            request.variables = posted.get("variables")
            found = _OPERATION.match(request.query)
            request.operation = posted.get("operationName") or (found[1] if found else "")
        return [request.operation or f"{request.method} {request.path}"]

    def answer(self, request: Request) -> Reply:
        """The reply to whoever may ask."""
        key = request.headers.get("apikey") or request.argument("apikey") or ""
        try:
            caller = self.app.sessions.authenticate(key, request.headers.get("cookie", ""))
        except UnauthorizedError:
            return _refusal()
        if request.path == "/login":
            reply = Reply(200, LOGIN_PAGE, _HTML)
        elif not caller.known and request.path == "/graphql":
            return _refusal()
        elif not caller.known:
            where = f"/login?returnURL={quote(request.target, safe='')}"
            reply = Reply(302, b"", "", [("Location", where)])
        elif request.path == "/graphql":
            reply = self._graphql(request, caller.visited)
        elif request.path.startswith("/scene/") and request.path.endswith("/screenshot"):
            reply = self._screenshot(request.path.split("/")[2])
        else:  # as in Stash, whose pages make their own routes
            reply = Reply(200, b"<!DOCTYPE html><title>Stash</title>", _HTML)
        if caller.refresh:
            reply.headers.append(("Set-Cookie", self.app.sessions.set_cookie(caller.visited)))
        return reply

    def _graphql(self, request: Request, visited: Mapping[str, int]) -> Reply:
        kind = "application/graphql-response+json"
        kind = kind if kind in request.headers.get("accept", "") else "application/json"
        scheme = request.headers.get("x-forwarded-proto", "http")
        base = f"{scheme}://{request.headers.get('host', 'localhost')}"
        with request.connection.watched() as watch:
            context = Context(self.app.stash, base, visited, watch)
            try:
                posted = json.loads(request.body)
                status, reply = 200, self.app.execute(posted, context)
            except RequestError as error:
                status, reply = 422, {"errors": error.errors, "data": None}
        text = json.dumps(reply, ensure_ascii=False, separators=(",", ":"))
        return Reply(status, text.encode(), kind, [("Cache-Control", "no-store")])

    def _screenshot(self, number: str) -> Reply:
        database = self.app.stash.database
        with database.lock:
            scene = database.scene(int(number))
        if scene is None:
            return Reply(404, b"Not Found\n", "text/plain; charset=utf-8")
        cover = scene.cover_bytes()
        return (
            Reply(200, cover, "image/jpeg") if cover else Reply(200, DEFAULT_COVER, "image/svg+xml")
        )


def _refusal() -> Reply:
    return Reply(401, b"", "", [("Www-Authenticate", "FormBased")])
