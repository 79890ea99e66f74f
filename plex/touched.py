"""Which items somebody watched or rated since a time, over all libraries, with one request.

The listing of all libraries, its filters by date and the brackets with "or" between them are
those of the official contract (GET /library/all, "Media Queries"); that ``lastRatedAt`` is a
field to filter by, that an item says it, and ``viewOffset`` where it was stopped, is plexapi's
word (library.py, video.py). No recording shows them. Assumed is that stopping an item moves
its ``lastViewedAt``, that seeing it to its end takes its ``viewOffset`` away, and that taking
a rating away moves ``lastRatedAt``. A server that ignores the filters is noticed by what it
sends, and asked for the newest first, one order after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plex.exceptions import BadResponse
from plex.fields import whole_number
from plex.listing import LEFT_OUT, window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from plex.client import PlexClient

#: What Plex calls the two times.
VIEWED, RATED = "lastViewedAt", "lastRatedAt"
#: Rows of one page, and the most that are looked through.
PAGE, MOST = 1000, 5_000_000

_ADDRESS = "/library/all"
_SLIM = (("excludeElements", f"Media,{LEFT_OUT}"), ("excludeFields", "summary,tagline"))


@dataclass(frozen=True, slots=True)
class Touched:
    """One item: when it was last watched and rated, in Unix seconds by Plex's clock, 0 for never.

    ``offset`` is where it was stopped, in milliseconds, 0 for nowhere; ``rating`` the text of
    the user's rating, "" for none; ``views`` how often it was seen to its end.
    """

    rating_key: int
    viewed_at: int
    offset: int
    rated_at: int
    rating: str
    views: int = 0

    @property
    def view(self) -> tuple[int, int, int, int]:
        """Give what moves when somebody watches the item."""
        return self.rating_key, self.viewed_at, self.offset, self.views

    def at(self, field: str) -> int:
        """Give one of the two times by Plex's name of it."""
        return self.viewed_at if field == VIEWED else self.rated_at


def touched_since(
    client: PlexClient, item_type: int, since: Mapping[str, int]
) -> Iterator[Touched]:
    """Give the items that were watched or rated at or after some times, each at least once.

    Args:
        client: Plex; the times and ratings are those of its token's user.
        item_type: Plex's number for the items' type.
        since: Unix seconds by Plex's name of the time, one or both.

    Raises:
        BadResponse: The listing has no end.
        errors.SyncError: Plex could not be asked.
    """
    filters = [(f"{field}>>", str(max(at - 1, 0))) for field, at in since.items()]
    if len(filters) == 2:
        filters = [("push", "1"), filters[0], ("or", "1"), filters[1], ("pop", "1")]
    for rows in _pages(client, item_type, [*filters, ("sort", "addedAt")]):
        if not all(any(row.at(field) >= at for field, at in since.items()) for row in rows):
            break
        yield from rows
    else:
        return
    for field, at in since.items():
        yield from _newest_first(client, item_type, field, at)


def newest(client: PlexClient, item_type: int, field: str, until: float) -> int:
    """Give the newest time there is that is not after another, 0 for none.

    Raises:
        errors.SyncError: Plex could not be asked.
    """
    for row in _newest_first(client, item_type, field, 1, size=20):
        if row.at(field) <= until:
            return row.at(field)
    return 0


def _newest_first(
    client: PlexClient, item_type: int, field: str, since: int, size: int = PAGE
) -> Iterator[Touched]:
    for rows in _pages(client, item_type, [("sort", f"{field}:desc")], size):
        for row in rows:
            if row.at(field) < since:
                return
            yield row


def _pages(
    client: PlexClient, item_type: int, asked: Sequence[tuple[str, str]], size: int = PAGE
) -> Iterator[list[Touched]]:
    start = 0
    while True:
        root = client.query(
            _ADDRESS,
            (("type", str(item_type)), *asked, *_SLIM),
            headers=window(start, size),
        )
        elements = [] if root is None else [one for one in root if one.get("ratingKey")]
        total = 0 if root is None else whole_number(root.get("totalSize"))
        yield [_touched(element) for element in elements]
        start += len(elements)
        if not elements or start >= total:
            return
        if start > MOST:
            raise BadResponse("Plex's listing has no end; PlexSync tries again later.")


def _touched(element: Element) -> Touched:
    return Touched(
        whole_number(element.get("ratingKey")),
        whole_number(element.get(VIEWED)),
        whole_number(element.get("viewOffset")),
        whole_number(element.get(RATED)),
        element.get("userRating", ""),
        whole_number(element.get("viewCount")),
    )
