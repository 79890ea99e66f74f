"""Reads what a log file gains, line by line, across its rotation."""

from __future__ import annotations

import os
import re

from worker.log import FILE

_LINE = re.compile(r"\S+ (DEBUG|INFO|WARNING|ERROR) (.*)")


class Tail:
    """Gives the lines that the worker writes from now on."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, FILE)
        self._inode, self._offset = self._state()

    def lines(self) -> list[tuple[str, str]]:
        """Give the complete new lines as (level, text)."""
        inode, size = self._state()
        if inode != self._inode or size < self._offset:
            self._inode, self._offset = inode, 0
        if size == self._offset:
            return []
        with open(self._path, "rb") as file:
            file.seek(self._offset)
            new = file.read()
        complete = new[: new.rfind(b"\n") + 1]
        self._offset += len(complete)
        found = (_LINE.match(line) for line in complete.decode(errors="replace").splitlines())
        return [(match[1], match[2]) for match in found if match]

    def _state(self) -> tuple[int, int]:
        try:
            state = os.stat(self._path)
        except OSError:
            return 0, 0
        return state.st_ino, state.st_size
