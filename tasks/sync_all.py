"""The task "Sync all to Plex": mark every scene, follow the worker, report.

The worker does the work; this process only marks, shows progress and relays the
worker's lines. It holds a lock of its own, and what it marked is looked at only
while it lives: Stash's Stop (a SIGKILL) pauses the bulk at once, the next run
goes on where it was, and edits by hand are served in between.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from errors import counted
from stash import changes
from store import history, holds, meta, queue
from store.enqueue import TASK, enqueue
from store.ledger import SHARES, SKIPPED
from sync import collections
from tasks import stash_log
from tasks.follow import Follower
from tasks.task import stash_process
from worker import launcher
from worker.sweep import Sweep

if TYPE_CHECKING:
    from tasks.task import Task

#: Scenes marked in one transaction.
IDS_A_PAGE = 500
#: What is carried by scenes. The scenes are all looked at anyway.
ENTITIES = tuple(kind for kind in changes.KINDS if kind != "scene")
#: A run that was stopped longer ago than this is begun anew: what it had found in step may
#: not be any more, and a second look costs little.
STALE = 3600.0
#: Seconds between two notes that this run lives.
SIGN = 5.0


def run(task: Task) -> str:
    """Mark all scenes and follow until the last one is done; give the summary.

    Raises:
        TransientError: Another "Sync all" is running, or a server stays away.
        ConfigurationError: A setting is wrong; nothing was marked, or what was
            marked stays for the next run.
    """
    busy = "'Sync all to Plex' is already running; see the task queue."
    with task.only_one(launcher.TASK_LOCK, busy, pause=0.01) as lock:
        config, fingerprint = task.read_settings()
        follower = Follower(
            task,
            lock,
            queue.task_waiting,
            "scene",
            "marked",
            give_up=lambda left: _leave_to_worker(task, left),
        )
        started = time.time()
        holds.look_now(task.connection)  # what was wrong may just have been mended
        # A renamed tag does not move its scenes' updated_at: this finds them.
        Sweep(task.store, task.stash, task.log).run(ENTITIES)
        with task.store.transaction() as connection:
            holds.look_now(connection)  # whoever starts this wants it tried now
            meta.put(connection, meta.TASK_BEGAN, time.time())
        total = _mark_all(task, fingerprint, collections.is_wanted(config))
        stash_log.say("INFO", f"{counted(total, 'scene')} to look at")
        follower.wait(total, lambda: _note_alive(task))
        with task.store.transaction() as connection:
            meta.put(connection, meta.SYNCED_ALL, time.time())
            meta.put(connection, meta.SYNC_ALL, {})
        return _summary(task, total, time.time() - started)


def _mark_all(task: Task, settings: str, with_collections: bool) -> int:
    """Mark every scene, or what a stopped run left; give how many the run has in all.

    ``settings`` is their fingerprint: what was done with others is not done. With
    ``with_collections`` the collections are looked at, too.
    """
    store = task.store
    now = time.time()
    before = meta.get(task.connection, meta.SYNC_ALL) or {}
    left = queue.task_waiting(task.connection)
    lately = 0 <= now - before.get("alive", 0.0) < STALE
    goes_on = lately and before["settings"] == settings and (left or not before["marked"])
    if goes_on:
        stash_log.say("INFO", "going on where the stopped run was")
    with store.transaction() as connection:
        if not goes_on:
            before = {"started": now, "settings": settings, "total": 0, "last": 0, "marked": False}
            queue.begin_run(connection)
            history.reset_tally(connection)
        before["stash"] = stash_process()
        meta.put(connection, meta.SYNC_ALL, before)
    while not before["marked"]:
        last = before["last"]
        page = task.stash.ask(lambda client: changes.scene_ids(client, last, IDS_A_PAGE))  # noqa: B023
        before = {
            **before,
            "alive": time.time(),
            "total": before["total"] + len(page),
            "last": page[-1] if page else last,
            "marked": not page,
        }
        with store.transaction() as connection:
            # In the order of ids, so that a batch is one range of them; each page is durable.
            enqueue(connection, "scene", page, now=now, urgency=TASK)
            if with_collections and not page:  # last, when all items are in theirs
                enqueue(connection, collections.KIND, [collections.ALL], now=now, urgency=TASK)
            meta.put(connection, meta.SYNC_ALL, before)
        task.ensure_worker()
    return int(before["total"])


def _note_alive(task: Task) -> None:
    """Note now and then that this run is at work, for the one that goes on with it."""
    bulk = meta.get(task.connection, meta.SYNC_ALL) or {}
    if not 0 <= time.time() - bulk.get("alive", 0.0) < SIGN:
        meta.put(task.connection, meta.SYNC_ALL, {**bulk, "alive": time.time()})


def _leave_to_worker(task: Task, left: int) -> str:
    with task.store.transaction() as connection:
        queue.leave_task(connection)
        meta.put(connection, meta.SYNC_ALL, {})
    return (
        f"The worker goes on with {counted(left, 'scene')} by itself as soon as it answers; "
        "nothing needs to be done."
    )


def _summary(task: Task, total: int, seconds: float) -> str:
    outcomes: Counter[str] = Counter()
    reasons: dict[str, list[str]] = {}
    for outcome, reason, scenes in history.tally(task.connection):
        outcomes[outcome] += scenes
        reasons.setdefault(outcome, []).append(f"{scenes} {reason}")
    parts = [
        f"{outcomes['changed']} changed",
        f"{outcomes['unchanged']} unchanged",
        f"{outcomes['waiting']} not in Plex yet",
        f"{outcomes['failed']} failed",
    ]
    if outcomes["failed"]:
        parts[-1] += f" ({', '.join(reasons['failed'])})"
    if outcomes[SHARES]:
        verb = "shares" if outcomes[SHARES] == 1 else "share"
        parts.append(f"{outcomes[SHARES]} {verb} an item with another scene")
    if outcomes[SKIPPED]:
        parts.append(f"{outcomes[SKIPPED]} left out ({', '.join(reasons[SKIPPED])})")
    if outcomes["gone"]:
        parts.append(f"{outcomes['gone']} gone from Stash")
    asked = ""
    if outcomes["held"]:
        parts.append(f"{outcomes['held']} held back")
        question = meta.get(task.connection, meta.BRAKE)
        asked = f". {question['text']}" if question else ""
    return f"{counted(total, 'scene')} in {seconds:.0f} s: " + ", ".join(parts) + asked
