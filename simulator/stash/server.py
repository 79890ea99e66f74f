"""The Stash stand-in as a server: ``python -m simulator.stash`` starts it as a process."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote

from graphql import GraphQLSchema, OperationDefinitionNode
from graphql.execution import get_variable_values

from simulator.faults import LOGIN_PAGE
from simulator.library import jpeg
from simulator.server import ControlApi, Server
from simulator.stash.app import Context, StashApp
from simulator.stash.edits import apply_input, move_folder
from simulator.stash.executor import Step, plan, run_operation
from simulator.stash.records import Scene
from simulator.stash.resolvers import RESOLVERS
from simulator.stash.schema import RequestError, load_schema, read_operation
from simulator.wire import Reply, Request

# As long as Stash's own, which comes with status 200 where a scene has no cover.
DEFAULT_COVER: Final = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9"/>'.ljust(733)
_HTML: Final = "text/html; charset=utf-8"
_PICTURE: Final = re.compile(
    r"/(scene|studio|performer|group)/(\d+)/(?:screenshot|(?:front)?image)"
)
_OPERATION: Final = re.compile(r"\s*(?:query|mutation)\s+(\w+)")


# A client has a handful of texts; one that writes values into them should not eat the memory.
@functools.lru_cache(maxsize=500)
def _prepared(
    schema: GraphQLSchema, text: str, name: str
) -> tuple[OperationDefinitionNode, list[Step]]:
    """The operation that a request asks for, and its steps."""
    operation, fragments = read_operation(schema, text, name)
    return operation, plan(schema, RESOLVERS, operation, fragments)


class StashServer(Server):
    """Serves one ``StashApp``, whose options it takes, on loopback; port 0 takes a free one."""

    strict = True

    def __init__(self, port: int = 0, **options: Any) -> None:
        super().__init__(("127.0.0.1", port))
        self.app = app = StashApp(self.port, **options)
        self.control = StashControlApi(self, app)
        self._schema = load_schema(app.version)

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
        caller = self.app.sessions.authenticate(key, request.headers.get("cookie", ""))
        refused = Reply(401, b"", "", [("Www-Authenticate", "FormBased")])
        if caller is None:
            return refused
        if request.path == "/login":
            reply = Reply(200, LOGIN_PAGE, _HTML)
        elif not caller.known and request.path == "/graphql":
            return refused
        elif not caller.known:
            where = f"/login?returnURL={quote(request.target, safe='')}"
            reply = Reply(302, b"", "", [("Location", where)])
        elif request.path == "/graphql":
            reply = self._graphql(request, caller.visited)
        elif picture := _PICTURE.fullmatch(request.path):
            reply = self._picture(request, picture[1], int(picture[2]))
        else:  # as in Stash, whose pages make their own routes
            reply = Reply(200, b"<!DOCTYPE html><title>Stash</title>", _HTML)
        if caller.refresh:
            reply.headers.append(("Set-Cookie", self.app.sessions.set_cookie(caller.visited)))
        return reply

    def _graphql(self, request: Request, visited: Mapping[str, int]) -> Reply:
        kind, refusal = "application/json", 422
        accepted = request.headers.get("accept", "")
        # Since 0.29 this is what anything means, and its refusals are 400 (watched on
        # 0.29.3, 0.30.1 and develop); before, only who asked for it got it, with 422.
        is_newer = self.app.version not in {"0.27", "0.28"}
        if "application/graphql-response+json" in accepted:
            kind = "application/graphql-response+json"
        elif is_newer and "*/*" in accepted and "application/json" not in accepted:
            kind, refusal = "application/graphql-response+json", 400
        scheme = request.headers.get("x-forwarded-proto", "http")
        base = f"{scheme}://{request.headers.get('host', 'localhost')}"
        with request.connection.watched() as watch:
            context = Context(self.app, base, visited, watch)
            try:
                status, reply = 200, self._execute(request, context)
            except RequestError as error:
                status, reply = refusal, {"errors": error.errors, "data": None}
        text = json.dumps(reply, ensure_ascii=False, separators=(",", ":"))
        return Reply(status, text.encode(), kind, [("Cache-Control", "no-store")])

    def _execute(self, request: Request, context: Context) -> dict[str, Any]:
        """Run a posted request and give the reply.

        Raises:
            RequestError: the schema does not allow the request.
        """
        operation, steps = _prepared(self._schema, request.query, request.operation)
        definitions = operation.variable_definitions or ()
        variables = get_variable_values(self._schema, definitions, request.variables or {})
        if isinstance(variables, list):
            raise RequestError("GRAPHQL_VALIDATION_FAILED", variables)
        data, errors = run_operation(steps, variables, context)
        return {"errors": errors, "data": data} if errors else {"data": data}

    def _picture(self, request: Request, kind: str, number: int) -> Reply:
        """A scene's cover, a studio's logo, a performer's picture, a group's front cover.

        With the ETag that Stash's pkg/utils/http.go (ServeStaticContent) gives it.
        """
        database = self.app.database
        with database.lock:
            scene = database.scenes.get(number) if kind == "scene" else None
            thing = scene or database.entities.get(kind, {}).get(number)
        if thing is None:
            return Reply(404, b"Not Found\n", "text/plain; charset=utf-8")
        picture = thing.cover_bytes() if isinstance(thing, Scene) else thing.image
        if not picture and kind == "scene":
            return Reply(200, DEFAULT_COVER, "image/svg+xml")
        if not picture:  # Stash's own placeholder, which is a picture like any other
            return Reply(200, jpeg(b"nobody has chosen one"), "image/jpeg")
        if not self.app.cover_etags:
            return Reply(200, picture, "image/jpeg")
        etag = f'"{hashlib.md5(picture, usedforsecurity=False).hexdigest()}"'
        headers = [("ETag", etag), ("Cache-Control", "no-cache")]
        if request.headers.get("if-none-match") == etag:
            return Reply(304, b"", "", headers)
        return Reply(200, picture, "image/jpeg", headers)


class StashControlApi(ControlApi):
    """What tests may ask of this stand-in besides, behind Stash's back: no hook runs."""

    def __init__(self, server: Server, stash: StashApp) -> None:
        super().__init__(server)
        self.stash = stash
        self.database = stash.database

    # Data

    def scene(self, number: int) -> dict[str, Any]:
        """Everything about one scene; ``cover`` is its length in bytes."""
        scene = self.database.scenes.get(number)
        if scene is None:
            raise KeyError(f"there is no scene {number}")
        return {**asdict(scene), "cover": len(scene.cover_bytes())}

    def set_scene(self, number: int, *, touch: bool = True, **values: Any) -> dict[str, Any]:
        """Change a scene; ``touch`` moves its ``updated_at`` on.

        The values are keys of ``SceneUpdateInput``, and ``cover`` ("none", "new:<words>" or
        base64), ``move`` (a new path for its first file) and ``add_file`` (keys of a file).
        """
        self.database.change(number, lambda scene: self._edit(scene, values), touch=touch)
        return self.scene(number)

    def add_scene(self, *files: str | dict[str, Any], **values: Any) -> int:
        """A new scene with these files, paths or the keys of a file; gives its id."""
        told = [{"path": file} if isinstance(file, str) else file for file in files]
        with self.database.lock:
            number = self.database.add_scene(told).id
            self.set_scene(number, touch=False, **values)
        return number

    def delete_scene(self, number: int) -> None:
        """Take a scene away."""
        self.database.remove_scene(number)

    def move_folder(self, old: str, new: str) -> list[int]:
        """Let a scan find a folder elsewhere: only paths change; gives the ids of its scenes."""
        return move_folder(self.database, old, new)

    def add_entity(self, kind: str, name: str, disambiguation: str = "") -> int:
        """A new studio, performer, tag or group; gives its id."""
        return self.database.add_entity(kind, name, disambiguation)

    def set_entity(self, kind: str, number: int, **values: Any) -> None:
        """Change attributes of one (``simulator.stash.records.Entity``), such as its ``name``.

        Its ``updated_at`` moves on. ``image`` is any words, which give one JPEG of their
        own, or "" for none.
        """
        entity = self.database.entities[kind][number]
        for name, value in values.items():
            setattr(entity, name, jpeg(value.encode()) if name == "image" and value else value)
        entity.updated_at = self.database.now()

    def delete_entity(self, kind: str, number: int) -> None:
        """Take one away and off every scene."""
        self.database.remove_entity(kind, number)

    # The server

    def state(self) -> dict[str, Any]:
        """Its time."""
        return {"now": self.database.now()}

    def options(
        self,
        offset_minutes: int | None = None,
        advance_seconds: float = 0.0,
        username: str | None = None,
        api_key: str | None = None,
    ) -> dict[str, Any]:
        """Set ``offset_minutes`` of its clock, or move it on by ``advance_seconds``.

        Also sets who has to log in (``username``, "" for nobody) and the ``api_key``;
        recorded as configureGeneral-credentials, -nocredentials and generateAPIKey.
        """
        if username is not None:
            self.stash.sessions.username = username
        if api_key is not None:
            self.stash.sessions.api_key = api_key
        if offset_minutes is not None:
            self.database.offset_minutes = offset_minutes
        self.database.skew += advance_seconds
        return self.state()

    def cookie(self) -> str:
        """A fresh session cookie's value, such as plugins get."""
        return self.stash.sessions.make()

    def settings(self, plugin_id: str, values: dict[str, Any] | None) -> None:
        """Store a plugin's whole settings map; None forgets that any was ever stored."""
        if values is None:
            self.stash.settings.pop(plugin_id, None)
        else:
            self.stash.settings[plugin_id] = values

    def hook(self, trigger: str, number: int) -> None:
        """Run the hooks of a trigger, without changing anything."""
        self.stash.host.run_hook(trigger, number)

    def runs(self, since: int = 0) -> list[dict[str, Any]]:
        """Every plugin process so far: name, sent, output, error, log, progress, seconds, pid."""
        return [asdict(run) for run in self.stash.host.runs[since:]]

    def log(self) -> list[list[str]]:
        """What plugins brought into Stash's log: level and text."""
        return [list(line) for line in self.stash.host.log]

    def _edit(self, scene: Scene, values: dict[str, Any]) -> None:
        cover = str(values.get("cover", ""))
        if cover.startswith("new:"):
            scene.cover = jpeg(cover.encode())
        elif cover:
            scene.cover = b"" if cover == "none" else base64.b64decode(cover)
        if "move" in values:
            scene.files[0].path = values["move"]
            scene.files[0].updated_at = self.database.now()
        if "add_file" in values:
            scene.files.append(self.database.new_file(**values["add_file"]))
        apply_input(scene, values)
