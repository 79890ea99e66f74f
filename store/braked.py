"""Rows that are held back because their scene would take something away in Plex.

Such a row is parked with a reason of its own: ``UNDECIDED`` until the run is over that it
belongs to (worker/brake.py), ``ASKED`` from then on, if a person has to say. What was
decided stays with the row until it ends, however often its scene is marked meanwhile.
"""

from __future__ import annotations

import sqlite3

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterator

#: Reasons of rows that are held back.
REASONS = UNDECIDED, ASKED = "HeldBack", "TakesAway"
#: What a row's ``brake`` says: nothing yet, a person has to say, it may take away, and a person
#: said so (what is written then is a run of its own in the history). An edit by
#: hand may from the start.
OPEN, WAITS, MAY_TAKE, RELEASED = 0, 1, 2, 3
# With the condition of the index on reasons, word for word, or all of the queue is read.
_PARKED = "reason <> '' AND due_at IS NULL"
_FREE = "UPDATE dirty SET due_at = 0, reason = '', message = ''"


def hold_back(
    connection: sqlite3.Connection, scene: int, revision: int, takes: str, message: str
) -> None:
    """Park a scene's row, unless it was marked again or let go since it was read.

    It stays in its task's count. ``takes`` is what its scene takes away, as text for
    ``takes_of``, and ``message`` the same for a person.
    """
    connection.execute(
        "UPDATE dirty SET due_at = NULL, reason = CASE brake WHEN ? THEN ? ELSE ? END, "
        "message = ?, takes = ? WHERE kind = 'scene' AND id = ? AND revision = ? AND brake < ?",
        (WAITS, ASKED, UNDECIDED, message, takes, scene, revision, MAY_TAKE),
    )


def is_any(connection: sqlite3.Connection) -> bool:
    """Say whether anything is held back, from an index alone."""
    query = f"SELECT 1 FROM dirty WHERE reason IN (?, ?) AND {_PARKED} LIMIT 1"  # noqa: S608
    return connection.execute(query, (UNDECIDED, ASKED)).fetchone() is not None


def count(connection: sqlite3.Connection, reason: str, *, with_run: bool = True) -> int:
    """Count what is held back for a reason; ``with_run`` also what a task alone marked."""
    query = f"SELECT count(*) FROM dirty WHERE {_where(with_run)}"  # noqa: S608 - our constants
    return int(connection.execute(query, (reason,)).fetchone()[0])


def newest_edit(connection: sqlite3.Connection) -> float:
    """Give when the newest hook came whose scene is undecided, in Unix seconds, 0 for none."""
    query = f"SELECT max(marked_at) FROM dirty WHERE reason = ? AND {_PARKED} AND urgency = 0"  # noqa: S608
    return connection.execute(query, (UNDECIDED,)).fetchone()[0] or 0.0


def takes_of(
    connection: sqlite3.Connection, reason: str, *, with_run: bool = True
) -> Iterator[str]:
    """Give what each of them takes away; arguments as for ``count``."""
    query = f"SELECT takes FROM dirty WHERE {_where(with_run)}"  # noqa: S608 - our constants
    return (takes for (takes,) in connection.execute(query, (reason,)))


def ask(connection: sqlite3.Connection, *, with_run: bool) -> None:
    """Leave to a person what is undecided. No task comes back for it."""
    change = "UPDATE dirty SET reason = ?, brake = ?, urgency = 1"
    connection.execute(f"{change} WHERE {_where(with_run)}", (ASKED, WAITS, UNDECIDED))


def leave_run(connection: sqlite3.Connection) -> int:
    """Take what a person has to say out of the running task's count; give how many that was."""
    change = f"UPDATE dirty SET run = 0 WHERE run = 1 AND reason = ? AND {_PARKED}"  # noqa: S608
    return connection.execute(change, (ASKED,)).rowcount


def let_go(connection: sqlite3.Connection, reason: str, *, with_run: bool = True) -> int:
    """Let rows take away what they take, at once; give how many.

    Those for which a person was asked may from now on even if they are looked at right now.
    """
    by, freed = MAY_TAKE, 0
    if reason == ASKED:
        by, looked_at = RELEASED, "UPDATE dirty SET brake = ? WHERE brake = ? AND due_at = 0"
        freed = connection.execute(looked_at, (RELEASED, WAITS)).rowcount
    change = f"{_FREE}, brake = ? WHERE {_where(with_run)}"
    return freed + connection.execute(change, (by, reason)).rowcount


def is_going_on(connection: sqlite3.Connection) -> bool:
    """Say whether something that a person let go is still to be looked at."""
    query = "SELECT 1 FROM dirty WHERE brake = ? AND due_at = 0 LIMIT 1"
    return connection.execute(query, (RELEASED,)).fetchone() is not None


def look_again(connection: sqlite3.Connection, limit: int) -> list[int]:
    """Have up to ``limit`` scenes looked at again for which a person was asked; give them.

    They are chosen at random, for not all may have been put right. They take nothing away for
    that: if they still would, they wait again.
    """
    query = f"SELECT kind, id FROM dirty WHERE reason = ? AND {_PARKED} ORDER BY random() LIMIT ?"  # noqa: S608
    rows = connection.execute(query, (ASKED, limit)).fetchall()
    connection.executemany(f"{_FREE} WHERE kind = ? AND id = ?", rows)
    return [number for _, number in rows]


def look_at_all(connection: sqlite3.Connection) -> int:
    """Have everything looked at again that is held back, decided or not; give how many.

    As above, it takes nothing away for that.
    """
    query = f"{_FREE} WHERE reason IN (?, ?) AND {_PARKED}"
    return connection.execute(query, REASONS).rowcount


def _where(with_run: bool) -> str:
    return f"reason = ? AND {_PARKED}" + ("" if with_run else " AND urgency < 2")
