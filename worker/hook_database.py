"""The hook's way by the database: always sure, and much slower than the inbox (store/inbox.py).

Taken where no worker lives, or where a person has to be told something. Still inside the
user's save, so it imports nothing beyond sqlite3, time and what store/ needs.
"""

from __future__ import annotations

import sqlite3
import time

from store import inbox, meta, schema
from store.enqueue import enqueue
from worker import launcher

TYPE_CHECKING = False  # typing itself would cost the hook milliseconds
if TYPE_CHECKING:
    from typing import Any

#: What is raised where nothing could be noted.
FAILURES = (OSError, sqlite3.Error, schema.NewerDatabase)


def mark(
    directory: str, kind: str, ids: list[int], server_connection: Any, entry: str
) -> tuple[str, bool]:
    """Put things into the queue for sure.

    Gives the reminder that is due, or "", and whether a worker was started.

    Raises:
        Exception: One of FAILURES; nothing was noted.
    """
    try:
        return _mark(directory, kind, ids, server_connection, entry)
    except sqlite3.DatabaseError as error:
        if not schema.is_damage(error):
            raise
    from store import recovery  # never needed on a good day

    recovery.set_aside(directory)
    return _mark(directory, kind, ids, server_connection, entry)


def _mark(
    directory: str, kind: str, ids: list[int], server_connection: Any, entry: str
) -> tuple[str, bool]:
    now = time.time()
    database = schema.open_database(directory)
    try:
        # Before the commit: whoever kills us right after it leaves a worker that looks.
        try:
            started = launcher.start_if_none(directory, entry)
        except OSError:
            started = False  # tried again after the commit, and said then
        database.execute("BEGIN IMMEDIATE")
        enqueue(database, kind, ids, now=now)
        meta.put_connection(database, server_connection)
        reminder = meta.due_reminder(database, now=now, every=inbox.REMINDER)
        database.execute("COMMIT")
    finally:
        database.close()
    return reminder, started


def leave_notice(directory: str, text: str) -> None:
    """Leave the line that the next hook says, for a worker that cannot even be imported."""
    database = schema.open_database(directory)
    try:
        meta.put_notice(database, text)
    finally:
        database.close()
