"""What was changed, as the page asks for it: pages of it, by scene and run, and undoing it."""

from __future__ import annotations

import time

from store import history, meta
from store.enqueue import EDIT, enqueue
from store.quick_json import loads

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from tasks.task import Task

#: Rows of one page, and the most scenes of one search.
ROWS_A_PAGE, MOST_SCENES = 15, 500
#: What came from Plex, as much of it as a scene's tab tells, and out of how many changes; and
#: what plays are called there (sync/plays.py).
CAME, LOOKED_THROUGH = 5, 50
PLAYED = "played in Plex"
#: Kind of the queue's rows that worker/undo.py works on; that module would load the network.
KIND = "undo"


def shown(change: history.Change) -> dict[str, Any]:
    """Give a change as the page shows it."""
    told = change._asdict()
    del told["server"], told["undo"]
    # A list, because Stash sorts the keys of whatever it hands on.
    told["changes"] = [[name, *values] for name, values in loads(change.changes).items()]
    return told


def newest(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Give the newest changes for the page's first look."""
    return [shown(change) for change in history.page(connection, limit=ROWS_A_PAGE)]


def name_of(connection: sqlite3.Connection, run: float) -> str:
    """Call a run by what it was and when it began, by this machine's clock."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run))
    return f"{'what Go on let go' if run in gone_on(connection) else 'the sync'} of {when}"


def gone_on(connection: sqlite3.Connection) -> list[float]:
    """Give those runs that were let go by a person, by when they began."""
    return meta.get(connection, meta.GONE_ON) or []


def last_run(connection: sqlite3.Connection) -> dict[str, Any]:
    """Give what "Undo last sync" would undo: ``{undo_run, undo_size, gone_on}``, 0 for nothing."""
    run = history.last_run_at(connection)
    size = history.size_of(connection, run) if run else 0
    return {"undo_run": run, "undo_size": size, "gone_on": gone_on(connection)}


def page_history(task: Task) -> dict[str, Any]:
    """Give one page of the changes, the newest first.

    Arguments: ``scenes`` (ids) and ``run`` (when it began) to search, ``limit``, and
    ``before``, the ``next`` of the page before.
    """
    connection, limit = task.connection, task.page_size(ROWS_A_PAGE)
    scenes, run = task.numbers("scenes"), task.arguments.get("run")
    rows = history.page(
        connection,
        scenes=scenes if scenes is None else scenes[:MOST_SCENES],
        run=float(run) if isinstance(run, (int, float)) else 0.0,
        before=task.before(),
        limit=limit,
    )
    return {
        "now": time.time(),
        "changes": [shown(change) for change in rows],
        "runs": history.runs_of(connection),
        "gone_on": gone_on(connection),
        "next": rows[-1].number if len(rows) == limit else None,
    }


def came_to(connection: sqlite3.Connection, scene: int) -> list[dict[str, Any]]:
    """Give what came from Plex to a scene lately, the newest first; plays are told by themselves.

    Each as ``{at, field, before, after, undone}``.
    """
    rows = map(shown, history.page(connection, scenes=[scene], limit=LOOKED_THROUGH))
    return [
        {"at": row["at"], "field": name, "before": old, "after": new, "undone": row["undone"]}
        for row in rows
        for name, old, new in row["changes"]
        if name.endswith(history.FROM_PLEX) and name != PLAYED
    ][:CAME]


def last_of_scene(connection: sqlite3.Connection, scene: int) -> dict[str, Any] | None:
    """Give what would be undone of a scene, ``{at, fields}``; None for nothing."""
    changes = history.last_of_scene(connection, scene)
    if not changes:
        return None
    fields = dict.fromkeys(name for change in changes for name, *_ in shown(change)["changes"])
    return {"at": changes[0].at, "fields": list(fields)}


def undo_scene(task: Task) -> dict[str, Any]:
    """Give a scene's items (argument ``id``) back what the last change of them took.

    With ``at`` only if that is when the last change was: another one came or was undone else.

    Gives ``items``, how many are; doing it again once that is done undoes the one before.
    """
    with task.store.transaction() as connection:
        changes = history.last_of_scene(connection, task.number("id"))
        at = task.arguments.get("at")
        if at is not None and changes and changes[0].at != at:
            changes = []
        numbers = [change.number for change in changes]
        enqueue(connection, KIND, numbers, now=time.time(), urgency=EDIT)
    return {"items": len(numbers), "worker": task.ensure_worker() if numbers else "asleep"}
