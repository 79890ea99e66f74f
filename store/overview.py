"""What the page shows of the queue: counts, groups and pages, never the queue itself.

Every question here is answered from an index or a bounded number of rows, so
that a queue of 100,000 scenes is looked at as fast as an empty one. Reads only.
"""

from __future__ import annotations

import sqlite3

from store import queue
from store.ledger import SKIPPED
from store.named_tuple import NamedTuple

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


_ROWS = (
    "SELECT kind, id, due_at, attempts, message, marked_at FROM dirty "
    "WHERE reason = ? AND reason <> '' AND "
)

# Word for word the condition of the index, or it is not used.
_REFUSED = """(instr(base, '"poster":"refused ') OR instr(base, '"background":"refused '))"""


def groups(connection: sqlite3.Connection) -> list[Group]:
    """Group what is postponed by reason, most first."""
    answer = []
    for reason, (waiting, parked) in queue.postponed(connection).items():
        next_due = connection.execute(
            "SELECT min(due_at) FROM dirty INDEXED BY dirty_reason "
            "WHERE reason <> '' AND reason = ? AND due_at > 0",
            (reason,),
        ).fetchone()[0]
        rows = page(connection, reason, limit=FIRST)
        message = rows[0].message if rows else ""
        first = [(row.kind, row.id) for row in rows]
        answer.append(Group(reason, waiting + parked, parked, next_due, message, first))
    return sorted(answer, key=lambda group: (-group.size, group.reason))


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
        parked = "due_at IS NULL AND (kind, id) > (?, ?) ORDER BY kind, id LIMIT ?"
        rows = connection.execute(_ROWS + parked, (reason, kind, number, limit)).fetchall()
        due_at, kind, number = 0.0, "", 0
    if len(rows) < limit:
        waiting = "due_at > 0 AND (due_at, kind, id) > (?, ?, ?) ORDER BY due_at, kind, id LIMIT ?"
        values = (reason, due_at, kind, number, limit - len(rows))
        rows += connection.execute(_ROWS + waiting, values).fetchall()
    return [Postponed._make(row) for row in rows]


def looked_at(connection: sqlite3.Connection) -> dict[str, int]:
    """Count the scenes that a look came to an end for, by the outcome of the last one."""
    return dict(connection.execute("SELECT outcome, count(*) FROM scene GROUP BY outcome"))


def known(connection: sqlite3.Connection, server: str) -> tuple[int, int]:
    """Count the scenes that were compared with a server, and those that the settings leave out.

    All are counted by SQLite without reading a row of them, and the ones left out are few, and
    nobody's. Where it was not noted which server it was, it is taken to be this one.
    """
    count = "SELECT count(*) FROM scene WHERE server"
    every: int = connection.execute(f"{count} IN ('', ?)", (server,)).fetchone()[0]
    left_out: int = connection.execute(f"{count} = '' AND outcome = ?", (SKIPPED,)).fetchone()[0]
    return every - left_out, left_out


def refused_covers(connection: sqlite3.Connection, server: str) -> int:
    """Count the scenes with an item whose picture Plex could not take."""
    query = f"SELECT count(DISTINCT scene) FROM item WHERE server = ? AND scene > 0 AND {_REFUSED}"  # noqa: S608 - constants
    return int(connection.execute(query, (server,)).fetchone()[0])


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
    query = "SELECT count(*) FROM history WHERE at >= ?"
    return int(connection.execute(query, (moment,)).fetchone()[0])


def items_of(connection: sqlite3.Connection, server: str, scene: int) -> list[tuple[int, float]]:
    """Give (rating key, Unix time of the last write) of a scene's items, lowest key first."""
    # Left alone, the planner walks the primary key, that is, the whole ledger.
    return connection.execute(
        "SELECT rating_key, written_at FROM item INDEXED BY item_scene WHERE server = ? "
        "AND scene = ? ORDER BY rating_key",
        (server, scene),
    ).fetchall()
