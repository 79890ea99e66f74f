"""A library's listing in slim pages: which item holds which file, and nothing else.

Parsed straight from XML, because a plexapi object for each of 100,000 items
costs a minute. Tags in a listing are cut off and locks are missing, so nothing
is ever compared with one (see plex/item.py); Media is never excluded, it
carries the paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plex.error_types import BadResponse
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


def rows_of(
    client: PlexClient, what: str, address: str, params: Sequence[tuple[str, str]], size: int
) -> Iterator[list[Element]]:
    """Give the rows of a list that is no library's, page by page, at least one page.

    ``what`` names it to people.

    Raises:
        BadResponse: It is no list, or one without an end.
    """
    start = 0
    while True:
        root = client.query(address, params, headers=window(start, size))
        if root is None:
            raise BadResponse(f"Plex sent an empty {what}; PlexSync tries again later.")
        rows = [row for row in root if row.tag != "Meta"]
        yield rows
        start += len(rows)
        if not rows or start >= whole_number(root.get("totalSize")):
            return
        if start > MOST:
            raise BadResponse(f"Plex's {what} has no end; PlexSync tries again later.")


def pages(
    client: PlexClient,
    section: int,
    item_type: int,
    filters: Sequence[tuple[str, str]] = (),
    *,
    size: int = PAGE,
) -> Iterator[Page]:
    """Give the pages of a library's listing, at least one.

    The type is Plex's number for it. Filters are more parameters, such as
    ``("updatedAt>>", "1700000000")``; one that the server does not know is ignored by it.

    Raises:
        BadResponse: The server ended the listing before its own total, or never ends it.
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
