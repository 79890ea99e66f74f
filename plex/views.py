"""What was watched in Plex: the server's history, newest first, as far back as is asked for.

A row is written when an item was seen to its end; marking one as watched by hand writes none
(Plex's API, PUT /:/scrobble). Nobody has published a recording of the history, so what is used
of it is what the official contract lists (GET /status/sessions/history/all) and what plexapi
sends (server.py, ``history``), and it is checked here once more: a server that does not know a
filter ignores it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plex.exceptions import BadResponse
from plex.fields import whole_number
from plex.listing import window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from plex.client import PlexClient

#: The account of the server's owner (plexapi, server.py: "The admin account is accountID=1").
OWNER = 1
#: Rows asked for with one request, and rows after which a history is none any more.
PAGE = 500
MOST = 2_000_000

_HISTORY = "/status/sessions/history/all"


@dataclass(frozen=True, slots=True)
class View:
    """One view: which item, when it ended in Unix seconds by Plex's clock, and by whom.

    ``rating_key`` is 0 where Plex no longer has the item.
    """

    rating_key: int
    viewed_at: int
    account: int


def views_since(
    client: PlexClient, since: int, account: int | None = OWNER, *, page: int = PAGE
) -> Iterator[View]:
    """Give what was seen to its end at or after a time, newest first; a request a page.

    Args:
        client: Plex, with the owner's token: others are shown their own views only.
        since: Unix seconds by Plex's clock.
        account: Whose views; None for everybody's.
        page: Rows of one request.

    Raises:
        BadResponse: The history has no end.
        errors.SyncError: Plex could not be asked.
    """
    asked = [("sort", "viewedAt:desc"), ("viewedAt>", str(max(since - 1, 0)))]
    if account is not None:
        asked.append(("accountID", str(account)))
    start = 0
    while True:
        root = client.query(_HISTORY, asked, headers=window(start, page))
        rows = [] if root is None else list(root)
        for row in rows:
            view = _view(row)
            if view.viewed_at < since:
                return  # newest first: all that follows is older
            if row.tag == "Video" and account in {None, view.account}:
                yield view
        start += len(rows)
        total = start if root is None else whole_number(root.get("totalSize"), start)
        if not rows or start >= total:
            return
        if start > MOST:
            raise BadResponse("Plex's history has no end; PlexSync tries again later.")


def _view(row: Element) -> View:
    return View(
        whole_number(row.get("ratingKey")),
        whole_number(row.get("viewedAt")),
        whole_number(row.get("accountID")),
    )
