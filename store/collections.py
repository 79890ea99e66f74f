"""The ledger of collections: what PlexSync wrote to each, as of items.

``made`` says that the collection is ours: when it was first seen, all that was in it was there
because of us. One that a person made is noted, too, so that this is asked once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from store.named_tuple import NamedTuple

_COLUMNS = "server, rating_key, section, identity, made, base, pending, seen"


class Entry(NamedTuple):
    """One collection; ``base`` and ``pending`` as of an item (merge/base.py).

    ``identity`` tells it from another one that gets its rating key; ``seen`` stands for what
    Plex and Stash said of it when nothing was due.
    """

    server: str
    rating_key: int
    section: int
    identity: str
    made: int
    base: str = ""
    pending: str = ""
    seen: str = ""


def of_section(connection: sqlite3.Connection, server: str, section: int) -> dict[int, Entry]:
    """Give what is known of a library's collections, by rating key."""
    query = f"SELECT {_COLUMNS} FROM collection WHERE server = ? AND section = ?"  # noqa: S608 - ours
    rows = map(Entry._make, connection.execute(query, (server, section)))
    return {row.rating_key: row for row in rows}


def put(connection: sqlite3.Connection, entries: Iterable[Entry], *, now: float) -> None:
    """Keep entries, in place of those that were known."""
    connection.executemany(
        f"INSERT OR REPLACE INTO collection ({_COLUMNS}, written_at) "  # noqa: S608 - ours
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(*entry, now) for entry in entries],
    )


def forget(connection: sqlite3.Connection, server: str, rating_keys: Iterable[int]) -> None:
    """Drop what is known of collections that are gone."""
    connection.executemany(
        "DELETE FROM collection WHERE server = ? AND rating_key = ?",
        [(server, key) for key in rating_keys],
    )


def texts_with(
    connection: sqlite3.Connection, server: str, section: int
) -> Iterator[tuple[str, str]]:
    """Give the ledger's texts of a library's items that may be in a collection, one by one.

    They are (base, pending), "" for none.
    """
    rows = connection.execute(
        "SELECT base, pending FROM item WHERE server = ? AND section = ? "
        "AND (base LIKE '%\"collections\"%' OR pending LIKE '%\"collections\"%')",
        (server, section),
    )
    return iter(rows)
