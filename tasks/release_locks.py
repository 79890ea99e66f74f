"""The task "Release locks": gives back, item by item, the locks that PlexSync set.

The worker does it (worker/unlock.py); this process marks the items, shows
progress, relays the worker's lines and reports. Stopped, what is released stays
released and the rest stays locked; run again, it goes on there.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from store import ledger, meta, queue
from store.enqueue import BACKGROUND, enqueue
from tasks import stash_log
from tasks.follow import LogTail, Work, follow
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
    with task.only_one(
        unlock.LOCK, "'Release locks' is already running; see the task queue."
    ) as lock:
        tail = LogTail(task.store.directory)
        total = _mark(task, _server(task))
        stash_log.say("INFO", f"{total} items to look at")
        work = Work(
            total,
            lambda: queue.left(task.store.connection, unlock.KIND)[0],
            things="items",
            stay="stay locked",
            lock=lock,
        )
        follow(task, work, tail)
        summary = _summary(task, total)
    stash_log.say("INFO", summary)
    return summary


def _server(task: Task) -> str:
    """Give the identity of the Plex server, which is asked for it."""
    config, _ = task.read_settings()
    with task.open_plex(config) as client:
        return client.machine_identifier


def _mark(task: Task, server: str) -> int:
    store, total, last = task.store, 0, 0
    with store.transaction() as connection:
        meta.put(connection, meta.RELEASED, [0, 0])
    while page := ledger.locked_items(store.connection, server, last, limit=ITEMS_A_PAGE):
        total, last = total + len(page), page[-1]
        with store.transaction() as connection:
            enqueue(connection, unlock.KIND, page, now=time.time(), urgency=BACKGROUND)
    return total


def _summary(task: Task, total: int) -> str:
    _, postponed = queue.left(task.store.connection, unlock.KIND)
    items, locks = meta.get(task.store.connection, meta.RELEASED) or (0, 0)
    later = f" {postponed} items could not be unlocked now and are tried again by themselves."
    if not total:
        return "PlexSync has no field locked in Plex."
    return (
        f"{locks} locks released on {items} of {total} items. The values stay; PlexSync leaves "
        f"these fields to Plex until they change in Stash.{later if postponed else ''}"
    )
