"""A block of changes to the database that are made all or not at all."""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    import sqlite3


class Transaction:
    """One durable transaction; its block is given the connection, which is in autocommit mode.

    Nobody else can write until it ends, unless it is a plain BEGIN, which only reads ours. An
    exception leaves nothing of it.
    """

    __slots__ = ("_begin", "_connection")

    def __init__(self, connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> None:
        self._connection = connection
        self._begin = begin

    def __enter__(self) -> sqlite3.Connection:
        self._connection.execute(self._begin)
        return self._connection

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:  # SQLite leaves open what it could not commit, but where a disk is full
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
