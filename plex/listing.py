"""A library's listing in slim pages: which item holds which file, and nothing else.

Parsed straight from XML, because a plexapi object for each of 100,000 items
costs a minute. Tags in a listing are cut off and locks are missing, so nothing
is ever compared with one (see plex/item.py); Media is never excluded, it
carries the paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plex.exceptions import BadResponse
from plex.fields import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from xml.etree.ElementTree import Element

    from plex.client import PlexClient

#: Items asked for with one request. A server may send fewer: the next page
#: starts after what came, not after what was asked for.
PAGE = 2000
#: Rows after which a listing is no listing any more; the largest libraries known have
#: a few hundred thousand items.
MOST = 5_000_000

#: Elements of an item that no listing of ours looks at.
LEFT_OUT = (
    "Genre,Country,Guid,Rating,Collection,Director,Writer,Role,Producer,Similar,Mood,Image,"
    "UltraBlurColors"
)
_SLIM = (
    # By default a listing is in the order of sort titles, and our own edits would
    # shift the pages while they are read.
    ("sort", "addedAt"),
    ("excludeElements", LEFT_OUT),
    ("excludeFields", "summary,tagline"),
)


@dataclass(frozen=True, slots=True)
class ListedItem:
    """One row of a listing: ``updated_at`` and ``added_at`` in Unix seconds, 0 when unknown."""

    rating_key: int
    updated_at: int
    added_at: int
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One page; ``total`` is the number of items that the whole query matches.

    ``size`` is the number of rows that came, those that are no item of use included.
    """

    total: int
    size: int
    items: tuple[ListedItem, ...]


def window(start: int, size: int) -> dict[str, str]:
    """Give the headers that ask for no more than ``size`` rows, from row ``start`` on."""
    return {"X-Plex-Container-Start": str(start), "X-Plex-Container-Size": str(size)}


def pages(
    client: PlexClient,
    section: int,
    item_type: int,
    filters: Sequence[tuple[str, str]] = (),
    *,
    size: int = PAGE,
) -> Iterator[Page]:
    """Give the pages of a listing, at least one.

    Args:
        client: Plex.
        section: The library section's key.
        item_type: Plex's number for the items' type.
        filters: More parameters, such as ``("updatedAt>>", "1700000000")``; a
            filter that the server does not know is ignored by it.
        size: Items a page.

    Raises:
        BadResponse: The server ended the listing before its own total, or never ends it.
        errors.SyncError: It could not be asked.
    """
    start = 0
    before: set[int] = set()
    while True:
        root = client.query(
            f"/library/sections/{section}/all",
            (("type", str(item_type)), *filters, *_SLIM),
            headers=window(start, size),
        )
        if root is None:
            raise BadResponse("Plex sent an empty listing; PlexSync tries again later.")
        rows = sum(element.tag != "Meta" for element in root)
        page = Page(whole_number(root.get("totalSize"), start + rows), rows, tuple(_items(root)))
        del root  # a page of XML weighs ten times its items, and the caller takes its time
        keys = {item.rating_key for item in page.items}
        more = page.size and start + page.size < page.total
        if more and (keys <= before or start + page.size > MOST):
            # Whatever its total says: a page without news comes from a server, or a cache
            # before it, that ignores where the page should start.
            raise BadResponse(
                f"Plex repeats itself in the listing of library {section}, after {start} items of "
                f"{page.total}; PlexSync tries again later. If it lasts, look at any proxy or "
                "cache before Plex."
            )
        yield page
        start += page.size
        before = keys
        if start >= page.total:
            return
        if not page.size:
            raise BadResponse(
                f"Plex ended the listing of library {section} after {start} of {page.total} items; "
                "PlexSync tries again later."
            )


def count(client: PlexClient, section: int, item_type: int) -> int:
    """Give the number of items in a library, without any of them."""
    root = client.query(
        f"/library/sections/{section}/all",
        (("type", str(item_type)),),
        headers=window(0, 0),
    )
    return 0 if root is None else whole_number(root.get("totalSize"))


def _items(root: Element) -> Iterator[ListedItem]:
    for element in root:
        rating_key = whole_number(element.get("ratingKey"))
        if rating_key:
            files = tuple(part.get("file", "") for part in element.iter("Part") if part.get("file"))
            yield ListedItem(
                rating_key,
                whole_number(element.get("updatedAt")),
                whole_number(element.get("addedAt")),
                files,
            )
