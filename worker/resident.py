"""The worker's life: drain, sleep until woken or due, know when to go. The process: process.py."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from errors import SyncError
from log import Log
from stash.exceptions import StashRefused
from store import queue
from store.maintenance import Maintenance
from store.store import Store
from sync.stash_session import StashSession
from worker.calm import Calm
from worker.circuit_breaker import CircuitBreaker
from worker.dispatch import Dispatcher
from worker.launcher import TASK_LOCK, WAKE_PIPE, ProcessLock
from worker.processor import SyncWorker
from worker.reload import PluginFiles
from worker.wake_pipe import WakePipe

if TYPE_CHECKING:
    from collections.abc import Callable

#: Idle seconds after which a worker that may go goes.
IDLE = 600.0
#: Reason for going: the database is not ours any more, so begin anew in this process.
REPLACED = "the database was replaced"
#: Longest sleep: then Stash's presence and the plugin's files are looked at.
LONGEST_SLEEP = 30.0
#: Seconds without an answer from Stash after which a resident worker goes, too.
STASH_GONE = 900.0


class Resident:
    """The worker of one data directory; the caller holds its lock.

    Args:
        directory: The data directory.
        stays: Never go for want of work.
        idle: Seconds without anything that waits, after which one that may go goes.
        clock: Gives Unix seconds.
    """

    def __init__(
        self,
        directory: str,
        *,
        stays: bool,
        idle: float = IDLE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = Store(directory)
        self.log = Log(directory)
        self.stash = StashSession(self.store, self.log)
        self.worker = SyncWorker(self.store, self.stash, self.log, clock=clock)
        self.gate = CircuitBreaker(self.worker)
        self.worker.accept_settings = self.gate.adopt
        self.task_lock = ProcessLock(directory, TASK_LOCK)
        self.release = PluginFiles()
        self.turn = Dispatcher(self.worker, self.task_lock, self.release, clock)
        self.calm = Calm(self.worker, self.stash, clock)
        self.upkeep = Maintenance(self.store, self.log.warning, clock)
        self._stays = stays
        self._idle = idle
        self._clock = clock
        self._pipe = WakePipe(self.store.path(WAKE_PIPE))
        self._busy_at = time.monotonic()
        self._stash_at = time.monotonic()
        self._version = self.store.data_version()

    def step(self) -> bool:
        """Look at the most urgent thing; say whether there was one that could be looked at."""
        return self.gate.is_open() and self.turn.take()

    def drain(self) -> None:
        """Look at things until none is ready or the plugin was updated."""
        while self.step():
            self._busy_at = self._stash_at = time.monotonic()
            if self.release.changed():
                return

    def run(self) -> str:
        """Live; give the reason for going: "idle", "updated", "removed" or "stash gone"."""
        while True:
            self._version = self.store.data_version()
            self.drain()
            if self.gate.is_open() and self.calm.look_around():
                continue
            self.upkeep.run()
            reason = self._why_go()
            if reason:
                return reason
            self.sleep()
            self.release.look()  # a hook may come right after an update

    def _why_go(self) -> str:
        if self.store.is_replaced():
            return REPLACED
        if self.release.settled():
            return "updated"
        if self.release.removed():
            return "removed"
        if not self._stays and self._idle_left() <= 0 and not self._something_waits():
            return "idle"
        silent = time.monotonic() - self._stash_at
        if silent > LONGEST_SLEEP and not self._stash_answers() and silent > STASH_GONE:
            return "stash gone"
        return ""

    def _idle_left(self) -> float:
        return self._busy_at + self._idle - time.monotonic()

    def _something_waits(self) -> bool:
        """Say whether anything will be due: nobody else would look at it when its time comes."""
        return queue.next_due(self.store.connection) is not None

    def sleep(self) -> None:
        """Sleep until a hook wakes us, something is due, or it is time to look around."""
        now = self._clock()
        moments = [self.gate.next_look()]
        if moments[0] is None:
            moments.append(queue.next_due(self.store.connection))
        due = min((moment for moment in moments if moment is not None), default=now + LONGEST_SLEEP)
        wait = min(max(due - now, 0.05), LONGEST_SLEEP)
        if self.task_lock.is_held() or self.release.changed():
            wait = min(wait, 1.0)
        if not self._stays and self._idle_left() > 0:
            wait = min(wait, max(self._idle_left(), 0.05))
        self._pipe.wait(wait)

    def was_told_more(self) -> bool:
        """Say whether another process committed anything since the last look began.

        Asked after giving up the lock: a hook that still saw it held has
        committed before that, and relies on us.
        """
        return self.store.data_version() != self._version

    def close(self) -> None:
        """Close everything that is open; the lock is the caller's."""
        self.worker.forget_plex()
        self.stash.close()
        self.store.close()
        self.log.close()
        self._pipe.close()

    def _stash_answers(self) -> bool:
        """Ask Stash for a sign of life, and adopt the settings that come with it."""
        try:
            self.gate.adopt(self.stash.settings())
        except StashRefused:
            pass  # our cookie is too old for it, which is an answer
        except SyncError:
            return False
        self._stash_at = time.monotonic()
        return True
