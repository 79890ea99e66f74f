"""Which fields a Plex item has, and what each is called on the wire.

One row a field: our name (as in the setting sync_fields), Plex's parameter and
attribute name, and for lists the XML element. Episodes have no studio and no
genres (Plex refuses or ignores them there).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class PlexField(NamedTuple):
    """One field: ``wire`` is its name in edits, ``element`` that of its list elements or ""."""

    name: str
    wire: str
    element: str
    on_episode: bool


SCALARS = (
    PlexField("title", "title", "", on_episode=True),
    PlexField("sort_title", "titleSort", "", on_episode=True),
    PlexField("studio", "studio", "", on_episode=False),
    PlexField("summary", "summary", "", on_episode=True),
    PlexField("date", "originallyAvailableAt", "", on_episode=True),
    PlexField("rating", "userRating", "", on_episode=True),
    PlexField("content_rating", "contentRating", "", on_episode=True),
)
LISTS = (
    PlexField("performers", "actor", "Role", on_episode=True),
    PlexField("director", "director", "Director", on_episode=True),
    PlexField("tags", "genre", "Genre", on_episode=False),
    # Assumed, no recording shows a labelled item: as plexapi's Label reads it, and as every
    # list is written. Episodes take labels, too (plexapi's tests against a real server).
    PlexField("labels", "label", "Label", on_episode=True),
    PlexField("collections", "collection", "Collection", on_episode=True),
)
BY_NAME = {field.name: field for field in SCALARS + LISTS}

#: Plex's number for an item's type, needed by listings and by edits.
TYPE_NUMBERS = {"movie": 1, "episode": 4, "clip": 12, "collection": 18}

#: The type of item that holds files, by the type of library section.
LEAF_TYPE_OF_SECTION = {"movie": 1, "show": 4}


def whole_number(text: str | None, otherwise: int = 0) -> int:
    """Read a number as Plex writes it; what is none, or has more digits than any, is ``otherwise``.

    Python refuses to read numbers of thousands of digits.
    """
    if text and text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    return otherwise


@lru_cache(8)
def fields_of(item_type: str) -> frozenset[str]:
    """Give the names of the fields that an item of this type has."""
    return frozenset(
        field.name for field in BY_NAME.values() if item_type != "episode" or field.on_episode
    )
