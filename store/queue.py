"""The queue: one row for each thing that may differ from Plex.

Marking bumps the row's revision; ``done`` deletes the row only if its revision
is still the one that was read. An edit that arrives while its scene is in
flight, waiting or parked therefore always leads to another look, and ten hooks
for one scene are one piece of work. Marking itself is in store/enqueue.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence

from store import braked
from store.enqueue import BACKGROUND, EDIT, TASK
from store.named_tuple import NamedTuple

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    from typing import Any, TypeVar

    _T = TypeVar("_T")

#: A due time further away than this comes from a clock that was wrong: no
#: schedule of ours is longer than a day (worker/retry_policy.py).
LONGEST_WAIT = 2 * 86400.0
#: Ids in one question; SQLite took no more than 999 values for long.
MOST_IDS = 500

#: What scenes carry: a row of theirs stands for the scenes that do.
CARRIED = ("studio", "performer", "tag", "group")
COLUMNS = "kind, id, revision, urgency, due_at, attempts, reason, message, marked_at, brake, takes"

#: Held back rows: nothing of theirs is due, nor has it failed.
_HELD = f"reason IN ('{braked.UNDECIDED}', '{braked.ASKED}')"


class QueueRow(NamedTuple):
    """One thing to look at.

    ``kind`` is scene, studio, performer, tag or group, or what else the worker does
    (collections, worker/undo.py, worker/unlock.py); ``due_at`` is 0 for "at
    once", None for parked, else Unix seconds; ``urgency`` is EDIT, BACKGROUND or
    TASK (store/enqueue.py); a task's rows are looked at only while it lives.
    ``brake`` says whether it may take something away in Plex, ``takes`` what that was when
    it was last held back (store/braked.py).
    """

    kind: str
    id: int
    revision: int
    urgency: int
    due_at: float | None
    attempts: int
    reason: str
    message: str
    marked_at: float
    brake: int = braked.OPEN
    takes: str = ""


def chunks(things: Sequence[_T], size: int = MOST_IDS) -> Iterator[Sequence[_T]]:
    """Give some things in their order, so many at a time: usually ids, as one question may have."""
    return (things[start : start + size] for start in range(0, len(things), size))


def places(values: Collection[object]) -> str:
    """Give a question mark for each of some values, as they stand behind IN."""
    return ",".join("?" * len(values))


def rows_among(
    connection: sqlite3.Connection, query: str, ids: Sequence[int], *before: object
) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a query for some ids, which go where it says ``IN ({})``, some at a time.

    ``before`` are its values before the ids.
    """
    for chunk in chunks(ids):
        yield from connection.execute(query.format(places(chunk)), (*before, *chunk))


def ready(
    connection: sqlite3.Connection, *, now: float, limit: int, with_task: bool
) -> list[QueueRow]:
    """Give up to ``limit`` rows to look at now, most urgent first.

    Newest edits first, then rows whose wait is over, then what is looked at in
    the background and (``with_task``) for a task, in the order of marking. A due
    time that no schedule of ours can have produced counts as over.
    """
    marked = "due_at = 0 AND urgency = ? ORDER BY revision"
    questions: list[tuple[str, float]] = [
        (f"{marked} DESC", EDIT),
        ("due_at > 0 AND due_at <= ? ORDER BY due_at", now),
        ("due_at > 0 AND due_at > ? ORDER BY due_at", now + LONGEST_WAIT),
        (marked, BACKGROUND),
        *([(marked, TASK)] if with_task else []),
    ]
    rows: list[QueueRow] = []
    for which, value in questions:
        if len(rows) < limit:
            rows += _rows(connection, f"{which} LIMIT ?", value, limit - len(rows))
    return rows


def _rows(connection: sqlite3.Connection, which: str, *values: object) -> list[QueueRow]:
    query = f"SELECT {COLUMNS} FROM dirty WHERE {which}"  # noqa: S608 - our constants
    return [QueueRow._make(row) for row in connection.execute(query, values)]


def edited_scene(connection: sqlite3.Connection) -> QueueRow | None:
    """Give the scene that was edited by hand last and waits to be looked at, None for none."""
    newest = "due_at = 0 AND urgency = ? AND kind = 'scene' ORDER BY revision DESC LIMIT 1"
    return next(iter(_rows(connection, newest, EDIT)), None)


def carried(connection: sqlite3.Connection, *, now: float) -> list[QueueRow]:
    """Give all rows about studios, performers, tags and groups to look at now, by kind and id."""
    which = f"kind IN ({places(CARRIED)}) AND (due_at <= ? OR due_at > ?) ORDER BY kind, id"
    return _rows(connection, which, *CARRIED, now, now + LONGEST_WAIT)


def next_due(connection: sqlite3.Connection) -> float | None:
    """Give the earliest due time in Unix seconds; 0 for "at once", None when nothing waits."""
    at_once = "SELECT 1 FROM dirty WHERE due_at = 0 AND urgency IN (0, 1) LIMIT 1"
    if connection.execute(at_once).fetchone():
        return 0.0
    earliest: float | None = connection.execute(
        "SELECT min(due_at) FROM dirty WHERE due_at > 0"
    ).fetchone()[0]
    return earliest


def newest_revision(connection: sqlite3.Connection) -> int:
    """Give the highest revision ever given to a row, 0 before the first."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'sequence'").fetchone()
    return int(row[0]) if row else 0


def task_waiting(connection: sqlite3.Connection) -> int:
    """Count the rows that a task marked and that are not counted yet, whoever looks at them."""
    count: int = connection.execute("SELECT count(*) FROM dirty WHERE run = 1").fetchone()[0]
    return count


def is_in_run(connection: sqlite3.Connection, row: QueueRow) -> bool:
    """Say whether the running task is still to count this very row: not if it was marked again.

    Asked of the store and not of the row, which may have been read before the task.
    """
    found = connection.execute(
        "SELECT run FROM dirty WHERE kind = ? AND id = ? AND revision = ?",
        (row.kind, row.id, row.revision),
    ).fetchone()
    return bool(found and found[0])


def is_current(connection: sqlite3.Connection, row: QueueRow) -> bool:
    """Say whether the row is as it was read: what was read of its scene since is not old yet."""
    query = "SELECT 1 FROM dirty WHERE kind = ? AND id = ? AND revision = ?"
    found = connection.execute(query, (row.kind, row.id, row.revision)).fetchone()
    return found is not None


def edit_waits(connection: sqlite3.Connection, *, after: int = 0) -> bool:
    """Say whether an edit by hand waits to be looked at, with a revision above ``after``."""
    query = "SELECT 1 FROM dirty WHERE due_at = 0 AND urgency = 0 AND revision > ? LIMIT 1"
    return connection.execute(query, (after,)).fetchone() is not None


def waiting_with(connection: sqlite3.Connection, urgency: int) -> int:
    """Count what is to be looked at at once with an urgency."""
    count: int = connection.execute(
        "SELECT count(*) FROM dirty WHERE due_at = 0 AND urgency = ?", (urgency,)
    ).fetchone()[0]
    return count


def waits(connection: sqlite3.Connection, urgency: int) -> bool:
    """Say whether anything is to be looked at at once with an urgency."""
    query = "SELECT 1 FROM dirty WHERE due_at = 0 AND urgency = ? LIMIT 1"
    return connection.execute(query, (urgency,)).fetchone() is not None


def begin_run(connection: sqlite3.Connection) -> None:
    """Count nothing any more that an earlier task marked; the rows stay."""
    connection.execute("UPDATE dirty SET run = 0 WHERE run = 1")


def leave_task(connection: sqlite3.Connection) -> None:
    """Leave all that a task marked to the background."""
    begin_run(connection)
    connection.execute("UPDATE dirty SET urgency = 1 WHERE urgency = 2")


def done(connection: sqlite3.Connection, *rows: QueueRow) -> None:
    """Delete rows, but none that was marked again since it was read."""
    connection.executemany(
        "DELETE FROM dirty WHERE kind = ? AND id = ? AND revision = ?",
        [(row.kind, row.id, row.revision) for row in rows],
    )


def in_run(connection: sqlite3.Connection, rows: Sequence[QueueRow]) -> set[int]:
    """Give those of some rows' scenes for which ``is_in_run`` holds."""
    query = "SELECT id, revision FROM dirty WHERE run = 1 AND kind = 'scene' AND id IN ({})"
    revisions = {row.id: row.revision for row in rows}
    counted = rows_among(connection, query, list(revisions))
    return {number for number, revision in counted if revisions[number] == revision}


def done_all(connection: sqlite3.Connection, rows: Sequence[QueueRow]) -> set[int]:
    """Delete rows of scenes as ``done`` does; give those that the running task is to count."""
    counted = in_run(connection, rows)
    done(connection, *rows)
    return counted


def postpone(
    connection: sqlite3.Connection,
    row: QueueRow,
    *,
    due_at: float | None,
    reason: str,
    message: str,
    is_retry: bool = False,
) -> None:
    """Look again at ``due_at`` (None = park) unless the row was marked again since.

    The row leaves its task: from here on it waits on its own, and once it is due
    it is nothing that somebody waits for. What an edit by hand may take away a retry of it
    still may, but nothing that comes after a longer wait; the first hook of a scene is no
    edit (sync/brake.py).
    """
    connection.execute(
        "UPDATE dirty SET due_at = ?, attempts = attempts + 1, reason = ?, message = ?, "
        "brake = CASE WHEN ? AND (takes <> '' OR "
        "EXISTS (SELECT 1 FROM scene WHERE id = dirty.id)) THEN ? ELSE brake END, "
        "urgency = 1, run = 0 "
        "WHERE kind = ? AND id = ? AND revision = ?",
        (
            *(due_at, reason, message, is_retry and row.urgency == EDIT, braked.MAY_TAKE),
            *(row.kind, row.id, row.revision),
        ),
    )


def make_due(
    connection: sqlite3.Connection,
    *,
    reason: str | None = None,
    parked: bool | None = None,
    kind: str | None = None,
    ids: Sequence[int] | None = None,
    waited_until: float | None = None,
) -> int:
    """Make postponed rows due and count them, inside the caller's transaction.

    They do not become edits by hand. What is held back stays so, unless it is named by ``ids``.

    Args:
        connection: The store.
        reason: Those postponed for it, None for any.
        parked: True for parked ones, False for those on a schedule, None for both.
        kind: Those of one kind, None for any.
        ids: Those with one of these ids (``kind`` given), None for any.
        waited_until: None to begin their schedule anew. Else the Unix time at which their
            wait counts as over; the look does not count as a try, so their schedule goes
            on from where it was. Only those due later than that move.
    """
    change, values = "due_at = 0, attempts = 0", list[str | float]()
    where = ["(due_at IS NULL OR due_at > 0)"]
    if ids is None:
        where.append(f"NOT {_HELD}")
    if waited_until is not None:
        change = "due_at = ?, attempts = max(attempts - 1, 0)"
        values.append(waited_until)
        where.append("due_at > ?")
        values.append(waited_until)
    if parked is not None:
        where.append("due_at IS NULL" if parked else "due_at > 0")
    for column, value in (("reason", reason), ("kind", kind)):
        if value is not None:
            where.append(f"{column} = ?")
            values.append(value)
    query = f"UPDATE dirty SET {change} WHERE {' AND '.join(where)}"  # noqa: S608 - our constants
    if ids is None:
        return connection.execute(query, values).rowcount
    return sum(
        connection.execute(f"{query} AND id IN ({places(chunk)})", (*values, *chunk)).rowcount
        for chunk in chunks(ids)
    )


def waiting_for(
    connection: sqlite3.Connection, reason: str, *, now: float, limit: int
) -> list[int]:
    """Give up to ``limit`` scenes that wait for a reason and are not due yet."""
    rows = connection.execute(
        "SELECT id FROM dirty WHERE reason = ? AND kind = 'scene' AND due_at > ? LIMIT ?",
        (reason, now, limit),
    )
    return [scene for (scene,) in rows]


def replace_messages(connection: sqlite3.Connection, message: str) -> None:
    """Say this of everything that is postponed, in place of what was said so far."""
    connection.execute("UPDATE dirty SET message = ? WHERE message <> ''", (message,))


def get(connection: sqlite3.Connection, kind: str, number: int) -> QueueRow | None:
    """Give one row, or None when the thing is in step."""
    return next(iter(_rows(connection, "kind = ? AND id = ?", kind, number)), None)


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Count the rows by state: ready, task, waiting, parked, held. Indexes answer it."""
    # What a task marked may be all of a library; the others are few, and grouping takes longer.
    at_once = "SELECT count(*) FROM dirty WHERE due_at = 0"
    every: int = connection.execute(at_once).fetchone()[0]
    ready: int = connection.execute(f"{at_once} AND urgency < ?", (TASK,)).fetchone()[0]
    answer = {"ready": ready, "task": every - ready}
    answer |= {"waiting": 0, "parked": 0, "held": 0}
    for reason, (waiting, parked) in postponed(connection).items():
        answer["waiting"] += waiting
        answer["held" if reason in braked.REASONS else "parked"] += parked
    return answer


def postponed(connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """Count what is postponed, by reason: what waits for its time, and what is parked.

    A row that was released keeps its reason until it is looked at, and is not among them.
    Reasons are few, and to count a range of the index takes a third of grouping it.
    """
    after = "SELECT min(reason) FROM dirty WHERE reason <> '' AND reason > ?"
    count = (
        "SELECT count(*) FROM dirty INDEXED BY dirty_reason "
        "WHERE reason <> '' AND reason = ? AND due_at "
    )
    found: dict[str, tuple[int, int]] = {}
    reason = ""
    while reason := connection.execute(after, (reason,)).fetchone()[0] or "":
        waiting: int = connection.execute(count + "> 0", (reason,)).fetchone()[0]
        parked: int = connection.execute(count + "IS NULL", (reason,)).fetchone()[0]
        if waiting or parked:
            found[reason] = waiting, parked
    return found


def forget_unasked(connection: sqlite3.Connection, newest: int) -> int:
    """Take off the queue what was marked up to a revision, and all that a sweep marked.

    What a task marked stays, whenever that was: somebody asked for it.

    Args:
        connection: The store, in the caller's transaction.
        newest: The highest revision that goes.

    Returns:
        How many scenes went.
    """
    which = "run = 0 AND urgency <> ? AND (revision <= ? OR urgency = ?)"
    values = (TASK, newest, BACKGROUND)
    scenes: int = connection.execute(
        f"SELECT count(*) FROM dirty WHERE kind = 'scene' AND {which}",  # noqa: S608 - ours
        values,
    ).fetchone()[0]
    connection.execute(f"DELETE FROM dirty WHERE {which}", values)  # noqa: S608 - ours
    return scenes


def carried_waits(connection: sqlite3.Connection) -> bool:
    """Say whether scenes of a studio, performer, tag or group are still to be marked."""
    query = f"SELECT 1 FROM dirty WHERE kind IN ({places(CARRIED)}) AND due_at IS NOT NULL LIMIT 1"  # noqa: S608
    return connection.execute(query, CARRIED).fetchone() is not None


def left(connection: sqlite3.Connection, kind: str) -> tuple[int, int]:
    """Count the rows of a kind: (due now, postponed or parked)."""
    ready, postponed = connection.execute(
        "SELECT total(due_at = 0), total(due_at IS NULL OR due_at > 0) FROM dirty WHERE kind = ?",
        (kind,),
    ).fetchone()
    return int(ready), int(postponed)
