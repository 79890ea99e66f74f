"""Finding scenes and entities: filters, sorting and paging with Stash's own quirks.

``updated_at`` is compared as text, offset and all. ``path`` EQUALS is SQL's LIKE:
case does not count, ``_`` and ``%`` are wildcards. Only the criteria are played that
PlexSync sends, or that were recorded; any other is an error, never a silent pass.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulator.stash.plan import StashError
from simulator.stash.records import KINDS

if TYPE_CHECKING:
    from simulator.stash.database import Database
    from simulator.stash.records import Scene

DEFAULT_PER_PAGE = 25


def find_scenes(database: Database, wanted: Mapping[str, Any]) -> list[int]:
    """Ids of the scenes that a ``scene_filter`` lets through, ascending."""
    ids = database.scene_ids()
    for name, criterion in wanted.items():
        if name == "files_filter":
            since = _value(criterion, "updated_at", "GREATER_THAN")
            ids = [one for one in ids if _touched(database.scene(one), since)]
        elif name == "id":
            # They are in order: no need to look.
            ids = ids[bisect_right(ids, _value(wanted, name, "GREATER_THAN")) :]
        elif name == "updated_at":
            since, stamps = _value(wanted, name, "GREATER_THAN"), database.stamps()
            ids = [one for one in ids if stamps[one] > since]
        elif name == "path":
            found = _with_path(database, str(_value(wanted, name, "EQUALS")))
            ids = [one for one in ids if one in found]
        elif name[:-1] in KINDS:
            carriers = database.carriers(name[:-1])
            some = [carriers.get(int(one), set()) for one in _value(wanted, name, "INCLUDES")]
            found = set[int]().union(*some)
            ids = [one for one in ids if one in found]
        else:
            raise StashError(f"the Stash stand-in does not play the filter {name}")
    return ids


def _value(wanted: Mapping[str, Any], name: str, modifier: str) -> Any:
    """The value of a criterion with the one modifier that is played."""
    criterion = wanted.get(name) or {}
    if criterion.get("modifier") != modifier:
        raise StashError(f"the Stash stand-in does not play the filter {name} of {wanted}")
    return criterion["value"]


def _touched(scene: Scene | None, since: str) -> bool:
    return scene is not None and any(file.updated_at > since for file in scene.files)


def _with_path(database: Database, value: str) -> set[int]:
    paths = database.paths()
    if not re.search(r"[%_]", value):
        return paths.get(value.lower(), set())
    wildcards = {"%": ".*", "_": "."}
    text = "".join(wildcards.get(letter, re.escape(letter)) for letter in value.lower())
    like = re.compile(text, re.DOTALL)
    return {number for path, ids in paths.items() if like.fullmatch(path) for number in ids}


def sort_scenes(database: Database, ids: list[int], wanted: Mapping[str, Any]) -> list[int]:
    """``ids`` in the order of a ``FindFilterType``; without a sort, as they lie in the table."""
    name, descending = wanted.get("sort"), wanted.get("direction") == "DESC"
    if name == "updated_at":
        return sorted(ids, key=database.stamps().__getitem__, reverse=descending)
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
    size = DEFAULT_PER_PAGE if size is None else size
    if size < 0:
        return items
    first = (max(wanted.get("page") or 1, 1) - 1) * size
    return items[first : first + size]
