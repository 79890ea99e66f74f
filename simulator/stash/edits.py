"""Applies the inputs of scene mutations to a scene record, and a scan's news to many."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from simulator.stash.database import like_key
from simulator.stash.plan import StashError
from simulator.stash.queries import number_of

if TYPE_CHECKING:
    from simulator.stash.database import Database
    from simulator.stash.records import Scene

TEXTS = ("title", "code", "details", "director")
PLAIN = ("rating100", "organized", "resume_time", "play_duration")
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


def apply_input(database: Database, scene: Scene, given: dict[str, Any]) -> None:
    """Apply a ``SceneUpdateInput``; keys that were not given stay as they are.

    Raises:
        StashError: a value that Stash would not take. Nothing is changed then.
    """
    check_input(database, given)
    for name in TEXTS:
        if name in given:
            setattr(scene, name, given[name] or "")
    for name in PLAIN:
        if name in given:
            empty = None if name == "rating100" else False if name == "organized" else 0
            setattr(scene, name, empty if given[name] is None else given[name])
    if "date" in given:
        scene.date = given["date"] or None
    if "urls" in given or "url" in given:
        scene.urls = list(given.get("urls") or ([given["url"]] if given.get("url") else []))
    if "studio_id" in given:
        scene.studio = None if given["studio_id"] is None else int(given["studio_id"])
    if "performer_ids" in given:
        scene.performers = _unique(given["performer_ids"])
    if "tag_ids" in given:
        scene.tags = _unique(given["tag_ids"])
    for key, number in (("movies", "movie_id"), ("groups", "group_id")):
        if key in given:
            pairs = given[key] or ()
            scene.groups = [(int(pair[number]), pair.get("scene_index")) for pair in pairs]
    if given.get("cover_image"):
        scene.cover = image_bytes(given["cover_image"])
    if "stash_ids" in given:
        scene.stash_ids = list(given["stash_ids"] or ())
    if given.get("primary_file_id") is not None:
        first = int(given["primary_file_id"])
        scene.files = sorted(scene.files, key=lambda file: file.id != first)
    if given.get("custom_fields"):
        _custom_fields(scene, given["custom_fields"])


def check_input(database: Database, given: dict[str, Any]) -> None:
    """Refuse a date that is none and ids of things that are not there."""
    date = given.get("date")
    if date and not _DATE.fullmatch(date):
        raise StashError(f'converting date: failed to parse date "{date}"')
    asked = {
        "studio": [given["studio_id"]] if given.get("studio_id") else [],
        "performer": _ids(given.get("performer_ids")),
        "tag": _ids(given.get("tag_ids")),
        "group": [pair["group_id"] for pair in given.get("groups") or ()],
    }
    for kind, ids in asked.items():
        for one in ids:
            if number_of(one, f"{kind} id") not in database.entities[kind]:
                raise StashError("FOREIGN KEY constraint failed")


def apply_bulk(database: Database, scene: Scene, given: dict[str, Any]) -> None:
    """Apply a ``BulkSceneUpdateInput``: lists come with a mode."""
    plain = dict(given)
    lists = {"performer_ids": scene.performers, "tag_ids": scene.tags}
    for name, now in lists.items():
        if plain.get(name) is not None:
            plain[name] = _moded(now, plain[name])
    wanted = plain.pop("group_ids", None) or plain.pop("movie_ids", None)
    if wanted is not None:
        index = dict(scene.groups)
        ids = _moded([group for group, _ in scene.groups], wanted)
        plain["groups"] = [{"group_id": one, "scene_index": index.get(one)} for one in ids]
    if plain.get("urls") is not None:
        plain["urls"] = _moded(scene.urls, {**plain["urls"], "ids": plain["urls"].get("values")})
    apply_input(database, scene, plain)


def move_folder(database: Database, old: str, new: str) -> list[int]:
    """Do what a scan does that finds a folder renamed; give the ids of the scenes below it.

    Stash changes the path in its row of the folder: no time moves, and no hook runs.
    """

    def edit(scene: Scene) -> None:
        for file in scene.files:
            if file.path.startswith(old + "/"):
                file.path = new + file.path.removeprefix(old)

    with database.lock:
        known = database.paths().items()
        below = {one for path, ids in known if path.startswith(like_key(old) + "/") for one in ids}
        for number in sorted(below):
            database.change(number, edit, touch=False)
    return sorted(below)


def image_bytes(text: str) -> bytes:
    """The image of a data URL.

    Raises:
        StashError: it is something else; the stand-in fetches nothing from the net.
    """
    head, _, body = text.partition(",")
    if not head.startswith("data:") or not head.endswith(";base64"):
        raise StashError("processing cover image: the stand-in takes base64 data URLs only")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise StashError(f"processing cover image: {error}") from error


def _ids(value: Any) -> list[Any]:
    """Ids of a plain list or of one with a mode that adds."""
    if isinstance(value, dict):
        return [] if value["mode"] == "REMOVE" else list(value.get("ids") or ())
    return list(value or ())


def _unique(ids: Any) -> list[int]:
    return list(dict.fromkeys(int(one) for one in ids or ()))


def _moded(now: list[Any], wanted: dict[str, Any]) -> list[Any]:
    """A list after SET, ADD or REMOVE of ``wanted['ids']``."""
    kind = type(now[0]) if now else int
    ids = [one if kind is str else _number_or_text(one) for one in wanted.get("ids") or ()]
    if wanted["mode"] == "SET":
        return ids
    if wanted["mode"] == "REMOVE":
        return [one for one in now if one not in ids]
    return [*now, *(one for one in ids if one not in now)]


def _number_or_text(one: Any) -> Any:
    return int(one) if str(one).isdigit() else one


def _custom_fields(scene: Scene, given: dict[str, Any]) -> None:
    if given.get("full") is not None:
        scene.custom_fields = dict(given["full"])
    scene.custom_fields |= given.get("partial") or {}
    for name in given.get("remove") or ():
        scene.custom_fields.pop(name, None)
