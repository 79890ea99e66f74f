"""Which views in Plex Stash has as plays: told once, and shown with their scene."""

from __future__ import annotations

import sqlite3


def noted(connection: sqlite3.Connection, server: str, since: int) -> set[tuple[int, int]]:
    """Give (rating key, Unix second) of the views at or after a time that Stash has."""
    return set(
        connection.execute(
            "SELECT rating_key, viewed_at FROM play WHERE server = ? AND viewed_at >= ?",
            (server, since),
        )
    )


def note(
    connection: sqlite3.Connection, server: str, rating_key: int, viewed_at: int, scene: int
) -> None:
    """Keep that Stash has a view as a play of a scene."""
    connection.execute(
        "INSERT OR REPLACE INTO play (server, viewed_at, rating_key, scene) VALUES (?, ?, ?, ?)",
        (server, viewed_at, rating_key, scene),
    )


def of_scene(connection: sqlite3.Connection, scene: int) -> set[int]:
    """Give the Unix seconds of a scene's plays that came from Plex."""
    rows = connection.execute("SELECT viewed_at FROM play WHERE scene = ?", (scene,))
    return {at for (at,) in rows}
