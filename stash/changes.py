"""What changed in Stash lately: scenes, studios, performers, tags and groups by updated_at.

One document asks for the newest few of each kind, so a sweep of a Stash in
which nothing happened costs one request. Stash compares updated_at as text in
its own offset, so its order is trusted only roughly: the caller reads on until
a whole page is old, and compares instants (``instant``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .answer import read_each, read_id, read_text, read_whole, senseless

KINDS = ("scene", "studio", "performer", "tag", "group")
#: Entries of each kind in one request.
PAGE = 40

_LIST = {
    "scene": ("findScenes", "scenes"),
    "studio": ("findStudios", "studios"),
    "performer": ("findPerformers", "performers"),
    "tag": ("findTags", "tags"),
    "group": ("findGroups", "groups"),
}


def document(kinds: tuple[str, ...] = KINDS) -> str:
    """Give the GraphQL document that lists the newest entries of some kinds."""
    parts = [
        f"{kind}: {_LIST[kind][0]}(filter: $page) {{ count entries: {_LIST[kind][1]} "
        "{ id updated_at } }"
        for kind in kinds
    ]
    return f"query Changes($page: FindFilterType!) {{ {' '.join(parts)} }}"


def variables(page: int, size: int = PAGE) -> dict[str, Any]:
    """Give the variables for one page, newest first; pages count from 1."""
    return {
        "page": {"page": page, "per_page": size, "sort": "updated_at", "direction": "DESC"}
    }


#: Scenes with a file that Stash touched since a moment: a moved file leaves the
#: scene's own updated_at alone. Since Stash 0.30; older ones refuse the document.
MOVED = """
query Moved($since: String!, $last: Int!, $size: Int!) {
  findScenes(
    scene_filter: {
      id: {value: $last, modifier: GREATER_THAN}
      files_filter: {updated_at: {value: $since, modifier: GREATER_THAN}}
    }
    filter: {per_page: $size, sort: "id", direction: ASC}
  ) { scenes { id updated_at files { path } } }
}
"""

#: Ids of one kind in pages, to find what was deleted or merged away.
IDS = {
    kind: f"query Ids($page: FindFilterType!) {{ {find}(filter: $page) {{ {plural} {{ id }} }} }}"
    for kind, (find, plural) in _LIST.items()
}


@dataclass(frozen=True, slots=True)
class Changed:
    """One entry: its id, updated_at as Stash writes it, and that as Unix seconds."""

    id: int
    updated_at: str
    at: float


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest entries of one kind, roughly newest first, and how many there are in all."""

    count: int
    entries: tuple[Changed, ...]


def newest(data: Mapping[str, Any], kinds: tuple[str, ...] = KINDS) -> dict[str, Newest]:
    """Read the answer to ``document``.

    Raises:
        StashAnswerError: It is not such an answer.
    """
    found = {}
    for kind in kinds:
        part = data.get(kind)
        if not isinstance(part, Mapping):
            raise senseless(f"the newest of kind {kind}", "is not an object")
        entries = read_each(part.get("entries"), f"the newest of kind {kind}", _changed)
        count = read_whole(part.get("count"), f"the number of kind {kind}")
        found[kind] = Newest(count or 0, entries)
    return found


def ids(data: Mapping[str, Any], kind: str) -> list[int]:
    """Read one page of the answer to ``IDS[kind]``."""
    find, plural = _LIST[kind]
    part = data.get(find)
    if not isinstance(part, Mapping):
        raise senseless(find, "is not an object")
    return [entry.id for entry in read_each(part.get(plural), plural, _changed)]


def instant(updated_at: str) -> float:
    """Give the Unix seconds of Stash's updated_at, 0.0 for what is no date.

    It is text in the offset that the server had when it was written.
    """
    try:
        moment = datetime.fromisoformat(updated_at.strip().replace("Z", "+00:00"))
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp()


def day_before(at: float) -> str:
    """Give a moment as a filter value that is early enough in every offset."""
    return datetime.fromtimestamp(max(at - 2 * 86400, 0), timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )


def _changed(raw: object, what: str) -> Changed:
    if not isinstance(raw, Mapping):
        raise senseless(what, "holds something that is not an object")
    updated_at = read_text(raw.get("updated_at"), f"updated_at in {what}")
    return Changed(read_id(raw.get("id"), f"an id in {what}"), updated_at, instant(updated_at))
