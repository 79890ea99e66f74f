"""The plan on the page: what the last preview found, by what would happen, and its age."""

from __future__ import annotations

import time
import zlib

from store import history, meta, planned
from store.quick_json import dumps

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from typing import Any

    from tasks.task import Task

#: Seconds after which a plan says nothing for sure, whatever is known of what came after it.
OLD = 86400.0
#: Changes since a plan that are counted.
COUNTED = 1000
#: Tasks that do something of what a plan lists.
WRITING = (
    "Sync all to Plex",
    "Retry failed",
    "Undo last sync",
    "Release locks",
    "Bring plays over",
)

#: By effect (merge/effects.py) its title and what it means, what takes most away first.
WORDS = {
    "cleared": (
        "Emptied",
        "Stash has nothing there any more. A title becomes the name of its file.",
    ),
    "persons": (
        "Replaced: what a person set in Plex",
        "Stash changed since, you chose Stash's, or Overwrite Plex Edits is on.",
    ),
    "removed": ("Members taken out", "PlexSync gave them, and Stash has them no more."),
    "agents": ("Replaced: Plex's own", "What an agent or a file brought; no person locked it."),
    "ours": ("Replaced: what Stash had before", "It changed in Stash."),
    "respelled": ("Members spelled anew", "Stash writes the name otherwise by now."),
    "pictures": ("Pictures", "The scene's cover is shown in place of the picture there is."),
    "added": ("Members added", "Those that are there stay."),
    "filled": ("Filled", "Plex has nothing there, or no title but the file's name."),
    "taken": (
        "Taken into Stash",
        "You chose what Plex has, or it is a rating that changed in Plex alone.",
    ),
    "played": (
        "Watched in Plex, not played in Stash",
        "The task “Bring plays over” adds these plays; no sync does.",
    ),
    "kept": ("Kept in Plex", "A person set it there; it stays, and nothing is written."),
}


def page_plan(task: Task) -> dict[str, Any]:
    """Give the plan that the last preview made: its sum, its groups, and why it is old.

    Arguments: ``settings``, those of now without the token, as far as they are known.
    ``old`` is "" while nothing is known that would change it.
    """
    connection, now = task.connection, time.time()
    about = planned.about(connection)
    sizes = about.get("sizes") or {}
    return {
        "now": now,
        "at": about.get("at"),
        # A PlexSync of before kept a table behind it.
        "text": str(about.get("text", "")).partition("\n\n")[0],
        "old": _old(connection, about, task.given_settings(), now),
        "groups": [
            {
                "effect": effect,
                "title": title,
                "what": what,
                "size": sum(sizes[effect].values()),
                "examples": planned.EXAMPLES if effect in about.get("cut", ()) else 0,
                # A list, because Stash sorts the keys of whatever it hands on.
                "fields": sorted(sizes[effect].items(), key=lambda one: (-one[1], one[0])),
            }
            for effect, (title, what) in WORDS.items()
            if effect in sizes
        ],
    }


def page_planned(task: Task) -> dict[str, Any]:
    """Give one page of the examples of an effect, scene by scene.

    Arguments: ``effect``, ``field`` ("" for all), ``limit``, and ``after``, the ``next`` of
    the page before.
    """
    given, limit = task.arguments, task.page_size()
    effect, field = str(given.get("effect") or ""), str(given.get("field") or "")
    after = task.number("after")
    rows = planned.page(task.connection, effect, field, after=after, limit=limit)
    return {
        "now": time.time(),
        "rows": [row._asdict() for row in rows],
        "next": rows[-1].number if len(rows) == limit else None,
    }


def _old(
    connection: sqlite3.Connection,
    about: Mapping[str, Any],
    settings: dict[str, object] | None,
    now: float,
) -> str:
    """Say why a plan may be wrong by now, "" where nothing is known that speaks against it."""
    began = about.get("began")
    if not began:
        return "A PlexSync of before made it." if about else ""
    seen = meta.get(connection, meta.SETTINGS_SEEN)
    others = settings is not None and checksum(settings) != about.get("settings")
    if others or seen not in (about.get("good"), about.get("seen")):
        return "The settings changed after it."
    task = meta.get(connection, meta.LAST_TASK) or {}
    if task.get("name") in WRITING and task.get("at", 0.0) > began:
        return f"“{task['name']}” came after it."
    if (meta.get(connection, meta.TASK_BEGAN) or 0.0) > began:
        return "A sync was started after it."
    changed = history.since(connection, began, COUNTED)
    if changed:
        more = "at least " if changed == COUNTED else ""
        return f"Since then {more}{changed} {'item was' if changed == 1 else 'items were'} synced."
    if (meta.get(connection, meta.LAST_LOOK) or 0.0) > began:
        return "Scenes were synced after it."
    if not 0 <= now - about["at"] < OLD:
        return "It is more than a day old, and much may have changed in Stash and in Plex."
    return ""


def checksum(settings: Mapping[str, object]) -> int:
    """Give what changes when a setting does, but for the token; unset and empty are the same.

    Neither loads what the real fingerprint needs (validation/config.py), nor is it one.
    """
    counted = {
        name: value
        for name, value in settings.items()
        if name != "plex_token" and value is not None and value != ""
    }
    return zlib.crc32(dumps(counted, sort_keys=True).encode())
