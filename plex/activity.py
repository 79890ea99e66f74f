"""What was done in Plex: the history of views, and which items were watched or rated since.

A row of the history is written when an item was seen to its end; marking one as watched by hand
writes none (Plex's API, PUT /:/scrobble). Nobody has published a recording of the history, so
what is used of it is what the official contract lists (GET /status/sessions/history/all) and
what plexapi sends (server.py, ``history``), and it is checked here once more: a server that does
not know a filter ignores it.

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

from plex.fields import whole_number
from plex.listing import LEFT_OUT, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from plex.client import PlexClient

#: The account of the server's owner (plexapi, server.py: "The admin account is accountID=1").
OWNER = 1
#: What Plex calls the times at which an item was watched and rated last.
VIEWED, RATED = "lastViewedAt", "lastRatedAt"
#: Views and items asked for with one request.
VIEWS_A_PAGE, ITEMS_A_PAGE = 500, 1000

_HISTORY = "/status/sessions/history/all"
#: What a row of the history says, in the order of `View`.
_SEEN = ("ratingKey", "viewedAt", "accountID")
_ITEMS = "/library/all"
_SLIM = (("excludeElements", f"Media,{LEFT_OUT}"), ("excludeFields", "summary,tagline"))


@dataclass(frozen=True, slots=True)
class View:
    """One view: which item, when it ended in Unix seconds by Plex's clock, and by whom.

    ``rating_key`` is 0 where Plex no longer has the item.
    """

    rating_key: int
    viewed_at: int
    account: int


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


def views_since(client: PlexClient, since: int, account: int | None) -> Iterator[View]:
    """Give what was seen to its end at or after a time, newest first; a request a page.

    The time is Unix seconds by Plex's clock. An account of None asks for everybody's. Only the
    owner's token is shown those of others.
    """
    asked = [("sort", "viewedAt:desc"), ("viewedAt>", str(max(since - 1, 0)))]
    if account is not None:
        asked.append(("accountID", str(account)))
    for rows in rows_of(client, "history", _HISTORY, asked, VIEWS_A_PAGE):
        for row in rows:
            view = View(*(whole_number(row.get(name)) for name in _SEEN))
            if view.viewed_at < since:
                return  # newest first: all that follows is older
            if row.tag == "Video" and account in {None, view.account}:
                yield view


def touched_since(
    client: PlexClient, item_type: int, since: Mapping[str, int]
) -> Iterator[Touched]:
    """Give the items that were watched or rated at or after some times, each at least once.

    The times are in Unix seconds by Plex's name of them, one or both; they are those of the
    token's user, as ratings are.
    """
    filters = [(f"{field}>>", str(max(at - 1, 0))) for field, at in since.items()]
    if len(filters) == 2:
        filters = [("push", "1"), filters[0], ("or", "1"), filters[1], ("pop", "1")]
    for rows in _items(client, item_type, [*filters, ("sort", "addedAt")]):
        if not all(any(row.at(field) >= at for field, at in since.items()) for row in rows):
            break
        yield from rows
    else:
        return
    for field, at in since.items():
        yield from _newest_first(client, item_type, field, at)


def newest(client: PlexClient, item_type: int, field: str, until: float) -> int:
    """Give the newest time there is that is not after another, 0 for none."""
    for row in _newest_first(client, item_type, field, 1, size=20):
        if row.at(field) <= until:
            return row.at(field)
    return 0


def _newest_first(
    client: PlexClient, item_type: int, field: str, since: int, size: int = ITEMS_A_PAGE
) -> Iterator[Touched]:
    for rows in _items(client, item_type, [("sort", f"{field}:desc")], size):
        for row in rows:
            if row.at(field) < since:
                return
            yield row


def _items(
    client: PlexClient,
    item_type: int,
    asked: Sequence[tuple[str, str]],
    size: int = ITEMS_A_PAGE,
) -> Iterator[list[Touched]]:
    params = (("type", str(item_type)), *asked, *_SLIM)
    for rows in rows_of(client, "listing", _ITEMS, params, size):
        yield [_touched(row) for row in rows if row.get("ratingKey")]


def _touched(row: Element) -> Touched:
    return Touched(
        whole_number(row.get("ratingKey")),
        whole_number(row.get(VIEWED)),
        whole_number(row.get("viewOffset")),
        whole_number(row.get(RATED)),
        row.get("userRating", ""),
        whole_number(row.get("viewCount")),
    )
