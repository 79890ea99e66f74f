"""What the page shows of the queue: counts, groups and pages, never the queue itself.

Every question here is answered from an index or a bounded number of rows, so
that a queue of 100,000 scenes is looked at as fast as an empty one. Reads only.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

#: Scenes named with each group.
FIRST = 5


class Group(NamedTuple):
    """Postponed things with one reason.

    ``next_due`` is the Unix time of the earliest next look, None when all are
    parked; ``message`` is that of the first; ``first`` holds some (kind, id).
    """

    reason: str
    size: int
    parked: int
    next_due: float | None
    message: str
    first: list[tuple[str, int]]


class Postponed(NamedTuple):
    """One postponed thing; ``due_at`` in Unix seconds, None when parked."""

    kind: str
    id: int
    due_at: float | None
    attempts: int
    message: str
    marked_at: float


#: A released row keeps its reason until it is looked at; it is not postponed any more.
_POSTPONED = "(due_at IS NULL OR due_at > 0)"
_ROWS = (
    "SELECT kind, id, due_at, attempts, message, marked_at FROM dirty "
    "WHERE reason = ? AND reason <> '' AND "
)

# Word for word the condition of the index, or it is not used.
_REFUSED = """(instr(base, '"poster":"refused ') OR instr(base, '"background":"refused '))"""


def groups(connection: sqlite3.Connection) -> list[Group]:
    """Group what is postponed by reason, most first."""
    found = connection.execute(
        "SELECT reason, count(*), sum(due_at IS NULL), min(due_at) FROM dirty "  # noqa: S608
        f"WHERE reason <> '' AND {_POSTPONED} GROUP BY reason ORDER BY 2 DESC, 1"
    ).fetchall()
    answer = []
    for reason, size, parked, next_due in found:
        rows = page(connection, reason, limit=FIRST)
        message = rows[0].message if rows else ""
        first = [(row.kind, row.id) for row in rows]
        answer.append(Group(reason, size, parked, next_due, message, first))
    return answer


def page(
    connection: sqlite3.Connection,
    reason: str,
    *,
    after: tuple[float | None, str, int] = (None, "", 0),
    limit: int,
) -> list[Postponed]:
    """Give up to ``limit`` postponed things with a reason, behind ``after``.

    Parked ones first, then by the time of their next look. ``after`` is
    (due_at, kind, id) of the last one seen.
    """
    due_at, kind, number = after
    rows: list[tuple[str, int, float | None, int, str, float]] = []
    if due_at is None:
        rows = connection.execute(
            _ROWS + "due_at IS NULL AND (kind, id) > (?, ?) ORDER BY kind, id LIMIT ?",
            (reason, kind, number, limit),
        ).fetchall()
        due_at, kind, number = 0.0, "", 0
    if len(rows) < limit:
        rows += connection.execute(
            _ROWS + "due_at > 0 AND (due_at, kind, id) > (?, ?, ?) "
            "ORDER BY due_at, kind, id LIMIT ?",
            (reason, due_at, kind, number, limit - len(rows)),
        ).fetchall()
    return [Postponed._make(row) for row in rows]


def looked_at(connection: sqlite3.Connection) -> dict[str, int]:
    """Count the scenes that a look came to an end for, by the outcome of the last one."""
    return dict(connection.execute("SELECT outcome, count(*) FROM scene GROUP BY outcome"))


def refused_covers(connection: sqlite3.Connection, server: str) -> int:
    """Count the scenes with an item whose picture Plex could not take."""
    number: int = connection.execute(
        f"SELECT count(DISTINCT scene) FROM item WHERE server = ? AND scene > 0 AND {_REFUSED}",  # noqa: S608 - constants
        (server,),
    ).fetchone()[0]
    return number


def refused_page(
    connection: sqlite3.Connection, server: str, *, after: int, limit: int
) -> list[int]:
    """Give up to ``limit`` of those scenes, by number, above one."""
    rows = connection.execute(
        "SELECT DISTINCT scene FROM item WHERE server = ? AND scene > ? "  # noqa: S608 - constants
        f"AND {_REFUSED} ORDER BY scene LIMIT ?",
        (server, max(after, 0), limit),
    )
    return [scene for (scene,) in rows]


def changes_since(connection: sqlite3.Connection, moment: float) -> int:
    """Count the changes written to Plex since a Unix time (the history is bounded)."""
    number: int = connection.execute(
        "SELECT count(*) FROM history WHERE at >= ?", (moment,)
    ).fetchone()[0]
    return number


def items_of(connection: sqlite3.Connection, server: str, scene: int) -> list[tuple[int, float]]:
    """Give (rating key, Unix time of the last write) of a scene's items, lowest key first."""
    return connection.execute(
        "SELECT rating_key, written_at FROM item WHERE server = ? AND scene = ? "
        "ORDER BY rating_key",
        (server, scene),
    ).fetchall()
