"""The worker's end of the pipe by which a hook wakes it (the other end: launcher.wake)."""

from __future__ import annotations

import contextlib
import os
import select
import time

#: Longest sleep where no pipe can be made: then the database is looked at instead.
WITHOUT_PIPE = 0.5


class WakePipe:
    """A named pipe to sleep at.

    Opened for reading and writing, so that it never ends when a hook closes it.

    Args:
        path: Where it is; made with mode 0600 when missing.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = _open(path)

    def wait(self, seconds: float) -> None:
        """Sleep until a hook wakes us, no longer than so many seconds."""
        if self._descriptor is None:
            time.sleep(min(seconds, WITHOUT_PIPE))
        elif select.select([self._descriptor], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._descriptor, 65536)

    def close(self) -> None:
        """Close it; the file stays for the next worker."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _open(path: str) -> int | None:
    """Open the pipe, None where there are no pipes."""
    if not hasattr(os, "mkfifo"):
        return None
    try:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:  # a file system without pipes
        return None
