"""The data folder in order: private, and nothing in it that leads elsewhere.

A folder that was there before, or that a NAS tool opened to all, holds a session cookie that
others can read; a link that somebody put into it would let us write where it points to.
Loaded only where something is out of order, and by the worker.
"""

from __future__ import annotations

import os
import stat
import sys

from store import create
from store.named_tuple import NamedTuple

#: How the names of our files begin; a link of another name is none of ours.
OURS = ("plexsync.", "worker", "task.", "release-locks.")
#: What others may do with a file or a folder.
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Order(NamedTuple):
    """What was mended, and what could not be; a sentence each."""

    mended: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()


def put_in_order(directory: str) -> Order:
    """Take away what others may do in the data folder, and the links in it that we would follow.

    The folder ends with mode 0700 and its files with 0600. Of a link only the link goes; what
    it leads to stays as it is. On Windows a folder below the user's own is private already.
    Where there is none there is nothing to do. Raises nothing.
    """
    if sys.platform == "win32":
        return Order()
    mended, complaints = [], []
    try:
        opened = _make_private(directory, directory)
        linked = []
        for entry in os.scandir(directory):
            if entry.is_symlink():
                linked += [entry.path] if entry.name.startswith(OURS) else []
            elif not entry.is_dir():
                opened += _make_private(entry.path, directory)
        if opened:
            mended.append(
                f"PlexSync's data folder {directory} was open to others ({', '.join(opened)}) and "
                "is private again."
            )
        if linked:
            _take_away(directory, linked)
            names = ", ".join(os.path.basename(path) for path in linked)
            mended.append(
                f"PlexSync follows no links in its data folder {directory}; {names} was one and "
                "was taken away. What it led to was left as it is."
            )
    except FileNotFoundError:
        pass  # deleted just now, or not made yet
    except OSError as error:
        complaints.append(_complaint(directory, error))
    return Order(tuple(mended), tuple(complaints))


def _make_private(path: str, directory: str) -> list[str]:
    """Take away what others may do; give how the path is called and what its mode was, or []."""
    try:
        mode = stat.S_IMODE(os.lstat(path).st_mode)
        # What the folder is linked to is the folder: only links in it are not followed.
        if path == directory:
            mode = stat.S_IMODE(os.stat(path).st_mode)
        if not mode & OTHERS:
            return []
        os.chmod(path, mode & (0o700 if path == directory else 0o600))
        left = stat.S_IMODE(os.stat(path).st_mode) & OTHERS
    except FileNotFoundError:
        if path == directory:
            raise
        return []  # a file of SQLite's that comes and goes
    if left:  # a file system that knows no modes takes the order and does nothing
        raise PermissionError(f"its file system keeps mode {left | (mode & 0o700):04o}")
    return [f"{os.path.basename(path)} had mode {mode:04o}"]


def _take_away(directory: str, linked: list[str]) -> None:
    """Remove links, each only while it is one: another process may have put a file there."""
    with create.Turn(directory):
        for path in linked:
            if os.path.islink(path):
                os.unlink(path)


def _complaint(directory: str, error: OSError) -> str:
    why = error.strerror or str(error)
    where = f" {error.filename}" if error.filename and error.filename != directory else ""
    return (
        f"PlexSync's data folder {directory} is open to others, and PlexSync cannot change "
        f"that{where and f' of{where}'}: {why}. Whoever can read it can use your Stash: the "
        "folder holds its session cookie. Give the folder to the user that Stash runs as, with "
        "mode 0700, or move Stash's configuration to a disk that knows modes."
    )
