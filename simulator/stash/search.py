"""Finding scenes and entities: filters, sorting and paging with Stash's own quirks.

``updated_at`` and ``created_at`` are compared as texts, offset and all. ``path``
EQUALS is SQL's LIKE: case does not count, ``_`` and ``%`` are wildcards.
INCLUDES splits at blanks, any of the words will do, unless the value is quoted.
A criterion that is not played is an error, never a silent pass.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from simulator.stash.database import like_key
from simulator.stash.plan import StashError
from simulator.stash.records import KINDS

if TYPE_CHECKING:
    from simulator.stash.database import Database
    from simulator.stash.records import Scene

DEFAULT_PER_PAGE = 25
Ids = Iterable[int]

_COMPARE: Mapping[str, Callable[[Any, Any, Any], bool]] = {
    "EQUALS": lambda it, value, _: bool(it == value),
    "NOT_EQUALS": lambda it, value, _: bool(it != value),
    "GREATER_THAN": lambda it, value, _: it is not None and bool(it > value),
    "LESS_THAN": lambda it, value, _: it is not None and bool(it < value),
    "BETWEEN": lambda it, low, high: it is not None and bool(low <= it <= high),
    "NOT_BETWEEN": lambda it, low, high: it is not None and not low <= it <= high,
    "IS_NULL": lambda it, *_: it is None,
    "NOT_NULL": lambda it, *_: it is not None,
}


def find_scenes(database: Database, wanted: Mapping[str, Any] | None) -> list[int]:
    """Ids of the scenes that a ``scene_filter`` lets through, ascending."""
    ids = database.scene_ids()
    for name, criterion in (wanted or {}).items():
        if criterion is None:
            continue
        if name in {"AND", "OR", "NOT"}:
            inner = set(find_scenes(database, criterion))
            if name == "AND":
                ids = [one for one in ids if one in inner]
            elif name == "NOT":
                ids = [one for one in ids if one not in inner]
            else:
                either = inner | set(ids)
                ids = [one for one in database.scene_ids() if one in either]
        else:
            ids = _narrow(database, ids, name, criterion)
    return ids


def _narrow(database: Database, ids: list[int], name: str, criterion: Any) -> list[int]:
    if name == "id" and criterion["modifier"] == "GREATER_THAN":
        return ids[bisect_right(ids, criterion["value"]) :]  # they are in order: no need to look
    if name == "id":
        test = _comparison(criterion)
        return [one for one in ids if test(one)]
    if name in {"updated_at", "created_at"}:
        test, stamps = _comparison(criterion), database.stamps(name)
        return [one for one in ids if test(stamps[one])]
    if name == "organized":
        return [one for one in ids if (one in database.organized) == criterion]
    if name == "path":
        found = _with_path(database, criterion)
        return [one for one in ids if one in found]
    if name[:-1] in KINDS:
        return _with_related(database, ids, name[:-1], criterion)
    return [one for one in ids if _matches(database.scene(one), name, criterion)]


def _matches(scene: Scene | None, name: str, criterion: Any) -> bool:
    """Whether one scene meets a criterion that has no index."""
    if scene is None:
        return False
    if name in {"title", "code", "details", "director"}:
        return text_test(criterion)(getattr(scene, name))
    if name == "oshash":
        return any(text_test(criterion)(file.oshash) for file in scene.files)
    if name in {"rating100", "date", "o_counter", "play_count"}:
        return _comparison(criterion)(getattr(scene, name))
    if name in {"file_count", "performer_count", "tag_count"}:
        return _comparison(criterion)(len(getattr(scene, name.removesuffix("_count") + "s")))
    if name == "files_filter":
        return any(_file_matches(file, criterion) for file in scene.files)
    raise StashError(f"the Stash stand-in does not play the scene filter {name}")


def _file_matches(file: Any, wanted: Mapping[str, Any]) -> bool:
    for name, criterion in wanted.items():
        if name in {"updated_at", "created_at", "mod_time"}:
            met = _comparison(criterion)(getattr(file, name))
        elif name in {"path", "basename"}:
            met = text_test(criterion)(getattr(file, name))
        else:
            raise StashError(f"the Stash stand-in does not play the file filter {name}")
        if not met:
            return False
    return True


def _comparison(criterion: Mapping[str, Any]) -> Callable[[Any], bool]:
    modifier, value, other = criterion["modifier"], criterion["value"], criterion.get("value2")
    compare = _COMPARE.get(modifier)
    if compare is None:
        raise StashError(f"unsupported modifier {modifier}")
    return lambda it: compare(it, value, other)


def text_test(criterion: Mapping[str, Any]) -> Callable[[str], bool]:
    """The test that a ``StringCriterionInput`` stands for."""
    modifier, value = criterion["modifier"], str(criterion["value"])
    if modifier in {"EQUALS", "NOT_EQUALS"}:
        like = _like(value)
        return lambda it: bool(like.fullmatch(it)) == (modifier == "EQUALS")
    if modifier in {"INCLUDES", "EXCLUDES"}:
        words = [word.lower() for word in _words(value)]
        return lambda it: any(word in it.lower() for word in words) == (modifier == "INCLUDES")
    if modifier in {"IS_NULL", "NOT_NULL"}:
        return lambda it: (it == "") == (modifier == "IS_NULL")
    if modifier in {"MATCHES_REGEX", "NOT_MATCHES_REGEX"}:
        pattern = re.compile(value)
        return lambda it: bool(pattern.search(it)) == (modifier == "MATCHES_REGEX")
    raise StashError(f"unsupported modifier {modifier}")


def _like(value: str) -> re.Pattern[str]:
    """SQL's LIKE as a pattern: ``%`` is anything, ``_`` any one character.

    Case does not count for ASCII letters, and for no others
    (https://www.sqlite.org/lang_expr.html#like).
    """
    parts = {"%": ".*", "_": "."}
    text = "".join(parts.get(letter, re.escape(letter)) for letter in value)
    return re.compile(text, re.IGNORECASE | re.DOTALL | re.ASCII)


def _words(value: str) -> list[str]:
    """The words of an INCLUDES value; what stands in double quotes is one word."""
    found = re.findall(r'"([^"]*)"|(\S+)', value)
    return [quoted or bare for quoted, bare in found] or [value]


def _with_path(database: Database, criterion: Mapping[str, Any]) -> set[int]:
    paths, value = database.paths(), str(criterion["value"])
    if criterion["modifier"] == "EQUALS" and not re.search(r"[%_]", value):
        return set(paths.get(like_key(value), ()))
    test = text_test(criterion)
    return {number for path, numbers in paths.items() if test(path) for number in numbers}


def _with_related(
    database: Database, ids: list[int], kind: str, criterion: Mapping[str, Any]
) -> list[int]:
    carriers, modifier = database.carriers(kind), criterion["modifier"]
    wanted = [carriers.get(int(one), set()) for one in criterion.get("value") or ()]
    barred = set[int]().union(
        *(carriers.get(int(one), ()) for one in criterion.get("excludes") or ())
    )
    if modifier in {"IS_NULL", "NOT_NULL"}:
        some = set[int]().union(*carriers.values())
        return [one for one in ids if (one in some) == (modifier == "NOT_NULL")]
    if modifier == "EXCLUDES":
        barred = barred.union(*wanted)
        return [one for one in ids if one not in barred]
    if modifier not in {"INCLUDES", "INCLUDES_ALL"}:
        raise StashError(f"unsupported modifier {modifier}")
    if not wanted:
        return [one for one in ids if one not in barred]
    join = set.union if modifier == "INCLUDES" else set.intersection
    allowed = join(*wanted) - barred
    return [one for one in ids if one in allowed]


def search_scenes(database: Database, ids: list[int], text: str) -> list[int]:
    """The scenes whose title, details or paths hold ``text``."""
    needle, kept = text.lower(), []
    for number in ids:
        scene = database.scene(number)
        if scene is not None:
            texts = [scene.title, scene.details, *(file.path for file in scene.files)]
            if any(needle in one.lower() for one in texts):
                kept.append(number)
    return kept


def sort_scenes(database: Database, ids: list[int], wanted: Mapping[str, Any]) -> list[int]:
    """``ids`` in the order of a ``FindFilterType``; without a sort, as they lie in the table."""
    name, descending = wanted.get("sort") or "", wanted.get("direction") == "DESC"
    if name in {"updated_at", "created_at"}:
        stamps = database.stamps(name)
        return sorted(ids, key=stamps.__getitem__, reverse=descending)
    if name in {"", "id"}:
        return ids[::-1] if descending and name else ids
    if name in {"title", "date", "path", "rating"}:
        return sorted(ids, key=lambda one: _sort_key(database, one, name), reverse=descending)
    raise StashError(f"invalid sort: {name}")


def _sort_key(database: Database, number: int, name: str) -> Any:
    scene = database.scene(number)
    assert scene is not None
    if name == "path":
        return scene.files[0].path.lower() if scene.files else ""
    if name == "rating":
        return scene.rating100 or 0
    return str(getattr(scene, name) or "").lower()


def page_of(items: list[Any], wanted: Mapping[str, Any]) -> list[Any]:
    """The page that a ``FindFilterType`` asks for; beyond the end there is nothing."""
    size = wanted.get("per_page")
    size = DEFAULT_PER_PAGE if size is None else size
    if size < 0:
        return items
    first = (max(wanted.get("page") or 1, 1) - 1) * size
    return items[first : first + size]


def find_entities(database: Database, kind: str, wanted: Mapping[str, Any] | None) -> list[Any]:
    """The studios, performers, tags or groups that their filter lets through, by id."""
    found = list(database.entities[kind].values())
    for name, criterion in (wanted or {}).items():
        if name in {"updated_at", "created_at"}:
            test = _comparison(criterion)
        elif name == "name":
            test = text_test(criterion)
        else:
            raise StashError(f"the Stash stand-in does not play the {kind} filter {name}")
        found = [one for one in found if test(getattr(one, name))]
    return found


def sort_entities(found: list[Any], wanted: Mapping[str, Any]) -> list[Any]:
    """Entities in the wanted order: by name unless told otherwise, as in Stash."""
    name, descending = wanted.get("sort") or "name", wanted.get("direction") == "DESC"
    if name not in {"id", "name", "updated_at", "created_at"}:
        raise StashError(f"invalid sort: {name}")

    def key(one: Any) -> Any:
        value = getattr(one, name)
        return value.lower() if name == "name" else value

    return sorted(found, key=key, reverse=descending)
