"""The worker's and the tasks' way into the data directory: one connection, one transaction."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from store import meta, schema


class Store:
    """An open data directory.

    Args:
        directory: The data directory; created when missing.

    Raises:
        schema.NewerDatabase: The file belongs to a newer PlexSync.
        sqlite3.Error: The file cannot be opened or is damaged.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.connection = schema.open_database(directory)
        schema.prefer_wal(self.connection)

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

    def close(self) -> None:
        """Close the connection; the store cannot be used afterwards."""
        self.connection.close()
