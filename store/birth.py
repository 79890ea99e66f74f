"""Making the database's file: alone, private, and next to nothing of an earlier one.

Loaded by the first hook of an installation, so it imports only os, sys and fcntl.
"""

from __future__ import annotations

import os
import sys

if sys.platform != "win32":
    import fcntl

#: Ends of the names of SQLite's own files beside a database.
LEFTOVERS = ("-wal", "-shm", "-journal")


def make_file(directory: str, path: str) -> None:
    """Make an empty database file of mode 0600, in a directory of mode 0700, if there is none."""
    try:
        # One level only: where Stash's own directory is missing, ours would be a stray.
        os.mkdir(directory, 0o700)
    except FileExistsError:
        pass
    turn = await_turn(directory)
    try:
        if not os.path.exists(path):
            clear_leftovers(path)
            # SQLite gives -wal and -shm the mode of the main file.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    finally:
        end_turn(turn)


def clear_leftovers(path: str) -> None:
    """Remove what SQLite kept beside a database that is gone: it would be believed."""
    for leftover in LEFTOVERS:
        if os.path.exists(path + leftover):
            os.unlink(path + leftover)


def await_turn(directory: str) -> int | None:
    """Wait until nobody else makes or moves a database file here; give what ends the turn.

    Without it one hook of many could clear away what another has just begun. On
    Windows nothing is waited for: a file that somebody has open stays there.
    """
    if sys.platform == "win32":
        return None
    turn = os.open(directory, os.O_RDONLY)
    fcntl.flock(turn, fcntl.LOCK_EX)
    return turn


def end_turn(turn: int | None) -> None:
    """Let the next one."""
    if turn is not None:
        os.close(turn)
