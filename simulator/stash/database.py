"""The stand-in's database: a hundred thousand scenes, of which only the changed ones take room.

Changes come in two kinds: ``touch`` moves ``updated_at`` on as Stash does after
an edit, anything else leaves it where it was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from simulator.library import catalogue_file
from simulator.stash.records import (
    KINDS,
    Entity,
    Scene,
    VideoFile,
    catalogue_entities,
    catalogue_record,
    catalogue_related,
    catalogue_stamp,
    stamp,
)

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


class Database:
    """Scenes 1 to ``count`` of the catalogue and all that was changed since.

    Args:
        count: Number of catalogue scenes.
        offset_minutes: UTC offset of the server's clock.

    Attributes:
        offset_minutes: Offset that new timestamps are written in.
        skew: Seconds added to the real time, so that tests need not wait.
    """

    def __init__(self, count: int, offset_minutes: int = 0) -> None:
        self.count = count
        self.lock = threading.RLock()
        self.offset_minutes = offset_minutes
        self.skew = 0.0
        self._base_offset = offset_minutes
        self._live: dict[int, Scene] = {}
        self._gone: set[int] = set()
        self._ids: list[int] | None = None
        self._stamps: dict[str, dict[int, str]] = {}
        self._paths: dict[str, set[int]] | None = None
        self._carriers: dict[str, dict[int, set[int]]] = {}
        self.organized: set[int] = set()
        self.entities = {kind: catalogue_entities(kind, offset_minutes) for kind in KINDS}
        self.next_ids = {kind: len(self.entities[kind]) + 1 for kind in KINDS}
        self.next_ids |= {"scene": count + 1, "file": count + 1}

    def now(self) -> str:
        """The time as Stash would write it at this moment."""
        return stamp(time.time() + self.skew, self.offset_minutes)

    def take_id(self, kind: str) -> int:
        """The next free id; ids are never used twice."""
        number = self.next_ids[kind]
        self.next_ids[kind] += 1
        return number

    # --- scenes, read -----------------------------------------------------------------------

    def scene(self, number: int) -> Scene | None:
        """A scene, or None. Do not change what comes back; see ``change``."""
        found = self._live.get(number)
        if found is None and 1 <= number <= self.count and number not in self._gone:
            found = catalogue_record(number, self._base_offset)
        return found

    def scene_ids(self) -> list[int]:
        """Ids of all scenes, ascending."""
        if self._ids is None:
            kept = (number for number in range(1, self.count + 1) if number not in self._gone)
            self._ids = [*kept, *sorted(number for number in self._live if number > self.count)]
        return self._ids

    def stamps(self, name: str) -> dict[int, str]:
        """``updated_at`` or ``created_at`` of every scene by id."""
        known = self._stamps.get(name)
        if known is None:
            known = {
                number: catalogue_stamp(number, self._base_offset)
                if number not in self._live
                else getattr(self._live[number], name)
                for number in self.scene_ids()
            }
            self._stamps[name] = known
        return known

    def paths(self) -> dict[str, set[int]]:
        """Ids of scenes by the path of each of their files, as ``like_key`` gives it."""
        if self._paths is None:
            found: dict[str, set[int]] = {}
            for number in self.scene_ids():
                live = self._live.get(number)
                files = [catalogue_file(number).stash_path] if live is None else _paths(live)
                for path in files:
                    found.setdefault(like_key(path), set()).add(number)
            self._paths = found
        return self._paths

    def carriers(self, kind: str) -> dict[int, set[int]]:
        """Ids of the scenes that carry each studio, performer, tag or group."""
        if kind not in self._carriers:
            found: dict[int, set[int]] = {}
            for number in self.scene_ids():
                live = self._live.get(number)
                known = catalogue_related(number, kind) if live is None else live.related(kind)
                for entity in known:
                    found.setdefault(entity, set()).add(number)
            self._carriers[kind] = found
        return self._carriers[kind]

    # --- scenes, written --------------------------------------------------------------------

    def change(self, number: int, edit: Callable[[Scene], None], *, touch: bool) -> Scene:
        """Let ``edit`` change a scene; ``touch`` moves its ``updated_at`` on.

        Raises:
            KeyError: there is no such scene.
        """
        with self.lock:
            scene = self.scene(number)
            if scene is None:
                raise KeyError(number)
            self._index(scene, present=False)
            try:
                edit(scene)
            finally:
                if touch:
                    scene.updated_at = self.now()
                self._live[number] = scene
                self._index(scene, present=True)
            return scene

    def add_scene(self, **values: Any) -> Scene:
        """Make a scene from attribute values; its id and times are the next ones."""
        with self.lock:
            now = self.now()
            scene = Scene(self.take_id("scene"), now, now, **values)
            self._live[scene.id] = scene
            self._ids = None
            self._index(scene, present=True)
            return scene

    def remove_scene(self, number: int) -> Scene | None:
        """Take a scene out and give it back; None if there was none."""
        with self.lock:
            scene = self.scene(number)
            if scene is not None:
                self._index(scene, present=False)
                self._live.pop(number, None)
                self._gone.add(number)
                self._ids = None
                for known in self._stamps.values():
                    known.pop(number, None)
            return scene

    def new_file(self, path: str, *, size: int = 1_000_000, oshash: str = "") -> VideoFile:
        """A file that belongs to no scene yet."""
        number, now = self.take_id("file"), self.now()
        mark = oshash or f"{number:016x}"
        return VideoFile(number, path, size, mark, 600.0, now, now, now)

    def _index(self, scene: Scene, *, present: bool) -> None:
        """Keep what was indexed so far in step with one scene."""
        if present and scene.organized:
            self.organized.add(scene.id)
        else:
            self.organized.discard(scene.id)
        for name, stamps in self._stamps.items():
            stamps[scene.id] = getattr(scene, name)
        pairs: list[tuple[dict[Any, set[int]], Iterable[Any]]] = [
            (carriers, scene.related(kind)) for kind, carriers in self._carriers.items()
        ]
        if self._paths is not None:
            pairs.append((self._paths, [like_key(path) for path in _paths(scene)]))
        for index, keys in pairs:
            for key in keys:
                if present:
                    index.setdefault(key, set()).add(scene.id)
                else:
                    index.get(key, set()).discard(scene.id)

    # --- studios, performers, tags, groups --------------------------------------------------

    def add_entity(self, kind: str, name: str, **more: Any) -> Entity:
        """Make a studio, performer, tag or group."""
        with self.lock:
            now = self.now()
            entity = Entity(self.take_id(kind), name, now, now, more)
            self.entities[kind][entity.id] = entity
            return entity

    def remove_entity(self, kind: str, number: int) -> Entity | None:
        """Take one out and off every scene, whose ``updated_at`` stays; None if there was none."""
        with self.lock:
            for scene in sorted(self.carriers(kind).get(number, ())):
                self.change(scene, lambda one: _take_off(one, kind, number), touch=False)
            return self.entities[kind].pop(number, None)

    def replace_tag(self, old: int, new: int) -> None:
        """Give ``new`` to every scene that has ``old`` and drop ``old``; no time moves."""

        def swap(scene: Scene) -> None:
            left = [tag for tag in scene.tags if tag != old]
            scene.tags = left if new in left else [*left, new]

        with self.lock:
            for scene in sorted(self.carriers("tag").get(old, ())):
                self.change(scene, swap, touch=False)
            self.entities["tag"].pop(old, None)


def like_key(path: str) -> str:
    """A path in the form in which SQL's LIKE compares it: case only counts beyond ASCII."""
    return path.translate(_LOWER)


def _paths(scene: Scene) -> list[str]:
    return [file.path for file in scene.files]


def _take_off(scene: Scene, kind: str, number: int) -> None:
    if kind == "studio":
        scene.studio = None
    elif kind == "performer":
        scene.performers = [one for one in scene.performers if one != number]
    elif kind == "tag":
        scene.tags = [one for one in scene.tags if one != number]
    else:
        scene.groups = [pair for pair in scene.groups if pair[0] != number]
