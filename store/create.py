"""Making the database's file: alone, private, and next to nothing of an earlier one.

Loaded by the first hook of an installation, so it imports only os, sys and fcntl.
"""

from __future__ import annotations

import os
import sys

if sys.platform != "win32":
    import fcntl

TYPE_CHECKING = False  # typing itself would cost the hook milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable

#: Ends of the names of a database and of SQLite's own files beside it.
LEFTOVERS = ("", "-wal", "-shm", "-journal")


def make_file(directory: str, path: str, begin: Callable[[str], None]) -> None:
    """Make the database unless there is one: mode 0600, in a directory of mode 0700.

    An empty file is none. It is not filled but replaced: who has it open since
    it held something would neither see what is written there nor let it be.
    ``begin`` makes a database of the empty file at a path.
    """
    try:
        # One level only: where Stash's own directory is missing, ours would be a stray.
        os.mkdir(directory, 0o700)
    except FileExistsError:
        pass
    with Turn(directory):
        if os.path.exists(path) and os.stat(path).st_size > 0:
            return
        clear_leftovers(path)
        # SQLite gives -wal and -shm the mode of the main file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        begin(path)


def clear_leftovers(path: str) -> None:
    """Remove an empty database, and what SQLite kept beside one: it would be believed."""
    if sys.platform == "win32":
        return  # what is open there cannot be removed, and nobody could have deleted it
    for leftover in LEFTOVERS:
        if os.path.exists(path + leftover):
            os.unlink(path + leftover)


class Turn:
    """A block in which nobody else makes or moves a database file in a directory.

    Without it one hook of many could clear away what another has just begun. On
    Windows nothing is waited for: a file that somebody has open stays there.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def __enter__(self) -> None:
        if sys.platform != "win32":
            self._descriptor = os.open(self._directory, os.O_RDONLY)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        if sys.platform != "win32":
            os.close(self._descriptor)
