"""The worker's process: from the lock that the hook handed over to the last look before it goes.

Where Stash is PID 1 of a container nobody reaps our zombie, so there the worker
stays while Stash answers; elsewhere it goes once nothing has been waiting for
some minutes. When the plugin's files were updated it re-executes itself in
place, lock and all.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import sys
import time
from typing import Any

from store import meta, recovery, schema
from worker.launcher import INHERITED, WORKER_LOCK, ProcessLock
from worker.resident import IDLE, REPLACED, Resident

#: A full or broken disk: tries in a row, and the longest wait before one, in seconds.
MOST_SETBACKS = 20
LONGEST_PAUSE = 30.0
#: New objects after which Python looks for rings of garbage, of which we make hardly any. A
#: batch holds tens of thousands, and at Python's own 700 they are gone through over and over.
GARBAGE = 50_000


def main(arguments: list[str]) -> int:
    """Run a worker for ``[data directory, "resident" | "passing"]``; give the exit status.

    The lock is inherited from the hook, or taken here; when another worker
    holds it there is nothing to do.
    """
    gc.set_threshold(GARBAGE)
    directory, life = arguments[0], (arguments[1:] or ["passing"])[0]
    lock = ProcessLock(directory, WORKER_LOCK, _inherited(directory))
    if lock.acquire_soon():
        try:
            live(directory, lock, stays=life == "resident")
        except schema.NewerDatabase as refusal:
            sys.stderr.write(f"{refusal}\n")  # hooks and tasks say the same where it is read
    return 0


def live(directory: str, lock: ProcessLock, *, stays: bool, idle: float = IDLE) -> None:
    """Work until there is a reason to go, and give the lock back.

    Args:
        directory: The data directory.
        lock: Its worker lock, held.
        stays: As for ``Resident``.
        idle: As for ``Resident``.
    """
    setbacks = 0
    known: dict[str, Any] = {}
    while not lock.is_lost():  # or another worker may be at work there by now
        began = time.monotonic()
        try:
            if not _one_life(directory, lock, known, stays=stays, idle=idle):
                return
            setbacks = 0
        except (sqlite3.Error, OSError) as error:
            # Rows may wait, and no hook may come for days: try again while it is worth it.
            setbacks = 0 if time.monotonic() - began > 10 * LONGEST_PAUSE else setbacks + 1
            if setbacks > MOST_SETBACKS or not os.path.isdir(directory):
                raise
            if not (isinstance(error, sqlite3.Error) and _was_damaged(directory, error)):
                # stderr is a small file of its own: the log, too, may be what cannot be written.
                sys.stderr.write(f"{type(error).__name__}: {error}; PlexSync tries again\n")
                time.sleep(min(2.0 ** (setbacks - 1), LONGEST_PAUSE))


def _one_life(
    directory: str, lock: ProcessLock, known: dict[str, Any], *, stays: bool, idle: float
) -> bool:
    """Work until there is a reason to go; say whether there is more to do.

    ``known`` carries the way to Stash into a database that was begun anew.
    """
    resident = Resident(directory, stays=stays, idle=idle)
    try:
        if known and meta.get(resident.store.connection, "connection") is None:
            meta.put_connection(resident.store.connection, known)
        reason = resident.run()
        resident.log.info(f"worker {os.getpid()} goes: {reason}")
        if reason == "updated":
            _start_again(lock)
        if reason == REPLACED:
            return True
        resident.upkeep.run(leaving=True)
        lock.release()
        return resident.was_told_more() and lock.acquire()
    finally:
        known.update(resident.stash.given)
        resident.close()


def _was_damaged(directory: str, error: sqlite3.Error) -> bool:
    return schema.is_damage(error) and recovery.set_aside(directory)


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
