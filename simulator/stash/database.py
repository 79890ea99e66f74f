"""The stand-in's database: its scenes, what they carry, and how Stash looks for them.

Changes come in two kinds: ``touch`` moves ``updated_at`` on as Stash does after
an edit, anything else leaves it where it was.

Searches have Stash's own quirks. ``updated_at`` is compared as text, offset and
all. ``path`` EQUALS is SQL's LIKE: case does not count, ``_`` and ``%`` are
wildcards. Only the criteria are played that PlexSync sends, or that were recorded;
any other is an error, never a silent pass.
"""

from __future__ import annotations

import copy
import itertools
import re
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from simulator.stash.executor import StashError
from simulator.stash.records import (
    KINDS,
    Entity,
    Scene,
    VideoFile,
    catalogue_entities,
    catalogue_record,
    stamp,
)

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


class Database:
    """Scenes 1 to ``count`` of the catalogue, and all that becomes of them.

    New timestamps are written with an offset of ``offset_minutes`` to UTC.
    """

    def __init__(self, count: int, offset_minutes: int = 0) -> None:
        #: A scene is never changed but replaced, so what was found can be told without it.
        self.lock = threading.RLock()
        self.offset_minutes = offset_minutes
        #: Seconds added to the real time, so that tests need not wait.
        self.skew = 0.0
        #: By id, ascending; see ``change``.
        self.scenes = {one: catalogue_record(one, offset_minutes) for one in range(1, count + 1)}
        #: Studios, performers, tags and groups by id, for each kind.
        self.entities = {kind: catalogue_entities(kind, offset_minutes) for kind in KINDS}
        self._indexes: dict[str, dict[Any, set[int]]] = {}
        #: Ids are never used twice.
        self._ids = {kind: itertools.count(len(self.entities[kind]) + 1) for kind in KINDS}
        self._ids |= {kind: itertools.count(count + 1) for kind in ("scene", "file")}

    def clock(self) -> float:
        """Stash's time, in epoch seconds."""
        return time.time() + self.skew

    def now(self) -> str:
        """The time as Stash would write it at this moment."""
        return stamp(self.clock(), self.offset_minutes)

    def having(self, name: str) -> dict[Any, set[int]]:
        """Ids of scenes by what they have; made when first asked for.

        ``name`` is "path", for keys of ``like_key``, or one of ``KINDS``, for ids.
        """
        if name not in self._indexes:
            self._indexes[name] = found = dict[Any, set[int]]()
            for scene in self.scenes.values():
                for key in _keys(scene, name):
                    found.setdefault(key, set()).add(scene.id)
        return self._indexes[name]

    def change(self, number: int, edit: Callable[[Scene], None], *, touch: bool) -> Scene:
        """Let ``edit`` change a scene; ``touch`` moves its ``updated_at`` on.

        Raises:
            KeyError: there is no such scene.
        """
        with self.lock:
            before = self.scenes[number]
            # A copy: a long answer that has this scene in it shows it as it was, and whole.
            scene = copy.deepcopy(before)
            edit(scene)
            if touch:
                scene.updated_at = self.now()
            self._index(before, present=False)
            self._index(scene, present=True)
            self.scenes[number] = scene
            return scene

    def add_scene(self, files: Iterable[dict[str, Any]]) -> Scene:
        """Make a scene of these files (keys of ``new_file``)."""
        with self.lock:
            scene = Scene(next(self._ids["scene"]), self.now())
            scene.files = [self.new_file(**file) for file in files]
            self.scenes[scene.id] = scene
            self._index(scene, present=True)
            return scene

    def remove_scene(self, number: int) -> None:
        """Take a scene out."""
        with self.lock:
            scene = self.scenes.pop(number, None)
            if scene is not None:
                self._index(scene, present=False)

    def new_file(self, path: str, *, size: int = 1_000_000, oshash: str = "") -> VideoFile:
        """A file that belongs to no scene yet."""
        number = next(self._ids["file"])
        return VideoFile(number, path, size, oshash or f"{number:016x}", self.now())

    def add_entity(self, kind: str, name: str, disambiguation: str = "") -> int:
        """Make a studio, performer, tag or group; give its id."""
        with self.lock:
            number = next(self._ids[kind])
            self.entities[kind][number] = Entity(number, name, self.now(), disambiguation)
            return number

    def remove_entity(self, kind: str, number: int, instead: int | None = None) -> None:
        """Take one out and off every scene, with another ``instead``; their times stay."""

        def take_off(scene: Scene) -> None:
            if kind == "studio":
                scene.studio = None
                return
            ids = scene.related(kind)
            left = [one for one in ids if one != number]
            ids[:] = left if instead is None or instead in left else [*left, instead]

        with self.lock:
            for scene in sorted(self.having(kind).get(number, ())):
                self.change(scene, take_off, touch=False)
            self.entities[kind].pop(number, None)

    def _index(self, scene: Scene, *, present: bool) -> None:
        """Keep what was indexed so far in step with one scene."""
        for name, index in self._indexes.items():
            for key in _keys(scene, name):
                ids = index.setdefault(key, set())
                (ids.add if present else ids.discard)(scene.id)


def _keys(scene: Scene, name: str) -> Iterable[Any]:
    if name == "path":
        return [like_key(file.path) for file in scene.files]
    return scene.related(name)


def like_key(path: str) -> str:
    """A path in the form in which SQL's LIKE compares it: case only counts beyond ASCII."""
    return path.translate(_LOWER)


def find_scenes(database: Database, wanted: Mapping[str, Any]) -> list[int]:
    """Ids of the scenes that a ``scene_filter`` lets through, ascending."""
    scenes, ids = database.scenes, list(database.scenes)
    for name, criterion in wanted.items():
        if name == "files_filter":
            since = _value(criterion, "updated_at", "GREATER_THAN")
            ids = [one for one in ids if any(file.updated_at > since for file in scenes[one].files)]
        elif name == "id":
            # They are in order: no need to look.
            ids = ids[bisect_right(ids, _value(wanted, name, "GREATER_THAN")) :]
        elif name == "updated_at":
            since = _value(wanted, name, "GREATER_THAN")
            ids = [one for one in ids if scenes[one].updated_at > since]
        elif name == "path":
            found = _with_path(database, str(_value(wanted, name, "EQUALS")))
            ids = [one for one in ids if one in found]
        elif name == "title":
            like = _like(str(_value(wanted, name, "EQUALS")))
            ids = [one for one in ids if like.fullmatch(like_key(scenes[one].title))]
        elif name[:-1] in KINDS:
            having = database.having(name[:-1])
            some = [having.get(int(one), set()) for one in _value(wanted, name, "INCLUDES")]
            found = set[int]().union(*some)
            ids = [one for one in ids if one in found]
        else:
            raise StashError(f"the Stash stand-in does not play the filter {name}")
    return ids


def search_scenes(database: Database, ids: list[int], text: str) -> list[int]:
    """Those of some scenes that a ``q`` finds (Stash 0.30, pkg/sqlite/scene.go, models/search.go).

    Each word, or each phrase in double quotes, has to be part of the title, the details, a
    file's path or its hash; one behind ``-`` of none of them. Letters match in either case,
    ``_`` and ``%`` match anything. Markers have titles there that are searched, too; the
    stand-in has no markers, and refuses ``OR``.
    """
    words = re.findall(r'-?"[^"]*"|\S+', text)
    if any(word.lower() in ("or", "|") for word in words[1:-1]):
        raise StashError(f"the Stash stand-in does not play OR in the search for {text}")
    likes = [
        (_like(f"%{word.removeprefix('-') if is_not else word}%".replace('"', "")), is_not)
        for word in words
        for is_not in [len(word) > 1 and word.startswith("-")]
    ]

    def fits(scene: Scene) -> bool:
        files = [one for file in scene.files for one in (file.path, file.oshash)]
        texts = [like_key(one) for one in (scene.title, scene.details, *files)]
        return all(
            any(like.fullmatch(one) for one in texts) is not is_not for like, is_not in likes
        )

    return [one for one in ids if fits(database.scenes[one])]


def _value(wanted: Mapping[str, Any], name: str, modifier: str) -> Any:
    """The value of a criterion with the one modifier that is played."""
    criterion = wanted.get(name) or {}
    if criterion.get("modifier") != modifier:
        raise StashError(f"the Stash stand-in does not play the filter {name} of {wanted}")
    return criterion["value"]


def _with_path(database: Database, value: str) -> set[int]:
    paths = database.having("path")
    if not re.search(r"[%_]", value):
        return paths.get(like_key(value), set())
    like = _like(value)
    return {number for path, ids in paths.items() if like.fullmatch(path) for number in ids}


def _like(value: str) -> re.Pattern[str]:
    """What SQL's LIKE with a value lets through, of texts in the form of ``like_key``."""
    wildcards = {"%": ".*", "_": "."}
    text = "".join(wildcards.get(letter, re.escape(letter)) for letter in like_key(value))
    return re.compile(text, re.DOTALL)


def named_entities(found: list[Any], wanted: Mapping[str, Any] | None) -> list[Any]:
    """Those that a filter by name lets through: SQL's LIKE (pkg/sqlite/criterion_handlers.go)."""
    if not wanted:
        return found
    if set(wanted) != {"name"}:
        raise StashError(f"the Stash stand-in does not play the filter {sorted(wanted)}")
    like = _like(str(_value(wanted, "name", "EQUALS")))
    return [one for one in found if like.fullmatch(like_key(one.name))]


def sort_scenes(database: Database, ids: list[int], wanted: Mapping[str, Any]) -> list[int]:
    """``ids`` in the order of a ``FindFilterType``; without a sort, as they lie in the table."""
    name, descending = wanted.get("sort"), wanted.get("direction") == "DESC"
    if name == "updated_at":
        return sorted(ids, key=lambda one: database.scenes[one].updated_at, reverse=descending)
    if name not in {None, "id"}:
        raise StashError(f"invalid sort: {name}")
    return ids[::-1] if descending else ids


def sort_entities(found: list[Any], wanted: Mapping[str, Any]) -> list[Any]:
    """Entities in the order of a ``FindFilterType``: by name unless told otherwise."""
    name = wanted.get("sort") or "name"

    def key(one: Any) -> Any:
        return one.name.lower() if name == "name" else getattr(one, name)

    return sorted(found, key=key, reverse=wanted.get("direction") == "DESC")


def page_of(items: list[Any], wanted: Mapping[str, Any]) -> list[Any]:
    """The page that a ``FindFilterType`` asks for; beyond the end there is nothing."""
    size = wanted.get("per_page")
    size = 25 if size is None else size
    if size < 0:
        return items
    first = (max(wanted.get("page") or 1, 1) - 1) * size
    return items[first : first + size]
