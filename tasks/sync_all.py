"""The task "Sync all to Plex": mark every scene, follow the worker, report.

The worker does the work; this process only marks, shows progress and relays the
worker's lines. It holds a lock of its own, and what it marked is looked at only
while it lives: Stash's Stop (a SIGKILL) pauses the bulk at once, the next run
goes on where it was, and edits by hand are served in between.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from stash import changes
from store import history, holds, meta, queue
from store.enqueue import TASK, enqueue
from store.ledger import SHARES
from sync import collections
from tasks import stash_log
from tasks.follow import LogTail, Work, follow
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
    with task.only_one(
        launcher.TASK_LOCK, "'Sync all to Plex' is already running; see the task queue.", pause=0.01
    ) as lock:
        config, fingerprint = task.read_settings()
        tail = LogTail(task.store.directory)
        started = time.time()
        with task.store.transaction() as connection:
            holds.look_now(connection)  # what was wrong may just have been mended
        # A renamed tag does not move its scenes' updated_at: this finds them.
        Sweep(task.store, task.stash, task.log).run(ENTITIES)
        with task.store.transaction() as connection:
            holds.look_now(connection)  # whoever starts this wants it tried now
            meta.put(connection, meta.TASK_BEGAN, time.time())
        total = _mark_all(task, fingerprint, collections.is_wanted(config))
        stash_log.say("INFO", f"{total} scenes to look at")
        work = Work(
            total,
            lambda: queue.task_waiting(task.store.connection),
            things="scenes",
            stay="stay marked",
            give_up=lambda left: _leave_to_worker(task, left),
            lock=lock,
            each_time=_Alive(task).note,
        )
        follow(task, work, tail)
        summary = _summary(task, total, time.time() - started)
        with task.store.transaction() as connection:
            meta.put(connection, meta.SYNCED_ALL, time.time())
        _forget_run(task)
    stash_log.say("INFO", summary)
    return summary


def _mark_all(task: Task, settings: str, with_collections: bool) -> int:
    """Mark every scene, or what a stopped run left; give how many the run has in all.

    Args:
        task: The task.
        settings: Their fingerprint: what was done with others is not done.
        with_collections: Have the collections looked at, too.
    """
    store = task.store
    now = time.time()
    before = meta.get(store.connection, meta.SYNC_ALL) or {}
    left = queue.task_waiting(store.connection)
    lately = 0 <= now - before.get("alive", 0.0) < STALE
    if lately and before["settings"] == settings and (left or not before["marked"]):
        stash_log.say("INFO", "going on where the stopped run was")
        before = {**before, "stash": stash_process()}
        meta.put(store.connection, meta.SYNC_ALL, before)
    else:
        before = {"started": now, "settings": settings, "total": 0, "last": 0, "marked": False}
        before["stash"] = stash_process()
        with store.transaction() as connection:
            queue.begin_run(connection)
            history.reset_tally(connection)
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


class _Alive:
    """Notes now and then that this run is at work, for the one that goes on with it."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._noted_at = time.monotonic()

    def note(self) -> None:
        if time.monotonic() - self._noted_at <= SIGN:
            return
        self._noted_at = time.monotonic()
        with self._task.store.transaction() as connection:
            bulk = meta.get(connection, meta.SYNC_ALL) or {}
            meta.put(connection, meta.SYNC_ALL, {**bulk, "alive": time.time()})


def _leave_to_worker(task: Task, left: int) -> str:
    with task.store.transaction() as connection:
        queue.leave_task(connection)
    _forget_run(task)
    return (
        f"The {left} scenes left are synced by themselves as soon as it answers; nothing needs "
        "to be done."
    )


def _forget_run(task: Task) -> None:
    with task.store.transaction() as connection:
        meta.put(connection, meta.SYNC_ALL, {})


def _summary(task: Task, total: int, seconds: float) -> str:
    counted: dict[str, int] = {}
    failed: list[str] = []
    skipped: list[str] = []
    for outcome, reason, scenes in history.tally(task.store.connection):
        counted[outcome] = counted.get(outcome, 0) + scenes
        if outcome == "failed":
            failed.append(f"{scenes} {reason}")
        if outcome == "skipped":
            skipped.append(f"{scenes} {reason}")
    parts: list[Any] = [
        f"{counted.get('changed', 0)} changed",
        f"{counted.get('unchanged', 0)} unchanged",
        f"{counted.get('waiting', 0)} not in Plex yet",
        f"{counted.get('failed', 0)} failed" + (f" ({', '.join(failed)})" if failed else ""),
    ]
    if counted.get(SHARES):
        verb = "shares" if counted[SHARES] == 1 else "share"
        parts.append(f"{counted[SHARES]} {verb} an item with another scene")
    if skipped:
        parts.append(f"{counted['skipped']} left out ({', '.join(skipped)})")
    if counted.get("gone"):
        parts.append(f"{counted['gone']} gone from Stash")
    asked = ""
    if counted.get("held"):
        parts.append(f"{counted['held']} held back")
        question = meta.get(task.store.connection, meta.BRAKE)
        asked = f". {question['text']}" if question else ""
    return f"{total} scenes in {seconds:.0f} s: " + ", ".join(parts) + asked
