"""What the page inside Stash asks of the store: the state, what waits and why, one scene.

Answers hold what is shown and nothing else: counts, groups and pages of the
queue, and no secret. Nothing here speaks to Stash or Plex, so a look costs
little more than a hook.
"""

from __future__ import annotations

import time

from store import LARGEST_ID, activity, holds, ledger, meta, overview, planned, queue
from store.enqueue import enqueue
from tasks import go_on, page_differences, page_history, page_plan, page_words
from tasks.task import stash_process
from worker import launcher

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from typing import Any

    from tasks.task import Task

#: Plays that a scene's tab is told of.
PLAYS = 5
#: Seconds over which the rate of changes is taken.
RATE_OVER = 60.0


def page_state(task: Task) -> dict[str, Any]:
    """Give everything that the page's first look shows."""
    connection = task.connection
    now = time.time()
    alive = task.is_held(launcher.WORKER_LOCK)
    # What waits for a person first.
    groups = sorted(overview.groups(connection), key=lambda group: not group.parked)
    counts = queue.counts(connection)
    held = holds.all_holds(connection)
    bulk = bulk_of(task, counts["task"])
    if counts["ready"] and not alive:
        task.ensure_worker()
        alive = True
    known = _known(connection, task.server)
    differences = page_differences.groups(connection, task.server)
    refused = overview.refused_covers(connection, task.server)
    differing = page_words.Differing(refused, sum(group["size"] for group in differences))
    # Until the worker is at rest it may ask about what is done by now.
    question = meta.get(connection, meta.BRAKE) if counts["held"] or counts["ready"] else None
    facts = page_words.Facts(counts, held, bulk, known, differing, asks=bool(question))
    kind, sentence = page_words.state(facts, now)
    return {
        "now": now,
        "state": {"kind": kind, "sentence": sentence},
        "holds": [
            {name: value for name, value in hold._asdict().items() if name != "fingerprint"}
            for hold in held
        ],
        "question": question,
        "queue": counts,
        "groups": [_group(group) for group in groups],
        "server": meta.get(connection, meta.SERVER_SEEN),
        "worker": {"alive": alive},
        "last_look": meta.get(connection, meta.LAST_LOOK),
        "known": {**known._asdict(), "all_at": meta.get(connection, meta.SYNCED_ALL)},
        "rate": overview.changes_since(connection, now - RATE_OVER),
        "bulk": bulk,
        "history": page_history.newest(connection),
        "path_advice": [
            {"rule": rule, "scenes": scenes}
            for rule, scenes in meta.get(connection, meta.PATH_ADVICE) or ()
        ],
        "preview_at": planned.about(connection).get("at"),
        "task": meta.get(connection, meta.LAST_TASK),
        "differences": differences,
        "refused": refused,
        **page_history.last_run(connection),
    }


def page_scenes(task: Task) -> dict[str, Any]:
    """Give one page of the things postponed for a reason.

    Arguments: ``reason``, ``limit``, and ``after``, the ``next`` of the page before.
    """
    reason, limit = str(task.arguments.get("reason") or ""), task.page_size()
    after = _cursor(task.arguments.get("after"))
    rows = overview.page(task.connection, reason, after=after, limit=limit)
    scenes, server = [], task.server
    for row in rows:
        items = []
        if row.kind == "scene":
            items = overview.items_of(task.connection, server, row.id)
        scenes.append({**row._asdict(), "items": [key for key, _ in items]})
    last = rows[-1] if len(rows) == limit else None
    next_after = last and [last.due_at, last.kind, last.id]
    return {"now": time.time(), "scenes": scenes, "next": next_after}


def page_refused(task: Task) -> dict[str, Any]:
    """Give one page of the scenes whose cover Plex could not take.

    Arguments: ``limit``, and ``after``, the ``next`` of the page before.
    """
    limit, after = task.page_size(), task.number("after")
    found = overview.refused_page(task.connection, task.server, after=after, limit=limit)
    return {"scenes": found, "next": found[-1] if len(found) == limit else None}


def scene_state(task: Task) -> dict[str, Any]:
    """Say how one scene (argument ``id``) stands: in step, waiting, or why not."""
    from sync import left_out  # costs as much as all else that a look loads

    connection = task.connection
    scene = task.number("id")
    row = queue.get(connection, "scene", scene)
    record = ledger.scene_record(connection, scene)
    if record is not None and not record.may_be_of(task.server):
        record = None  # of another Plex
    kept, refused = left_out.of_scene(connection, task.server, scene)
    kind, sentence = page_words.scene(
        row, record, holds.all_holds(connection), time.time(), kept, refused
    )
    return {
        "now": time.time(),
        "id": scene,
        "state": {"kind": kind, "sentence": sentence},
        "message": row.message if row else "",
        "due_at": row.due_at if row else None,
        "note": record.note if record else "",
        "looked_at": record.looked_at if record else None,
        "last_change": page_history.last_of_scene(connection, scene),
        "came": page_history.came_to(connection, scene),
        "plays": sorted(activity.plays_of_scene(connection, scene), reverse=True)[:PLAYS],
        "server": meta.get(connection, meta.SERVER_SEEN),
        "items": [
            {"rating_key": key, "written_at": written_at}
            for key, written_at in overview.items_of(connection, task.server, scene)
        ],
    }


def retry(task: Task) -> dict[str, Any]:
    """Look again at once: at one thing (``id``), at all with a ``reason``, or at all (``all``)."""
    given = task.arguments
    reason = str(given.get("reason") or "") or None
    with task.store.transaction() as connection:
        if given.get("id") is not None:
            kind = str(given.get("kind") or "scene")
            scenes = queue.make_due(connection, kind=kind, ids=[task.number("id")])
        elif reason or given.get("all"):
            scenes = queue.make_due(connection, reason=reason)
        else:
            return {"scenes": 0, "worker": "asleep"}
    return {"scenes": scenes, "worker": task.ensure_worker()}


def sync_scene(task: Task) -> dict[str, Any]:
    """Mark one scene (argument ``id``) as changed, exactly as its hook would."""
    scene = task.number("id")
    if scene:
        with task.store.transaction() as connection:
            enqueue(connection, "scene", [scene], now=time.time())
    return {"scenes": 1 if scene else 0, "worker": task.ensure_worker()}


def check_settings(task: Task) -> dict[str, Any]:
    """Say what is wrong with settings (argument ``settings``) that nobody has saved yet.

    Gives ``faults``, ``{setting, message}`` each.
    """
    from validation.config import parse_settings  # no other look needs it

    problems = parse_settings(task.given_settings() or {}).problems
    return {"faults": [{"setting": one.setting, "message": one.sentence} for one in problems]}


#: Modes that only look: they commit nothing, so they never wait for the worker.
READS: dict[str, Callable[[Task], Any]] = {
    "page_state": page_state,
    "page_scenes": page_scenes,
    "page_refused": page_refused,
    "page_plan": page_plan.page_plan,
    "page_planned": page_plan.page_planned,
    "page_differences": page_differences.page_differences,
    "page_history": page_history.page_history,
    "scene_state": scene_state,
    "check_settings": check_settings,
}
MODES: dict[str, Callable[[Task], Any]] = {
    **READS,
    "retry": retry,
    "page_go_on": go_on.go_on,
    "sync_scene": sync_scene,
    "answer": page_differences.answer,
    "undo_scene": page_history.undo_scene,
}


def wants_connection(connection: sqlite3.Connection) -> bool:
    """Say whether the worker waits for a newer way to Stash, which each look can bring."""
    return (
        meta.get(connection, meta.CONNECTION) is None
        or holds.get(connection, holds.STASH) is not None
    )


def bulk_of(task: Task, left: int) -> dict[str, Any] | None:
    """Give how far "Sync all" is, None when there is neither one running nor one stopped.

    ``left`` counts what is marked for it.
    """
    running = task.is_held(launcher.TASK_LOCK)
    bulk = meta.get(task.connection, meta.SYNC_ALL)
    if not isinstance(bulk, dict) or not bulk.get("started") or not (running or left):
        return None
    return {
        "running": running,
        "total": max(int(bulk.get("total") or 0), left),
        "left": left,
        "started": bulk["started"],
        # A person stops a task of the Stash that is there; what is left of another was cut off.
        "interrupted": not running and bulk.get("stash") not in {None, stash_process()},
    }


def _known(connection: sqlite3.Connection, server: str) -> page_words.Known:
    """Give how many of Stash's scenes were ever compared with a Plex."""
    compared, left_out = overview.known(connection, server)
    sweep = meta.get(connection, meta.SWEEP) or {}
    counted = sweep.get("scene") or {}
    # As of the last sweep, which every "Sync all" and every worker begins with; what a hook told
    # of since then may be compared already.
    total = counted.get("count") or None
    return page_words.Known(compared, left_out, total and max(total, compared + left_out))


def _group(group: overview.Group) -> dict[str, Any]:
    title, advice = page_words.of_reason(group.reason)
    return {**group._asdict(), "title": title, "advice": advice}


def _cursor(given: object) -> tuple[float | None, str, int]:
    match given:
        case [None | int() | float() as due_at, str() as kind, int() as number]:
            return due_at, kind, number if 0 <= number <= LARGEST_ID else 0
    return None, "", 0
