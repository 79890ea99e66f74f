"""The named pipe at which a worker sleeps and hooks wake it.

A tool that copies or restores the data folder may know no pipes and leave a plain file in its
place. That is always "readable", so a worker that took it for a pipe would never sleep.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import time

#: Longest sleep where no pipe can be made: then the database is looked at instead.
WITHOUT_PIPE = 0.5


class WakePipe:
    """A named pipe to sleep at, made with mode 0600 when missing and in place of what is no pipe.

    Opened for reading and writing, so that it never ends when a hook closes it.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._news: list[str] = []
        self._trouble = ""
        self._open()

    def wait(self, seconds: float) -> bool:
        """Sleep until a hook wakes us, no longer than so many seconds; say whether to look now.

        Where there is no pipe nobody can be heard, so that is always so.
        """
        if not self._is_ours():
            self.close()
            self._open()
        if self._descriptor is None:
            time.sleep(min(seconds, WITHOUT_PIPE))
            return True
        if select.select([self._descriptor], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._descriptor, 65536)
            return True
        return False

    def news(self) -> list[str]:
        """Give what had to be mended, or could not be, since this was asked last; for the log."""
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """Close it; the file stays for the next worker."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _is_ours(self) -> bool:
        """Say whether what hooks find at the path is what we sleep at."""
        if self._descriptor is None:
            return False
        try:
            there, ours = os.lstat(self._path), os.fstat(self._descriptor)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _open(self) -> None:
        """Open the pipe; there is none where the file system, or the system, knows no pipes."""
        if not hasattr(os, "mkfifo"):
            return
        try:
            self._make_room()
            with contextlib.suppress(FileExistsError):
                os.mkfifo(self._path, 0o600)
            descriptor = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError:
            return
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            self._descriptor = descriptor
        else:
            os.close(descriptor)

    def _make_room(self) -> None:
        """Take away what is no pipe.

        Raises:
            OSError: It cannot be taken away.
        """
        try:
            if stat.S_ISFIFO(os.lstat(self._path).st_mode):
                return
            os.unlink(self._path)
        except FileNotFoundError:
            return
        except OSError as error:
            trouble = (
                f"{self._path} is no pipe and cannot be replaced ({error.strerror}); the worker "
                f"looks every {WITHOUT_PIPE:g} s instead. Delete it."
            )
            if trouble != self._trouble:
                self._trouble = trouble
                self._news.append(trouble)
            raise
        self._news.append(
            f"{self._path} was no pipe, as after a copy by a tool that knows none; PlexSync made "
            "it anew."
        )
