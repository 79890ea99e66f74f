"""The task "Undo last sync": gives every item back what the last "Sync all" or "Go on" changed.

The worker does it (worker/undo.py); this process marks the changes, shows progress, relays
the worker's lines and reports. Stopped, what is given back stays so; run again, it goes on.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from errors import TransientError, counted
from store import braked, history, queue
from sync import server_seen
from tasks import page_history, stash_log
from tasks.follow import Follower
from worker import launcher, undo

if TYPE_CHECKING:
    from tasks.task import Task

#: Scenes that are named at the end.
NAMED = 10


def run(task: Task) -> str:
    """Give back what the newest run changed and follow until it is done; give the summary.

    Raises:
        TransientError: The task or a "Sync all" is running, or Plex stays away.
        ConfigurationError: A setting is wrong.
    """
    busy = "'Undo last sync' is already running; see the task queue."
    with task.only_one(undo.LOCK, busy) as lock:
        if task.is_held(launcher.TASK_LOCK):
            raise TransientError("'Sync all to Plex' is running. Stop it first, then undo it.")
        if braked.is_going_on(task.connection):
            raise TransientError(
                "What 'Go on' let go is still being synced. Wait until it is, then undo it."
            )
        _note_server(task)
        follower = Follower(
            task, lock, lambda store: queue.left(store, undo.KIND)[0], "item", "unchanged"
        )
        began, numbers = history.last_run(task.connection)
        task.store.mark(undo.KIND, numbers, now=time.time())
        if numbers:
            named = page_history.name_of(task.connection, began)
            stash_log.say("INFO", f"{named}: {counted(len(numbers), 'item')} to give back")
        follower.wait(len(numbers))
        return _summary(task, began, len(numbers))


def _note_server(task: Task) -> None:
    """Learn which Plex answers now, whose runs alone can be undone; one that is away stays known.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    config, fingerprint = task.read_settings()
    with task.open_plex(config) as client:
        server_seen.note(task.context(client, config, fingerprint))


def _summary(task: Task, began: float, total: int) -> str:
    if not total:
        return "There is no sync to undo: nothing was changed by the last three, or it was undone."
    connection = task.connection
    named = page_history.name_of(connection, began)
    _, postponed = queue.left(connection, undo.KIND)
    refused = history.refused(connection, began, total)
    later = f" {postponed} could not be given back now; PlexSync's page says why, and what is next."
    kept = ""
    if refused:
        which = "; ".join(f"scene {scene}: {fields}" for scene, fields in refused[:NAMED])
        more = f"; and {len(refused) - NAMED} more" if len(refused) > NAMED else ""
        kept = f" What was changed since stays, on {len(refused)} of them ({which}{more})."
    given = max(total - postponed, 0)
    verb = "was" if given == 1 else "were"
    return (
        f"{counted(given, 'item')} {verb} given back what {named} changed. What differs from Stash "
        f"now stands on PlexSync's page.{kept}{later if postponed else ''}"
    )
