"""A database that is damaged or gone: put aside, begun anew, never opened again and again.

The hook loads it only when something is wrong.
"""

from __future__ import annotations

import os
import sqlite3
import time

from store import create, schema

MARK = ".damaged-"


def open_or_begin_anew(directory: str) -> sqlite3.Connection:
    """Open the database, a new one if the one that is there is damaged.

    Raises:
        As ``schema.open_database``.
    """
    try:
        return schema.open_database(directory)
    except sqlite3.DatabaseError as error:
        if not schema.is_damage(error) or not set_aside(directory):
            raise
    return schema.open_database(directory)


def set_aside(directory: str) -> bool:
    """Move a damaged database out of the way, so that the next one to open it begins anew.

    Of the damaged files only the newest is kept. Several processes may find the
    damage at once: one moves the file, the others find a sound one. Says whether it
    was damaged; not when it is sound, or nobody can say now.
    """
    path = os.path.join(directory, schema.FILE)
    with create.Turn(directory):
        if not _is_damaged(path):
            return False
        for older in _set_aside(directory):
            os.unlink(os.path.join(directory, older))
        os.rename(path, f"{path}{MARK}{int(time.time())}")
        create.clear_leftovers(path)
    return True


def kept(directory: str, *, since: float) -> str:
    """Give the name of the damaged file that was set aside since a Unix time, or ""."""
    names = _set_aside(directory)
    return max((name for name in names if _set_aside_at(name) >= since), default="")


def _set_aside(directory: str) -> list[str]:
    return [name for name in os.listdir(directory) if name.startswith(schema.FILE + MARK)]


def _set_aside_at(name: str) -> int:
    moment = name.rpartition(MARK)[2]
    return int(moment) if moment.isdecimal() else 0


def _is_damaged(path: str) -> bool:
    if not os.path.exists(path):
        return False
    connection = sqlite3.connect(path, timeout=schema.BUSY_TIMEOUT)
    try:
        verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return schema.is_damage(error)
    finally:
        connection.close()
    return bool(verdict != "ok")
