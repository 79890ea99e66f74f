"""A task follows the worker: progress, its log's lines in Stash's log, and a reason to give up."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import ConfigurationError, TransientError, counted
from log import FILE
from store import holds
from tasks import stash_log
from worker import launcher

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from tasks.task import Task

_LINE = re.compile(r"\S+ (DEBUG|INFO|WARNING|ERROR) (.*)")
#: Seconds between two looks at how the worker stands.
LOOK = 0.25
#: Seconds between two looks at whether that was the last one, once few are left.
LOOK_AT_END = 0.02
FEW_LEFT = 500
#: Seconds a server may be down before the task gives up.
PATIENCE = 120.0
#: Workers that may die one after another without ending anything.
MOST_DEATHS = 20
#: Seconds without progress after which a task finds out whether the disk is the reason.
STANDSTILL = 5.0


class LogTail:
    """Gives the lines that the worker writes from now on, across the rotation of its log."""

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


@dataclass
class Follower:
    """Follows what the worker does for a task; made before the task marks anything for it.

    Attributes:
        task: The task.
        lock: What it holds while it lives; its rows are looked at only then.
        left: Counts those that are left.
        thing: What one of them is: "scene", "item".
        stays: What they stay where the task ends early: "marked".
        give_up: Called with how many are left when a server stays away, for what else has to
            be done then; says what becomes of them. Without it they stay, and the task has to
            be run again.
    """

    task: Task
    lock: launcher.ProcessLock
    left: Callable[[sqlite3.Connection], int]
    thing: str
    stays: str
    give_up: Callable[[int], str] | None = None

    def __post_init__(self) -> None:
        self._tail = LogTail(self.task.store.directory)

    def wait(self, total: int, each_time: Callable[[], None] = lambda: None) -> None:
        """Wait until nothing of ``total`` is left, a worker alive all the while.

        Raises:
            ConfigurationError: A setting is wrong.
            TransientError: A server stays away, no worker stays alive, or the database was
                replaced.
            sqlite3.Error: The disk is full or cannot be written.
        """
        task = self.task
        waiting_since: float | None = None
        said = ""
        deaths = left = 0
        tried_at = time.monotonic()
        while True:
            each_time()
            self.lock.keep()
            before, left = left, self.left(task.connection)
            self._check_database()
            for level, line in self._tail.lines():
                stash_log.say(level, line)
            stash_log.progress(1 - left / total if total else 1.0)
            if not left:
                return
            now = time.monotonic()
            if left != before:
                deaths, tried_at = 0, now
            # Until 0: the worker has not asked again since somebody wanted it to.
            hold = next((one for one in holds.all_holds(task.connection) if one.until), None)
            if hold:
                waiting_since = waiting_since or now
                if hold.message != said:
                    said = hold.message
                    stash_log.say("WARNING", f"{hold.message} {self._many(left, 'wait')}.")
                self._check_hold(hold, left, now - waiting_since)
            else:
                waiting_since = None
                if now - tried_at > STANDSTILL:
                    # Nothing else is known to be wrong: maybe no worker can write.
                    tried_at = now
                    task.store.try_to_write()
            deaths += task.ensure_worker() == "started"
            if deaths > MOST_DEATHS:
                raise TransientError(
                    f"The worker ends as soon as it is started; {self._many(left, 'stay')} "
                    f"{self.stays}. Please report it with {launcher.CRASH_FILE} and plexsync.log "
                    f"from {task.store.directory}, then run the task again."
                )
            self._pause(left)

    def _check_database(self) -> None:
        """Notice that nobody works on the open database any more."""
        if self.task.store.is_replaced():
            raise TransientError(
                "PlexSync's database was replaced while this ran. The worker begins anew and looks "
                "at every scene by itself; run the task again."
            )

    def _check_hold(self, hold: holds.Hold, left: int, seconds: float) -> None:
        stay = f"{self._many(left, 'stay')} {self.stays}; run the task again"
        if hold.lane == holds.SETTINGS:
            raise ConfigurationError(
                f"{hold.message} {stay} afterwards.", setting=hold.setting or None
            )
        if seconds > PATIENCE:
            then = self.give_up(left) if self.give_up else f"{stay} when it answers."
            raise TransientError(f"{hold.message} {then}")

    def _many(self, left: int, verb: str) -> str:
        """Say what so many do: "1 scene waits", "1,200 scenes wait"."""
        return f"{counted(left, self.thing)} {verb}{'s' if left == 1 else ''}"

    def _pause(self, left: int) -> None:
        """Wait for the next look; not to its end when nothing is left to be done."""
        if left > FEW_LEFT:
            time.sleep(LOOK)
            return
        end = time.monotonic() + LOOK
        while time.monotonic() < end and self.left(self.task.connection):
            time.sleep(LOOK_AT_END)
