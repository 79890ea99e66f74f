"""What the store needs now and then, at calm moments: a backup, and space given back."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from store import backup, ledger, meta

if TYPE_CHECKING:
    from store.store import Store

#: Seconds between two backups, if anything was written to Plex since.
EVERY = 3600.0
#: The same for a worker that goes: the next may not stay for as long as that.
ON_LEAVING = 60.0
#: Unused pages that are worth rewriting the file for, and the share of it they must be.
UNUSED = 256
SHARE = 0.25


class Maintenance:
    """Looks after the store of a worker.

    ``warn`` is told what went wrong, and what was restored when the store was opened.
    """

    def __init__(
        self, store: Store, warn: Callable[[str], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._warn = warn
        self._clock = clock
        self._looked_at: float | None = None
        if store.mishap:
            warn(store.mishap)

    def run(self, *, leaving: bool = False) -> None:
        """Do what is due, while nothing waits. A full disk stops nobody here.

        ``leaving`` says that the worker is about to go: back up even if it was done lately.
        """
        self._forget_mishap()
        now, every = self._clock(), ON_LEAVING if leaving else EVERY
        lately = self._looked_at is not None and 0 <= now - self._looked_at < EVERY
        if lately and not leaving:
            return
        self._looked_at = now
        connection, directory = self._store.connection, self._store.directory
        try:
            ledger.forget_gone(connection, now=now)
            if backup.is_due(connection, directory, now=now, every=every):
                backup.make(connection, directory, now=now)
            shrink(connection)
        except (OSError, sqlite3.OperationalError) as error:
            self._warn(f"the database could not be backed up or made smaller: {error}")
        # SQLite never makes the log shorter by itself, nor where a full disk ended what grew it.
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _forget_mishap(self) -> None:
        """Stop telling of a mishap once it was told and everything was looked at."""
        connection = self._store.connection
        mishap = meta.get(connection, meta.MISHAP)
        text, said_at = meta.notice(connection)
        if mishap and text == mishap["text"] and said_at:
            with self._store.transaction():
                meta.put(connection, meta.MISHAP, {})
                meta.put_notice(connection, "")


def shrink(connection: sqlite3.Connection) -> None:
    """Give unused space back to the disk, if there is much."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    unused = connection.execute("PRAGMA freelist_count").fetchone()[0]
    if unused >= max(UNUSED, pages * SHARE):
        connection.execute("VACUUM")
