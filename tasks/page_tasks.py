"""What the page knows of tasks: how the last one ended.

Stash shows a task that failed as one that is finished, and keeps its output
nowhere that a person sees; so it is kept here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from store import meta

if TYPE_CHECKING:
    from tasks.task import Task

#: Modes that a person starts as a task, with the names that PlexSync.yml gives them.
TASKS = {
    "sync_all": "Sync all to Plex",
    "check_connection": "Check connection",
    "preview": "Preview sync",
    "retry_failed": "Retry failed",
    "go_on": "Go on",
    "release_locks": "Release locks",
    "diagnostics": "Diagnostics",
    "undo_last_sync": "Undo last sync",
    "bring_plays": "Bring plays over",
}
#: Characters kept of what a task said.
LONGEST = 1200


def keep(task: Task, mode: str, said: str, *, ok: bool) -> None:
    """Keep how a task ended: with what it said, or with why it failed. Else does nothing."""
    if mode not in TASKS:
        return
    now = time.time()
    # A preview goes on with columns; the page has a part of its own for what it found.
    told = said.partition("\n\n")[0][:LONGEST]
    with task.store.transaction() as connection:
        meta.put(
            connection, meta.LAST_TASK, {"name": TASKS[mode], "at": now, "ok": ok, "text": told}
        )


def last(task: Task) -> dict[str, Any] | None:
    """Give how the last task ended, ``{name, at, ok, text}``, or None."""
    found = meta.get(task.store.connection, meta.LAST_TASK)
    return found if isinstance(found, dict) else None
