"""The path index: which Plex item holds which file, kept for bulk work.

Keyed by server, so that a replaced server starts empty. A sweep writes its rows
with a new generation, page by page in short transactions, and drops the older
generation at its end; a sweep that died leaves rows that are merely verified.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterable

from store.named_tuple import NamedTuple

#: Rows dropped in one transaction: a hook must never wait for us.
ROWS_AT_ONCE = 5000


class Cursor(NamedTuple):
    """How far the index of one library section is.

    ``items`` is the section's size then, ``newest`` the largest updatedAt seen,
    ``swept_at`` the Unix time of the last full sweep. ``in_doubt`` says that the library
    changed since then: a file may lie in an item that looks as it did.
    """

    server: str
    section: int
    generation: int
    items: int
    content_changed_at: int
    scanned_at: int
    newest: int
    swept_at: float
    in_doubt: bool = False


def cursor(connection: sqlite3.Connection, server: str, section: int) -> Cursor | None:
    """Give a section's cursor, or None when it was never swept."""
    query = "SELECT * FROM part_cursor WHERE server = ? AND section = ?"
    row = connection.execute(query, (server, section)).fetchone()
    return Cursor._make(row) if row else None


def put_cursor(connection: sqlite3.Connection, cursor: Cursor) -> None:
    """Keep a section's cursor."""
    change = "INSERT OR REPLACE INTO part_cursor VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    connection.execute(change, cursor)


def replace_items(
    connection: sqlite3.Connection,
    server: str,
    section: int,
    generation: int,
    items: Iterable[tuple[int, Iterable[str]]],
) -> None:
    """Index the files (as path keys) of some items, instead of what was known of them."""
    known = list(items)
    connection.executemany(
        "DELETE FROM part WHERE server = ? AND section = ? AND rating_key = ?",
        [(server, section, rating_key) for rating_key, _ in known],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO part (server, section, rating_key, path_key, generation) "
        "VALUES (?, ?, ?, ?, ?)",
        [
            (server, section, rating_key, path_key, generation)
            for rating_key, path_keys in known
            for path_key in path_keys
        ],
    )


def drop_older(connection: sqlite3.Connection, server: str, section: int, generation: int) -> bool:
    """Drop a chunk of what an earlier sweep saw and this one did not; say whether more is left."""
    dropped = connection.execute(
        "DELETE FROM part WHERE (server, path_key, section, rating_key) IN ("
        "SELECT server, path_key, section, rating_key FROM part "
        "WHERE server = ? AND section = ? AND generation < ? LIMIT ?)",
        (server, section, generation, ROWS_AT_ONCE),
    ).rowcount
    return dropped == ROWS_AT_ONCE


def abandoned(
    connection: sqlite3.Connection, server: str, sections: Iterable[int], *, before: float
) -> list[Cursor]:
    """Give the sections that a server no longer has, and those of any server not swept since."""
    there = set(sections)
    rows = connection.execute("SELECT * FROM part_cursor").fetchall()
    return [
        known
        for known in map(Cursor._make, rows)
        if (known.section not in there if known.server == server else known.swept_at < before)
    ]


def forget(connection: sqlite3.Connection, cursor: Cursor) -> bool:
    """Drop a chunk of a section's index, at last its cursor; say whether more is left."""
    of = cursor.server, cursor.section
    more = drop_older(connection, *of, sys.maxsize)
    if not more:
        connection.execute("DELETE FROM part_cursor WHERE server = ? AND section = ?", of)
    return more


def known_items(
    connection: sqlite3.Connection, server: str, section: int, rating_keys: Iterable[int]
) -> set[int]:
    """Give those of some rating keys that are indexed."""
    query = "SELECT 1 FROM part WHERE server = ? AND section = ? AND rating_key = ? LIMIT 1"
    return {
        key
        for key in rating_keys
        if connection.execute(query, (server, section, key)).fetchone() is not None
    }


def items_with(connection: sqlite3.Connection, server: str, path_key: str) -> list[tuple[int, int]]:
    """Give (section, rating key) of every item that holds a file, lowest rating key first."""
    return connection.execute(
        "SELECT section, rating_key FROM part WHERE server = ? AND path_key = ? "
        "ORDER BY rating_key",
        (server, path_key),
    ).fetchall()
