"""What of a scene is not in Plex as it is in Stash, and stays so: asked of the ledger alone.

The note of a look tells it once only. The page asks, so nothing is loaded for the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from merge.base import Base
from merge.picture import KEPT, REFUSED, Picture
from store import ledger

if TYPE_CHECKING:
    import sqlite3

#: What is undone of a picture is noted by the name of its lock.
PICTURES = {"thumb": "poster", "art": "background"}


def of_scene(
    connection: sqlite3.Connection, server: str, scene: int
) -> tuple[list[str], list[str]]:
    """Give what keeps a person's value or was undone, and the pictures that Plex could not take.

    Args:
        connection: The store.
        server: Plex's machine identifier.
        scene: The scene's id.

    Returns:
        Both by name, each once, whatever items the scene has.
    """
    kept: dict[str, None] = {}
    refused: dict[str, None] = {}
    for entry in ledger.entries_of(connection, server, scene):
        base = Base.from_json(entry.base)
        rests = {PICTURES.get(name, name) for name in base.reported | base.undone}
        names = [*sorted(rests), *_pictures(base, KEPT)]
        kept |= dict.fromkeys(name.replace("_", " ") for name in names)
        refused |= dict.fromkeys(_pictures(base, REFUSED))
    return list(kept), list(refused)


def _pictures(base: Base, fate: str) -> list[str]:
    pictures = ((name, Picture.parse(text)) for name, text in sorted(base.images.items()))
    return [name for name, picture in pictures if picture and picture.fate == fate]
