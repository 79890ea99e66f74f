"""What of a scene is not in Plex as it is in Stash, and stays so: asked of the ledger alone.

The note of a look tells it once only. The page asks, so what the ledger keeps is read here as
merge/base.py and merge/picture.py write it: either costs more than all else of a look.
"""

from __future__ import annotations

from store import ledger
from store.quick_json import loads

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

#: What is undone of a picture is noted by the name of its lock.
PICTURES = {"thumb": "poster", "art": "background"}
#: What of a base names the fields that stay as they are in Plex.
RESTS = ("reported", "undone")


def of_scene(
    connection: sqlite3.Connection, server: str, scene: int
) -> tuple[list[str], list[str]]:
    """Give what keeps a person's value or was undone, and the pictures that Plex could not take.

    Both by name, each once, whatever items the scene has. ``server`` is Plex's machine identifier.
    """
    kept: dict[str, None] = {}
    refused: dict[str, None] = {}
    for entry in ledger.entries_of(connection, server, scene):
        base = loads(entry.base or "{}")
        rests = {PICTURES.get(name, name) for part in RESTS for name in base.get(part, ())}
        names = [*sorted(rests), *_pictures(base, "kept")]
        kept |= dict.fromkeys(name.replace("_", " ") for name in names)
        refused |= dict.fromkeys(_pictures(base, "refused"))
    return list(kept), list(refused)


def _pictures(base: dict[str, Any], fate: str) -> list[str]:
    pictures = sorted(base.get("images", {}).items())
    return [name for name, text in pictures if text.partition(" ")[0] == fate]
