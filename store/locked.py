"""Which items of the ledger may hold a lock of ours, and how far their release is."""

from __future__ import annotations

import sqlite3

# A look at JSON text from outside: one too many costs a request, never a lock.
_ITEMS = (
    "SELECT rating_key FROM item WHERE server = ? AND rating_key > ? AND "
    """(base LIKE '%"locked":[%' OR pending LIKE '%"locks":["%') ORDER BY rating_key LIMIT ?"""
)


def items_after(
    connection: sqlite3.Connection, server: str, rating_key: int, *, limit: int
) -> list[int]:
    """Give up to ``limit`` rating keys above one, ascending, of items that we may have locked."""
    return [key for (key,) in connection.execute(_ITEMS, (server, rating_key, limit))]


def left(connection: sqlite3.Connection, kind: str) -> tuple[int, int]:
    """Count the rows of a kind: (to be looked at now, postponed or parked)."""
    ready, postponed = connection.execute(
        "SELECT total(due_at = 0), total(due_at IS NULL OR due_at > 0) FROM dirty WHERE kind = ?",
        (kind,),
    ).fetchone()
    return int(ready), int(postponed)
