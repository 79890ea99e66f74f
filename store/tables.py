"""The tables behind one connection: those of the data directory, or some for one run only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from store import schema


class Tables:
    """Our tables, read by anybody and changed in transactions.

    Args:
        connection: In autocommit mode.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a block as one durable transaction; an exception leaves nothing of it."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connection; nothing can be read afterwards."""
        self.connection.close()


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
