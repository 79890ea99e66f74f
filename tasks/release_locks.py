"""The task "Release locks": gives back, item by item, the locks that PlexSync set.

The worker does it (worker/unlock.py); this process marks the items, shows
progress, relays the worker's lines and reports. Stopped, what is released stays
released and the rest stays locked; run again, it goes on there.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from errors import counted
from store import ledger, meta, queue
from tasks import stash_log
from tasks.follow import Follower
from worker import unlock

if TYPE_CHECKING:
    from tasks.task import Task

#: Items marked in one transaction.
ITEMS_A_PAGE = 1000


def run(task: Task) -> str:
    """Release all locks and follow until the last one is; give the summary.

    Raises:
        TransientError: The task is running already, or Plex stays away.
        ConfigurationError: A setting is wrong.
    """
    busy = "'Release locks' is already running; see the task queue."
    with task.only_one(unlock.LOCK, busy) as lock:
        follower = Follower(
            task, lock, lambda store: queue.left(store, unlock.KIND)[0], "item", "locked"
        )
        config, _ = task.read_settings()
        with task.open_plex(config) as client:
            total = _mark(task, client.machine_identifier)
        stash_log.say("INFO", f"{counted(total, 'item')} to look at")
        follower.wait(total)
        return _summary(task, total)


def _mark(task: Task, server: str) -> int:
    total = last = 0
    meta.put(task.connection, meta.RELEASED, [0, 0])
    while page := ledger.locked_items(task.connection, server, last, limit=ITEMS_A_PAGE):
        total, last = total + len(page), page[-1]
        task.store.mark(unlock.KIND, page, now=time.time())
    return total


def _summary(task: Task, total: int) -> str:
    if not total:
        return "PlexSync has no field locked in Plex."
    _, postponed = queue.left(task.connection, unlock.KIND)
    items, locks = meta.get(task.connection, meta.RELEASED) or (0, 0)
    later = (
        f" {counted(postponed, 'item')} could not be unlocked now; PlexSync's page says why, and "
        "what is next."
    )
    return (
        f"{counted(locks, 'lock')} released on {items} of {counted(total, 'item')}. The values "
        "stay; PlexSync leaves these fields to Plex until they change in "
        f"Stash.{later if postponed else ''}"
    )
