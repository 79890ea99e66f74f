"""The inbox: a file to which hooks append what changed, so that a save waits for no database.

Loading SQLite and committing take a hook longer than all else it does. While a worker lives,
the hook appends a line here instead, and the worker puts it into the queue at once (so does
whoever opens the store first). What is durable here is put there once or, after a crash at
the wrong moment, twice, which is one more look at a scene.

The first line says until when hooks may use it, in Unix seconds: the worker opens it, and
closes it when a hook has to look into the database for what it shall say to a person. Each
record is a line of JSON between two line breaks, so that a torn one spoils no other. Hooks
share a kernel lock while they append; who empties the file has it alone.

The hook imports this module: os, stat and fcntl only. Windows has no such lock; there the
inbox is never open.
"""

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False  # typing itself would cost the hook milliseconds
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

if sys.platform != "win32":
    import fcntl

#: The number is that of the records' format: a worker of another one has another file.
FILE = "inbox.1"
#: What the first line says for "without end" and for "not at all".
FOR_EVER, CLOSED = 9_999_999_999, 0
#: Length of the first line.
HEAD = 11
#: Seconds between two reminders of what waits for a person; in between it may be open.
REMINDER = 60.0
#: Bytes beyond which nothing is appended: then nobody takes it in.
LARGEST = 2**20
_NOT_LINKED = getattr(os, "O_NOFOLLOW", 0)


def append(directory: str, record: bytes, *, now: float) -> bool:
    """Append a record, one line of JSON, so that it survives a loss of power.

    It has ``kind``, ``ids``, ``at`` and ``connection``. Says whether it is there for sure. If
    not, the database has to be used: there is no inbox, it is closed or open to others, being
    emptied, or the disk takes no more.
    """
    if sys.platform == "win32":
        return False
    try:
        if os.stat(directory).st_mode & 0o077:
            return False
        descriptor = os.open(os.path.join(directory, FILE), os.O_RDWR | os.O_APPEND | _NOT_LINKED)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        found = os.fstat(descriptor)
        if not (stat.S_ISREG(found.st_mode) and found.st_nlink and found.st_size < LARGEST):
            return False
        if found.st_mode & 0o077 or not _is_open(descriptor, now):
            return False
        line = b"\n%b\n" % record
        if os.write(descriptor, line) != len(line):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.fsync(descriptor)
    except (OSError, ValueError):
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _is_open(descriptor: int, now: float) -> bool:
    until = int(os.pread(descriptor, HEAD, 0))
    return until == FOR_EVER or 0 < until - now <= REMINDER  # more after a clock that jumped


def offer(directory: str, until: int) -> None:
    """Let hooks use the inbox until then (Unix seconds, FOR_EVER, CLOSED); make it if need be.

    Raises:
        OSError: The disk takes no more, or what lies there is no file of ours.
    """
    if sys.platform == "win32":
        return
    path, head = os.path.join(directory, FILE), b"%010d\n" % until
    try:
        descriptor = os.open(path, os.O_RDWR | _NOT_LINKED)
    except FileNotFoundError:
        if until != CLOSED:
            _make(directory, path, head)
        return
    try:
        if os.pread(descriptor, HEAD, 0) != head:
            os.pwrite(descriptor, head, 0)
    finally:
        os.close(descriptor)


def _make(directory: str, path: str, head: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NOT_LINKED, 0o600)
    try:
        # Nobody appends before the file's name is as durable as what is in it.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, head)
        os.fsync(descriptor)
        folder = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        os.close(descriptor)


def holds_anything(directory: str) -> bool:
    """Say whether there is anything that is not in the queue yet: one look, microseconds."""
    try:
        return os.stat(os.path.join(directory, FILE)).st_size > HEAD
    except OSError:
        return False


def take_in(connection: sqlite3.Connection, directory: str) -> None:
    """Put what is in the inbox into the queue, in a transaction of its own.

    Nothing is done inside another transaction, or while a hook is just appending: whoever
    works comes by again soon.

    Raises:
        sqlite3.Error: It could not be committed; it stays in the inbox.
    """
    from store.transaction import Transaction  # the hook never comes here

    if sys.platform == "win32" or connection.in_transaction:
        return
    try:
        descriptor = os.open(os.path.join(directory, FILE), os.O_RDWR | _NOT_LINKED)
    except OSError:
        return
    try:
        with Transaction(connection):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _enqueue(connection, os.pread(descriptor, LARGEST * 2, HEAD))
        os.ftruncate(descriptor, HEAD)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)


def _enqueue(connection: sqlite3.Connection, content: bytes) -> None:
    from store import LARGEST_ID, meta
    from store.enqueue import enqueue
    from store.queue import CARRIED
    from store.quick_json import loads

    way: dict[str, Any] | None = None
    for line in content.split(b"\n"):
        try:
            record: dict[str, Any] = loads(line) if line else {}
            kind, at = record["kind"], float(record["at"])
            ids = [number for number in map(int, record["ids"]) if 0 < number <= LARGEST_ID]
            way = dict(record["connection"])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            continue  # a hook died or the disk was full: that hook never said that it is noted
        if kind not in ("scene", *CARRIED):
            continue  # damaged on the disk: nobody would know what to do with it
        enqueue(connection, kind, ids, now=at)
    if way is not None:
        meta.put_connection(connection, way)
