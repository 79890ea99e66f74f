"""The worker's life: hold the lock, drain, sleep until woken or due, and go.

Where Stash is PID 1 of a container nobody reaps our zombie, so there the worker
stays while Stash answers; elsewhere it goes after some idle minutes. When the
plugin's files were updated it re-executes itself in place, lock and all.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from typing import TYPE_CHECKING

from store import dirty
from store.store import Store
from worker.gate import Gate
from worker.launcher import INHERITED, TASK_LOCK, WAKE_PIPE, WORKER_LOCK, ProcessLock
from worker.log import Log
from worker.processor import SyncWorker
from worker.release import Release
from worker.stash_link import StashLink

if TYPE_CHECKING:
    from collections.abc import Callable

#: Idle seconds after which a worker that may go goes.
IDLE = 600.0
#: Longest sleep: then Stash's presence and the plugin's files are looked at.
LONGEST_SLEEP = 30.0
#: Sleep between two looks at the file where no wake-up pipe can be made.
WITHOUT_PIPE = 0.5
#: Seconds without an answer from Stash after which a resident worker goes, too.
STASH_GONE = 900.0


class Resident:
    """One worker process for one data directory, lock already held."""

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
        self.stash = StashLink(self.store, self.log)
        self.worker = SyncWorker(self.store, self.stash, self.log, clock=clock)
        self.gate = Gate(self.worker)
        self.task_lock = ProcessLock(directory, TASK_LOCK)
        self.release = Release()
        self._stays = stays
        self._idle = idle
        self._clock = clock
        self._pipe = _open_pipe(self.store.path(WAKE_PIPE))
        self._busy_at = time.monotonic()
        self._stash_at = time.monotonic()

    def step(self) -> bool:
        """Look at the most urgent thing; say whether there was one that could be looked at."""
        if not self.gate.is_open():
            return False
        rows = dirty.ready(
            self.store.connection,
            now=self._clock(),
            limit=1,
            with_task=self.task_lock.is_held(),
        )
        if not rows:
            return False
        self.worker.work_on(rows[0])
        if self.stash.last_settings is not None:
            self.gate.adopt(self.stash.last_settings)
        return True

    def drain(self) -> None:
        """Look at things until none is ready or the plugin was updated."""
        while self.step():
            self._busy_at = self._stash_at = time.monotonic()
            if self.release.changed():
                return

    def run(self) -> str:
        """Live; give the reason for going: "idle", "updated" or "stash gone"."""
        while True:
            self.drain()
            if self.release.settled():
                return "updated"
            now = time.monotonic()
            if not self._stays and now - self._busy_at > self._idle:
                return "idle"
            silent = now - self._stash_at
            if silent > LONGEST_SLEEP and not self._stash_answers() and silent > STASH_GONE:
                return "stash gone"
            self.sleep()

    def sleep(self) -> None:
        """Sleep until a hook wakes us, something is due, or it is time to look around."""
        now = self._clock()
        moments = [self.gate.next_look()]
        if moments[0] is None:
            moments.append(dirty.next_due(self.store.connection))
        due = min((moment for moment in moments if moment is not None), default=now + LONGEST_SLEEP)
        wait = min(max(due - now, 0.05), LONGEST_SLEEP)
        if self.task_lock.is_held() or self.release.changed():
            wait = min(wait, 1.0)
        if self._pipe is None:
            time.sleep(min(wait, WITHOUT_PIPE))
        elif select.select([self._pipe], [], [], wait)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._pipe, 65536)

    def has_work(self) -> bool:
        """Say whether an edit waits that nothing holds back: asked after giving up the lock."""
        return dirty.next_due(self.store.connection) == 0.0 and self.gate.next_look() is None

    def close(self) -> None:
        """Close everything that is open; the lock is the caller's."""
        self.worker.forget_plex()
        self.stash.close()
        self.store.close()
        self.log.close()
        if self._pipe is not None:
            os.close(self._pipe)

    def _stash_answers(self) -> bool:
        if not self.gate.read_settings() and self.stash.last_settings is None:
            return False
        self._stash_at = time.monotonic()
        return True


def _open_pipe(path: str) -> int | None:
    """Open the wake-up pipe for reading and writing, so that it never ends; None without pipes."""
    if not hasattr(os, "mkfifo"):
        return None
    try:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:  # a file system without pipes
        return None


def main(arguments: list[str]) -> int:
    """Run a worker for ``[data directory, "resident" | "passing"]``; give the exit status.

    The lock is inherited from the hook, or taken here; when another worker
    holds it there is nothing to do.
    """
    directory, life = arguments[0], (arguments[1:] or ["passing"])[0]
    lock = ProcessLock(directory, WORKER_LOCK, _inherited(directory))
    if not _take(lock):
        return 0
    while True:
        resident = Resident(directory, stays=life == "resident")
        try:
            reason = resident.run()
            resident.log.info(f"worker {os.getpid()} goes: {reason}")
            if reason == "updated":
                _start_again(lock)
            lock.release()
            # A hook that saw the lock held relies on this second look.
            if not resident.has_work() or not lock.acquire():
                return 0
        finally:
            resident.close()


def _take(lock: ProcessLock) -> bool:
    # Hooks hold the lock for an instant while they look for a worker.
    for _ in range(20):
        if lock.acquire():
            return True
        time.sleep(0.05)
    return False


def _inherited(directory: str) -> int | None:
    """Give the descriptor of the lock that the hook handed over, None if it did not."""
    try:
        handed, wanted = os.fstat(INHERITED), os.stat(os.path.join(directory, WORKER_LOCK))
    except OSError:
        return None
    if (handed.st_dev, handed.st_ino) != (wanted.st_dev, wanted.st_ino):
        return None
    os.set_inheritable(INHERITED, False)
    return INHERITED


def _start_again(lock: ProcessLock) -> None:
    """Become the updated plugin's worker; same process, same lock."""
    if lock.descriptor is None:
        return
    if lock.descriptor != INHERITED:
        os.dup2(lock.descriptor, INHERITED)
    os.set_inheritable(INHERITED, True)
    os.execv(sys.executable, [sys.executable, "-S", *sys.argv])  # noqa: S606
