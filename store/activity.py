"""What was watched in Plex, as far as Stash was told: views that are plays, and where it stopped.

A view is told once, and shown with its scene; beside where an item was stopped stands what Stash
had as the scene's resume time then.
"""

from __future__ import annotations

import sqlite3

from store.named_tuple import NamedTuple
from store.queue import rows_among

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Whose plays are that were undone: an item, and so a view of it, may become another scene's.
NO_SCENE = 0


def noted_plays(connection: sqlite3.Connection, server: str, since: int) -> set[tuple[int, int]]:
    """Give (rating key, Unix second) of the views at or after a time that Stash has."""
    return set(
        connection.execute(
            "SELECT rating_key, viewed_at FROM play WHERE server = ? AND viewed_at >= ?",
            (server, since),
        )
    )


def note_play(
    connection: sqlite3.Connection, server: str, rating_key: int, viewed_at: int, scene: int
) -> None:
    """Keep that Stash has a view as a play of a scene, or of ``NO_SCENE``."""
    connection.execute(
        "INSERT OR REPLACE INTO play (server, viewed_at, rating_key, scene) VALUES (?, ?, ?, ?)",
        (server, viewed_at, rating_key, scene),
    )


def note_undone(connection: sqlite3.Connection, scene: int, times: Iterable[int]) -> None:
    """Keep that plays of a scene, by their Unix seconds, were undone: they shall be no scene's."""
    change = "UPDATE play SET scene = ? WHERE scene = ? AND viewed_at = ?"
    connection.executemany(change, [(NO_SCENE, scene, at) for at in times])


def undone_among(connection: sqlite3.Connection, times: Sequence[int]) -> set[int]:
    """Give those of some Unix seconds whose play was undone, whichever scene's it was."""
    query = "SELECT viewed_at FROM play WHERE scene = ? AND viewed_at IN ({})"
    return {at for (at,) in rows_among(connection, query, times, NO_SCENE)}


def plays_of_scene(connection: sqlite3.Connection, scene: int) -> set[int]:
    """Give the Unix seconds of a scene's plays that came from Plex."""
    rows = connection.execute("SELECT viewed_at FROM play WHERE scene = ?", (scene,))
    return {at for (at,) in rows}


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


_STOPPED = "rating_key, scene, viewed_at, place, stash, ours"


def stopped_item(connection: sqlite3.Connection, server: str, rating_key: int) -> Stopped | None:
    """Give what was noted of an item, None for nothing."""
    return _stopped(connection, "server = ? AND rating_key = ?", server, rating_key)


def stopped_in_scene(connection: sqlite3.Connection, scene: int) -> Stopped | None:
    """Give what was noted last of a scene's items, None for nothing."""
    return _stopped(connection, "scene = ? ORDER BY viewed_at DESC LIMIT 1", scene)


def note_stopped(connection: sqlite3.Connection, server: str, stopped: Stopped) -> None:
    """Keep what was seen of an item and of its scene, in the caller's transaction."""
    connection.execute(
        f"INSERT OR REPLACE INTO resume (server, {_STOPPED}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (server, *stopped),
    )


def note_resume_time(connection: sqlite3.Connection, scene: int, seconds: float) -> None:
    """Keep what a scene has in Stash, not by Plex's word any more."""
    connection.execute("UPDATE resume SET stash = ?, ours = 0 WHERE scene = ?", (seconds, scene))


def _stopped(connection: sqlite3.Connection, which: str, *values: str | int) -> Stopped | None:
    query = f"SELECT {_STOPPED} FROM resume WHERE {which}"  # noqa: S608 - our constants
    row = connection.execute(query, values).fetchone()
    return Stopped._make((*row[:5], bool(row[5]))) if row else None
