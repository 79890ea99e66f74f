"""Where items were stopped in Plex, and what Stash had as a scene's resume time then."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class Stopped(NamedTuple):
    """One item: when it was last watched by Plex's clock and where it was stopped then.

    ``viewed_at`` in Unix seconds, ``place`` in milliseconds, 0 for nowhere; ``stash`` the
    scene's resume time in seconds once that was looked at, ``ours`` whether it came from Plex.
    """

    rating_key: int
    scene: int
    viewed_at: int
    place: int
    stash: float
    ours: bool


_COLUMNS = "rating_key, scene, viewed_at, place, stash, ours"


def of_item(connection: sqlite3.Connection, server: str, rating_key: int) -> Stopped | None:
    """Give what was noted of an item, None for nothing."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM resume WHERE server = ? AND rating_key = ?",  # noqa: S608 - constants
        (server, rating_key),
    ).fetchone()
    return _read(row) if row else None


def of_scene(connection: sqlite3.Connection, scene: int) -> Stopped | None:
    """Give what was noted last of a scene's items, None for nothing."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM resume WHERE scene = ? ORDER BY viewed_at DESC LIMIT 1",  # noqa: S608
        (scene,),
    ).fetchone()
    return _read(row) if row else None


def note(connection: sqlite3.Connection, server: str, stopped: Stopped) -> None:
    """Keep what was seen of an item and of its scene, in the caller's transaction."""
    connection.execute(
        f"INSERT OR REPLACE INTO resume (server, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (server, *stopped),
    )


def note_in_stash(connection: sqlite3.Connection, scene: int, seconds: float) -> None:
    """Keep what a scene has in Stash, not by Plex's word any more."""
    connection.execute("UPDATE resume SET stash = ?, ours = 0 WHERE scene = ?", (seconds, scene))


def _read(row: tuple[int, int, int, int, float, int]) -> Stopped:
    return Stopped(*row[:5], bool(row[5]))
