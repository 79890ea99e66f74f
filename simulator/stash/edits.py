"""Applies the inputs of scene mutations to a scene record, and a scan's news to many."""

from __future__ import annotations

import base64
import re
from typing import Any

from simulator.stash.database import Database, like_key
from simulator.stash.executor import StashError
from simulator.stash.records import Scene

# What is kept as it is given, and what it is when it is cleared.
_PLAIN = {"title": "", "code": "", "details": "", "director": "", "date": None}
_LISTS = {"performer_ids": "performers", "tag_ids": "tags"}
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


def number_of(text: Any) -> int:
    """An id as a number, or Stash's error, which it words like Go does."""
    try:
        return int(text)
    except (TypeError, ValueError):
        words = f'converting id: strconv.Atoi: parsing "{text}": invalid syntax'
        raise StashError(words) from None


def check_input(database: Database, given: dict[str, Any]) -> None:
    """Refuse what Stash would not take of a scene's input, before anything is changed.

    Raises:
        StashError: a date that is none, or ids of things that are not there.
    """
    date = given.get("date")
    if date and not _DATE.fullmatch(date):
        raise StashError(f'converting date: failed to parse date "{date}"')
    asked = {"studio": [given["studio_id"]] if given.get("studio_id") else []}
    for name, plural in _LISTS.items():
        ids = given.get(name) or []
        asked[plural[:-1]] = ids["ids"] if isinstance(ids, dict) else ids
    for kind, ids in asked.items():
        if any(number_of(one) not in database.entities[kind] for one in ids):
            raise StashError("FOREIGN KEY constraint failed")


def apply_input(scene: Scene, given: dict[str, Any]) -> None:
    """Apply a ``SceneUpdateInput``; keys that were not given stay as they are.

    In a ``BulkSceneUpdateInput`` lists come with a mode. Keys that the stand-in
    keeps nothing for are no mistake: Stash has many.
    """
    for name, empty in _PLAIN.items():
        if name in given:
            setattr(scene, name, given[name] or empty)
    if "rating100" in given:
        scene.rating100 = given["rating100"]
    if "organized" in given:
        scene.organized = bool(given["organized"])
    if "studio_id" in given:
        scene.studio = None if given["studio_id"] is None else int(given["studio_id"])
    if given.get("cover_image"):  # a data URL
        scene.cover = base64.b64decode(given["cover_image"].partition(",")[2])
    if "groups" in given:
        groups = {int(one["group_id"]): one.get("scene_index") for one in given["groups"] or ()}
        scene.groups, scene.group_places = list(groups), groups
    for name, plural in _LISTS.items():
        if name in given:
            setattr(scene, plural, _moded(getattr(scene, plural), given[name] or []))


def move_folder(database: Database, old: str, new: str) -> list[int]:
    """Do what a scan does that finds a folder renamed; give the ids of the scenes below it.

    Stash changes the path in its row of the folder: no time moves, and no hook runs.
    """

    def edit(scene: Scene) -> None:
        for file in scene.files:
            if file.path.startswith(old + "/"):
                file.path = new + file.path.removeprefix(old)

    with database.lock:
        known = database.having("path").items()
        below = {one for path, ids in known if path.startswith(like_key(old) + "/") for one in ids}
        for number in sorted(below):
            database.change(number, edit, touch=False)
    return sorted(below)


def _moded(now: list[int], wanted: Any) -> list[int]:
    """A list after it was set to another, or after SET, ADD or REMOVE of ``wanted["ids"]``."""
    mode = wanted["mode"] if isinstance(wanted, dict) else "SET"
    given = wanted["ids"] if isinstance(wanted, dict) else wanted
    ids = list(dict.fromkeys(int(one) for one in given or ()))
    if mode == "REMOVE":
        return [one for one in now if one not in ids]
    return ids if mode == "SET" else [*now, *(one for one in ids if one not in now)]
