"""A library's collections: what one list says of each, and taking an empty one away.

A collection comes into being with the first item that gets its name; nothing here makes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from plex.fields import whole_number
from plex.listing import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from xml.etree.ElementTree import Element

    from plex.client import PlexClient

#: Collections asked for with one request; few libraries have more.
PAGE = 1000
#: In the address of a picture that Plex puts together from those of the items.
_COMPOSITE = "/composite/"


@dataclass(frozen=True, slots=True)
class Listed:
    """One collection as the list shows it; a list says nothing of locks.

    ``thumb`` is the address of its picture, "" for one that Plex put together. ``children``
    is None where Plex does not say how many items it has.
    """

    rating_key: int
    title: str
    guid: str
    added_at: int
    summary: str
    thumb: str
    children: int | None
    smart: bool

    @property
    def identity(self) -> str:
        """What tells it from another one that gets its rating key."""
        return f"{self.guid} {self.added_at}"

    def digest(self, *beside: str) -> str:
        """Give 24 letters for what people see of it, and for what else decides what is due."""
        found = blake2b(digest_size=12)
        for text in (self.title, self.summary, self.thumb, *beside):
            found.update(b"\0" + text.encode(errors="surrogatepass"))
        return found.hexdigest()


def listed(client: PlexClient, section: int) -> list[Listed]:
    """Give a library's collections; one request for each thousand."""
    address = f"/library/sections/{section}/collections"
    found: dict[int, Listed] = {}
    for rows in rows_of(client, "list of collections", address, (), PAGE):
        before = len(found)
        found |= {one.rating_key: one for one in _each(rows)}
        if len(found) == before:
            break  # a page without news comes from a server that ignores where it should start
    return list(found.values())


def remove(client: PlexClient, rating_key: int) -> None:
    """Take a collection away; items that are in it stay.

    Raises:
        ValueError: The rating key is none.
    """
    if rating_key <= 0:
        raise ValueError(f"there is no collection {rating_key!r}")
    client.query(f"/library/collections/{rating_key}", method="DELETE")


def _each(rows: Iterable[Element]) -> Iterator[Listed]:
    for element in rows:
        rating_key = whole_number(element.get("ratingKey"))
        if rating_key and element.get("type") == "collection":
            thumb, children = element.get("thumb", ""), element.get("childCount")
            yield Listed(
                rating_key,
                element.get("title", ""),
                element.get("guid", ""),
                whole_number(element.get("addedAt")),
                element.get("summary", ""),
                "" if _COMPOSITE in thumb else thumb,
                None if children is None else whole_number(children),
                element.get("smart", "0") not in ("0", "", "false"),
            )
