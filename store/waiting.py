"""Rows that wait for something to appear, and bringing their next look forward."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

#: Ids in one statement; SQLite takes at least 999 variables.
CHUNK = 500


def waiting_for(
    connection: sqlite3.Connection, reason: str, *, now: float, limit: int
) -> list[int]:
    """Give up to ``limit`` scenes that wait for a reason and are not due yet."""
    rows = connection.execute(
        "SELECT id FROM dirty WHERE reason = ? AND kind = 'scene' AND due_at > ? LIMIT ?",
        (reason, now, limit),
    )
    return [scene for (scene,) in rows]


def hasten(
    connection: sqlite3.Connection,
    reason: str,
    *,
    now: float,
    scenes: Iterable[int] | None = None,
) -> int:
    """Make waiting scenes due now, all or some, and count them.

    They do not become edits by hand, and the look does not count as a try: the
    schedule goes on from where it was.
    """
    query = (
        "UPDATE dirty SET due_at = ?, attempts = max(attempts - 1, 0) "
        "WHERE reason = ? AND kind = 'scene' AND due_at > ?"
    )
    if scenes is None:
        return connection.execute(query, (now, reason, now)).rowcount
    wanted = list(scenes)
    count = 0
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        places = ",".join("?" * len(chunk))
        count += connection.execute(
            f"{query} AND id IN ({places})", (now, reason, now, *chunk)
        ).rowcount
    return count
