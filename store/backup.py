"""The ledger's second copy: of all that the database holds, it alone cannot be read again.

Without it nobody could tell what we wrote to Plex from what a person did there.
A whole database of its own beside the store, replaced in one step. The way to
Stash, with its cookie, is not in it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time

from store import create, ledger, meta, migrations, recovery, schema
from store.transaction import Transaction

FILE = "plexsync.backup.sqlite"
#: What is copied; all else is in Stash and Plex, or was only waiting.
TABLES = ("item", "scene", "carries", "play", "difference", "collection")
#: The worker's log (log.py): where there is one, this is no new installation.
LOG = "plexsync.log"
#: Seconds before our first look that the first sweep goes back.
MARGIN = 60.0
_WRITTEN_LAST = "SELECT max(written_at) FROM item"
_ALL = "INSERT OR REPLACE INTO {0}.{1} SELECT * FROM {2}.{1}"


def is_due(connection: sqlite3.Connection, directory: str, *, now: float, every: float) -> bool:
    """Say whether anything was acknowledged since the last backup, at least ``every`` s ago."""
    last = meta.get(connection, meta.BACKUP) or {}
    there = os.path.exists(os.path.join(directory, FILE))
    if there and 0 <= now - last.get("at", 0.0) < every:
        return False
    newest = connection.execute(_WRITTEN_LAST).fetchone()[0]
    return newest is not None and not (there and newest == last.get("newest"))


def make(connection: sqlite3.Connection, directory: str, *, now: float) -> None:
    """Replace the backup; the old one stands until the new one is safe on the disk.

    Raises:
        OSError: It cannot be written.
        sqlite3.Error: As above, or the store is damaged.
    """
    path = os.path.join(directory, FILE)
    fresh = path + ".new"
    _clear_away(fresh)
    try:
        newest = _copy(connection, fresh)
        os.replace(fresh, path)
    finally:
        _clear_away(fresh)  # what did not fit must not be what leaves nobody any room
    meta.put(connection, meta.BACKUP, {"at": now, "newest": newest})


def _clear_away(fresh: str) -> None:
    for end in create.LEFTOVERS:
        with contextlib.suppress(OSError):
            os.unlink(fresh + end)


def _copy(connection: sqlite3.Connection, fresh: str) -> float | None:
    """Copy the ledger into a new file, safe on the disk; give when it was last written to."""
    os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        for statement in schema.TABLES:
            copy.execute(statement)
        copy.execute(f"PRAGMA user_version = {schema.VERSION}")
    connection.execute("ATTACH ? AS copy", (fresh,))
    try:
        # The ledger as it is at one moment, while hooks go on writing.
        with Transaction(connection, "BEGIN"):
            newest: float | None = connection.execute(_WRITTEN_LAST).fetchone()[0]
            for table in TABLES:
                connection.execute(_ALL.format("copy", table, "main"))
            connection.execute(
                "INSERT INTO copy.meta SELECT * FROM main.meta "
                "WHERE key IN ('client_identifier', 'plays')"
            )
    finally:
        connection.execute("DETACH copy")
    with open(fresh, "rb+") as file:
        os.fsync(file.fileno())
    return newest


def restore_if_new(connection: sqlite3.Connection, directory: str) -> str:
    """Fill a database that was just begun from the backup, if it is not the first one here.

    Afterwards every scene is looked at once, for nobody knows what was marked. Nothing happens
    to a database that was asked about before. Gives what happened, for people, or "".
    """
    if meta.get(connection, meta.LEDGER) is not None:
        return ""
    now = time.time()
    broken = recovery.kept(directory, since=now - MARGIN)
    restored = _restore(connection, os.path.join(directory, FILE))
    # A log without a database: there was one.
    if not (restored or broken or os.path.exists(os.path.join(directory, LOG))):
        meta.put(connection, meta.LEDGER, {"at": now, "from": "nothing"})
        # From here on the sweep misses nothing, even if it is long until the first one.
        meta.put(connection, meta.SWEEP_SINCE, now - MARGIN)
        return ""
    text = _in_words(broken, restored)
    with Transaction(connection):
        ledger.forget_looks(connection)
        meta.put(connection, meta.MISHAP, {"at": now, "text": text})
        meta.put_notice(connection, text)
        origin = "backup" if restored else meta.LOST
        meta.put(connection, meta.LEDGER, {"at": now, "from": origin})
    return text


def _restore(connection: sqlite3.Connection, path: str) -> bool:
    if not os.path.exists(path):
        return False
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as copy:
            version = copy.execute("PRAGMA user_version").fetchone()[0]
            if not 0 < version <= schema.VERSION:
                return False
            migrations.migrate(copy, schema.VERSION)
        connection.execute("ATTACH ? AS copy", (path,))
        try:
            with Transaction(connection):
                for table in (*TABLES, "meta"):
                    connection.execute(_ALL.format("main", table, "copy"))
        finally:
            connection.execute("DETACH copy")
    except sqlite3.DatabaseError as error:
        if not schema.is_damage(error):
            raise
        os.replace(path, path + recovery.MARK + "too")
        return False
    return True


def _in_words(broken: str, restored: bool) -> str:
    what = f"was damaged (it is kept as {broken})" if broken else "was gone"
    if restored:
        return (
            f"PlexSync's database {what}. What it knew of your items was restored from its "
            "backup, and every scene is looked at once. Nothing needs to be done."
        )
    return (
        f"PlexSync's database {what} and there was no backup of it. Every scene is looked at "
        "once. What is locked in Plex and differs from Stash is kept and listed; turn on "
        "Overwrite Plex Edits for one 'Sync all to Plex' if Stash shall win there."
    )
