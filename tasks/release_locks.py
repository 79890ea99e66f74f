"""The task "Release locks": gives back, item by item, the locks that PlexSync set.

The worker does it (worker/unlock.py); this process marks the items, shows
progress, relays the worker's lines and reports. Stopped, what is released stays
released and the rest stays locked; run again, it goes on there.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from errors import ConfigurationError, TransientError
from store import holds, locked, meta
from store.enqueue import BACKGROUND, enqueue
from tasks import stash_log
from tasks.log_tail import LogTail
from validation.config import PlexSyncConfig
from worker import launcher, unlock

if TYPE_CHECKING:
    from tasks.task import Task

#: Items marked in one transaction.
PAGE = 1000
#: Seconds between two looks at how the worker stands.
LOOK = 0.25
#: Seconds a server may be down before the task gives up.
PATIENCE = 120.0


def run(task: Task) -> str:
    """Release all locks and follow until the last one is; give the summary.

    Raises:
        TransientError: The task is running already, or Plex stays away.
        ConfigurationError: A setting is wrong.
    """
    lock = launcher.ProcessLock(task.store.directory, unlock.LOCK)
    if not lock.acquire_soon():
        raise TransientError("'Release locks' is already running; see the task queue.")
    try:
        tail = LogTail(task.store.directory)
        total = _mark(task, _server(task))
        stash_log.say("INFO", f"{total} items to look at")
        postponed = _follow(task, total, tail)
        summary = _summary(task, total, postponed)
    finally:
        lock.release()
    stash_log.say("INFO", summary)
    return summary


def _server(task: Task) -> str:
    """Give the identity of the Plex server, which is asked for it."""
    settings = task.stash.settings()
    token = settings.get("plex_token")
    task.log.hide([token if isinstance(token, str) else None])
    config = PlexSyncConfig.from_settings(settings)
    with task.open_plex(config) as client:
        return client.machine_identifier


def _mark(task: Task, server: str) -> int:
    store, total, last = task.store, 0, 0
    with store.transaction() as connection:
        meta.put(connection, unlock.RELEASED, [0, 0])
    while page := locked.items_after(store.connection, server, last, limit=PAGE):
        total, last = total + len(page), page[-1]
        with store.transaction() as connection:
            enqueue(connection, unlock.KIND, page, now=time.time(), urgency=BACKGROUND)
    return total


def _follow(task: Task, total: int, tail: LogTail) -> int:
    """Wait until every item was looked at; give how many are left for later."""
    connection = task.store.connection
    waiting_since: float | None = None
    while True:
        ready, postponed = locked.left(connection, unlock.KIND)
        task.check_database()
        for level, line in tail.lines():
            stash_log.say(level, line)
        stash_log.progress(1 - ready / total if total else 1.0)
        if not ready:
            return postponed
        hold = next(iter(holds.all_holds(connection)), None)
        waiting_since = (waiting_since or time.monotonic()) if hold else None
        if not hold:
            task.check_disk(ready)
        if hold and hold.lane == holds.SETTINGS:
            raise ConfigurationError(
                f"{hold.message} {ready} items stay locked; run the task again afterwards.",
                setting=hold.setting or None,
            )
        if hold and waiting_since and time.monotonic() - waiting_since > PATIENCE:
            raise TransientError(
                f"{hold.message} {ready} items stay locked; run the task again when it answers."
            )
        launcher.ensure_worker(task.store.directory, task.entry)
        time.sleep(LOOK)


def _summary(task: Task, total: int, postponed: int) -> str:
    items, locks = meta.get(task.store.connection, unlock.RELEASED) or (0, 0)
    later = f" {postponed} items could not be unlocked now and are tried again by themselves."
    if not total:
        return "PlexSync has no field locked in Plex."
    return (
        f"{locks} locks released on {items} of {total} items. The values stay; PlexSync leaves "
        f"these fields to Plex until they change in Stash.{later if postponed else ''}"
    )
