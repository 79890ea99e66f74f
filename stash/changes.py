"""What changed in Stash lately: scenes, studios, performers, tags and groups by updated_at.

One document asks for the newest few of each kind, so a sweep of a Stash in
which nothing happened costs one request. Stash sorts and compares updated_at as
text in the offset that its server had then, so whoever reads on from page to
page goes by that text (``Changed.local``), and judges by instants (``Changed.at``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from .answer import read_each, read_id, read_object, read_part, read_text, read_whole
from .queries import belonging_to
from .scene import SceneStamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .client import RefKind, StashClient

KINDS = ("scene", "studio", "performer", "tag", "group")
#: Seconds after an update during which another one may carry the same time.
SAME_SECOND = 2.0
#: Entries of each kind in the first request, and of one kind in those that follow.
FIRST_PAGE = 40
LARGE = 500

_LIST = {
    "scene": ("findScenes", "scenes"),
    "studio": ("findStudios", "studios"),
    "performer": ("findPerformers", "performers"),
    "tag": ("findTags", "tags"),
    "group": ("findGroups", "groups"),
}


# A moved file leaves the scene's own updated_at alone. files_filter is there since
# Stash 0.30; older ones refuse the document.
_MOVED = """
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

_IDS = {
    kind: f"query Ids($page: FindFilterType!) {{ {find}(filter: $page) {{ {plural} {{ id }} }} }}"
    for kind, (find, plural) in _LIST.items()
}

_SCENE_IDS = """
query SceneIds($scenes: SceneFilterType!, $size: Int!) {
  findScenes(scene_filter: $scenes, filter: {per_page: $size, sort: "id", direction: ASC}) {
    scenes { id }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Changed:
    """One entry: its id, updated_at as Stash writes it, and that as Unix seconds."""

    id: int
    updated_at: str
    at: float

    @property
    def offset(self) -> float:
        """Seconds by which the server's clock was ahead of UTC when it wrote this."""
        return self.local - self.at

    @property
    def local(self) -> float:
        """The text without its offset, as if it were UTC: what Stash sorts by."""
        return instant(self.updated_at[:19])


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest entries of one kind, in the order of their text, and how many there are in all."""

    count: int
    entries: tuple[Changed, ...]


def newest(
    client: StashClient, kinds: tuple[str, ...] = KINDS, *, page: int = 1, size: int = FIRST_PAGE
) -> dict[str, Newest]:
    """Give the newest entries of some kinds, in one request; pages count from 1."""
    order = {"page": page, "per_page": size, "sort": "updated_at", "direction": "DESC"}
    parts = [
        f"{kind}: {_LIST[kind][0]}(filter: $page) {{ count entries: {_LIST[kind][1]} "
        "{ id updated_at } }"
        for kind in kinds
    ]
    document = f"query Changes($page: FindFilterType!) {{ {' '.join(parts)} }}"
    data = client.query(document, {"page": order})
    found = {}
    for kind in kinds:
        part = read_part(data, kind)
        entries = read_each(part.get("entries"), f"the newest of kind {kind}", _changed)
        count = read_whole(part.get("count"), f"the number of kind {kind}")
        found[kind] = Newest(count or 0, entries)
    return found


def touched(client: StashClient, since: str, last_id: int) -> list[SceneStamp]:
    """Give a page of scenes above ``last_id`` with a file touched after ``since`` (see ``text``).

    Raises ``StashQueryRefused`` if this Stash is older than 0.30 and cannot tell.
    """
    data = client.query(_MOVED, {"since": since, "last": last_id, "size": LARGE})
    page = read_part(data, "findScenes").get("scenes")
    stamps = read_each(page, "scenes", SceneStamp.from_graphql)
    return sorted((stamp for stamp in stamps if stamp.id > last_id), key=lambda one: one.id)


def ids_of_kind(client: StashClient, kind: str, size: int = 1000) -> set[int]:
    """Give the ids of all entries of a kind (see ``read_pages``), to see what is gone."""
    return {one.id for one in client.read_pages(_IDS[kind], _LIST[kind], size, _changed)}


def scene_ids(
    client: StashClient,
    last_id: int,
    size: int,
    of: tuple[RefKind, Iterable[int]] | None = None,
) -> list[int]:
    """Give up to ``size`` ids of scenes above ``last_id``, ascending; an empty list is the end.

    ``last_id`` is 0 to begin with, then the last one of the page before. ``of`` asks only for
    those that carry one of these studios, performers, tags or groups now.
    """
    criteria = belonging_to(*of) if of else None
    return [one.id for one in client.scenes_above(last_id, size, _SCENE_IDS, _changed, criteria)]


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


def text(at: float, offset: float) -> str:
    """Give an instant as Stash writes it while its clock is ``offset`` seconds ahead of UTC."""
    zone = timezone(timedelta(seconds=round(offset / 60) * 60))
    moment = datetime.fromtimestamp(max(at, 0.0), zone).replace(microsecond=0)
    return moment.isoformat().replace("+00:00", "Z")


def _changed(raw: object, what: str) -> Changed:
    entry = read_object(raw, what)
    updated_at = read_text(entry.get("updated_at"), f"updated_at in {what}")
    return Changed(read_id(entry.get("id"), f"an id in {what}"), updated_at, instant(updated_at))
