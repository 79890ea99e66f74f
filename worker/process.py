"""The worker's process: from the lock that the hook handed over to the last look before it goes.

Where Stash is PID 1 of a container nobody reaps our zombie, so there the worker
stays while Stash answers; elsewhere it goes once nothing has been waiting for
some minutes. When the plugin's files were updated it re-executes itself in
place, lock and all.
"""

from __future__ import annotations

import os
import sys
import time

from worker.launcher import INHERITED, WORKER_LOCK, ProcessLock
from worker.resident import IDLE, Resident


def main(arguments: list[str]) -> int:
    """Run a worker for ``[data directory, "resident" | "passing"]``; give the exit status.

    The lock is inherited from the hook, or taken here; when another worker
    holds it there is nothing to do.
    """
    directory, life = arguments[0], (arguments[1:] or ["passing"])[0]
    lock = ProcessLock(directory, WORKER_LOCK, _inherited(directory))
    if _take(lock):
        live(directory, lock, stays=life == "resident")
    return 0


def live(directory: str, lock: ProcessLock, *, stays: bool, idle: float = IDLE) -> None:
    """Work until there is a reason to go, and give the lock back.

    Args:
        directory: The data directory.
        lock: Its worker lock, held.
        stays: As for ``Resident``.
        idle: As for ``Resident``.
    """
    while True:
        resident = Resident(directory, stays=stays, idle=idle)
        try:
            reason = resident.run()
            resident.log.info(f"worker {os.getpid()} goes: {reason}")
            if reason == "updated":
                _start_again(lock)
            lock.release()
            if not resident.was_told_more() or not lock.acquire():
                return
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
