"""Is a worker alive, and if not, start one; wake it when there is something to do.

The proof of life is a kernel lock (flock) on a file, never a pid: the kernel
gives it back however the holder dies. flock belongs to the open file
description, so a hook that finds no worker takes the lock itself and hands the
descriptor to the worker it starts: of 64 hooks at once exactly one starts one.

The hook imports this module: os, stat, sys and time only, and fcntl or msvcrt.
"""

from __future__ import annotations

import os
import stat
import sys
import time

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

WORKER_LOCK = "worker.lock"
TASK_LOCK = "task.lock"
WAKE_PIPE = "worker.wake"
CRASH_FILE = "worker-crash.log"

#: A link in the data directory is not followed; Windows makes none without being asked to.
NOT_LINKED = getattr(os, "O_NOFOLLOW", 0)

#: Descriptor number under which a started worker finds its lock.
INHERITED = 3

#: How often a lock without anybody at the pipe is tried, and the seconds in between:
#: to look at a lock takes microseconds, and no hook waits for a worker's start.
TRIES, LOOKED_AT = 3, 0.001


class ProcessLock:
    """A kernel lock on a file of the data directory, made with mode 0600 and never deleted.

    ``descriptor`` is an open, already locked one that was inherited.
    """

    def __init__(self, directory: str, name: str, descriptor: int | None = None) -> None:
        self.path = os.path.join(directory, name)
        self.descriptor = descriptor

    def acquire(self) -> bool:
        """Take the lock if it is free; never waits. Says whether we hold it.

        Raises:
            OSError: The file cannot be opened, or its file system knows no locks.
                That must not pass for "somebody else has it": no worker would
                ever start, and nobody would learn why.
        """
        if self.descriptor is not None:
            return True
        if os.path.islink(self.path):
            _put_in_order(os.path.dirname(self.path))
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | NOT_LINKED, 0o600)
        try:
            if sys.platform == "win32":
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # POSIX and Windows say "taken"
            os.close(descriptor)
            return False
        except OSError:
            os.close(descriptor)
            raise
        self.descriptor = descriptor
        return True

    def acquire_soon(self, pause: float = 0.05) -> bool:
        """Take the lock although others look at it for an instant now and then: twenty tries.

        ``pause`` are the seconds between two. Says whether we hold it; if not, somebody else
        really does. Raises as ``acquire``.
        """
        for _ in range(20):
            if self.acquire():
                return True
            time.sleep(pause)
        return False

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def __enter__(self) -> ProcessLock:  # noqa: PYI034 - Self is newer than Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def is_lost(self) -> bool:
        """Say whether the file that we hold is at its path no more.

        With a directory that is deleted its locks go, too, and whoever comes next
        takes new ones.
        """
        if self.descriptor is None:
            return True
        try:
            there, held = os.stat(self.path), os.fstat(self.descriptor)
        except OSError:
            return True
        return (there.st_dev, there.st_ino) != (held.st_dev, held.st_ino)

    def keep(self) -> bool:
        """Say whether we are still the one who holds the lock.

        A file that was deleted or replaced under us locks nobody out any more, so
        the one at its path is taken instead, unless somebody else has that already.
        """
        if not self.is_lost():
            return True
        self.release()
        try:
            return self.acquire()
        except OSError:  # the directory is gone, too
            return False

    def is_held(self) -> bool:
        """Say whether any process, this one included, holds the lock right now.

        It has to take the lock for an instant to find out, so whoever wants it
        meanwhile tries more than once.
        """
        if self.descriptor is not None:
            return True
        free = self.acquire()
        self.release()
        return not free


def ensure_worker(directory: str, entry: str) -> str:
    """Make sure a worker looks at what was just committed.

    Call it after the commit: a worker looks again after giving up its lock, so
    a lock that is held here means that the new row will be seen. Nobody at the
    pipe is a worker that is just starting, or one that was just killed, or a
    process that only looks at the lock: then the lock is tried again. ``entry`` is the
    path of plexsync.py. Gives "woken" when one was alive, else "started".

    Raises:
        OSError: No process could be started.
    """
    tries = 0
    while not start_if_none(directory, entry):
        tries += 1
        if wake(directory) or tries == TRIES:
            return "woken"
        time.sleep(LOOKED_AT)
    return "started"


def start_if_none(directory: str, entry: str) -> bool:
    """Start a worker unless one holds the lock; say whether one was started. Raises as above."""
    lock = ProcessLock(directory, WORKER_LOCK)
    if not lock.acquire():
        return False
    try:
        # Stash as PID 1 reaps nobody: there the worker stays (design: resident).
        resident = "resident" if os.getppid() == 1 else "passing"
        start(directory, entry, [resident], lock)
    finally:
        lock.release()
    return True


def start(directory: str, entry: str, arguments: list[str], lock: ProcessLock) -> None:
    """Start a detached worker that inherits ``lock``; all three stdio are redirected.

    An inherited stdout would keep Stash waiting, so stdin and stdout are the
    null device and stderr is a small file that shows a worker that cannot even
    be imported.
    """
    command = [sys.executable, "-S", entry, "worker", directory, *arguments]
    crash = os.path.join(directory, CRASH_FILE)
    if os.path.islink(crash):
        _put_in_order(directory)
    if sys.platform == "win32":
        _start_on_windows(command, crash, lock)
        return
    actions: list[tuple[int, int, int] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, crash, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | NOT_LINKED, 0o600),
    ]
    descriptor = lock.descriptor
    if descriptor == INHERITED:
        os.set_inheritable(INHERITED, True)  # dup2 onto itself would keep close-on-exec
    elif descriptor is not None:
        actions.append((os.POSIX_SPAWN_DUP2, descriptor, INHERITED))
    try:
        os.posix_spawn(command[0], command, os.environ, file_actions=actions, setsid=True)
    except NotImplementedError:  # a C library without POSIX_SPAWN_SETSID
        os.posix_spawn(command[0], command, os.environ, file_actions=actions, setpgroup=0)


def _start_on_windows(command: list[str], crash: str, lock: ProcessLock) -> None:
    # A lock is not inherited there: the worker takes it itself, waiting a moment.
    lock.release()
    import subprocess  # only here: its import costs as much as the rest of the hook

    detached = 0x00000008 | 0x00000200  # DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
    with open(crash, "wb") as stderr:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            creationflags=detached,
            close_fds=True,
        )


def _put_in_order(directory: str) -> None:
    from store import folder  # never needed on a good day

    folder.put_in_order(directory)


def wake(directory: str) -> bool:
    """Tell a sleeping worker to look now; without a pipe it looks by itself soon.

    A file that a tool left in the pipe's place is none; the worker mends it. Says whether
    anybody has the pipe open; only a worker has.
    """
    path = os.path.join(directory, WAKE_PIPE)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | NOT_LINKED)
    except (OSError, AttributeError):
        return False
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return False
    try:
        os.write(descriptor, b"!")
    except OSError:
        pass  # full: the worker has enough reasons to wake up already
    finally:
        os.close(descriptor)
    return True
