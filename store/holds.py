"""Holds: the queue as a whole waits for Stash, for Plex, or for a mended setting.

A server that is down is one state for all scenes, not one retry for each: the
rows stay as they are and nothing of theirs is spent.
"""

from __future__ import annotations

import sqlite3

from store.named_tuple import NamedTuple

#: The lanes, in the order the worker needs them.
STASH, SETTINGS, PLEX = "stash", "settings", "plex"


class Hold(NamedTuple):
    """Why the queue waits.

    ``until`` and ``since`` are Unix seconds, ``setting`` names the setting at
    fault or is empty, ``fingerprint`` is that of the settings it failed with.
    """

    lane: str
    until: float
    since: float
    attempts: int
    reason: str
    message: str
    setting: str
    fingerprint: str


def put(connection: sqlite3.Connection, hold: Hold) -> None:
    """Set or replace a lane's hold; ``since`` of a running hold is kept."""
    connection.execute(
        "INSERT INTO hold VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (lane) DO UPDATE SET "
        "until = excluded.until, attempts = excluded.attempts, reason = excluded.reason, "
        "message = excluded.message, setting = excluded.setting, "
        "fingerprint = excluded.fingerprint",
        hold,
    )


def get(connection: sqlite3.Connection, lane: str) -> Hold | None:
    """Give a lane's hold, or None when it is free."""
    row = connection.execute("SELECT * FROM hold WHERE lane = ?", (lane,)).fetchone()
    return Hold._make(row) if row else None


def all_holds(connection: sqlite3.Connection) -> list[Hold]:
    """Give every hold, the longest standing first."""
    return list(map(Hold._make, connection.execute("SELECT * FROM hold ORDER BY since, lane")))


def clear(connection: sqlite3.Connection, lane: str) -> bool:
    """Free a lane; say whether it was held."""
    return connection.execute("DELETE FROM hold WHERE lane = ?", (lane,)).rowcount == 1


def look_now(connection: sqlite3.Connection) -> None:
    """Let the worker ask again at once: somebody started a task, or saw the server answer.

    Every lane's ``until`` is 0 until the worker has looked.
    """
    connection.execute("UPDATE hold SET until = 0")
