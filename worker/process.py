"""The worker's process: from the lock that the hook handed over to the last look before it goes.

Where Stash is PID 1 of a container nobody reaps our zombie, so there the worker
stays while Stash answers; elsewhere it goes once nothing has been waiting for
some minutes. When the plugin's files were updated it re-executes itself in
place, lock and all.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sqlite3
import sys
import time
from typing import TYPE_CHECKING, Any

from errors import SyncError
from log import Log
from stash.exceptions import StashRefused
from store import folder, inbox, meta, notice, queue, recovery, schema
from store.maintenance import Maintenance
from store.store import Store
from sync.stash_session import StashSession
from worker.dispatch import Dispatcher
from worker.from_plex import FromPlex
from worker.launcher import INHERITED, TASK_LOCK, WAKE_PIPE, WORKER_LOCK, ProcessLock
from worker.new_in_plex import NewInPlex
from worker.processor import SyncWorker
from worker.reload import PluginFiles
from worker.sweep import Sweep
from worker.wake_pipe import WakePipe

if TYPE_CHECKING:
    from collections.abc import Callable

#: A full or broken disk: the longest wait before the next try, in seconds.
LONGEST_PAUSE = 30.0
#: New objects after which Python looks for rings of garbage, of which we make none but with a
#: fault. A batch and the one that is read ahead hold a hundred thousand, and while they are gone
#: through, for tens of milliseconds, nobody looks whether an edit by hand has come.
GARBAGE = 200_000
#: Seconds for which a thread that takes an answer apart has Python for itself. An edit by hand
#: that comes meanwhile stops for each request, and waits that long after each at worst.
SWITCH = 0.0005
#: How far the worker stands back on a busy processor: whoever saves waits for the hook, and a
#: film that plays for Plex.
NICE = 5
#: Idle seconds after which a worker that may go goes.
IDLE = 600.0
#: Reason for going: the database is not ours any more, so begin anew in this process.
REPLACED = "the database was replaced"
#: Reason for going: the lock's file was deleted, and another worker holds the one in its place.
REPLACED_BY_ANOTHER = "another worker has taken over"
#: Longest sleep: then Stash's presence, our lock, folder and pipe, and the plugin's files are
#: looked at.
LONGEST_SLEEP = 30.0
#: Seconds after which what still fails in the same words is said again.
TOLD_AGAIN = 3600.0
#: Seconds between two glances at the plugin's folder: uninstalled, the worker goes soon.
GLANCE = 5.0
#: Seconds without an answer from Stash after which a resident worker goes, too.
STASH_GONE = 900.0


def main(arguments: list[str]) -> int:
    """Run a worker for ``[data directory, "resident" | "passing"]``; give the exit status.

    The lock is inherited from the hook, or taken here; when another worker
    holds it there is nothing to do.
    """
    gc.set_threshold(GARBAGE)
    sys.setswitchinterval(SWITCH)
    _stand_back()
    directory, life = arguments[0], (arguments[1:] or ["passing"])[0]
    lock = ProcessLock(directory, WORKER_LOCK, _inherited(directory))
    if lock.acquire_soon():
        try:
            live(directory, lock, stays=life == "resident")
        except schema.NewerDatabase as refusal:
            sys.stderr.write(f"{refusal}\n")  # hooks and tasks say the same where it is read
    return 0


def _stand_back() -> None:
    """Let others have the processor first, no further than that after any number of updates."""
    if hasattr(os, "setpriority"):  # Windows has other ways
        with contextlib.suppress(OSError):
            now = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, 0, max(now, NICE))


def live(directory: str, lock: ProcessLock, *, stays: bool, idle: float = IDLE) -> None:
    """Work until there is a reason to go, and give the lock back.

    Args:
        directory: The data directory.
        lock: Its worker lock, held.
        stays: As for ``Resident``.
        idle: As for ``Resident``.
    """
    setbacks, told, told_at = 0, "", 0.0
    known: dict[str, Any] = {}
    files = PluginFiles()  # for all lives, or an update amid a full disk would not be one
    while not lock.is_lost():  # or another worker may be at work there by now
        began = time.monotonic()
        try:
            if files.settled():
                _start_again(lock)
            if not _one_life(directory, lock, known, files, stays=stays, idle=idle):
                return
            setbacks = 0
        except (sqlite3.Error, OSError) as error:
            # Rows may wait, and no hook may come for days: try again, however long that takes.
            now = time.monotonic()
            setbacks = 0 if now - began > 10 * LONGEST_PAUSE else setbacks + 1
            if not os.path.isdir(directory):
                raise
            if files.removed():
                return
            if not (isinstance(error, sqlite3.Error) and _was_damaged(directory, error)):
                words = f"{type(error).__name__}: {error}"
                if words != told or now - told_at > TOLD_AGAIN:
                    told, told_at = words, now
                    # stderr is a small file of its own: the log, too, may be what cannot be
                    # written. On the same full disk it cannot be either, which ends no worker.
                    with contextlib.suppress(OSError):
                        sys.stderr.write(f"{words}; PlexSync tries again\n")
                time.sleep(min(2.0 ** (min(setbacks, 9) - 1), LONGEST_PAUSE))


def _one_life(
    directory: str,
    lock: ProcessLock,
    known: dict[str, Any],
    files: PluginFiles,
    *,
    stays: bool,
    idle: float,
) -> bool:
    """Work until there is a reason to go; say whether there is more to do.

    ``known`` carries the way to Stash into a database that was begun anew.
    """
    resident = Resident(directory, lock, files, stays=stays, idle=idle)
    try:
        if known and meta.get(resident.store.connection, meta.CONNECTION) is None:
            meta.put_connection(resident.store.connection, known)
        reason = resident.run()
        resident.log.info(f"worker {os.getpid()} goes: {reason}")
        if reason == REPLACED_BY_ANOTHER:
            return False
        if reason in {REPLACED, "updated"}:
            return True
        resident.maintenance.run(leaving=True)
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


class Resident:
    """The worker of one data directory; the caller holds its lock.

    Args:
        directory: The data directory.
        lock: The worker's lock, where it is to be looked after.
        files: The plugin's files as they were when this process loaded them, None for now.
        stays: Never go for want of work.
        idle: Seconds without anything that waits, after which one that may go goes.
        clock: Gives Unix seconds.
    """

    def __init__(
        self,
        directory: str,
        lock: ProcessLock | None = None,
        files: PluginFiles | None = None,
        *,
        stays: bool,
        idle: float = IDLE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        order = folder.put_in_order(directory)
        self.store = Store(directory)
        self.log = Log(directory)
        self._lock = lock
        self.stash = StashSession(self.store, self.log)
        self.worker = SyncWorker(self.store, self.stash, self.log, clock=clock)
        self.breaker = self.worker.breaker
        self.task_lock = ProcessLock(directory, TASK_LOCK)
        self.files = files or PluginFiles()
        self.dispatcher = Dispatcher(self.worker, self.task_lock, self.files, clock)
        self.sweep = Sweep(self.store, self.stash, self.log, clock)
        self.new_in_plex = NewInPlex(self.worker.context)
        self.from_plex = FromPlex(self.worker.context)
        self.maintenance = Maintenance(self.store, self.log.warning, clock)
        self._stays = stays
        self._idle = idle
        self._clock = clock
        # What was said last of each look that failed, and when.
        self._told: dict[str, tuple[str, float]] = {}
        self._pipe = WakePipe(self.store.path(WAKE_PIPE))
        self._tell_order(order)
        self._busy_at = time.monotonic()
        self._stash_at = time.monotonic()
        self._version = self.store.data_version()

    def step(self) -> bool:
        """Look at the most urgent thing; say whether there was one that could be looked at."""
        self.store.take_in()
        return self.breaker.lets_pass() and self.dispatcher.take()

    def drain(self) -> None:
        """Look at things until none is ready or the plugin was updated."""
        while self._holds_lock() and self.step():
            self._busy_at = self._stash_at = time.monotonic()
            if self.files.changed():
                return

    def run(self) -> str:
        """Live; give the reason for going: "idle", "updated", "removed" or "stash gone"."""
        while True:
            self._version = self.store.data_version()
            self._open_inbox()
            self.drain()
            if not self._holds_lock():
                return REPLACED_BY_ANOTHER
            if self.breaker.lets_pass() and self._look_for_changes():
                continue
            self.maintenance.run()
            self._tell_order(folder.put_in_order(self.store.directory))
            reason = self._why_go()
            if reason:
                return reason
            self.sleep()
            self.files.look()  # a hook may come right after an update

    def _open_inbox(self) -> None:
        """Let hooks use the inbox until one has to say something to a person."""
        with contextlib.suppress(OSError):  # a full disk has a complaint of its own
            inbox.offer(self.store.directory, notice.silent_until(self.store.connection))

    def _holds_lock(self) -> bool:
        return self._lock is None or self._lock.keep()

    def _tell_order(self, order: folder.Order) -> None:
        """Say what was mended in the data folder, and leave what could not be to the next hook.

        So is what an update that was cut off has left of the plugin.
        """
        for line in (*order.mended, *self._pipe.news()):
            self.log.warning(line)
        connection = self.store.connection
        complaint = " ".join([*order.complaints, *self.files.complaints()])
        if complaint == (meta.get(connection, meta.FOLDER) or ""):
            return
        if complaint:
            self.log.error(complaint)
        # A disk that cannot be written has a complaint of its own.
        with contextlib.suppress(sqlite3.OperationalError), self.store.transaction():
            meta.put(connection, meta.FOLDER, complaint)
            notice.leave(connection)

    def _look_for_changes(self) -> bool:
        """Look for changes that nobody told of, if it is time to; say whether there are any."""
        return (
            self._changes(self.sweep.run_if_due, "looking for changes")
            or self._changes(self.new_in_plex.look_if_due, "looking for new files")
            or self._changes(self.worker.brake.look_if_due, "looking at what is held back")
            or self.from_plex.ask_if_due(self._changes)
        )

    def _changes(self, look: Callable[[], int], what: str) -> bool:
        try:
            return look() > 0
        except SyncError as fault:
            words, now = f"{self.log.words(fault)} ({what}, again later)", self._clock()
            known, at = self._told.get(what, ("", 0.0))
            # A Plex that is off for a night says nothing new every minute of it.
            if words != known or not 0 <= now - at < TOLD_AGAIN:
                self._told[what] = words, now
                self.log.warning(words)
            return False

    def _why_go(self) -> str:
        if self.store.is_replaced():
            return REPLACED
        if self.files.settled():
            return "updated"
        if self.files.removed():
            return "removed"
        # No hook tells of what Plex knows.
        may_go = not (self._stays or self.from_plex.is_wanted)
        if may_go and self._idle_left() <= 0 and not self._something_waits():
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
        self.store.forget_pages()  # or damage would come to light only where they lack one
        moments = [self.breaker.next_look()]
        if moments[0] is None:
            moments.append(queue.next_due(self.store.connection))
        due = min((moment for moment in moments if moment is not None), default=now + LONGEST_SLEEP)
        wait = min(max(due - now, 0.05), LONGEST_SLEEP)
        if self.task_lock.is_held() or self.files.changed():
            wait = min(wait, 1.0)
        if not self._stays and self._idle_left() > 0:
            wait = min(wait, max(self._idle_left(), 0.05))
        end = time.monotonic() + wait
        while wait > 0 and not self._pipe.wait(min(wait, GLANCE)):
            wait = end - time.monotonic()
            if not self.files.are_there():
                return

    def was_told_more(self) -> bool:
        """Say whether another process committed anything since the last look began.

        Asked after giving up the lock: a hook that still saw it held has
        committed before that, or left it in the inbox, and relies on us.
        """
        return self.store.data_version() != self._version or inbox.holds_anything(
            self.store.directory
        )

    def close(self) -> None:
        """Close everything that is open; the lock is the caller's."""
        self.worker.context.forget_plex()
        self.stash.close()
        self.store.close()
        self.log.close()
        self._pipe.close()

    def _stash_answers(self) -> bool:
        """Ask Stash for a sign of life, and adopt the settings that come with it."""
        try:
            self.breaker.adopt(self.stash.settings())
        except StashRefused:
            pass  # our cookie is too old for it, which is an answer
        except SyncError:
            return False
        self._stash_at = time.monotonic()
        return True
