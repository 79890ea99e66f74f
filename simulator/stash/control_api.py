"""The addresses under /sim/: look at the stand-in, change it behind Stash's back, plan faults."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from simulator.stash.edits import apply_input, move_folder
from simulator.stash.faults import BadRuleError
from simulator.stash.plan import StashError
from simulator.stash.records import KINDS, Scene, jpeg

if TYPE_CHECKING:
    from simulator.stash.server import StashServer


class ControlError(Exception):
    """A control request that asks for nothing the stand-in has."""


class ControlApi:
    """Answers control requests for one server."""

    def __init__(self, server: StashServer) -> None:
        self.server = server

    def handle(self, method: str, target: str, wanted: Any) -> Any:
        """What a request yields, as plain JSON values.

        Raises:
            ControlError: there is no such address, or it does not take that.
        """
        parts = urlsplit(target)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        room, *rest = parts.path.split("/")[2:]
        answer = getattr(self, f"_{room}", None)
        if answer is None:
            raise ControlError(f"there is no {parts.path}")
        try:
            return answer(method, rest, wanted or {}, asked)
        except (BadRuleError, StashError) as error:
            raise ControlError(str(error)) from error

    def _state(self, *_: Any) -> Any:
        app, database = self.server.app, self.server.app.database
        host = app.host
        return {
            "version": app.version,
            "scenes": len(database.scene_ids()),
            "now": database.now(),
            "counts": self.server.journal.counts(),
            "plugins": sorted(host.plugins) if host else [],
            "load_errors": host.load_errors if host else [],
        }

    def _requests(self, method: str, _: list[str], __: Any, asked: dict[str, str]) -> Any:
        journal = self.server.journal
        if method == "DELETE":
            journal.clear()
            return None
        since, limit = int(asked.get("since", 0)), int(asked.get("limit", 100_000))
        return journal.report(since, limit, headers=asked.get("headers", "1") == "1")

    def _faults(self, method: str, rest: list[str], wanted: Any, _: Any) -> Any:
        faults = self.server.faults
        if method == "POST":
            return [faults.add(one).as_dict() for one in _listed(wanted)]
        if method == "DELETE":
            faults.remove(int(rest[0]) if rest else None)
        return faults.rules()

    def _latency(self, _: str, __: list[str], wanted: Any, ___: Any) -> Any:
        self.server.latency = float(wanted["ms"]) / 1000
        return wanted

    def _options(self, _: str, __: list[str], wanted: dict[str, Any], ___: Any) -> Any:
        """Credentials, session age, and the clock."""
        app = self.server.app
        for name, value in wanted.items():
            if name in {"api_key", "username", "password", "max_age"}:
                setattr(app.sessions, name, value)
            elif name == "offset_minutes":
                app.database.offset_minutes = int(value)
            elif name == "advance_seconds":
                app.database.skew += float(value)
                app.sessions.skew += float(value)
            else:
                raise ControlError(f"there is no option {name}")
        return {"now": app.database.now()}

    def _cookie(self, *_: Any) -> Any:
        return {"cookie": self.server.app.sessions.make()}

    def _settings(self, method: str, rest: list[str], wanted: Any, _: Any) -> Any:
        stored = self.server.app.settings
        if method == "PUT":
            stored[rest[0]] = dict(wanted)
        elif method == "DELETE":
            stored.pop(rest[0], None)
        return stored

    def _scenes(self, method: str, rest: list[str], wanted: dict[str, Any], _: Any) -> Any:
        database = self.server.app.database
        number = int(rest[0]) if rest else 0
        if method == "DELETE":
            database.remove_scene(number)
            return None
        if method == "POST":
            with database.lock:
                files = [database.new_file(**one) for one in wanted.pop("files", ())]
                number = database.add_scene(files=files).id
                database.change(number, lambda one: self._edit(one, wanted), touch=False)
        elif method == "PUT":
            touch = bool(wanted.pop("touch", True))
            database.change(number, lambda one: self._edit(one, wanted), touch=touch)
        scene = database.scene(number)
        if scene is None:
            raise ControlError(f"there is no scene {number}")
        return {**asdict(scene), "cover": len(scene.cover_bytes())}

    def _folders(self, _: str, __: list[str], wanted: dict[str, Any], ___: Any) -> Any:
        """A folder that a scan found elsewhere."""
        return move_folder(self.server.app.database, str(wanted["old"]), str(wanted["new"]))

    def _edit(self, scene: Scene, wanted: dict[str, Any]) -> None:
        """Keys of SceneUpdateInput, and ``cover``, ``move`` and ``add_file``."""
        database = self.server.app.database
        cover = wanted.pop("cover", None)
        if cover is not None:
            scene.cover = b"" if cover == "none" else _cover(cover)
        if "move" in wanted:
            scene.files[0].path = str(wanted.pop("move"))
            scene.files[0].updated_at = database.now()
        if "add_file" in wanted:
            scene.files.append(database.new_file(**wanted.pop("add_file")))
        apply_input(database, scene, wanted)

    def _entities(self, method: str, rest: list[str], wanted: dict[str, Any], _: Any) -> Any:
        database, kind = self.server.app.database, rest[0]
        if kind not in KINDS:
            raise ControlError(f"there are {KINDS}, not {kind}")
        if method == "POST":
            return asdict(database.add_entity(kind, wanted.pop("name"), **wanted))
        if method == "DELETE":
            database.remove_entity(kind, int(rest[1]))
            return None
        entity = database.entities[kind][int(rest[1])]
        if method == "PUT":
            entity.name = wanted.get("name", entity.name)
            entity.updated_at = database.now()
        return asdict(entity)

    def _files(self, _: str, __: list[str], wanted: Any, ___: Any) -> Any:
        """Files that the next metadataScan finds."""
        self.server.app.waiting_files += _listed(wanted)
        return self.server.app.waiting_files

    def _hook(self, _: str, __: list[str], wanted: dict[str, Any], ___: Any) -> Any:
        host = self._host()
        fields = wanted.get("fields") or ()
        runs = host.run_hook(wanted["trigger"], int(wanted["id"]), wanted.get("input"), fields)
        return [run.as_dict() for run in runs]

    def _runs(self, _: str, __: list[str], ___: Any, asked: dict[str, str]) -> Any:
        return [run.as_dict() for run in self._host().runs[int(asked.get("since", 0)) :]]

    def _log(self, *_: Any) -> Any:
        return [[line.level, line.text] for line in self._host().log]

    def _host(self) -> Any:
        host = self.server.app.host
        if host is None:
            raise ControlError("no plugin host: start the stand-in with --plugin-dir")
        return host


def _listed(wanted: Any) -> list[dict[str, Any]]:
    return wanted if isinstance(wanted, list) else [wanted]


def _cover(text: str) -> bytes:
    """``new:<words>`` is a fresh JPEG that differs by its words; anything else is base64."""
    if text.startswith("new:"):
        return jpeg(text.encode())
    return base64.b64decode(text)
