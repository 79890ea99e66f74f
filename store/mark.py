"""Marking things dirty: the one write of the hook, so this module imports nothing at run time."""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself would cost the hook milliseconds
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_NEXT_REVISION = (
    "INSERT INTO meta (key, value) VALUES ('sequence', ?) "
    "ON CONFLICT (key) DO UPDATE SET value = value + excluded.value"
)
# bulk = min(): an edit by hand takes a scene out of the bulk, never the other way round.
_MARK = (
    "INSERT INTO dirty (kind, id, revision, bulk, marked_at) "
    "VALUES (?, ?, (SELECT value FROM meta WHERE key = 'sequence') - ?, ?, ?) "
    "ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision, "
    "bulk = min(bulk, excluded.bulk), due_at = 0, attempts = 0, reason = '', message = '', "
    "marked_at = excluded.marked_at"
)


def mark(
    connection: sqlite3.Connection,
    kind: str,
    ids: Iterable[int],
    *,
    now: float,
    bulk: bool = False,
) -> None:
    """Mark things dirty, inside the caller's transaction.

    A waiting or parked row becomes due at once, with its attempts forgotten.
    """
    wanted = list(ids)
    connection.execute(_NEXT_REVISION, (len(wanted),))
    connection.executemany(
        _MARK,
        # The later in the list, the higher the revision: a task's rows keep its order.
        [
            (kind, number, len(wanted) - 1 - place, int(bulk), now)
            for place, number in enumerate(wanted)
        ],
    )
