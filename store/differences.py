"""The differences that stay: fields that Plex keeps although Stash has another value.

One row for each item and field, kept in the transaction that records the item. A number
stands for one pair of values: when either changes, the row is another one, so that an
answer is never about values that nobody saw.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from store.named_tuple import NamedTuple
from store.queue import rows_among

#: Answers: settled as it is, Plex shall get Stash's, Stash shall get Plex's. The last two
#: are carried out by the scene's next look; until then the row stays.
KEEP, USE_STASH, TAKE = "plex", "stash", "take"

_COLUMNS = "number, rating_key, field, scene, theirs, ours, answer, why, at"
# Word for word the condition of the index, or it is not used.
_OPEN = "server = ? AND answer <> 'plex'"


class Difference(NamedTuple):
    """One field of one item: Plex's value, Stash's, and what was answered.

    ``answer`` is "" or one of the three, ``why`` what Stash said when it refused a value,
    ``at`` the Unix time since which these two values are known.
    """

    number: int
    rating_key: int
    field: str
    scene: int
    theirs: str
    ours: str
    answer: str
    why: str
    at: float

    @property
    def pair(self) -> tuple[str, str]:
        """Plex's value and Stash's."""
        return self.theirs, self.ours


def of_item(connection: sqlite3.Connection, server: str, rating_key: int) -> dict[str, Difference]:
    """Give an item's differences by field, settled ones too."""
    query = f"SELECT {_COLUMNS} FROM difference WHERE server = ? AND rating_key = ?"  # noqa: S608 - constants
    rows = map(Difference._make, connection.execute(query, (server, rating_key)))
    return {row.field: row for row in rows}


def items_with_any(
    connection: sqlite3.Connection, server: str, rating_keys: Sequence[int]
) -> set[int]:
    """Give those of some items that have differences, settled ones too."""
    query = "SELECT DISTINCT rating_key FROM difference WHERE server = ? AND rating_key IN ({})"
    return {key for (key,) in rows_among(connection, query, rating_keys, server)}


def keep(
    connection: sqlite3.Connection,
    server: str,
    rating_key: int,
    scene: int,
    kept: Mapping[str, tuple[str, str]],
    *,
    now: float,
) -> None:
    """Make an item's rows those that a look found, (Plex's, Stash's) by field.

    What is as it was keeps its number and its answer.
    """
    known = of_item(connection, server, rating_key)
    for field, row in known.items():
        if kept.get(field) != row.pair:
            connection.execute("DELETE FROM difference WHERE number = ?", (row.number,))
        elif row.scene != scene:
            change = "UPDATE difference SET scene = ? WHERE number = ?"
            connection.execute(change, (scene, row.number))
    for field, pair in kept.items():
        if field not in known or known[field].pair != pair:
            connection.execute(
                "INSERT INTO difference (server, rating_key, field, scene, theirs, ours, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (server, rating_key, field, scene, *pair, now),
            )


def refuse(connection: sqlite3.Connection, number: int, why: str) -> None:
    """Open a difference again whose answer could not be carried out, with the reason."""
    connection.execute("UPDATE difference SET answer = '', why = ? WHERE number = ?", (why, number))


def forget_open(connection: sqlite3.Connection, server: str, rating_key: int) -> None:
    """Drop the rows that are not settled of an item that is no scene's by now.

    If it comes back, its look finds them again; what was settled is then still settled.
    """
    change = f"DELETE FROM difference WHERE {_OPEN} AND rating_key = ?"  # noqa: S608 - constants
    connection.execute(change, (server, rating_key))


def forget_scene(connection: sqlite3.Connection, scene: int) -> None:
    """Drop the rows of a scene that is not synced any more."""
    connection.execute("DELETE FROM difference WHERE scene = ?", (scene,))


def counts(connection: sqlite3.Connection, server: str) -> list[tuple[str, int]]:
    """Count the rows that are not settled, by field, the most frequent first."""
    query = (
        f"SELECT field, count(*) FROM difference WHERE {_OPEN} GROUP BY field "  # noqa: S608 - constants
        "ORDER BY 2 DESC, 1"
    )
    return connection.execute(query, (server,)).fetchall()


def newest(connection: sqlite3.Connection) -> int:
    """Give the highest number ever given to a row, 0 before the first."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'difference'").fetchone()
    return int(row[0]) if row else 0


def page(
    connection: sqlite3.Connection, server: str, field: str, *, before: int, limit: int
) -> list[Difference]:
    """Give up to ``limit`` rows of one field that are not settled, the newest below a number."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM difference WHERE {_OPEN} AND field = ? AND number < ? "  # noqa: S608
        "ORDER BY number DESC LIMIT ?",
        (server, field, before, limit),
    )
    return [Difference._make(row) for row in rows]


def answer(
    connection: sqlite3.Connection, answer: str, numbers: Sequence[int], fields: Sequence[str] = ()
) -> tuple[int, set[int]]:
    """Keep an answer to some rows; give how many there still were, and their scenes.

    Where ``fields`` are given, rows about other ones are left as they are.
    """
    query = "SELECT number, scene, field FROM difference WHERE number IN ({})"
    found = [
        (number, scene)
        for number, scene, field in rows_among(connection, query, numbers)
        if not fields or field in fields
    ]
    connection.executemany(
        "UPDATE difference SET answer = ?, why = '' WHERE number = ?",
        [(answer, number) for number, _ in found],
    )
    return len(found), {scene for _, scene in found}


def numbers_of(connection: sqlite3.Connection, server: str, field: str, *, until: int) -> list[int]:
    """Give the numbers of all rows of one field that are not settled, up to one of them."""
    rows = connection.execute(
        f"SELECT number FROM difference WHERE {_OPEN} AND field = ? AND number <= ?",  # noqa: S608
        (server, field, until),
    )
    return [number for (number,) in rows]
