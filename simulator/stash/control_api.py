"""What tests and the demo steer the Stash stand-in with, on its side of the socket."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from simulator.server import ControlApi, Server
from simulator.stash.edits import apply_input, move_folder
from simulator.stash.records import Scene, jpeg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.stash.context import Stash
    from simulator.stash.host import PluginHost


class StashControlApi(ControlApi):
    """Carries out what ``simulator.control_stash.StashControl`` asks, behind Stash's back."""

    def __init__(self, server: Server, stash: Stash) -> None:
        super().__init__(server)
        self.stash = stash
        self.database = stash.database

    def _state(self) -> dict[str, Any]:
        return {"now": self.database.now()}

    def _options(
        self, offset_minutes: int | None = None, advance_seconds: float = 0.0
    ) -> dict[str, Any]:
        if offset_minutes is not None:
            self.database.offset_minutes = offset_minutes
        self.database.skew += advance_seconds
        self.stash.sessions.skew += advance_seconds
        return self._state()

    def _cookie(self) -> str:
        return self.stash.sessions.make()

    def _settings(self, plugin_id: str, values: dict[str, Any] | None) -> None:
        if values is None:
            self.stash.settings.pop(plugin_id, None)
        else:
            self.stash.settings[plugin_id] = values

    def _scene(self, number: int) -> dict[str, Any]:
        scene = self.database.scene(number)
        if scene is None:
            raise KeyError(f"there is no scene {number}")
        return {**asdict(scene), "cover": len(scene.cover_bytes())}

    def _set_scene(self, number: int, *, touch: bool, **values: Any) -> dict[str, Any]:
        self.database.change(number, lambda scene: self._edit(scene, values), touch=touch)
        return self._scene(number)

    def _edit(self, scene: Scene, values: dict[str, Any]) -> None:
        """Keys of SceneUpdateInput, and ``cover`` and ``move``."""
        cover = str(values.get("cover", ""))
        if cover.startswith("new:"):
            scene.cover = jpeg(cover.encode())
        elif cover:
            scene.cover = b"" if cover == "none" else base64.b64decode(cover)
        if "move" in values:
            scene.files[0].path = values["move"]
            scene.files[0].updated_at = self.database.now()
        apply_input(scene, values)

    def _add_scene(self, files: Sequence[dict[str, Any]], **values: Any) -> int:
        with self.database.lock:
            number = self.database.add_scene(files).id
            self._set_scene(number, touch=False, **values)
        return number

    def _delete_scene(self, number: int) -> None:
        self.database.remove_scene(number)

    def _move_folder(self, old: str, new: str) -> list[int]:
        return move_folder(self.database, old, new)

    def _add_entity(self, kind: str, name: str) -> int:
        return self.database.add_entity(kind, name).id

    def _rename(self, kind: str, number: int, name: str) -> None:
        entity = self.database.entities[kind][number]
        entity.name, entity.updated_at = name, self.database.now()

    def _delete_entity(self, kind: str, number: int) -> None:
        self.database.remove_entity(kind, number)

    def _hook(self, trigger: str, number: int) -> None:
        self._host().run_hook(trigger, number)

    def _runs(self, since: int) -> list[dict[str, Any]]:
        return [run.as_dict() for run in self._host().runs[since:]]

    def _log(self) -> list[tuple[str, str]]:
        return list(self._host().log)

    def _host(self) -> PluginHost:
        if self.stash.host is None:
            raise ValueError("no plugin host: start the stand-in with plugin_dir")
        return self.stash.host
