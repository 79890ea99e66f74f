"""Reads what the worker's log gains, line by line, across its rotation."""

from __future__ import annotations

import os
import re

from log import FILE

_LINE = re.compile(r"\S+ (DEBUG|INFO|WARNING|ERROR) (.*)")


class LogTail:
    """Gives the lines that the worker writes from now on."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, FILE)
        self._inode, self._offset = _state(self._path)

    def lines(self) -> list[tuple[str, str]]:
        """Give the complete new lines as (level, text); empty while there is no log."""
        inode, size = _state(self._path)
        new = b""
        if inode != self._inode or size < self._offset:
            if _state(self._path + ".1")[0] == self._inode:  # what we had not read moved there
                new = self._read(self._path + ".1")
            self._inode, self._offset = inode, 0
        if size > self._offset:
            new += self._read(self._path)
        found = (_LINE.match(line) for line in new.decode(errors="replace").split("\n"))
        return [(match[1], match[2]) for match in found if match]

    def _read(self, path: str) -> bytes:
        """Give the complete lines after our place in a file, and move on."""
        try:
            with open(path, "rb") as file:
                file.seek(self._offset)
                new = file.read()
        except OSError:  # rotated away just now: the next look finds it
            return b""
        complete = new[: new.rfind(b"\n") + 1]
        self._offset += len(complete)
        return complete


def _state(path: str) -> tuple[int, int]:
    """Give a file's inode and size, zeros when it is not there."""
    try:
        state = os.stat(path)
    except OSError:
        return 0, 0
    return state.st_ino, state.st_size
