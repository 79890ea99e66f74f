"""The studios, groups and performers of Stash with what a collection shows; who has a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .answer import read_each, read_id, read_object, read_part, read_text
from .scene import NamedRef, read_ref, read_studio, versioned

if TYPE_CHECKING:
    from .client import StashClient

#: Of one page. Stash looks for the picture of each in a transaction.
PAGE = 500
#: Names in one page; they cost Stash one row each.
NAMES = 2000

# By kind: the query, its list, and what it has beside id, name and updated_at. Stash 0.27 has all.
_OF = {
    "studio": ("findStudios", "studios", "details image_path"),
    "group": ("findGroups", "groups", "details: synopsis image_path: front_image_path"),
    "performer": ("findPerformers", "performers", "disambiguation details image_path"),
}
KINDS = tuple(_OF)
PERFORMERS = (
    "query Performers($page: FindFilterType!) "
    "{ findPerformers(filter: $page) { performers { id name disambiguation } } }"
)
DOCUMENTS = {
    kind: f"query Entities($page: FindFilterType!) {{ {find}(filter: $page) {{ {plural} "
    f"{{ id name updated_at {more} }} }} }}"
    for kind, (find, plural, more) in _OF.items()
}
# By kind: the query, its list, and what is read beside id and name. Stash compares with SQL's
# LIKE, where letters match in either case and "_" and "%" anything.
_CALLED = {
    "studio": ("findStudios", "studios", "parent_studio { id name }"),
    "performer": ("findPerformers", "performers", "disambiguation"),
    "tag": ("findTags", "tags", ""),
}
_NAMED = {
    kind: f"query Named($name: String!) {{ {find}({kind}_filter: {{name: {{value: $name, "
    f"modifier: EQUALS}}}} filter: {{per_page: 100}}) {{ {plural} {{ id name {more} }} }} }}"
    for kind, (find, plural, more) in _CALLED.items()
}
# The movie of Stash before 0.27 is the group of today; its address may still be the old one.
_IMAGE = re.compile(r"/(?:studio|performer|group|movie)/(\d+)/(?:front)?image(?=\?|\Z)")


@dataclass(frozen=True, slots=True)
class Entity:
    """A studio, group or performer.

    ``cover`` is path and query of its picture on Stash's own server, "" where nobody has set
    one: Stash shows a placeholder of its own then. ``updated_at`` is as Stash writes it.
    """

    kind: str
    id: int
    name: str
    disambiguation: str = ""
    details: str = ""
    updated_at: str = ""
    cover: str = ""


def read_all(client: StashClient, kind: str) -> list[Entity]:
    """Give all of a kind out of ``KINDS``; one request for each 500."""
    find, plural, _ = _OF[kind]

    def read(raw: object, what: str) -> Entity:
        return _entity(raw, what, kind)

    return client.read_pages(DOCUMENTS[kind], (find, plural), PAGE, read)


def performers(client: StashClient) -> list[NamedRef]:
    """Give all performers by name; one request for each 2,000."""
    return client.read_pages(PERFORMERS, ("findPerformers", "performers"), NAMES, read_ref)


def all_named(client: StashClient, kind: str, name: str) -> tuple[NamedRef, ...]:
    """Give the studios, performers or tags of a name, as Stash compares them; a hundred at most."""
    find, plural, _ = _CALLED[kind]
    read = read_studio if kind == "studio" else read_ref
    part = read_part(client.query(_NAMED[kind], {"name": name}), find)
    return read_each(part.get(plural), f"{kind}s of a name", read)


def _entity(raw: object, what: str, kind: str) -> Entity:
    entity = read_object(raw, what)
    number = read_id(entity.get("id"), f"an id in {what}")
    of = f"{kind} {number}'s "
    return Entity(
        kind,
        number,
        read_text(entity.get("name"), of + "name"),
        read_text(entity.get("disambiguation"), of + "disambiguation"),
        read_text(entity.get("details"), of + "details"),
        read_text(entity.get("updated_at"), of + "updated_at"),
        _cover(number, read_text(entity.get("image_path"), of + "picture")),
    )


def _cover(number: int, address: str) -> str:
    """Give where a picture is on Stash's own server, whatever host it names; "" for a placeholder.

    Stash ends the address of a picture that nobody has set with ``default=true``
    (internal/api/urlbuilders).
    """
    found = _IMAGE.search(address)
    if found is None or int(found[1]) != number or "default=true" in address:
        return ""
    return versioned(found[0], address)
