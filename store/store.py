"""The way into the data directory: one connection, changes in transactions."""

from __future__ import annotations

import os
import sqlite3

from store import inbox, meta, queue, recovery, schema
from store.enqueue import BACKGROUND, enqueue
from store.transaction import Transaction

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    from collections.abc import Sequence

#: Letters that are written to find out whether there is room.
TRIAL = 64 * 1024
#: Things marked in one transaction.
MARKED_AT_ONCE = 1000


class Tables:
    """Our tables, read by anybody and changed in transactions; the connection is in autocommit."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def transaction(self) -> Transaction:
        """Run a block as one durable transaction; an exception leaves nothing of it."""
        return Transaction(self.connection)

    def close(self) -> None:
        """Close the connection; nothing can be read afterwards."""
        self.connection.close()


class Store(Tables):
    """An open data directory, created when missing.

    Raises:
        schema.NewerDatabase: The file belongs to a newer PlexSync.
        sqlite3.Error: The file cannot be opened.
    """

    def __init__(self, directory: str) -> None:
        super().__init__(recovery.open_or_begin_anew(directory))
        self.directory = directory
        schema.prefer_wal(self.connection)
        try:
            #: What was lost and what was restored, if this is the first look at a new file, or "".
            self.mishap = ""
            if meta.get(self.connection, meta.LEDGER) is None:
                from store import backup  # once an installation, or a mishap

                self.mishap = backup.restore_if_new(self.connection, directory)
            self._files = self._which()
            self.connection.execute("PRAGMA busy_timeout = 0")  # who only looks waits for no writer
            try:
                self.take_in()
            except sqlite3.OperationalError:
                pass  # who writes will come by, or the disk is full: it stays where it is
            self.connection.execute(f"PRAGMA busy_timeout = {schema.BUSY_TIMEOUT * 1000:.0f}")
        except BaseException:
            self.connection.close()
            raise

    def take_in(self) -> None:
        """Put what hooks left in the inbox into the queue.

        Not into a database that is not the one at our path any more: nobody would read it.

        Raises:
            sqlite3.Error: It could not be committed; it stays in the inbox.
        """
        if inbox.holds_anything(self.directory) and not self.is_replaced():
            inbox.take_in(self.connection, self.directory)

    def edit_waits(self, *, of_scene: bool = False) -> bool:
        """Say whether an edit by hand waits, one that is still in the inbox included.

        ``of_scene`` asks for one of a scene only: what it carries just marks others.
        """
        self.take_in()
        if of_scene:
            return queue.edited_scene(self.connection) is not None
        return queue.edit_waits(self.connection)

    def mark(self, kind: str, ids: Sequence[int], *, now: float) -> None:
        """Put things into the queue for the background, some at a time: no hook waits for long."""
        for chunk in queue.chunks(ids, MARKED_AT_ONCE):
            with self.transaction() as connection:
                enqueue(connection, kind, chunk, now=now, urgency=BACKGROUND)

    def is_replaced(self) -> bool:
        """Say whether other files lie at our paths by now: ours were deleted, emptied or moved.

        SQLite would go on with what it remembers of an emptied file, and nobody else finds that.
        """
        is_empty = not schema.holds_anything(self.path(schema.FILE))
        return is_empty or self._which() != self._files

    def forget_pages(self) -> None:
        """Give back what SQLite remembers of the file: whatever is read next is read from there."""
        self.connection.execute("PRAGMA shrink_memory")

    def _which(self) -> tuple[tuple[int, int], ...]:
        # The write-ahead log stays for as long as anybody has the database open.
        return _identity(self.path(schema.FILE)), _identity(self.path(schema.FILE) + "-wal")

    def try_to_write(self) -> None:
        """Write about as much as the end of a batch takes, and drop it again.

        Raises:
            sqlite3.OperationalError: There is no room for it, or nothing may be written.
        """
        meta.put(self.connection, meta.TRIAL, "x" * TRIAL)
        meta.put(self.connection, meta.TRIAL, None)

    def data_version(self) -> int:
        """Give a number that changes when another process committed something."""
        version: int = self.connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def client_identifier(self) -> str:
        """Give the identifier Plex knows this installation by."""
        return meta.client_identifier(self.connection)

    def path(self, name: str) -> str:
        """Give the path of another file of ours in the data directory."""
        return os.path.join(self.directory, name)


def _identity(path: str) -> tuple[int, int]:
    try:
        state = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return state.st_dev, state.st_ino


def for_one_run() -> Tables:
    """Give empty tables that nobody else sees and that are gone with their connection.

    SQLite keeps them in a file without a name once they outgrow its cache of 2 MB, so
    that neither memory grows with a library nor a killed process leaves anything behind.

    Raises:
        sqlite3.Error: There is no memory for them.
    """
    connection = sqlite3.connect("", isolation_level=None)
    # Nothing of it has to survive anything.
    connection.execute("PRAGMA synchronous = OFF")
    for statement in schema.TABLES:
        connection.execute(statement)
    return Tables(connection)
