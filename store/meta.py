"""Single values kept in the store: the Stash connection, our identity, what to tell the user.

The hook imports this module, so it imports only json, os and sqlite3.
"""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False  # typing itself would cost the hook milliseconds
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from typing import Any


def put(connection: sqlite3.Connection, key: str, value: Any) -> None:
    """Keep a JSON value under a key, inside the caller's transaction if there is one."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, json.dumps(value, separators=(",", ":"))),
    )


def get(connection: sqlite3.Connection, key: str) -> Any:
    """Give the value kept under a key, or None."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else json.loads(row[0])


def put_connection(connection: sqlite3.Connection, server_connection: Mapping[str, Any]) -> None:
    """Keep the newest way to reach Stash, cookie included; it replaces the one before."""
    kept = {name: server_connection.get(name) for name in ("Scheme", "Host", "Port", "Dir")}
    cookie = server_connection.get("SessionCookie")
    if isinstance(cookie, dict):
        kept["SessionCookie"] = {name: cookie.get(name) for name in ("Name", "Value")}
    put(connection, "connection", kept)


def client_identifier(connection: sqlite3.Connection) -> str:
    """Give the identifier Plex knows this installation by, made once.

    Without a lasting one Plex registers a new device at every start
    (and mails the owner about it).
    """
    known = get(connection, "client_identifier")
    if known is None:
        connection.execute(
            "INSERT INTO meta (key, value) VALUES ('client_identifier', ?) ON CONFLICT DO NOTHING",
            (json.dumps("plexsync-" + os.urandom(16).hex()),),
        )
        known = get(connection, "client_identifier")
    return str(known)


def put_notice(connection: sqlite3.Connection, text: str) -> None:
    """Leave the one line that the next hook or task says in Stash's log; "" for none.

    A detached worker cannot write there itself. A new text is said at once, a
    standing one is repeated (``due_reminder``).
    """
    if text != notice(connection):
        put(connection, "notice", [text, 0.0])


def notice(connection: sqlite3.Connection) -> str:
    """Give the line that needs a person, or ""."""
    kept = get(connection, "notice")
    return str(kept[0]) if kept else ""


def due_reminder(connection: sqlite3.Connection, *, now: float, every: float) -> str:
    """Give the notice if it was not said for ``every`` seconds, and note that it is now."""
    kept = get(connection, "notice")
    if not kept or not kept[0] or 0 <= now - kept[1] < every:
        return ""
    put(connection, "notice", [kept[0], now])
    return str(kept[0])
