"""Putting things into the queue: the one write of the hook, so nothing is imported at run time."""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself would cost the hook milliseconds
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

#: How urgent a row is: an edit by hand; what a renamed tag or a sweep concerns;
#: what a task marked, looked at only while that task lives.
EDIT, BACKGROUND, TASK = 0, 1, 2

_NEXT_REVISION = (
    "INSERT INTO meta (key, value) VALUES ('sequence', ?) "
    "ON CONFLICT (key) DO UPDATE SET value = value + excluded.value"
)
# min(): a more urgent mark wins, never the other way round. What a task has marked
# stays in its count, whoever marks it besides. What was held back of a new scene is a
# person's to take away with its next hook, which another mark is not.
_MARK = (
    "INSERT INTO dirty (kind, id, revision, urgency, marked_at, run) "
    "VALUES (?, ?, (SELECT value FROM meta WHERE key = 'sequence') - ?, ?, ?, ?) "
    "ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision, "
    "urgency = min(urgency, excluded.urgency), due_at = 0, attempts = 0, reason = '', "
    "message = '', marked_at = excluded.marked_at, run = max(run, excluded.run), "
    "takes = CASE excluded.urgency WHEN 0 THEN takes ELSE '' END"
)


def enqueue(
    connection: sqlite3.Connection,
    kind: str,
    ids: Iterable[int],
    *,
    now: float,
    urgency: int = EDIT,
) -> None:
    """Put things into the queue, inside the caller's transaction.

    A waiting or parked row becomes due at once, with its attempts forgotten.
    """
    wanted = list(ids)
    connection.execute(_NEXT_REVISION, (len(wanted),))
    connection.executemany(
        _MARK,
        # The later in the list, the higher the revision: a task's rows keep its order.
        [
            (kind, number, len(wanted) - 1 - place, urgency, now, int(urgency == TASK))
            for place, number in enumerate(wanted)
        ],
    )
