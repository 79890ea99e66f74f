"""The lock around the stand-in's data, handed on in the middle of long answers.

A real Stash has ten connections that read beside each other and one that writes
(stashapp/stash, pkg/sqlite/database.go), so a page of thousands of scenes holds up
neither a save nor a question about one scene.
"""

from __future__ import annotations

import threading
import time


class Turns:
    """A lock that a thread may take several times over, and that can be offered to others."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._counting = threading.Lock()
        self._waiting = 0

    def __enter__(self) -> None:
        """Take it."""
        if self._lock.acquire(blocking=False):
            return
        with self._counting:
            self._waiting += 1
        self._lock.acquire()
        with self._counting:
            self._waiting -= 1

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._lock.release()

    def offer(self) -> None:
        """Let those who wait go first; whoever calls this has taken it once."""
        if self._waiting > 0:
            self._lock.release()
            time.sleep(0.0005)
            self._lock.acquire()
