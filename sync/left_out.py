"""What of a scene is not in Plex as it is in Stash, and stays so: asked of the ledger alone.

The note of a look tells it once only. The page asks, so nothing is loaded for the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from merge.base import Base
from store import ledger

if TYPE_CHECKING:
    import sqlite3

#: What the ledger says of a picture that was not sent (sync/artwork.py, which would load too
#: much here).
KEPT, REFUSED = "kept", "refused"


def of_scene(
    connection: sqlite3.Connection, server: str, scene: int
) -> tuple[list[str], list[str]]:
    """Give the fields and pictures that keep a person's, and the pictures that Plex could not take.

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
        pictures = sorted(base.images.items())
        names = [*sorted(base.reported), *(name for name, fate in pictures if _is(fate, KEPT))]
        kept |= dict.fromkeys(name.replace("_", " ") for name in names)
        refused |= dict.fromkeys(name for name, fate in pictures if _is(fate, REFUSED))
    return list(kept), list(refused)


def _is(picture: str, fate: str) -> bool:
    return picture.partition(" ")[0] == fate
